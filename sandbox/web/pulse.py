"""Tells those who wait that something changed in a world."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from sandbox.world import World

Listener = Callable[[World], None]


class Pulse:
    """A beat a change, for each world by itself."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}
        self._listeners: list[Listener] = []

    def beat(self, world: World) -> None:
        """Tell the listeners, and wake whoever waits for this world."""
        for listener in self._listeners:
            listener(world)
        waiting = self._waiting.pop(world.name, None)
        if waiting is not None:
            waiting.set()

    def listen(self, listener: Listener) -> None:
        """Call a function on every beat of any world, at once; it must not raise."""
        self._listeners.append(listener)

    def ignore(self, listener: Listener) -> None:
        """Call it no more."""
        self._listeners.remove(listener)

    async def next(self, world: World, *, within: float | None = None) -> None:
        """Return after the next change of this world, or after so many seconds."""
        changed = self._waiting.setdefault(world.name, asyncio.Event())
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), within)
