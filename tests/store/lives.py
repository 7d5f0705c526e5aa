"""Random lives of a store that go through crashes and failing disks, and what may be found after each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, get_args

from sandbox.store import Checkpoint, Damaged, Full, Store, StoreTrouble, generations
from sandbox.store.store import Fsync
from tests.store.crashes import FOLDER, CrashingFiles
from tests.store.failures import Failure
from tests.store.undone import undone

TABLES = {"customer": (), "card": ("customer",)}
IDS = 6  # of each table: few, so that rows are replaced and dropped as often as added
COMPACT_EVERY = 10  # records
SOON = 700  # bytes of journal after which the store goes on to a new generation by itself
OFTEN = 0.1  # of the acts are followed by a comparison of memory and disk though all is well
MODES: tuple[Fsync, ...] = get_args(Fsync)

State = tuple[dict[str, list[Any]], int]
How = Literal["kill", "power cut"]


class Broken(AssertionError):
    """A promise that was not kept."""


@dataclass
class Timeline:
    """Each state that a store was in or was about to be in, and from which of them on it may be found again."""

    states: list[State] = field(default_factory=lambda: [({}, 0)])
    answered: int = 0  # the state that survives the process
    synced: int = 0  # the state that survives the machine
    careless: bool = False  # whether what is not synced may be on the disk in any order
    refusable: bool = False  # whether it was when the power was cut
    doubtful: list[State] = field(default_factory=list)  # refused, by a disk that would not take it back either

    def keep(self, *, synced: bool) -> None:
        """Promise the newest state."""
        self.answered = len(self.states) - 1
        if synced:
            self.synced = self.answered

    def refuse(self, since: int, *, certain: bool) -> None:
        """Be back at what was before a state."""
        if not certain:
            self.doubtful += self.states[since:]
        del self.states[since:]

    def crash(self, how: How) -> None:
        """Promise no more than survives this."""
        if how == "power cut":
            self.refusable |= self.careless and self.synced < len(self.states) - 1
            self.answered = self.synced

    def check(self, found: State) -> None:
        """Broken when a state is not one that may be found."""
        if found not in self.states[self.answered :] and found not in self.doubtful:
            what = "lost: an earlier state" if found in self.states else "invented: a state that never was,"
            raise Broken(f"{what} {words(found)} instead of {words(self.states[self.answered])}")


def words(state: State) -> str:
    """A state in short: the last number drawn, and what each row is."""
    tables, sequence = state
    return f"{sequence}: " + " ".join(f"{row['id']}={row['is']}" for rows in tables.values() for row in rows)


def state(store: Store) -> State:
    """Every row in order, and the last number drawn, also inside a transaction."""
    tables, sequence = store.contents()
    return {name: rows for name, rows in tables.items() if rows}, sequence


@contextmanager
def small_generations() -> Iterator[None]:
    """Let the store go on to a new generation after some records rather than some megabytes."""
    before, generations.MEBIBYTE = generations.MEBIBYTE, SOON
    try:
        yield
    finally:
        generations.MEBIBYTE = before


class Life:
    """One process: it opens the store, checks what it finds, and goes on at random until it crashes."""

    def __init__(self, files: CrashingFiles, fsync: Fsync, chance: Random, timeline: Timeline) -> None:
        self.files, self.fsync, self.chance, self.timeline = files, fsync, chance, timeline
        self.failure: Failure | None = None
        self.compared = 0  # how many calls had failed when memory and disk were compared

    def fail(self, failure: Failure) -> None:
        """Live with a disk that fails."""
        self.failure = self.files.trouble = failure

    def live(self) -> None:
        """Live until the disk fails in a way that only a restart helps; Crash, Broken, and Damaged where allowed."""
        while self.start():
            acts = (self.change, self.change, self.change, self.undo, self.sync, self.change, self.seldom)
            while self.store.trouble is None:
                self.chance.choice(acts)()
                self.agree()
            if self.store.trouble != "the store is closed":
                self.sync()
                self.agree()
                return

    def start(self) -> bool:
        """Open the store and check what it found, and return whether the disk let us."""
        try:
            self.store = Store.open(TABLES, FOLDER, fsync=self.fsync, files=self.files)
        except Damaged as damaged:
            if self.timeline.refusable:
                raise
            raise Broken(f"unreadable: {damaged}") from damaged
        except (StoreTrouble, OSError) as trouble:
            if self.failures:
                return False
            raise Broken(f"unreadable: {trouble}") from trouble
        found = state(self.store)
        self.timeline.check(found)
        self.timeline = Timeline([found], careless=self.fsync == "os")
        self.checkpoints: list[tuple[Checkpoint, State]] = [(self.store.checkpoint(), found)]
        self.records = 0
        return True

    @property
    def failures(self) -> int:
        """How many calls failed."""
        return 0 if self.failure is None else self.failure.failed

    def change(self) -> None:
        """Keep a transaction, and now and then go on to a new generation."""
        with self.attempt():
            with self.store.transaction():
                self.touch()
                self.timeline.states.append(state(self.store))
            if self.fsync == "os":
                self.timeline.keep(synced=False)
        self.records += 1
        if self.records % COMPACT_EVERY == 0:
            self.compact()

    def undo(self) -> None:
        """Fail a transaction."""
        with undone(self.store):
            self.touch()

    def sync(self) -> None:
        """Wait for the disk, as every answer does."""
        with self.attempt(since=self.timeline.answered + 1):
            self.store.sync()
            self.timeline.keep(synced=self.fsync == "always")

    def seldom(self) -> None:
        """Do one of the things that are done seldom."""
        self.chance.choice((self.compact, self.remember, self.restore, self.replace, self.close))()

    def compact(self) -> None:
        """Go on to a new generation of the same."""
        with self.attempt():
            self.timeline.states.append(self.timeline.states[-1])
            self.store.compact()
            self.timeline.keep(synced=True)

    def remember(self) -> None:
        """Make a checkpoint."""
        self.checkpoints.append((self.store.checkpoint(), self.timeline.states[-1]))

    def restore(self) -> None:
        """Go back to a checkpoint."""
        checkpoint, then = self.chance.choice(self.checkpoints)
        with self.attempt():
            self.timeline.states.append(then)
            self.store.restore(checkpoint)
            if self.fsync == "os":
                self.timeline.keep(synced=False)
            elif not self.store.unsynced:  # one of rows that were replaced since begins a generation
                self.timeline.keep(synced=True)

    def replace(self) -> None:
        """Hold the rows of a dump."""
        _, then = self.chance.choice(self.checkpoints)
        with self.attempt():
            self.timeline.states.append(then)
            self.store.replace(*then)
            self.timeline.keep(synced=True)

    def close(self) -> None:
        """Stop cleanly."""
        with self.attempt(since=self.timeline.answered + 1):
            self.store.close()
            self.timeline.keep(synced=self.fsync == "always")

    def touch(self) -> None:
        """Put and drop some rows, and draw a number."""
        for _ in range(self.chance.choice((1, 1, 2, 5))):
            table = self.chance.choice(tuple(TABLES))
            id = f"{table}{self.chance.randrange(IDS)}"
            if self.store.get(table, id) is not None and self.chance.random() < 0.4:
                self.store.drop(table, id)
            else:
                padding = "x" * self.chance.choice((0, 0, 30, 700))
                self.store.put(table, {"id": id, "customer": "CU1", "is": self.chance.getrandbits(48), "pad": padding})
        if self.chance.random() < 0.1:
            self.store.draw()

    @contextmanager
    def attempt(self, since: int | None = None) -> Iterator[None]:
        """Do something that is refused only while the disk fails or after a sync of it failed, and is undone then."""
        before, failed, well = len(self.timeline.states), self.failures, self.store.trouble is None
        try:
            yield
        except StoreTrouble as trouble:
            if well and self.failures == failed:
                raise Broken(f"refused by a disk that does not fail: {trouble}") from trouble
            certain = isinstance(trouble, Full) or (self.failure is not None and self.failure.lasts == 1)
            self.timeline.refuse(before if since is None else since, certain=certain)

    def agree(self) -> None:
        """Broken when memory is not what was answered or, looked at now and then, the disk is not as memory."""
        expected = self.timeline.states[-1]
        if state(self.store) != expected:
            raise Broken(f"memory holds {words(state(self.store))} where {words(expected)} was answered")
        if self.failures > self.compared or self.store.trouble is not None or self.chance.random() < OFTEN:
            self.compared = self.failures
            try:
                kept = state(Store.open(TABLES, FOLDER, files=self.files.after_kill()))
            except StoreTrouble as trouble:
                raise Broken(f"unreadable beside a process that lives: {trouble}") from trouble
            if kept != expected and kept not in self.timeline.doubtful:
                raise Broken(f"the disk holds {words(kept)} where memory holds {words(expected)}")
