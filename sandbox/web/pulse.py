"""Tells those who wait that something changed in a world."""

from __future__ import annotations

import asyncio

from sandbox.world import World


class Pulse:
    """A beat a change, for each world by itself."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}

    def beat(self, world: World) -> None:
        """Wake whoever waits for this world."""
        waiting = self._waiting.pop(world.name, None)
        if waiting is not None:
            waiting.set()

    async def next(self, world: World) -> None:
        """Return after the next change of this world."""
        await self._waiting.setdefault(world.name, asyncio.Event()).wait()
