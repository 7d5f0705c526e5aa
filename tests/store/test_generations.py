"""A world's folder: which files are there, and which of them count."""

import os
import stat
from pathlib import Path

import orjson
import pytest
from tinydb import TinyDB, where

from sandbox.store import Damaged, Store, TooNew, Unsafe
from sandbox.store.files import Files, write_all

TABLES = {"card": ("customer",)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A world of two cards, cleanly stopped."""
    folder = tmp_path / "world"
    store = Store.open(TABLES, folder)
    with store.transaction():
        store.put("card", {"id": "CC1", "customer": "CU1", "name": "Ünï"})
        store.put("card", {"id": "CC2", "customer": "CU1"})
    store.close()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ids(folder: Path) -> list[str]:
    return [card["id"] for card in Store.open(TABLES, folder).find("card", newest_first=False).documents]


def test_a_clean_stop_leaves_one_file_that_a_plain_tinydb_reads_and_an_empty_journal(folder: Path) -> None:
    assert names(folder) == ["journal-2.log", "snapshot-2.json"]
    assert (folder / "journal-2.log").read_bytes().count(b"\n") == 1

    with TinyDB(folder / "snapshot-2.json") as db:
        assert [card["id"] for card in db.table("card").all()] == ["CC1", "CC2"]
        assert db.table("card").search(where("name") == "Ünï")[0]["id"] == "CC1"
        assert db.table("_store").all() == [{"format": 1, "generation": 2, "sequence": 2}]


def test_a_clean_stop_without_changes_writes_nothing(folder: Path) -> None:
    Store.open(TABLES, folder).close()

    assert names(folder) == ["journal-2.log", "snapshot-2.json"]


def test_nobody_else_can_read_what_is_kept(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_journal_is_compacted_once_it_outweighs_the_snapshot(tmp_path: Path) -> None:
    store = Store.open(TABLES, tmp_path / "world")
    for number in range(24):
        with store.transaction():
            store.put("card", {"id": "CC1", "number": number, "padding": "x" * 50_000})

    assert names(tmp_path / "world") == ["journal-2.log", "snapshot-2.json"]
    assert (tmp_path / "world" / "journal-2.log").stat().st_size < 1 << 20
    assert Store.open(TABLES, tmp_path / "world").get("card", "CC1") == store.get("card", "CC1")


def test_a_compaction_counts_as_syncing(tmp_path: Path) -> None:
    store = Store.open(TABLES, tmp_path / "world", fsync="always")
    with store.transaction():
        store.put("card", {"id": "CC1"})
    assert store.unsynced

    store.compact()

    assert not store.unsynced


def test_a_folder_that_holds_only_what_was_never_finished_is_new(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    Store.open(TABLES, folder)
    (folder / "snapshot-1.json").rename(folder / "snapshot.tmp")

    assert ids(folder) == []
    assert names(folder) == ["journal-2.log", "snapshot-2.json"]


def test_an_empty_snapshot_whose_journal_never_came_to_be_is_new(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    Store.open(TABLES, folder)
    (folder / "journal-1.log").unlink()

    assert ids(folder) == []


def test_leftovers_of_an_unfinished_compaction_are_removed_and_other_files_left_alone(folder: Path) -> None:
    (folder / "snapshot.tmp").write_text('{"_sto')
    (folder / "journal-3.log").write_text("")
    (folder / "notes.txt").write_text("mine")

    assert ids(folder) == ["CC1", "CC2"]
    assert names(folder) == ["journal-2.log", "notes.txt", "snapshot-2.json"]


def test_an_older_generation_is_used_while_the_newer_one_was_not_written_to(folder: Path) -> None:
    (folder / "snapshot-3.json").write_bytes(b"\0" * 100)
    (folder / "journal-3.log").write_text("")

    assert ids(folder) == ["CC1", "CC2"]


def test_an_older_generation_is_not_used_once_the_newer_one_was_written_to(folder: Path) -> None:
    old = {path: path.read_bytes() for path in folder.iterdir()}
    store = Store.open(TABLES, folder)
    store.compact()
    with store.transaction():
        store.put("card", {"id": "CC3"})
    for path, data in old.items():
        path.write_bytes(data)
    (folder / "snapshot-3.json").write_bytes(b"\0" * 100)

    with pytest.raises(Damaged, match="not JSON"):
        Store.open(TABLES, folder)


@pytest.mark.parametrize(
    ("missing", "why"), [("journal-2.log", "its journal is missing"), ("snapshot-2.json", "its snapshot is missing")]
)
def test_half_a_generation_is_refused_rather_than_started_without(folder: Path, missing: str, why: str) -> None:
    store = Store.open(TABLES, folder)
    with store.transaction():
        store.put("card", {"id": "CC3"})
    (folder / missing).unlink()

    with pytest.raises(Damaged, match=why):
        Store.open(TABLES, folder)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"_store":{', "this is not JSON"),
        ("[]", "not as the store writes it"),
        ('{"card":{}}', "not as the store writes it"),
        ('{"_store":{"1":{"format":1,"sequence":1}},"card":{"1":{"name":"no id"}}}', "not as the store writes it"),
        ('{"_store":{"1":{"sequence":1}}}', "its format is not stated"),
        ('{"_store":{"1":{"format":1,"sequence":1}}}', "not the file that its journal goes on from"),
    ],
)
def test_a_snapshot_that_does_not_hold_together_is_refused(folder: Path, text: str, why: str) -> None:
    (folder / "snapshot-2.json").write_text(text)

    with pytest.raises(Damaged, match=why):
        Store.open(TABLES, folder)


def test_a_snapshot_of_a_newer_format_is_refused(folder: Path) -> None:
    path = folder / "snapshot-2.json"
    snapshot = orjson.loads(path.read_bytes())
    snapshot["_store"]["1"]["format"] = 2
    path.write_bytes(orjson.dumps(snapshot))

    with pytest.raises(TooNew) as refusal:
        Store.open(TABLES, folder)

    assert (refusal.value.file, refusal.value.format) == (path, 2)


def test_a_table_nobody_declares_any_more_is_kept(folder: Path) -> None:
    Store.open({}, folder).close()
    store = Store.open({"customer": ()}, folder)
    with store.transaction():
        store.put("customer", {"id": "CU1"})
    store.close()

    assert ids(folder) == ["CC1", "CC2"]


def test_a_folder_that_is_a_link_or_a_file_or_someone_elses_is_refused(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "file").touch()

    with pytest.raises(Unsafe, match="symbolic link"):
        Store.open(TABLES, tmp_path / "link")
    with pytest.raises(Unsafe, match="not a folder"):
        Store.open(TABLES, tmp_path / "file")
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(Unsafe, match="belongs to user"):
        Files().refuse_unsafe(folder)


def test_a_file_that_is_a_link_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    journal = folder / "journal-2.log"
    journal.rename(tmp_path / "elsewhere")
    journal.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic link"):
        Store.open(TABLES, folder)


def test_a_write_in_several_steps_writes_all_and_one_that_takes_nothing_fails() -> None:
    class Slow(Files):
        taken = b""

        def write(self, descriptor: int, data: bytes) -> int:
            self.taken += data[:descriptor]
            return descriptor

    slow = Slow()
    write_all(slow, 3, b"0123456789")

    assert slow.taken[:10] == b"0123456789"
    with pytest.raises(OSError, match="nothing"):
        write_all(slow, 0, b"0123456789")
