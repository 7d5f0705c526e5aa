"""The journal: what is found after any damage is what was acknowledged, or a refusal."""

import logging
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.store import Damaged, Store, TooNew
from sandbox.store.journal import from_line, intact, to_line

TABLES = {"card": ("customer",)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A world of five transactions that was never closed cleanly."""
    folder = tmp_path / "world"
    store = Store.open(TABLES, folder)
    for number in range(5):
        with store.transaction():
            store.put("card", {"id": f"CC{number}", "customer": "CU1"})
    return folder


def journal_of(folder: Path) -> Path:
    return next(folder.glob("journal-*.log"))


def ids(folder: Path) -> list[str]:
    return [card["id"] for card in Store.open(TABLES, folder).find("card", newest_first=False).documents]


def test_a_record_is_a_checksum_a_space_json_and_a_newline() -> None:
    line = to_line({"sequence": 1})

    body = b'{"sequence":1}'
    assert line == b"%08x " % crc32(body) + body + b"\n"
    assert from_line(line[:-1]) == {"sequence": 1}


def test_a_checksum_counts_only_in_the_digits_it_is_written_in() -> None:
    line = next(line for number in range(99) if (line := to_line({"n": number}))[:8] != line[:8].upper())

    assert from_line(line[:8].upper() + line[8:-1]) is None


def test_a_transaction_is_one_record_and_one_without_changes_is_none(folder: Path) -> None:
    before = len(journal_of(folder).read_bytes().splitlines())
    store = Store.open(TABLES, folder)

    with store.transaction():
        store.put("card", {"id": "a"})
        store.put("card", {"id": "b"})
    with store.transaction():
        pass

    assert len(journal_of(folder).read_bytes().splitlines()) == before + 1


def test_a_row_that_came_and_went_leaves_only_its_number(folder: Path) -> None:
    store = Store.open(TABLES, folder)

    with store.transaction():
        store.put("card", {"id": "a"})
        store.drop("card", "a")

    last = from_line(journal_of(folder).read_bytes().splitlines()[-1])
    assert last == {"sequence": 6, "put": {}, "drop": {}}


def test_every_prefix_opens_with_exactly_the_transactions_it_holds_whole(folder: Path) -> None:
    path = journal_of(folder)
    whole = path.read_bytes()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        acknowledged = max(whole[:length].count(b"\n") - 1, 0)

        assert ids(folder) == [f"CC{number}" for number in range(acknowledged)]

        for torn in folder.glob("*.torn-*"):
            torn.unlink()


def test_a_torn_tail_is_kept_beside_the_journal_and_logged_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = journal_of(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    start = whole[:-1].rfind(b"\n") + 1

    with caplog.at_level(logging.WARNING):
        found = ids(folder)

    assert found == ["CC0", "CC1", "CC2", "CC3"]
    assert (folder / f"journal-1.torn-{start}").read_bytes() == whole[start:-3]
    assert path.read_bytes() == whole[:start]
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "tail", [b"\0" * 4096, b"garbage", b"garbage\n\n\n", b"\n", b"00000000 \n", b"84b12bae 5\n", b"\xff\n\0"]
)
def test_a_tail_without_a_valid_record_is_cut(folder: Path, tail: bytes) -> None:
    path = journal_of(folder)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)

    assert len(ids(folder)) == 5
    assert path.read_bytes() == whole


@pytest.mark.parametrize("garbage", [b"\0" * 100, b"garbage", b"garbage\n", b"deadbeef {}\n", b"00000000 00000000 "])
def test_a_valid_record_after_garbage_is_refused_be_it_on_the_same_line(folder: Path, garbage: bytes) -> None:
    path = journal_of(folder)
    whole = path.read_bytes()
    path.write_bytes(whole + garbage + to_line({"sequence": 9, "put": {}, "drop": {}}))

    with pytest.raises(Damaged) as refusal:
        Store.open(TABLES, folder)

    assert (refusal.value.file, refusal.value.line, refusal.value.byte) == (path, 7, len(whole))
    assert str(path) in str(refusal.value)
    assert "balanced-sandbox check --repair DIR" in str(refusal.value)
    assert path.read_bytes().startswith(whole)


def test_any_flipped_bit_before_the_last_record_is_refused_and_in_it_is_cut(folder: Path) -> None:
    path = journal_of(folder)
    whole = path.read_bytes()
    last = whole[:-1].rfind(b"\n") + 1
    for at in range(len(whole)):
        for bit in range(8):
            damaged = whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
            if at < last:
                with pytest.raises(Damaged):
                    intact(path, damaged)
            else:
                good, length = intact(path, damaged)
                assert (len(good), length) == (5, last)


def _in_batches(folder: Path, *batches: int) -> list[int]:
    """Write transactions of which so many share an fsync each, and return where each one's record ends."""
    store = Store.open(TABLES, folder, fsync="always")
    path, ends, number = journal_of(folder), [], 0
    for batch in batches:
        for _ in range(batch):
            number += 1
            with store.transaction():
                store.put("card", {"id": f"CC{number}", "customer": "CU1"})
            ends.append(path.stat().st_size)
        store.sync()
    return ends


def test_a_power_cut_may_keep_a_later_write_of_one_fsync_without_an_earlier(tmp_path: Path) -> None:
    ends = _in_batches(tmp_path / "world", 2, 3)
    path = journal_of(tmp_path / "world")
    whole = path.read_bytes()
    path.write_bytes(whole[: ends[1]] + b"\0" * (ends[2] - ends[1]) + whole[ends[2] :])

    assert sorted(ids(tmp_path / "world")) == ["CC1", "CC2"]
    assert path.read_bytes() == whole[: ends[1]]


def test_what_a_later_fsync_proves_to_have_been_there_is_refused_when_it_is_bad(tmp_path: Path) -> None:
    ends = _in_batches(tmp_path / "world", 2, 3)
    path = journal_of(tmp_path / "world")
    whole = path.read_bytes()
    path.write_bytes(whole[: ends[0]] + b"\0" * (ends[1] - ends[0]) + whole[ends[1] :])

    with pytest.raises(Damaged):
        Store.open(TABLES, tmp_path / "world")


RECORDS = st.lists(st.text().map(lambda text: to_line({"text": text}))).map(b"".join)


@given(RECORDS, st.binary(), RECORDS)
def test_no_good_record_is_ever_given_up_for_what_follows_it(good: bytes, tail: bytes, more: bytes) -> None:
    try:
        _, until = intact(Path("journal"), good + tail + more)
    except Damaged as damaged:
        until = damaged.byte

    assert until >= len(good)


def test_a_record_that_cannot_be_replayed_is_refused(folder: Path) -> None:
    with journal_of(folder).open("ab") as journal:
        journal.write(to_line({"sequence": 9}))

    with pytest.raises(Damaged, match="line 7"):
        Store.open(TABLES, folder)


def test_a_journal_of_a_newer_format_is_refused_untouched(folder: Path) -> None:
    path = journal_of(folder)
    newer = to_line({"format": 2, "generation": 1}) + b"written in a way that only a later version reads"
    path.write_bytes(newer)

    with pytest.raises(TooNew, match="format 2"):
        Store.open(TABLES, folder)

    assert path.read_bytes() == newer


def test_a_journal_without_its_header_is_refused(folder: Path) -> None:
    path = journal_of(folder)
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])

    with pytest.raises(Damaged, match="its format is not stated"):
        Store.open(TABLES, folder)
