"""A set after Jepsen's: customers are added while the server is killed; what was acknowledged must be readable then."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.durability.figures import Figure, Progress
from tests.durability.history import History, Operation
from tests.durability.server import CLIENTS, MODES, Server, serving
from tests.durability.trouble import Trouble

LIVES = 5
"""How many lives of the server share a folder."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong between what was asked and what is there; ``recovered`` is not, as nobody heard of those."""

    lost: Sequence[str]
    invented: Sequence[str]
    duplicated: Sequence[str]
    recovered: Sequence[str]

    @property
    def faults(self) -> list[str]:
        """Every fault in words."""
        return [
            *(f"{tag} was acknowledged and is not there" for tag in self.lost),
            *(f"{tag} is there although nobody added it" for tag in self.invented),
            *(f"{tag} is there more than once" for tag in self.duplicated),
        ]


def judge(history: Sequence[Operation], found: Iterable[str]) -> Verdict:
    """Hold the operations against what could be read after them."""
    tags = {outcome: {one.tag for one in history if one.outcome == outcome} for outcome in ("ok", "refused", "unknown")}
    there = Counter(found)
    return Verdict(
        lost=sorted(tags["ok"] - there.keys()),
        invented=sorted(there.keys() - tags["ok"] - tags["unknown"]),
        duplicated=sorted(tag for tag, count in there.items() if count > 1),
        recovered=sorted(tags["unknown"] & there.keys()),
    )


def run(size: int, seed: int, progress: Progress) -> Sequence[Figure]:
    """Add customers through so many lives of the server, and judge what is there after every few of them."""
    return asyncio.run(_run(size, seed, progress))


async def _run(size: int, seed: int, progress: Progress) -> Sequence[Figure]:
    acknowledged = unheard = 0
    faults: list[str] = []
    recovered = 0
    for begin in range(0, size, LIVES):
        chance, fsync = Random(f"{seed}/{begin}"), MODES[begin // LIVES % len(MODES)]
        history = History()
        with TemporaryDirectory() as folder:
            for life in range(begin, min(begin + LIVES, size)):
                async with serving(Path(folder) / "data", fsync) as server:
                    await _add(server, history, f"{life}", chance)
                history.settle()
                progress(life + 1, size)
            async with serving(Path(folder) / "data", fsync) as server:
                found = [item["meta"]["tag"] for item in await server.items("/v1/customers") if item["meta"]]
        verdict = judge(history.operations, found)
        outcomes = Counter(one.outcome for one in history.operations)
        acknowledged, unheard = acknowledged + outcomes["ok"], unheard + outcomes["unknown"]
        recovered += len(verdict.recovered)
        faults += (f"{fsync}, seed {seed}, lives from {begin}: {fault}" for fault in verdict.faults)
    for fault in faults:
        print(fault, file=sys.stderr)
    remark = f"{size} kills; of {unheard} unanswered ones {recovered} were there"
    return [Figure("acknowledged creations, read after the kills", acknowledged, len(faults), remark)]


async def _add(server: Server, history: History, life: str, chance: Random) -> None:
    """Add customers from every client until the server is no more."""
    trouble = Trouble(server, chance)

    async def client(name: int) -> None:
        for number in itertools.count():
            given = {"tag": f"{life}/{name}/{number}"}
            body = {"name": "John Lee Hooker", "meta": given}
            await history.ask(server, "add", given, "POST", "/v1/customers", body)
            trouble.heard()
            if server.is_killed:
                return

    await asyncio.gather(trouble.come(), *(client(name) for name in range(CLIENTS)))
