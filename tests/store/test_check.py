"""Checking a data directory changes nothing; repairing writes a copy of what can be read."""

from pathlib import Path

import pytest

from sandbox.store import Store, TooNew
from sandbox.store.check import Finding, check, repair
from sandbox.store.journal import to_line

TABLES = {"card": ("customer",)}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A data directory with one world: two cards in the snapshot, two more in the journal."""
    directory = tmp_path / "data"
    directory.mkdir()
    for _ in range(2):
        store = Store.open(TABLES, directory / "world")
        for _ in range(2):
            with store.transaction():
                store.put("card", {"id": f"CC{store.count('card')}"})
        if store.count("card") == 2:
            store.close()
    return directory


def snapshot_of(directory: Path) -> Path:
    return directory / "world" / "snapshot-2.json"


def journal_of(directory: Path) -> Path:
    return directory / "world" / "journal-2.log"


def damage(path: Path, what: bytes) -> None:
    data = path.read_bytes()
    assert what in data
    path.write_bytes(data.replace(what, b"\0" * len(what)))


def ids(folder: Path) -> list[str]:
    return [card["id"] for card in Store.open(TABLES, folder).find("card", newest_first=False).documents]


def test_nothing_is_found_in_a_healthy_directory(directory: Path) -> None:
    assert check(directory) == {directory / "world": []}
    assert check(directory / "world") == {directory / "world": []}


def test_a_torn_tail_is_found_and_left_there(directory: Path) -> None:
    path = journal_of(directory)
    whole = path.read_bytes()
    path.write_bytes(whole + b"torn")

    (finding,) = check(directory)[directory / "world"]

    assert (finding.file, finding.line, finding.byte, finding.fatal) == (path, 4, len(whole), False)
    assert path.read_bytes() == whole + b"torn"


def test_damage_is_found_by_line_and_byte(directory: Path) -> None:
    path = journal_of(directory)
    byte = path.read_bytes().index(b"\n") + 1
    damage(path, b'"CC2"')

    assert check(directory)[directory / "world"] == [
        Finding(path, 2, byte, "a bad record is followed by a valid one", fatal=True)
    ]


def test_a_newer_format_is_found_and_not_repaired(directory: Path, tmp_path: Path) -> None:
    snapshot_of(directory).write_text('{"_store":{"1":{"format":2,"sequence":1}}}')

    (finding,) = check(directory)[directory / "world"]

    assert finding.fatal
    with pytest.raises(TooNew):
        repair(directory, tmp_path / "copy")


def test_what_was_never_finished_is_nothing_to_find(directory: Path) -> None:
    (directory / "new").mkdir()
    (directory / "new" / "journal-1.log").touch()

    assert check(directory)[directory / "new"] == []


@pytest.mark.parametrize(
    ("file", "what", "left"),
    [
        (journal_of, b'"CC2"', ["CC0", "CC1", "CC3"]),
        (journal_of, b"format", ["CC0", "CC1", "CC2", "CC3"]),
        (snapshot_of, b'"CC0"', ["CC1", "CC2", "CC3"]),
        (snapshot_of, b'"CC1"', ["CC0", "CC2", "CC3"]),
        (snapshot_of, b'"_store"', ["CC0", "CC1", "CC2", "CC3"]),
        (snapshot_of, b'"_seq":1', ["CC1", "CC2", "CC3"]),
    ],
)
def test_a_repaired_copy_holds_all_but_what_is_damaged(
    directory: Path, tmp_path: Path, file: object, what: bytes, left: list[str]
) -> None:
    assert callable(file)
    damage(file(directory), what)
    before = {path: path.read_bytes() for path in (directory / "world").iterdir()}
    assert any(finding.fatal for finding in check(directory)[directory / "world"])

    rows = repair(directory, tmp_path / "copy")

    assert rows == {directory / "world": len(left)}
    assert ids(tmp_path / "copy" / "world") == left
    assert check(tmp_path / "copy") == {tmp_path / "copy" / "world": []}
    assert {path: path.read_bytes() for path in (directory / "world").iterdir()} == before


def test_a_repaired_copy_goes_on_counting_where_the_damaged_one_was(directory: Path, tmp_path: Path) -> None:
    damage(snapshot_of(directory), b'"_store"')
    journal_of(directory).unlink()

    repair(directory, tmp_path / "copy")
    store = Store.open(TABLES, tmp_path / "copy" / "world")

    with store.transaction():
        assert store.draw() == 3


def test_a_row_that_lost_its_id_is_left_out(directory: Path, tmp_path: Path) -> None:
    path = snapshot_of(directory)
    path.write_bytes(path.read_bytes().replace(b'"id":"CC0"', b'"ix":"CC0"'))
    damage(path, b'"_store"')

    assert repair(directory, tmp_path / "copy") == {directory / "world": 3}


def test_without_any_snapshot_the_journal_is_what_is_left(directory: Path, tmp_path: Path) -> None:
    snapshot_of(directory).unlink()

    assert repair(directory / "world", tmp_path / "copy") == {directory / "world": 2}
    assert ids(tmp_path / "copy") == ["CC2", "CC3"]


def test_a_record_after_garbage_on_its_line_is_repaired_too(directory: Path, tmp_path: Path) -> None:
    with journal_of(directory).open("ab") as journal:
        journal.write(b"garbage" + to_line({"sequence": 5, "put": {"card": [{"id": "CC4", "_seq": 5}]}, "drop": {}}))

    repair(directory, tmp_path / "copy")

    assert ids(tmp_path / "copy" / "world")[-1] == "CC4"


def test_what_an_older_generation_left_behind_is_not_replayed(directory: Path, tmp_path: Path) -> None:
    (directory / "world" / "journal-1.log").write_bytes(to_line({"sequence": 1, "put": {}, "drop": {"card": ["CC0"]}}))

    repair(directory, tmp_path / "copy")

    assert ids(tmp_path / "copy" / "world") == ["CC0", "CC1", "CC2", "CC3"]


def test_a_copy_is_only_written_into_an_empty_directory(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    repair(directory, tmp_path / "copy")

    with pytest.raises(FileExistsError):
        repair(directory, tmp_path / "copy")
