"""The real store on a file system that crashes and fails: what it answered is there, nothing else is, and it opens."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from multiprocessing import get_context

from tests.durability.figures import Figure, Progress
from tests.store.disasters import CRASHES, HOWS, Came, Kind, crash
from tests.store.lives import MODES


def run(size: int, seed: int, progress: Progress) -> Sequence[Figure]:
    """Crash so often, four times on each disk, on every core; what a seed breaks it breaks by itself too."""
    came = Came()
    with get_context("spawn").Pool(initializer=logging.disable) as pool:
        for one in pool.imap(crash, range(seed, seed + -(-size // CRASHES)), chunksize=50):
            came.add(one)
            progress(min(came.crashes.total(), size), size)
    for _, words in came.broken:
        print(words, file=sys.stderr)
    return [figure(came, (fsync, how)) for fsync in MODES for how in HOWS]


def figure(came: Came, kind: Kind) -> Figure:
    """Return what came of one kind of crash."""
    fsync, how = kind
    broken = sum(one == kind for one, _ in came.broken)
    remark = f"{came.failures[kind]:,} calls of the disk failed before it"
    if kind == ("os", "power cut"):
        remark += f"; {came.refused:,} starts were refused, as writes had arrived out of order"
    return Figure(f"crashes of the store: {how}, `--fsync {fsync}`", came.crashes[kind], broken, remark)
