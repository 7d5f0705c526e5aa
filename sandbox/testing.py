"""A running sandbox as tests see it: worlds of their own.

Everything goes over HTTP, so a sandbox of this process and one that runs elsewhere are the same to a test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandbox.client import Client, Refused
from sandbox.levers import Checkpoint, Clock, Deliveries, Faults, Json, Moment, Requests, written
from sandbox.settings import Settings

Fixture = str | PathLike[str] | Mapping[str, Any]
"""A bundled fixture by its name, the path of a ``.json`` file, or what would be in one."""


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
        except (OSError, HTTPException, ValueError) as trouble:
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
            body |= {"clock": written(clock)}
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


def _several(fixtures: Fixture | Sequence[Fixture]) -> Sequence[Fixture]:
    return [fixtures] if isinstance(fixtures, (str, PathLike, Mapping)) else fixtures


def _reason(refused: Refused) -> str:
    said = refused.body if isinstance(refused.body, dict) else {}
    field = f"{said['field']}: " if "field" in said else ""
    return field + str(said.get("detail") or said.get("description") or f"status {refused.status}")
