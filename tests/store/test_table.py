"""TinyDB's own calls on a store: they work, they are transactions, and they never touch the store's rows."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import tinydb
from tinydb.table import Document, Table

from sandbox.store import Query, Store
from tests.store.undone import undone

TABLES = {"card": ("customer",), "customer": ()}
Card = Query()


def table(store: Store, name: str, **options: int) -> Any:
    """A TinyDB table, untyped since TinyDB's types say that every id is a number."""
    return store.db.table(name, **options)


def row(id: Any, **fields: Any) -> Document:
    """A document under an id of its own."""
    return Document(fields, id)


@pytest.fixture
def store() -> Store:
    store = Store.open(TABLES)
    with store.transaction():
        for number in range(4):
            store.put("card", {"id": f"CC{number}", "number": number, "meta": {"a": 1}, "customer": f"CU{number % 2}"})
    return store


def test_what_is_relied_on_in_tinydb_is_there() -> None:
    assert list(inspect.signature(Table._read_table).parameters) == ["self"]
    assert list(inspect.signature(Table._update_table).parameters) == ["self", "updater"]
    assert list(inspect.signature(Table._get_next_id).parameters) == ["self"]
    assert list(inspect.signature(Table.__init__).parameters) == [
        "self", "storage", "name", "cache_size", "persist_empty"
    ]  # fmt: skip
    for read in (Table.search, Table.get, Table.__iter__, Table.__len__):
        assert "_read_table" in read.__code__.co_names
    for write in (Table.insert, Table.insert_multiple, Table.update, Table.remove, Table.truncate):
        assert "_update_table" in write.__code__.co_names
    assert "table_class" in tinydb.TinyDB.table.__code__.co_names


def test_a_read_gives_copies(store: Store) -> None:
    kept = store.get("card", "CC1")
    cards = table(store, "card")

    fetched = [cards.get(doc_id="CC1"), *cards.search(Card.id == "CC1"), cards.get(Card.id == "CC1"), cards.all()[1]]
    for card in fetched:
        card["meta"]["a"] = "edited"

    assert kept == {"id": "CC1", "number": 1, "meta": {"a": 1}, "customer": "CU1", "_seq": 2}
    assert store.get("card", "CC1") is kept
    assert [card.doc_id for card in fetched] == ["CC1"] * 4


def test_counting_and_containing(store: Store) -> None:
    cards = table(store, "card", cache_size=10)

    assert len(cards) == 4
    assert cards.count(Card.number > 1) == 2
    assert cards.contains(doc_id="CC3")
    assert not cards.contains(Card.number == 9)
    assert store.db.tables() == {"card"}
    assert len(store.db) == 0


def test_nothing_is_cached(store: Store) -> None:
    cards = table(store, "card")
    assert len(cards.search(Card.number == 1)) == 1

    with store.transaction():
        store.drop("card", "CC1")

    assert cards.search(Card.number == 1) == []


def test_an_inserted_document_is_in_the_store_and_its_indexes(store: Store) -> None:
    given: dict[str, Any] = {"customer": "CU1", "meta": {}}
    table(store, "card").insert(row("CC9", **given))
    given["meta"]["edited"] = True

    assert store.get("card", "CC9") == {"id": "CC9", "customer": "CU1", "meta": {}, "_seq": 5}
    assert store.find("card", ("customer", "CU1"), limit=1).documents == [store.get("card", "CC9")]


def test_an_insert_of_an_id_that_is_taken_or_not_given_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="already exists"):
        table(store, "card").insert(row("CC1"))
    with pytest.raises(TypeError, match="ids are the API's own"):
        table(store, "card").insert({"number": 1})


def test_updates_replace_documents_and_keep_their_place(store: Store) -> None:
    checkpoint = store.checkpoint()
    kept = store.get("card", "CC1")
    cards = table(store, "card")

    assert cards.update({"customer": "CU9", "_seq": 99}, Card.id == "CC1") == ["CC1"]
    cards.update(lambda card: card["meta"].update(a=2), doc_ids=["CC2", "CC7"])
    cards.upsert({"number": 30}, Card.number == 3)

    assert kept == {"id": "CC1", "number": 1, "meta": {"a": 1}, "customer": "CU1", "_seq": 2}
    assert [card["_seq"] for card in store.find("card", ("customer", "CU9")).documents] == [2]
    assert [card["meta"]["a"] for card in store.find("card").documents] == [1, 2, 1, 1]
    assert table(store, "card").get(Card.number == 30)["id"] == "CC3"
    store.restore(checkpoint)
    assert store.get("card", "CC1") is kept


def test_an_update_that_fails_changes_nothing(store: Store) -> None:
    def fail_late(card: dict[str, object]) -> None:
        if card["number"] == 3:
            raise LookupError
        card["number"] = 0

    with pytest.raises(LookupError):
        table(store, "card").update(fail_late)

    assert [card["number"] for card in store.find("card").documents] == [3, 2, 1, 0]


def test_removing_some_or_all(store: Store) -> None:
    cards = table(store, "card")

    assert cards.remove(doc_ids=["CC0", "CC8"]) == ["CC0"]
    assert cards.remove(Card.number == 1) == ["CC1"]
    assert store.count("card", ("customer", "CU1")) == 1
    cards.truncate()

    assert store.count("card") == 0


@pytest.mark.parametrize("drop", ["drop_tables", "drop_table"])
def test_tables_are_dropped_whole(store: Store, drop: str) -> None:
    table(store, "customer").insert(row("CU1"))

    getattr(store.db, drop)(*(["card"] if drop == "drop_table" else []))

    assert store.count("card") == 0
    assert store.count("customer") == (1 if drop == "drop_table" else 0)
    assert table(store, "card").all() == []


def test_a_call_is_a_transaction_of_its_own_or_part_of_the_one_that_is_open(tmp_path: Path) -> None:
    store = Store.open(TABLES, tmp_path / "world")
    journal = tmp_path / "world" / "journal-1.log"
    cards = table(store, "card")

    cards.insert_multiple([row("CC1"), row("CC2")])
    assert journal.read_bytes().count(b"\n") == 2
    with undone(store):
        cards.update({"name": "A"})
        assert store.find("card", where=Card.name == "A").total == 2

    assert journal.read_bytes().count(b"\n") == 2
    assert Store.open(TABLES, tmp_path / "world").db.table("card").count(Card.name == "A") == 0


def test_a_draft_is_seen_as_it_was_changed(store: Store) -> None:
    seen: list[object] = []

    def change(rows: dict[str, dict[str, object]]) -> None:
        rows["CC9"] = {"number": 9}
        del rows["CC0"]
        seen.extend([list(rows), len(rows), "CC0" in rows, rows["CC9"], rows.get("CC0")])
        with pytest.raises(KeyError):
            del rows["CC0"]

    table(store, "card")._update_table(change)

    assert seen == [["CC1", "CC2", "CC3", "CC9"], 4, False, {"number": 9}, None]


def test_a_table_nobody_declared_is_kept_too_but_not_the_stores_own(tmp_path: Path) -> None:
    store = Store.open(TABLES, tmp_path / "world")
    table(store, "notes").insert(row("N1", text="hello"))
    store.close()

    assert Store.open(TABLES, tmp_path / "world").get("notes", "N1") == {"id": "N1", "text": "hello", "_seq": 1}
    with pytest.raises(ValueError, match="the store's own"):
        Store.open(TABLES).db.table("_store").insert(row("1"))
