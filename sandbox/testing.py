"""A running sandbox as tests see it: worlds of their own, and the levers of each.

Everything goes over HTTP, so a sandbox of this process and one that runs elsewhere are the same to a test.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandbox.client import Client, Refused
from sandbox.settings import Settings

Json = dict[str, Any]
Moment = str | datetime
"""A time as the API writes it, ``2013-05-06T17:18:00Z``; a datetime without a zone is UTC."""

Fixture = str | PathLike[str] | Mapping[str, Any]
"""A bundled fixture by its name, the path of a ``.json`` file, or what would be in one."""

GRACE = 2.0  # seconds that a callback which is being called may take
PAUSE = 0.01  # seconds between two looks


class BadWorld(ValueError):
    """A world that cannot be made as it was asked for."""


class Server:
    """A running sandbox.

    ``settings`` say what a world has unless it is asked for otherwise: fixtures, clock and seed. Paths of fixtures
    begin at ``root``.
    """

    def __init__(self, url: str, settings: Settings, root: Path) -> None:
        self.url = url.rstrip("/")
        self._settings = settings
        self._root = root
        self._open: dict[str, Sandbox] = {}
        self._client = self.client()

    def client(self, api_key: str = "") -> Client:
        """Return a client with a key, or with none."""
        token, certificate = self._settings.control_token, self._settings.tls_cert
        return Client(self.url, api_key, control_token=token or "1", certificate=certificate)

    def check(self) -> None:
        """Raise ``ConnectionError`` unless a sandbox answers, and is ready."""
        try:
            ready = self._client.get("/_sandbox/ready")
        except Refused as refused:
            raise ConnectionError(f"the sandbox at {self.url} is not ready: {_reason(refused)}") from refused
        except (OSError, ValueError) as trouble:
            raise ConnectionError(f"no sandbox answers at {self.url}: {trouble}") from trouble
        if ready != {"status": "ready"}:
            raise ConnectionError(f"what answers at {self.url} is no sandbox")

    def world(
        self,
        *,
        fixtures: Fixture | Sequence[Fixture] | None = None,
        clock: Moment | None = None,
        seed: int | str | None = None,
    ) -> Sandbox:
        """Make a world, which stays until it is dropped or the server is done with; raises :class:`BadWorld`."""
        settings = self._settings
        wanted = settings.fixtures if fixtures is None else _several(fixtures)
        body: Json = {"fixtures": [self._planted(fixture) for fixture in wanted]}
        if clock is not None:
            body |= {"clock": _written(clock)}
        elif settings.clock is not None:
            body |= {"clock": settings.clock, "clock_running": settings.clock_running}
        if seed is not None or settings.seed is not None:
            body |= {"seed": settings.seed if seed is None else seed}
        try:
            made = self._client.post("/_sandbox/worlds", body)
        except Refused as refused:
            raise BadWorld(_reason(refused)) from refused
        sandbox = self._open[made["id"]] = Sandbox(self, made)
        return sandbox

    def drop(self, sandbox: Sandbox) -> None:
        """Forget a world and all that is in it."""
        if sandbox.id not in self._open:
            return
        try:
            self._client.delete(f"/_sandbox/worlds/{sandbox.id}")
        except Refused as refused:
            if refused.status != 404:
                raise
        del self._open[sandbox.id]

    def close(self) -> None:
        """Drop the worlds that nobody has dropped; a sandbox that is gone has taken them along."""
        with suppress(OSError):
            for sandbox in list(self._open.values()):
                self.drop(sandbox)

    def strangers(self) -> list[Json]:
        """Return the requests that came without a key that opens a world, whoever made them."""
        found: list[Json] = self._client.get("/_sandbox/requests?status=401")["items"]
        return found

    def _planted(self, fixture: Fixture) -> object:
        if isinstance(fixture, Mapping):
            return fixture
        if not str(fixture).endswith(".json"):
            return str(fixture)
        path = self._root / fixture
        try:
            return json.loads(path.read_bytes())
        except (OSError, ValueError) as bad:
            raise BadWorld(f"{path}: {bad}") from bad


class Sandbox:
    """A world of one's own in a running sandbox."""

    def __init__(self, server: Server, made: Mapping[str, Any]) -> None:
        self.server = server
        self.url = server.url
        self.id: str = made["id"]
        self.seed: str = made["seed"]
        self.api_key: str = made["api_key"]
        self.marketplace_uri: str = made["marketplace_uri"]
        self.client = server.client(self.api_key)
        self.clock = Clock(self.client)
        self.faults = Faults(self.client)
        self.requests = Requests(self.client)
        self.deliveries = Deliveries(self.client)
        self._checkpoints = 0

    def __repr__(self) -> str:
        return f"<Sandbox {self.id} at {self.url}>"

    def customers(self) -> list[Json]:
        """Return every customer, the newest first."""
        found: list[Json] = []
        uri: str | None = "/v1/customers?limit=100"
        while uri is not None:
            page = self.client.get(uri)
            found += page["items"]
            uri = page["next_uri"]
        return found

    def checkpoint(self, name: str | None = None) -> Checkpoint:
        """Keep the world as it is now; ``with sandbox.checkpoint():`` puts it back at the end."""
        self._checkpoints += 1
        return Checkpoint(self.client, name or f"checkpoint-{self._checkpoints}")

    def reset(self, to: str = "fixtures") -> None:
        """Put the world back to its fixtures, to ``"empty"``, or to a checkpoint by its name."""
        self.client.post("/_sandbox/reset", {"to": to})

    def settle(self) -> int:
        """Bring pending credits and debits to their outcome now, and return how many there were."""
        settled: int = self.client.post("/_sandbox/settle")["settled"]
        return settled

    def wait_for(self, kind: str, *, after: str | None = None, timeout: float = 10.0) -> Json:
        """Return the first event of a type, after the event of an id; raises ``TimeoutError``. Seconds."""
        asked = {"type": kind, "timeout": timeout} | ({} if after is None else {"after": after})
        try:
            event: Json = self.client.get(f"/_sandbox/events/wait?{urlencode(asked)}")
        except Refused as refused:
            if refused.status != 408:
                raise
            raise TimeoutError(f"no {kind} within {timeout:g} seconds") from None
        return event

    def verify(self) -> None:
        """Check the money invariants: escrow equals the books and the like; raises ``AssertionError``."""
        violations = self.violations()
        if violations:
            raise AssertionError("\n- ".join(("the money does not add up:", *violations)))

    def violations(self) -> list[str]:
        """Return every violated money invariant, in words."""
        found: list[str] = self.client.get("/_sandbox/verify")["violations"]
        return found

    def coverage(self) -> Json:
        """Return which operations and refusals the requests so far exercised."""
        seen: Json = self.client.get("/_sandbox/coverage")
        return seen

    def drop(self) -> None:
        """Forget the world."""
        self.server.drop(self)


class Clock:
    """The time of a world."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def now(self) -> str:
        """The present moment, as the API writes it."""
        return str(self._client.get("/_sandbox/clock")["now"])

    @property
    def running(self) -> bool:
        """Whether time passes by itself."""
        return bool(self._client.get("/_sandbox/clock")["running"])

    def set(self, now: Moment) -> None:
        """Jump to a moment, which is not in the past."""
        self._client.put("/_sandbox/clock", {"now": _written(now)})

    def freeze(self) -> None:
        """Stand still."""
        self._client.put("/_sandbox/clock", {"running": False})

    def run(self) -> None:
        """Let time pass by itself."""
        self._client.put("/_sandbox/clock", {"running": True})

    def advance(
        self,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        to: Moment | None = None,
    ) -> int:
        """Let time pass, for so long or up to a moment, and return how many things fell due and were done."""
        for_so_long = {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
        done = self._client.post("/_sandbox/clock/advance", for_so_long if to is None else {"to": _written(to)})
        return int(done["done"])


class Faults:
    """Scripted trouble: rules in their order, of which the first that matches a request happens to it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __iter__(self) -> Iterator[Json]:
        return iter(self._client.get("/_sandbox/faults")["items"])

    def add(self, on: Mapping[str, Any], do: Mapping[str, Any], **how: Any) -> Json:
        """Add a rule: ``faults.add({"operation": "debits.create"}, {"decline": "card-declined"}, times=1)``."""
        rule: Json = self._client.post("/_sandbox/faults", {"on": on, "do": do, **how})
        return rule

    def clear(self) -> None:
        """Forget every rule."""
        self._client.delete("/_sandbox/faults")


class Requests(Sequence[Json]):
    """What was asked of a world, what was answered and why, oldest first, without a secret in it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __iter__(self) -> Iterator[Json]:
        return iter(self.where())

    def __len__(self) -> int:
        return len(self.where())

    def __getitem__(self, place: Any) -> Any:
        return self.where()[place]

    def where(self, **asked: object) -> list[Json]:
        """Return some only: ``requests.where(status=402, operation="debits.create")``."""
        found: list[Json] = self._client.get(f"/_sandbox/requests?{urlencode(asked)}")["items"]
        return found

    def clear(self) -> None:
        """Forget every request."""
        self._client.delete("/_sandbox/requests")


class Deliveries:
    """The events of a world on their way to its callbacks."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __iter__(self) -> Iterator[Json]:
        return iter(self.where())

    def where(self, **asked: object) -> list[Json]:
        """Return some only: ``deliveries.where(status="failed", type="debit.created")``."""
        found: list[Json] = self._client.get(f"/_sandbox/deliveries?{urlencode(asked)}")["items"]
        return found

    def replay(self, delivery: Mapping[str, Any]) -> Json:
        """Send an event to a callback as if it never had been."""
        again: Json = self._client.post(f"/_sandbox/deliveries/{delivery['id']}/replay")
        return again


class Checkpoint:
    """A world as it was."""

    def __init__(self, client: Client, name: str) -> None:
        self.name = name
        self._client = client
        self._client.put(f"/_sandbox/checkpoints/{name}")

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *raised: object) -> None:
        self.restore()

    def restore(self) -> None:
        """Put the world back to how it was, its time too."""
        self._client.post(f"/_sandbox/checkpoints/{self.name}/restore")

    def diff(self) -> Json:
        """Return what was created, changed and removed since."""
        found: Json = self._client.get(f"/_sandbox/checkpoints/{self.name}/diff")
        return found


def wrongs(sandbox: Sandbox) -> list[str]:
    """Return what a strict test does not put up with: surprises, callbacks not delivered, money that does not add up.

    A callback that is being called gets :data:`GRACE` seconds to answer in.
    """
    surprises = sandbox.requests.where(status=500, rule="internal-server-error")
    return [
        *(f"{entry['method']} {entry['uri']} ran into a fault of the sandbox itself" for entry in surprises),
        *(f"{one['type']} did not get to {one['url']}: {one['status']}" for one in _undelivered(sandbox)),
        *sandbox.violations(),
    ]


def _undelivered(sandbox: Sandbox) -> Sequence[Json]:
    patience = time.monotonic() + GRACE
    while True:
        late = [one for one in sandbox.deliveries if one["status"] != "succeeded"]
        called_now = [one for one in late if one["status"] == "pending" and one["next_try"] is not None]
        if not called_now or time.monotonic() > patience:
            return late
        time.sleep(PAUSE)


def told(sandbox: Sandbox, last: int) -> str:
    """Return the last requests of a world as lines to read: each with its refusal and how to ask it again."""
    return "\n".join(_told(sandbox, last))


def _told(sandbox: Sandbox, last: int) -> Iterator[str]:
    entries = sandbox.requests.where()
    if len(entries) > last:
        yield f"… {len(entries) - last} before these"
    for entry in entries[-last:]:
        yield from _entry(entry)
    if not entries:
        yield f"nothing was asked with this world's key at {sandbox.url}"
        strangers = sandbox.server.strangers()
        if strangers:
            yield "without a key that opens any world, the last of all tests:"
            yield from _entry(strangers[-1])


def _entry(entry: Mapping[str, Any]) -> Iterator[str]:
    yield f"{entry['method']} {entry['uri']}: {entry['status'] or 'no answer'}"
    refused = entry["refused"]
    if refused:
        at = f"; {refused['field']}, got {json.dumps(refused['got'])}" if refused["field"] else ""
        source = f" ({refused['reference']})" if refused["reference"] else ""
        yield f"    refused by {refused['rule']}{at}: {refused['expected']}{source}"
    if entry["fault"]:
        yield f"    scripted fault: {json.dumps(entry['fault'])}"
    yield f"    {entry['curl']}"


def _several(fixtures: Fixture | Sequence[Fixture]) -> Sequence[Fixture]:
    return [fixtures] if isinstance(fixtures, (str, PathLike, Mapping)) else fixtures


def _written(moment: Moment) -> str:
    if isinstance(moment, str):
        return moment
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _reason(refused: Refused) -> str:
    said = refused.body if isinstance(refused.body, dict) else {}
    field = f"{said['field']}: " if "field" in said else ""
    return field + str(said.get("detail") or said.get("description") or f"status {refused.status}")
