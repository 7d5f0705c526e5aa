"""A world's time: it runs, stands still, or jumps; it never goes back.

A moment is a whole number of microseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

Moment = int
Wall = Callable[[], Moment]

SECOND: Moment = 1_000_000
DAY: Moment = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1)
LAST: Moment = (datetime(9999, 1, 1) - _EPOCH) // timedelta(microseconds=1) - 1
"""The last moment a clock can be set to: what falls due within a year of it can still be written."""

_OFFSET_THEN_Z = re.compile(r"([+-]\d{2}:?\d{2})Z$")


class Clock:
    """The time of one world, fed by a wall clock that comes in through the door."""

    def __init__(self, wall: Wall, *, stands_at: Moment | None = None, ahead: Moment = 0, latest: Moment = 0) -> None:
        self._wall = wall
        self._stands_at = stands_at
        self._ahead = ahead
        self._latest = latest

    @property
    def running(self) -> bool:
        """Whether time passes by itself."""
        return self._stands_at is None

    def now(self) -> Moment:
        """Return the present moment, never earlier than one returned before."""
        seen = self._wall() + self._ahead if self._stands_at is None else self._stands_at
        if seen > self._latest:
            self._latest = seen
        return self._latest

    def set(self, moment: Moment) -> None:
        """Jump to ``moment``; raises ``ValueError`` when that lies in the past or beyond the year 9998."""
        if moment < self.now():
            raise ValueError(f"{stamp(moment)} is before {stamp(self.now())}, and this clock never goes back")
        self._jump(moment)

    def advance(self, by: Moment) -> None:
        """Jump by so many microseconds, from 0; raises ``ValueError`` when that leads beyond the year 9998."""
        self._jump(self.now() + by)

    def freeze(self) -> None:
        """Stand still at the present moment."""
        self._stands_at = self.now()

    def run(self) -> None:
        """Let time pass again from the present moment on."""
        if self._stands_at is not None:
            self._ahead = self.now() - self._wall()
            self._stands_at = None

    def copy(self) -> Clock:
        """Return another clock of the same wall that shows the same time."""
        return self.restored(self.state())

    def restored(self, state: Mapping[str, int | None]) -> Clock:
        """Return a clock of the same wall that carries on where :meth:`state` left off, also if that was earlier."""
        return Clock(self._wall, stands_at=state["stands_at"], ahead=state["ahead"] or 0, latest=state["latest"] or 0)

    def state(self) -> dict[str, int | None]:
        """Return what :meth:`restored` needs to carry on."""
        return {"stands_at": self._stands_at, "ahead": self._ahead, "latest": self._latest}

    def _jump(self, moment: Moment) -> None:
        if moment > LAST:
            raise ValueError("the moment is beyond the year 9998")
        if self._stands_at is None:
            self._ahead = moment - self._wall()
        else:
            self._stands_at = moment
        self._latest = moment


@lru_cache(256)  # one request writes its moment many times
def stamp(moment: Moment) -> str:
    """Write a moment the way the API does: ``2013-05-06T17:18:03.439563Z``."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat(timespec="microseconds") + "Z"


def parse(text: str) -> Moment:
    """Read an ISO 8601 date or time, UTC where it names no offset; raises ``ValueError`` otherwise.

    ``2013-05-06T17:18:03.439563+00:00Z``, which the official Python client writes, is read too.
    """
    read = datetime.fromisoformat(_OFFSET_THEN_Z.sub(r"\1", text))
    if read.tzinfo is not None:
        try:
            read = read.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError(f"{text!r} is outside the years 1 to 9999") from None
    return (read - _EPOCH) // timedelta(microseconds=1)
