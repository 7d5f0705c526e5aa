"""Crash after crash on one disk, all of it drawn from one seed."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import get_args

from sandbox.store import Damaged
from sandbox.store.store import Fsync
from tests.store.crashes import FATES, MIXED, Crash, CrashingFiles
from tests.store.failures import FOR_GOOD, KINDS, Failure
from tests.store.lives import MODES, Broken, How, Life, Timeline, small_generations

CRASHES = 4  # that follow each other
STEPS, FIRST_STEPS = 150, 14  # within how many calls of the file system it crashes: at any time, or while it starts
SHARE_FAILING = 0.2  # of the lives are with a disk that fails
CALLS = 90  # of the file system in a life that is lived again and again, each time with another of them failing
HOWS: tuple[How, ...] = get_args(How)

Kind = tuple[Fsync, How]


@dataclass
class Came:
    """What came of the crashes of each kind: how many there were, which calls failed, and which promises were broken.

    A start that was refused is no broken promise where writes were left to the system when the power was cut.
    """

    crashes: Counter[Kind] = field(default_factory=Counter)
    failures: Counter[Kind] = field(default_factory=Counter)
    refused: int = 0
    broken: list[tuple[Kind, str]] = field(default_factory=list)

    def add(self, other: "Came") -> None:
        """Count another's with these."""
        self.crashes += other.crashes
        self.failures += other.failures
        self.refused += other.refused
        self.broken += other.broken


def crash(seed: int) -> Came:
    """Crash four times on one disk, and find each time what was promised."""
    came, chance, disk, timeline = Came(), Random(seed), CrashingFiles(), Timeline()
    kind: Kind = "os", "kill"
    try:
        while came.crashes.total() < CRASHES:
            # Nothing a process sees tells it that the disk lost it: who starts on that is safe from kills alone.
            how = "kill" if disk.lies else chance.choice(HOWS)
            life = Life(disk, chance.choice(MODES), chance, timeline)
            if not live(life):
                came.refused += 1
                disk, timeline = CrashingFiles(), Timeline()
                continue
            kind = life.fsync, how
            came.crashes[kind] += 1
            came.failures[kind] += life.failures
            timeline = life.timeline
            timeline.crash(how)
            disk = after(disk, how, chance)
        came.refused += not starts(Life(disk, chance.choice(MODES), chance, timeline))
    except Broken as broken:
        came.broken.append((kind, f"seed {seed}, after {came.crashes.total()} crashes, at call {disk.steps}: {broken}"))
    return came


def live(life: Life) -> bool:
    """Live until the crash, and return whether it could start at all; Broken."""
    chance, disk = life.chance, life.files
    disk.crash_at = chance.randrange(chance.choice((STEPS, FIRST_STEPS)))
    disk.part = chance.choice((0.0, chance.random(), 1.0))
    if chance.random() < SHARE_FAILING:
        life.fail(Failure(chance.choice(tuple(KINDS)), chance.randrange(STEPS), chance.choice((1, 1, 4, FOR_GOOD))))
    before = lying(disk)
    try:
        with small_generations():
            life.live()
    except Crash:
        pass
    except Damaged:
        if lying(disk) != before:
            raise Broken("a start that was refused changed the disk") from None
        return False
    return True


def after(disk: CrashingFiles, how: How, chance: Random) -> CrashingFiles:
    """What the next process finds."""
    return disk.after_kill() if how == "kill" else disk.after_power_cut(chance.choice((*FATES, MIXED, MIXED)), chance)


def lived(failure: Failure, fsync: Fsync, until: int, seed: int = CALLS) -> Life:
    """A seed's life, which is the same each time but for the way its disk fails, up to a call; Broken."""
    life = Life(CrashingFiles(crash_at=until), fsync, Random(seed), Timeline())
    life.fail(failure)
    with suppress(Crash), small_generations():
        life.live()
    return life


def start_again(life: Life, disk: CrashingFiles) -> None:
    """Start after a life, on a disk that works; Broken when that does not find what was promised."""
    assert starts(Life(disk, life.fsync, Random(CALLS), life.timeline))


def starts(life: Life) -> bool:
    """Change something, and return whether it could start at all; Broken."""
    try:
        life.start()
    except Damaged:
        return False
    life.change()
    life.sync()
    life.agree()
    return True


def lying(disk: CrashingFiles) -> dict[str, bytes]:
    """The files on a disk."""
    return {path.name: inode.seen for path, inode in disk.seen.items()}
