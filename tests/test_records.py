"""Typed reading over the store: records are made when first touched, and never outlive their document."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import records
from sandbox.call import Born
from sandbox.records import REMOVED, Records
from sandbox.store import Store
from tests.kinds import TABLES, Letter, Parcel, declared
from tests.store.undone import undone

BORN: Born = {"id": "PA1", "created_at": "2013-05-06T17:18:03.439563Z"}


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    with declared():
        yield


@pytest.fixture
def store() -> Store:
    return Store.open(TABLES)


def keep(store: Store, parcel: Parcel, table: str = "parcels") -> None:
    with store.transaction():
        store.put(table, parcel.document())


def test_a_record_is_read_from_its_document(store: Store) -> None:
    keep(store, Parcel(**BORN, weight=5))

    assert Records(store).get(Parcel, "PA1") == Parcel(**BORN, weight=5)


def test_there_is_no_record_without_a_document(store: Store) -> None:
    found = Records(store)

    assert found.get(Parcel, "PA1") is None
    assert not found.has("parcel", "PA1")


def test_a_record_is_made_once_while_its_document_stays(store: Store) -> None:
    keep(store, Parcel(**BORN, weight=5))
    found = Records(store)

    assert found.get(Parcel, "PA1") is found.get(Parcel, "PA1")
    assert found.has("parcel", "PA1")


def test_a_document_that_is_replaced_is_read_anew(store: Store) -> None:
    keep(store, Parcel(**BORN, weight=5))
    found = Records(store)
    found.get(Parcel, "PA1")

    keep(store, Parcel(**BORN, weight=6))

    assert found.get(Parcel, "PA1") == Parcel(**BORN, weight=6)


def test_what_a_transaction_did_before_it_failed_is_not_remembered(store: Store) -> None:
    keep(store, Parcel(**BORN, weight=5))
    found = Records(store)

    with undone(store):
        store.put("parcels", Parcel(**BORN, weight=6).document())
        assert found.get(Parcel, "PA1") == Parcel(**BORN, weight=6)

    assert found.get(Parcel, "PA1") == Parcel(**BORN, weight=5)


def test_a_restored_checkpoint_brings_its_records_back(store: Store) -> None:
    keep(store, Parcel(**BORN, weight=5))
    found = Records(store)
    checkpoint = store.checkpoint()
    keep(store, Parcel(**BORN, weight=6))
    found.get(Parcel, "PA1")

    store.restore(checkpoint)

    assert found.get(Parcel, "PA1") == Parcel(**BORN, weight=5)


def test_two_faces_of_one_document_are_two_records(store: Store) -> None:
    keep(store, Parcel(**BORN, weight=5, shelf="dear Zoë"))
    found = Records(store)

    assert found.get(Letter, "PA1") == Letter(**BORN, weight=5, text="dear Zoë")
    assert found.get(Parcel, "PA1") == Parcel(**BORN, weight=5, shelf="dear Zoë")


def test_a_deleted_record_is_gone_but_still_shown(store: Store) -> None:
    keep(store, Parcel(**BORN, weight=5), REMOVED)
    found = Records(store)

    assert found.get(Parcel, "PA1") is None
    assert not found.has("parcel", "PA1")
    assert found.shown("parcels", "PA1") is store.get(REMOVED, "PA1")
    assert found.shown("parcels", "PA2") is None


def test_a_record_that_lives_is_shown_as_it_is_now(store: Store) -> None:
    keep(store, Parcel(**BORN, weight=5), REMOVED)
    keep(store, Parcel(**BORN, weight=6))

    assert Records(store).shown("parcels", "PA1") is store.get("parcels", "PA1")


def test_memory_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_KEPT", 2)
    found = Records(store)
    for number in range(5):
        keep(store, Parcel(id=f"PA{number}", created_at="", weight=number))

    read = [found.get(Parcel, f"PA{number}") for number in range(5)]

    assert [parcel.weight for parcel in read if parcel] == [0, 1, 2, 3, 4]
    assert len(found._ready) <= 2
