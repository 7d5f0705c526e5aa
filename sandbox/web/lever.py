"""A lever: which method and path pull it, and what it may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox import clock
from sandbox.redact import conceal
from sandbox.web.answers import Problem
from sandbox.web.body import LIMIT
from sandbox.web.pulse import Pulse
from sandbox.web.replay import Loopback
from sandbox.web.stream import Streams
from sandbox.world import World
from sandbox.worlds import Worlds

_FULL_OF_SECRETS = ("fixtures", "tables")  # what becomes of these is for who reads them

NAMED = "world"
"""The parameter that names a world in the place of a key: what is shown of a world has a link for everybody here."""

WHOLE_WORLD = 64 * 1024 * 1024
"""The limit of a body that may hold a world, in bytes."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull at a lever: whose world, and what was said."""

    world: World
    worlds: Worlds
    pulse: Pulse
    streams: Streams
    loopback: Loopback
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    url: str

    def moment(self, name: str) -> clock.Moment | None:
        """Return a field that is a time, None when it was not sent."""
        text = self.body.get(name)
        if text is None:
            return None
        try:
            return clock.parse(text)
        except (TypeError, ValueError):
            raise Problem(400, "is no time such as 2013-05-06T17:18:00Z", name) from None

    def count(self, name: str, default: int, *, least: int = 1, most: int | None = None) -> int:
        """Return a parameter of the query that is a whole number, within bounds."""
        text = self.query.get(name)
        if text is None:
            return default
        count = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
        if count < least or (most is not None and count > most):
            raise Problem(400, f"is a whole number from {least}" + (f" to {most}" if most else ""), name)
        return count

    def flag(self, name: str) -> bool | None:
        """Return a field that is true or false, None when it was not sent."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, bool):
            raise Problem(400, "is true or false", name)
        return value

    def whole(self, name: str, default: int) -> int:
        """Return a field that is a whole number."""
        value = self.body.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Problem(400, "is a whole number", name)
        return value

    def items(self, name: str) -> Sequence[Any]:
        """Return a field that is a list, an empty one when it was not sent."""
        value = self.body.get(name, [])
        if not isinstance(value, list):
            raise Problem(400, "is a list", name)
        return value


@dataclass(frozen=True, slots=True)
class Lever:
    """One row of the table of levers.

    ``pull`` returns what is answered, or awaits it. ``takes`` names the fields of the body and their types, ``asks``
    the parameters of the query and theirs. A body that ``pull`` judges itself is no mapping but a ``TypedDict``.
    ``answers`` is the type of a good answer, None for no content; ``refuses`` has the statuses of its own problems.
    """

    method: str
    path: str
    pull: Callable[[Pull], Any]
    takes: Mapping[str, Any] | type[Any] = field(default_factory=dict)
    asks: Mapping[str, Any] = field(default_factory=dict)
    answers: Any = None
    refuses: Sequence[int] = ()
    limit: int = LIMIT

    def check(self, query: Mapping[str, str], body: Mapping[str, Any]) -> None:
        """Refuse what means nothing here; raises ``Problem``."""
        for sent, known in ((query, self.asks), (body, self.takes)):
            unknown = [name for name in sent if name not in known] if isinstance(known, Mapping) else []
            if isinstance(known, Mapping) and unknown:
                said = f"is none of {', '.join(known)}" if known else "nothing is expected here"
                raise Problem(400, said, unknown[0])

    def check_secrets(self, is_key: Callable[[str], bool], *sent: Mapping[str, Any]) -> None:
        """Refuse what would be kept or repeated and holds a card number or an API key."""
        for name, value in (pair for mapping in sent for pair in mapping.items()):
            if name not in _FULL_OF_SECRETS and conceal({name: value}, is_key) != {name: value}:
                raise Problem(400, "holds a card number or a key, which is never kept or shown", name)
