"""The levers of a world of a running sandbox, as tests pull them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from sandbox.client import Client

Json = dict[str, Any]
Moment = str | datetime
"""A time as the API writes it, ``2013-05-06T17:18:00Z``; a datetime without a zone is UTC."""


def written(moment: Moment) -> str:
    """Return a time as the API reads it."""
    if isinstance(moment, str):
        return moment
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


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
        self._client.put("/_sandbox/clock", {"now": written(now)})

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
        done = self._client.post("/_sandbox/clock/advance", for_so_long if to is None else {"to": written(to)})
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
