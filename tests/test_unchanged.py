"""What was read is kept while it is true, and no longer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sandbox import unchanged
from sandbox.clock import LAST
from sandbox.store import Store
from sandbox.unchanged import Unchanged
from tests.store.undone import undone

NOW = 1_000_000
ZOE = {"id": "SE1", "name": "Zoë"}


@pytest.fixture
def store() -> Store:
    return Store.open({"senders": ()})


@pytest.fixture
def kept(store: Store) -> Unchanged[str]:
    kept: Unchanged[str] = Unchanged(store)
    kept.keep("senders?", "none", 4, LAST)
    return kept


def test_who_asks_the_same_gets_the_same(kept: Unchanged[str]) -> None:
    assert kept.get("senders?", NOW) == "none"
    assert kept.get("parcels?", NOW) is None


def test_nothing_is_kept_when_a_row_changes(store: Store, kept: Unchanged[str]) -> None:
    with store.transaction():
        store.put("senders", ZOE)
    assert kept.get("senders?", NOW) is None

    kept.keep("first?", "Zoë", 4, LAST)

    assert kept.get("first?", NOW) == "Zoë"
    assert kept.get("senders?", NOW) is None


def test_nothing_is_kept_when_the_store_goes_back(store: Store, kept: Unchanged[str]) -> None:
    before = store.checkpoint()
    with store.transaction():
        store.put("senders", ZOE)
    kept.keep("senders?", "Zoë", 4, LAST)

    store.restore(before)

    assert kept.get("senders?", NOW) is None


def test_what_was_undone_has_changed_nothing(store: Store, kept: Unchanged[str]) -> None:
    with undone(store):
        store.put("senders", ZOE)

    assert kept.get("senders?", NOW) == "none"


def test_nothing_is_kept_once_rows_change_by_themselves(kept: Unchanged[str]) -> None:
    kept.keep("senders?", "none", 4, NOW)

    assert kept.get("senders?", NOW - 1) == "none"
    assert kept.get("senders?", NOW) is None


def test_the_first_read_after_a_change_is_told_from_the_next(store: Store, kept: Unchanged[str]) -> None:
    assert kept.read_again()

    with store.transaction():
        store.put("senders", ZOE)

    assert [kept.read_again() for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize(
    ("sizes", "found"),
    [((6, 4), "ab"), ((6, 6), "b"), ((6, 6, 4), "bc"), ((10, 1, 9), "bc"), ((6, 11), "a"), ((6, 11, 4), "ac")],
)
def test_no_more_is_kept_than_there_is_room_for(
    store: Store, monkeypatch: pytest.MonkeyPatch, sizes: Sequence[int], found: str
) -> None:
    monkeypatch.setattr(unchanged, "_ROOM", 10)
    kept: Unchanged[str] = Unchanged(store)

    for asked, size in zip("abc", sizes, strict=False):
        kept.keep(asked, asked, size, LAST)

    assert [asked for asked in "abc" if kept.get(asked, NOW)] == list(found)


def test_there_is_room_again_when_a_row_has_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "_ROOM", 10)
    kept: Unchanged[str] = Unchanged(store)
    kept.keep("a", "a", 10, LAST)

    with store.transaction():
        store.put("senders", ZOE)
    kept.keep("b", "b", 5, LAST)
    kept.keep("c", "c", 5, LAST)

    assert [kept.get(asked, NOW) for asked in "abc"] == [None, "b", "c"]
