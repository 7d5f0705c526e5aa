"""A lever: which method and path pull it, and what it may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox import clock
from sandbox.web.answers import Problem
from sandbox.web.body import LIMIT
from sandbox.web.pulse import Pulse
from sandbox.world import World
from sandbox.worlds import Worlds

WHOLE_WORLD = 64 * 1024 * 1024
"""The limit of a body that may hold a world, in bytes."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull at a lever: whose world, and what was said."""

    world: World
    worlds: Worlds
    pulse: Pulse
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

    ``pull`` returns what is answered, or awaits it. ``takes`` names the fields of the body, None for one that ``pull``
    reads itself; ``asks`` the parameters of the query.
    """

    method: str
    path: str
    pull: Callable[[Pull], Any]
    takes: Sequence[str] | None = ()
    asks: Sequence[str] = ()
    limit: int = LIMIT

    def check(self, query: Mapping[str, str], body: Mapping[str, Any]) -> None:
        """Refuse what means nothing here; raises ``Problem``."""
        for sent, known in ((query, self.asks), (body, self.takes)):
            for name in sent if known is not None else ():
                if name not in (known or ()):
                    raise Problem(400, f"is none of {', '.join(known)}" if known else "nothing is expected here", name)
