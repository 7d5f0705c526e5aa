"""Journals and snapshots that the real application wrote, cut and damaged everywhere: is any of it believed?"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.store.store import Fsync
from tests.durability.figures import Figure, Progress
from tests.store.damage import Patient, Verdict
from tests.store.stories import FIXTURES, STORIES
from tests.store.written import write

COMPACT_EVERY: Sequence[tuple[Fsync, int | None]] = (("os", None), ("always", 10))
"""The modes that files are written in, and after how many records the journal is compacted."""

HARMS: Sequence[str] = (
    "every prefix of a journal",
    "a flipped bit of a journal",
    "a zeroed sector of a journal",
    "a flipped bit of a snapshot",
    "a zeroed sector of a snapshot",
)


def run(size: int, seed: int, progress: Progress) -> Sequence[Figure]:
    """Cut at every byte, lose every sector, and flip one bit out of so many, on every core."""
    patients = asyncio.run(_patients(seed))
    tasks = [(harm, call) for patient in patients for harm, call in zip(HARMS, _calls(patient, size), strict=True)]
    verdicts = {harm: Verdict() for harm in HARMS}
    with get_context("spawn").Pool(initializer=logging.disable) as pool:
        for done, (harm, verdict) in enumerate(pool.imap_unordered(_do, tasks), 1):
            verdicts[harm].add(verdict)
            progress(done, len(tasks))
    for harm, verdict in verdicts.items():
        for words in verdict.wrong:
            print(f"seed {seed}: {harm}: {words}", file=sys.stderr)
    return [figure(harm, verdict) for harm, verdict in verdicts.items()]


async def _patients(seed: int) -> Sequence[Patient]:
    patients: list[Patient] = []
    for fsync, compact_every in COMPACT_EVERY:
        for name, story in STORIES.items():
            with TemporaryDirectory() as folder:
                written = await write(Path(folder), story, FIXTURES[name], fsync, compact_every, f"{seed}")
            patients += map(Patient, written)
    return patients


def _calls(patient: Patient, size: int) -> Iterator[Callable[[], Verdict]]:
    yield patient.prefixes
    yield partial(patient.flips, size)
    yield patient.lost_sectors
    yield partial(patient.snapshot_flips, size)
    yield patient.snapshot_lost_sectors


def _do(task: tuple[str, Callable[[], Verdict]]) -> tuple[str, Verdict]:
    harm, call = task
    return harm, call()


def figure(harm: str, verdict: Verdict) -> Figure:
    """Return what came of one kind of damage."""
    cut = verdict.tried - verdict.refused - len(verdict.wrong)
    remark = f"{verdict.refused:,} refused, {cut:,} cut off" if verdict.refused else "exactly what was answered by then"
    return Figure(harm, verdict.tried, len(verdict.wrong), remark)
