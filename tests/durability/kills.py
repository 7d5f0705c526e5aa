"""The real server killed, or stopped and continued first, under eight clients that write: nothing answered is lost."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from tests.durability.acts import Act, Client, Key, View
from tests.durability.figures import Figure, Progress
from tests.durability.kept import judge, shown
from tests.durability.server import CLIENTS, MODES, PATIENCE, FailedStart, Server, serving
from tests.durability.trouble import Trouble

ROUNDS = 13
"""How many rounds share a folder, and the mode of its fsync."""

SOON = 0.08  # seconds, less than many a stop takes


@dataclass
class Tally:
    """What came of all rounds."""

    troubles: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    unanswered: int = 0
    done: int = 0
    starts: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)

    def figures(self) -> Sequence[Figure]:
        """Return the rows of the table."""
        rounds = self.troubles.total()
        ways = ", ".join(f"{count} times {trouble}" for trouble, count in sorted(self.troubles.items()))
        remark = f"{self.done} were there, {self.unanswered - self.done} were not"
        return [
            Figure("kill -9 of the real server: starts afterwards", rounds, len(self.starts), ways),
            Figure("… answered writes, read afterwards", self.answered, len(self.lost)),
            Figure("… unanswered writes, wholly there or not at all", self.unanswered, len(self.torn), remark),
            Figure("… books that add up afterwards", rounds, len(self.unsound)),
        ]


def run(size: int, seed: int, progress: Progress) -> Sequence[Figure]:
    """Disturb the server in so many rounds."""
    return asyncio.run(_run(size, seed, progress))


async def _run(size: int, seed: int, progress: Progress) -> Sequence[Figure]:
    tally = Tally()
    for begin in range(0, size, ROUNDS):
        numbers = range(begin, min(begin + ROUNDS, size))
        with TemporaryDirectory() as folder:
            chapter = Chapter(Path(folder) / "data", MODES[begin // ROUNDS % len(MODES)], seed, tally)
            try:
                await chapter.play(numbers)
            except FailedStart as why:
                tally.starts.append(f"{chapter.where}: it did not start again: {why}")
        progress(numbers.stop, size)
    for fault in (*tally.starts, *tally.lost, *tally.torn, *tally.unsound):
        print(fault, file=sys.stderr)
    return tally.figures()


class Chapter:
    """Rounds on one folder: the server starts, shows what it kept, is written to by eight clients, and is killed."""

    def __init__(self, folder: Path, fsync: str, seed: int, tally: Tally) -> None:
        self.where = f"seed {seed}, fsync {fsync}"
        self._folder, self._fsync, self._seed, self._tally = folder, fsync, seed, tally
        self._book: dict[Key, View] = {}
        self._unanswered: list[Act] = []
        self._events: list[Any] = []

    async def play(self, numbers: Iterable[int]) -> None:
        """Play these rounds; raises ``FailedStart``."""
        for number in numbers:
            async with serving(self._folder, self._fsync) as server:
                await self._look(server)
                await self._write(server, number)
        self._events.clear()  # the last look is at all of them
        async with serving(self._folder, self._fsync) as server:
            await self._look(server)

    async def _look(self, server: Server) -> None:
        """Judge what the server shows, and go on from there."""
        judged = judge(self._book, [act.leaves for act in self._unanswered], await shown(server, self._events))
        verified = await server.read("/_sandbox/verify")
        tally = self._tally
        tally.done += judged.done
        tally.lost += (f"{self.where}: {fault}" for fault in judged.lost)
        tally.torn += (f"{self.where}: {fault}" for fault in judged.torn)
        tally.unsound += (f"{self.where}: {fault}" for fault in verified["violations"])
        self._book = dict(judged.book)
        self._unanswered.clear()

    async def _write(self, server: Server, number: int) -> None:
        """Let eight clients write until the server is no more."""
        chance = Random(f"{self._seed}/{number}")
        trouble = Trouble(server, chance)
        self.where = f"round {number} of seed {self._seed}, fsync {self._fsync}, {trouble.what}"
        self._tally.troubles[trouble.what] += 1
        await asyncio.gather(trouble.come(), *(self._client(server, trouble, number, name) for name in range(CLIENTS)))

    async def _client(self, server: Server, trouble: Trouble, number: int, name: int) -> None:
        client = Client(f"{number}/{name}", Random(f"{self._seed}/{number}/{name}"), self._book)
        # Every second client gives up soon; what it gave up on may be done all the same.
        patience = (PATIENCE, SOON)[name % 2]
        for act in client.acts():
            reply = await server.ask(act.method, act.uri, act.body, patience)
            if reply.status is None:
                self._tally.unanswered += 1
                self._unanswered.append(act)
            elif reply.is_good:
                self._tally.answered += 1
                client.answered(act, reply.body)
            else:
                self._tally.lost.append(f"{self.where}: {act.what} {act.uri} was refused with {reply.body}")
            trouble.heard()
            if server.is_killed:
                return
