"""Bugs planted in the store and beneath it: each is caught by what is meant to catch it, with the seeds of CI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from random import Random

import orjson
import pytest

from sandbox.store import DataDirectory, InUse, ReadOnly, Store, generation, generations, journal
from sandbox.store.files import Files
from sandbox.store.generations import Generations
from sandbox.store.journal import Journal
from tests.store.crashes import CrashingFiles
from tests.store.damage import Patient
from tests.store.disasters import CALLS, crash, lived, start_again
from tests.store.failures import KINDS, Failure
from tests.store.lives import Broken
from tests.store.stories import STORIES
from tests.store.written import Written, write

SEEDS = range(500)
"""Those of test_disasters.py, where they find nothing."""

THIN = 17  # bits, of which one is flipped
SOON = 5  # calls after it failed the power is cut

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(autouse=True)
def _says_less(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def failing_disks_find_it() -> bool:
    with suppress(Broken):
        for kind, at, seed in product(KINDS, range(0, CALLS, 3), range(6)):
            life = lived(Failure(kind, at), "always", at + SOON, seed)
            life.timeline.crash("power cut")
            start_again(life, life.files.after_power_cut("dropped", Random(at)))
        return False
    return True


def damage_finds_it(written: Sequence[Written]) -> bool:
    try:
        return any(Patient(generation).flips(THIN).wrong for generation in written)
    except KeyError:  # damage that is believed need not even be a row
        return True


def a_second_process_finds_it(folder: Path) -> bool:
    with DataDirectory(folder):
        try:
            with DataDirectory(folder):
                return True
        except InUse:
            return False


# The seam.


def no_fsync(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(CrashingFiles, "fsync", lambda _files, _descriptor: None)


def no_fsync_of_folders(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(CrashingFiles, "fsync_folder", lambda _files, _folder: None)


def no_fsync_of_the_folder_above(planted: pytest.MonkeyPatch) -> None:
    def make_folder(files: Files, folder: Path) -> None:
        with suppress(FileExistsError):
            files.mkdir(folder)

    planted.setattr(generations, "make_folder", make_folder)


def no_fsync_of_whole_files(planted: pytest.MonkeyPatch) -> None:
    def write_file(files: Files, path: Path, data: bytes) -> None:
        descriptor = files.open(path, 0)
        files.write(descriptor, data)
        files.close(descriptor)

    planted.setattr(generations, "write_file", write_file)


# The journal.


def no_checksum(planted: pytest.MonkeyPatch) -> None:
    def from_line(line: bytes) -> object:
        try:
            return orjson.loads(line[9:])
        except orjson.JSONDecodeError:
            return None

    planted.setattr(journal, "from_line", from_line)
    planted.setattr(generation, "from_line", from_line)


def answered_before_it_is_synced(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(Store, "sync", lambda _store: None)


def a_failed_fsync_is_tried_again(planted: pytest.MonkeyPatch) -> None:
    def sync(self: Journal) -> None:
        try:
            self._files.fsync(self._descriptor)
        except OSError:
            self._files.fsync(self._descriptor)
        self.synced = self.length

    planted.setattr(Journal, "sync", sync)


def a_short_write_is_not_cut_back(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(Journal, "cut", lambda _journal, _length: None)


def what_is_cut_back_is_not_synced(planted: pytest.MonkeyPatch) -> None:
    def cut(self: Journal, length: int) -> None:
        try:
            self._files.truncate(self._descriptor, length)
        except OSError as error:
            raise ReadOnly("it could not be cut back") from error
        self.length = length

    planted.setattr(Journal, "cut", cut)


def writes_of_one_fsync_must_arrive_in_order(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(journal, "was_kept", lambda _byte, _later: True)


def what_was_synced_is_given_up(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(journal, "was_kept", lambda _byte, _later: False)


# Generations.


def the_old_generation_goes_first(planted: pytest.MonkeyPatch) -> None:
    advance = Generations.advance

    def old_first(self: Generations, *given: object) -> None:
        generations.discard(
            self._files,
            [generation.snapshot_path(self._folder, self._number), generation.journal_path(self._folder, self._number)],
        )
        advance(self, *given)  # type: ignore[arg-type]  # handed on as it came

    planted.setattr(Generations, "advance", old_first)


def a_generation_is_not_taken_back(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(generations, "take_back", lambda _files, _folder, _number: None)


def what_is_found_is_served_unsynced(planted: pytest.MonkeyPatch) -> None:
    def resume(files: Files, folder: Path, found: generation.Generation) -> Journal:
        resumed = Journal(files, generation.journal_path(folder, found.number), found.length)
        if found.torn:
            resumed.cut(found.length)
        return resumed

    planted.setattr(generations, "resume", resume)


def a_torn_tail_is_written_behind(planted: pytest.MonkeyPatch) -> None:
    def resume(files: Files, folder: Path, found: generation.Generation) -> Journal:
        resumed = Journal(files, generation.journal_path(folder, found.number), found.length + len(found.torn))
        resumed.sync()
        files.fsync_folder(folder)
        return resumed

    planted.setattr(generations, "resume", resume)


# The store.


def going_back_is_not_kept(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(Store, "restore", lambda store, checkpoint: store._shelves.restore(checkpoint))


def a_refused_transaction_stays_in_memory(planted: pytest.MonkeyPatch) -> None:
    planted.setattr("sandbox.store.shelves.Shelves.undo", lambda _shelves, _changes: None)


def a_transaction_is_two_records(planted: pytest.MonkeyPatch) -> None:
    append = Journal.append

    def in_two(self: Journal, record: bytes) -> None:
        whole = journal.from_line(record[:-1])
        assert whole is not None
        if "put" in whole:
            append(self, journal.to_line({**whole, "drop": {}}))
            whole["put"] = {}
        append(self, journal.to_line(whole))

    planted.setattr(Journal, "append", in_two)


CAUGHT_BY_CRASHES: list[Plant] = [
    no_fsync,
    no_fsync_of_folders,
    no_fsync_of_the_folder_above,
    no_fsync_of_whole_files,
    no_checksum,
    answered_before_it_is_synced,
    a_short_write_is_not_cut_back,
    writes_of_one_fsync_must_arrive_in_order,
    the_old_generation_goes_first,
    a_generation_is_not_taken_back,
    what_is_found_is_served_unsynced,
    a_torn_tail_is_written_behind,
    going_back_is_not_kept,
    a_refused_transaction_stays_in_memory,
    a_transaction_is_two_records,
]

CAUGHT_BY_FAILING_DISKS: list[Plant] = [
    a_failed_fsync_is_tried_again,
    what_is_cut_back_is_not_synced,
    a_short_write_is_not_cut_back,
    a_generation_is_not_taken_back,
    a_refused_transaction_stays_in_memory,
]


@pytest.mark.parametrize("plant", CAUGHT_BY_CRASHES, ids=lambda plant: plant.__name__)
def test_crashes_catch(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    assert any(crash(seed).broken for seed in SEEDS)


CAUGHT_BY_DAMAGE: list[Plant] = [no_checksum, what_was_synced_is_given_up]


def test_failing_disks_find_no_bug_that_is_not_there() -> None:
    assert not failing_disks_find_it()


@pytest.mark.parametrize("plant", CAUGHT_BY_FAILING_DISKS, ids=lambda plant: plant.__name__)
def test_failing_disks_catch(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    assert failing_disks_find_it()


@pytest.mark.parametrize("plant", CAUGHT_BY_DAMAGE, ids=lambda plant: plant.__name__)
def test_damage_catches(plant: Plant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written = asyncio.run(write(tmp_path, STORIES["people"], (), "os"))
    assert not damage_finds_it(written)

    plant(monkeypatch)

    assert damage_finds_it(written)


def test_a_second_process_catches_a_lock_that_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not a_second_process_finds_it(tmp_path / "data")

    monkeypatch.setattr(DataDirectory, "_hold", lambda _directory: None)

    assert a_second_process_finds_it(tmp_path / "data")
