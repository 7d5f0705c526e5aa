"""Waits for the disk: the writes of one loop turn share one fsync, and none is answered before it."""

from __future__ import annotations

import asyncio

from sandbox.errors import Unavailable
from sandbox.store import ReadOnly
from sandbox.world import World


class Disk:
    """The disk that all worlds of a process are on."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def synced(self, world: World) -> None:
        """Return when all that a world has written is as safe as it promises; raises ``Unavailable``."""
        if not world.store.unsynced:
            return
        waiting = self._waiting.get(world.name)
        if waiting is None:
            loop = asyncio.get_running_loop()
            waiting = self._waiting[world.name] = loop.create_future()
            loop.call_soon(self._sync, world, waiting)
        # A client that leaves must not take the others' fsync with it.
        await asyncio.shield(waiting)

    def _sync(self, world: World, waiting: asyncio.Future[None]) -> None:
        del self._waiting[world.name]
        try:
            world.store.sync()
        except ReadOnly as trouble:
            waiting.set_exception(Unavailable(f"Nothing was changed: {trouble}."))
            waiting.exception()  # those who wait still see it; nobody waiting is no news
        else:
            waiting.set_result(None)
