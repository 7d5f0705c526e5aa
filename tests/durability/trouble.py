"""A trouble that comes over a server at a random moment, once its clients have heard from it often enough."""

from __future__ import annotations

import asyncio
import signal
from random import Random

from tests.durability.server import Server

TROUBLES = ("kill", "kill", "stop, continue and kill", "stop and kill")
"""All of them end a life; every second one begins with a stop."""


class Trouble:
    """One trouble of one server."""

    def __init__(self, server: Server, chance: Random) -> None:
        self.what = chance.choice(TROUBLES)
        self._server = server
        self._chance = chance
        self._requests = chance.randrange(1, 60)
        self._is_due = asyncio.Event()

    def heard(self) -> None:
        """Count a request that was answered, or given up."""
        self._requests -= 1
        if self._requests <= 0:
            self._is_due.set()

    async def come(self) -> None:
        """Wait until it is due and some milliseconds longer, so that any step of a request may be under way."""
        await self._is_due.wait()
        await asyncio.sleep(self._chance.uniform(0.0, 0.02))
        if self.what.startswith("stop"):
            self._server.send(signal.SIGSTOP)
            await asyncio.sleep(self._chance.uniform(0.0, 0.15))
        if "continue" in self.what:
            self._server.send(signal.SIGCONT)
            await asyncio.sleep(self._chance.uniform(0.0, 0.1))
        assert self._server.process.returncode is None, "the server ended by itself"
        self._server.send(signal.SIGKILL)
