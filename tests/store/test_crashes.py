"""Crash at every file operation: what was acknowledged is there, and no transaction is half there."""

import errno
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sandbox.store import Checkpoint, Damaged, Full, ReadOnly, Store
from sandbox.store.store import Fsync
from tests.store.crashes import FATES, FOLDER, Crash, CrashingFiles
from tests.store.undone import undone

TABLES = {"customer": (), "card": ("customer",)}
State = tuple[list[Any], list[Any], int]


def open_on(files: CrashingFiles, fsync: Fsync = "os") -> Store:
    return Store.open(TABLES, FOLDER, fsync=fsync, files=files)


def state(store: Store) -> State:
    """All rows in order, and the last number drawn."""
    store_sequence = store.checkpoint().sequence
    return store.find("customer").documents, store.find("card").documents, store_sequence


class Life:
    """A world's life up to a crash: each state it could be found in, and the last one that was acknowledged."""

    def __init__(self, files: CrashingFiles, fsync: Fsync) -> None:
        self.files, self.fsync = files, fsync
        self.states: list[State] = [([], [], 0)]
        self.acknowledged = 0

    def live(self) -> None:
        """Create, change, drop, fail, go back and close, several transactions to a sync."""
        self.store = open_on(self.files, self.fsync)
        self.change(lambda: self.add("CU1", "CC1"))
        self.change(lambda: self.add("CU2", "CC2", "CC3"))
        self.acknowledge()
        early = self.store.checkpoint()
        self.change(lambda: self.store.drop("card", "CC2"))
        self.change(lambda: self.store.put("customer", {"id": "CU1", "name": "B"}))
        with undone(self.store):
            self.add("CU9", "CC9")
            self.store.drop("card", "CC1")
        self.acknowledge()
        self.step(self.store.compact, state(self.store))
        self.change(lambda: self.add("CU3", "CC4"))
        now = self.store.checkpoint()
        self.store._shelves.restore(early)
        then = state(self.store)
        self.store._shelves.restore(now)
        self.restore(early, then)
        self.change(lambda: self.add("CU4"))
        self.change(lambda: self.add("CU5"))
        self.acknowledge()
        self.step(self.store.close, state(self.store))

    def add(self, customer: str, *cards: str) -> None:
        self.store.put("customer", {"id": customer, "created_at": "2013-05-06"})
        for card in cards:
            self.store.put("card", {"id": card, "customer": customer})

    def change(self, act: Callable[[], object]) -> None:
        """One transaction; what it would come to counts from the moment it is tried."""
        with self.store.transaction():
            act()
            self.states.append(state_inside(self.store))
        if self.fsync == "os":
            self.acknowledge()

    def restore(self, checkpoint: Checkpoint, then: State) -> None:
        self.states.append(then)
        self.store.restore(checkpoint)
        if self.fsync == "os":
            self.acknowledge()

    def acknowledge(self) -> None:
        self.store.sync()
        self.acknowledged = len(self.states) - 1

    def step(self, act: Callable[[], None], then: State) -> None:
        self.states.append(then)
        act()
        self.acknowledged = len(self.states) - 1


def state_inside(store: Store) -> State:
    return store.find("customer").documents, store.find("card").documents, store._shelves.sequence


def live_until(crash_at: int | None, fsync: Fsync, part: float = 0.0) -> Life:
    life = Life(CrashingFiles(crash_at=crash_at, part=part), fsync)
    try:
        life.live()
    except Crash:
        assert crash_at is not None
    return life


def steps_of(fsync: Fsync) -> int:
    return live_until(None, fsync).files.steps


def assert_found(life: Life, files: CrashingFiles, fsync: Fsync, since: int) -> None:
    """The next process finds one of the states since the last one promised, can go on from it, and keeps it."""
    store = open_on(files, fsync)
    found = state(store)
    assert found in life.states[since:]

    with store.transaction():
        store.put("customer", {"id": "after"})
    store.sync()
    expected = state(store)
    assert state(open_on(files.after_kill())) == expected


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("fsync", ["os", "always"])
def test_a_kill_at_any_step_loses_nothing_acknowledged(fsync: Fsync, part: float) -> None:
    for crash_at in range(steps_of(fsync)):
        life = live_until(crash_at, fsync, part)

        assert_found(life, life.files.after_kill(), fsync, life.acknowledged)


@pytest.mark.parametrize("fate", FATES)
def test_a_power_cut_at_any_step_loses_nothing_synced(fate: str) -> None:
    for crash_at in range(steps_of("always")):
        for part in (0.0, 0.5, 1.0):
            life = live_until(crash_at, "always", part)
            for seed in range(8):
                found = life.files.after_power_cut(fate, Random(seed))

                assert_found(life, found, "always", life.acknowledged)


@pytest.mark.parametrize("fate", FATES)
def test_a_power_cut_leaves_no_transaction_half_there_even_when_syncing_is_left_to_the_system(fate: str) -> None:
    for crash_at in range(steps_of("os")):
        life = live_until(crash_at, "os", 1.0)
        for seed in range(4):
            found = life.files.after_power_cut(fate, Random(seed))

            # An earlier record may be lost and a later one kept: that is refused, not started without it.
            with suppress(Damaged):
                assert_found(life, found, "os", 0)


@pytest.mark.parametrize("part", [0.0, 0.6])
def test_a_crash_while_recovering_from_a_crash_loses_nothing(part: float) -> None:
    for crash_at in range(steps_of("always")):
        life = live_until(crash_at, "always", 0.5)
        for seed, fate in enumerate(FATES):
            found = life.files.after_power_cut(fate, Random(seed))
            for second in range(8):
                recovering = found.after_kill()
                recovering.crash_at, recovering.part = second, part
                try:
                    open_on(recovering)
                except Crash:
                    again = recovering.after_power_cut(fate, Random(seed + second))
                    assert_found(life, again, "always", life.acknowledged)
                else:
                    break


def test_what_was_found_after_a_kill_is_still_there_after_a_power_cut() -> None:
    for crash_at in range(steps_of("always")):
        found = live_until(crash_at, "always", 0.5).files.after_kill()
        served = state(open_on(found, "always"))

        for fate in FATES:
            assert state(open_on(found.after_power_cut(fate, Random(crash_at)))) == served


WRITING = """
import pathlib, sys
from sandbox.store import Store
store = Store.open({"customer": ()}, pathlib.Path(sys.argv[1]))
for number in range(1_000_000):
    with store.transaction():
        store.put("customer", {"id": f"CU{number}", "padding": "x" * 5_000})
    print(number, flush=True)
"""


@pytest.mark.parametrize("until", [1, 150, 700])
def test_a_real_process_that_is_killed_keeps_what_it_said_it_kept(tmp_path: Path, until: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITING, tmp_path / "world"], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for _ in range(until):
            writer.stdout.readline()
        writer.kill()
        said = until + len(writer.stdout.readlines())

    store = Store.open({"customer": ()}, tmp_path / "world")

    assert said <= store.count("customer") <= said + 1
    assert [customer["_seq"] for customer in store.find("customer", newest_first=False).documents] == list(
        range(1, store.count("customer") + 1)
    )


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_undoes_the_transaction_and_the_next_is_tried_again(code: int) -> None:
    files = CrashingFiles()
    store = open_on(files)
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    before = state(store)

    with files.failing("write", code), pytest.raises(Full), store.transaction():
        store.put("customer", {"id": "CU2"})

    assert state(store) == before
    assert store.trouble is None
    with store.transaction():
        store.put("customer", {"id": "CU3"})
    assert state(open_on(files.after_kill())) == state(store)


def test_an_interrupted_transaction_is_on_neither_side() -> None:
    files = CrashingFiles()
    store = open_on(files)
    before = state(store)

    files.trouble = lambda step, _path: KeyboardInterrupt() if step == "write" else None
    with pytest.raises(KeyboardInterrupt), store.transaction():
        store.put("customer", {"id": "CU1"})

    assert state(store) == before
    assert state(open_on(files.after_kill())) == before


def test_a_store_that_cannot_cut_back_a_short_write_becomes_read_only() -> None:
    files = CrashingFiles()
    store = open_on(files)
    files.trouble = lambda step, _path: {
        "write": OSError(errno.ENOSPC, "full"),
        "truncate": OSError(errno.EIO, "broken"),
    }.get(step)

    with pytest.raises(ReadOnly), store.transaction():
        store.put("customer", {"id": "CU1"})

    assert store.get("customer", "CU1") is None
    assert store.trouble is not None
    with pytest.raises(ReadOnly), store.transaction():
        store.put("customer", {"id": "CU2"})
    assert state(open_on(files.after_kill())) == ([], [], 0)


def test_a_failed_fsync_undoes_what_was_not_synced_and_is_never_retried() -> None:
    files = CrashingFiles()
    store = open_on(files, "always")
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    store.sync()
    before = state(store)
    for id in ("CU1", "CU2"):
        with store.transaction():
            store.put("customer", {"id": id, "changed": True})
    assert store.unsynced

    with files.failing("fsync", errno.EIO), pytest.raises(ReadOnly):
        store.sync()

    assert state(store) == before
    assert not store.unsynced
    for write in (
        lambda: store.put("customer", {"id": "CU3"}),
        lambda: store.drop("customer", "CU1"),
        store.draw,
    ):
        with pytest.raises(ReadOnly), store.transaction():
            write()
    with pytest.raises(ReadOnly):
        store.compact()
    store.sync()
    store.close()
    assert state(open_on(files.after_kill())) == before


def test_a_failed_fsync_is_survived_even_when_the_file_cannot_be_cut() -> None:
    files = CrashingFiles()
    store = open_on(files, "always")
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    files.trouble = lambda step, _path: OSError(errno.EIO, "broken") if step in ("fsync", "truncate") else None

    with pytest.raises(ReadOnly, match="could not be synced"):
        store.sync()

    assert store.count("customer") == 0


@pytest.mark.parametrize(
    ("step", "named"),
    [("open", "snapshot.tmp"), ("write", "snapshot.tmp"), ("write", "journal-2"), ("fsync", ""), ("rename", "")],
)
def test_a_compaction_without_room_leaves_all_as_it_was_and_is_tried_again_later(step: str, named: str) -> None:
    files = CrashingFiles()
    store = open_on(files)
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    before = state(store)

    with files.failing(step, errno.EIO, named), pytest.raises(Full):
        store.compact()

    assert state(store) == before
    with store.transaction():
        store.put("customer", {"id": "CU2"})
    assert state(open_on(files.after_kill())) == state(store)
    store.compact()
    assert state(open_on(files.after_kill())) == state(store)


def test_a_compaction_whose_names_may_not_be_on_the_disk_makes_the_store_read_only() -> None:
    files = CrashingFiles()
    store = open_on(files)
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    before = state(store)

    with files.failing("fsync_folder", errno.EIO), pytest.raises(ReadOnly):
        store.compact()

    assert state(store) == before
    with pytest.raises(ReadOnly), store.transaction():
        store.put("customer", {"id": "CU2"})
    for seed in range(20):
        assert state(open_on(files.after_kill())) == before
        assert state(open_on(files.after_power_cut("kept", Random(seed)))) == before


def test_unsynced_transactions_of_a_failed_compaction_are_undone() -> None:
    files = CrashingFiles()
    store = open_on(files, "always")
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    with files.failing("fsync_folder", errno.EIO), pytest.raises(ReadOnly):
        store.compact()

    with pytest.raises(ReadOnly):
        store.sync()

    assert store.count("customer") == 0


@pytest.mark.parametrize("file", ["journal", "snapshot"])
def test_a_restore_without_room_changes_nothing(file: str) -> None:
    files = CrashingFiles()
    store = open_on(files)
    empty = store.checkpoint() if file == "journal" else Store.open(TABLES).checkpoint()
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    before = state(store)

    with files.failing("write", errno.ENOSPC, file), pytest.raises(Full):
        store.restore(empty)

    assert state(store) == before
    assert state(open_on(files.after_kill())) == before


def test_old_files_that_cannot_be_removed_are_removed_by_the_next_start() -> None:
    files = CrashingFiles()
    store = open_on(files)
    with store.transaction():
        store.put("customer", {"id": "CU1"})

    with files.failing("unlink", errno.EIO):
        store.compact()

    assert "snapshot-1.json" in files.names(FOLDER)
    found = files.after_kill()
    assert state(open_on(found)) == state(store)
    assert sorted(found.names(FOLDER)) == ["journal-2.log", "snapshot-2.json"]


def test_a_clean_stop_without_room_keeps_the_journal() -> None:
    files = CrashingFiles()
    store = open_on(files)
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    before = state(store)

    with files.failing("write", errno.ENOSPC):
        store.close()

    assert state(open_on(files.after_kill())) == before


def test_a_torn_tail_that_cannot_be_kept_is_not_cut() -> None:
    files = CrashingFiles()
    store = open_on(files)
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    files.seen[FOLDER / "journal-1.log"].seen += b"torn"

    found = files.after_kill()
    with found.failing("write", errno.ENOSPC, "torn"), pytest.raises(Full):
        open_on(found)

    assert found.read(FOLDER / "journal-1.log").endswith(b"torn")
