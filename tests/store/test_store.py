"""The store's own words: put, get, find, drop, draw, transactions and checkpoints."""

from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from sandbox.store import Checkpoint, Query, ReadOnly, Store
from sandbox.store.journal import from_line
from tests.store.undone import Failed, undone

TABLES = {"card": ("customer", "bank"), "customer": ()}
Row = Query()


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store.open(TABLES, None if request.param == "memory" else tmp_path / "world")


def put(store: Store, id: str, **fields: Any) -> None:
    with store.transaction():
        store.put("card", {"id": id, **fields})


def ids(store: Store, *args: Any, **kwargs: Any) -> list[str]:
    return [card["id"] for card in store.find("card", *args, **kwargs).documents]


def test_a_document_is_the_same_object_until_it_is_replaced(store: Store) -> None:
    put(store, "CC1", name="A")
    first = store.get("card", "CC1")

    assert store.get("card", "CC1") is first
    assert store.find("card").documents[0] is first
    put(store, "CC1", name="B")
    assert first == {"id": "CC1", "name": "A", "_seq": 1}
    assert store.get("card", "CC1") == {"id": "CC1", "name": "B", "_seq": 1}
    assert store.get("card", "CC2") is None


def test_rows_are_in_the_order_of_their_time_and_then_of_their_creation(store: Store) -> None:
    for id, time in (("z", "2"), ("a", "2"), ("late", "1"), ("m", "2"), ("none", None)):
        put(store, id, created_at=time)

    assert ids(store) == ["m", "a", "z", "late", "none"]
    assert ids(store, newest_first=False) == ["none", "late", "z", "a", "m"]


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_page_is_a_slice_and_its_total_the_whole(store: Store, newest_first: bool) -> None:
    for number in range(7):
        put(store, f"{number}", customer=f"CU{number % 2}")
    for under in (None, ("customer", "CU0"), ("customer", "CU9")):
        whole = ids(store, under, newest_first=newest_first)
        for limit in (None, 0, 1, 3, 9):
            for offset in (0, 1, 4, 9):
                found = store.find("card", under, newest_first=newest_first, limit=limit, offset=offset)
                scanned = store.find(
                    "card", under, Row.id.exists(), newest_first=newest_first, limit=limit, offset=offset
                )

                assert [card["id"] for card in found.documents] == whole[offset:][:limit]
                assert found == scanned
                assert found.total == len(whole) == store.count("card", under)


def test_rows_move_between_the_fields_they_are_indexed_by(store: Store) -> None:
    put(store, "CC1", customer="CU1", bank="B1")
    put(store, "CC2", customer="CU1", bank=None)
    put(store, "CC1", customer="CU2", created_at="1")

    assert ids(store, ("customer", "CU1")) == ["CC2"]
    assert ids(store, ("customer", "CU2")) == ["CC1"]
    assert store.count("card", ("bank", "B1")) == 0
    put(store, "CC1", customer="CU2", created_at="2")
    assert ids(store, ("customer", "CU2")) == ["CC1"]
    with pytest.raises(KeyError):
        store.find("card", ("colour", "red"))


def test_a_query_looks_at_the_candidates_only(store: Store) -> None:
    put(store, "CC1", customer="CU1", meta={"a": "b"})
    put(store, "CC2", customer="CU2", meta={"a": "b"})
    put(store, "CC3", customer="CU2")

    assert ids(store, where=Row.meta.a == "b") == ["CC2", "CC1"]
    assert ids(store, ("customer", "CU2"), Row.meta.a == "b") == ["CC2"]


def test_sorting_is_by_significance_stable_and_puts_nothing_first(store: Store) -> None:
    for id, amount, name in (("1", 5, "b"), ("2", None, "b"), ("3", 5, "a"), ("4", "text", "b"), ("5", {}, "b")):
        put(store, id, amount=amount, name=name)
    put(store, "6", amount=5, name="b")

    assert ids(store, sort=[("amount", False)]) == ["2", "6", "3", "1", "4", "5"]
    assert ids(store, sort=[("amount", True)]) == ["5", "4", "6", "3", "1", "2"]
    assert ids(store, sort=[("name", False), ("amount", True)], limit=3) == ["3", "5", "4"]
    assert ids(store, sort=[("name", False)], newest_first=False) == ["3", "1", "2", "4", "5", "6"]


def test_a_table_nobody_declared_is_an_error(store: Store) -> None:
    with pytest.raises(KeyError), store.transaction():
        store.put("kard", {"id": "CC1"})
    for read in (lambda: store.get("kard", "CC1"), lambda: store.find("kard"), lambda: store.count("kard")):
        with pytest.raises(KeyError):
            read()


def test_dropping_what_is_not_there_is_an_error(store: Store) -> None:
    with pytest.raises(KeyError, match="CC1"), store.transaction():
        store.drop("card", "CC1")


def test_writing_needs_a_transaction_and_there_is_one_at_a_time(store: Store) -> None:
    put(store, "CC1")
    for write in (lambda: store.put("card", {"id": "a"}), lambda: store.drop("card", "CC1"), store.draw):
        with pytest.raises(RuntimeError, match="no transaction"):
            write()
    for forbidden in (
        store.checkpoint,
        store.compact,
        store.close,
        store.sync,
        lambda: store.transaction().__enter__(),
    ):
        with pytest.raises(RuntimeError, match="a transaction is open"), store.transaction():
            forbidden()

    put(store, "CC2")
    assert [card["_seq"] for card in store.find("card").documents] == [2, 1]


def test_a_transaction_that_fails_leaves_no_trace(store: Store) -> None:
    put(store, "CC1", customer="CU1")
    put(store, "CC2", customer="CU1")
    kept = store.find("card", ("customer", "CU1")).documents

    with undone(store):
        store.put("card", {"id": "CC1", "customer": "CU2", "created_at": "1"})
        store.drop("card", "CC2")
        store.put("card", {"id": "CC2", "customer": "CU3"})
        store.put("card", {"id": "CC3", "customer": "CU1"})
        assert ids(store) == ["CC1", "CC3", "CC2"]

    found = store.find("card", ("customer", "CU1"))
    assert all(now is before for now, before in zip(found.documents, kept, strict=True))
    assert ids(store) == ["CC2", "CC1"]
    put(store, "CC4")
    assert store.find("card").documents[0]["_seq"] == 3


@pytest.mark.parametrize("value", [object(), {1, 2}, "\ud800", 2**70, datetime(2013, 5, 6, tzinfo=UTC)])
def test_a_document_that_json_cannot_hold_is_undone(tmp_path: Path, value: object) -> None:
    store = Store.open(TABLES, tmp_path / "world")

    with pytest.raises(TypeError):
        put(store, "CC1", value=value)

    assert store.count("card") == 0
    put(store, "CC2")
    assert ids(Store.open(TABLES, tmp_path / "world")) == ["CC2"]


def test_a_time_that_is_not_text_is_refused(store: Store) -> None:
    put(store, "CC1", created_at="2013")

    with pytest.raises(TypeError, match="created_at is text"):
        put(store, "CC1", created_at=2013)

    assert store.get("card", "CC1") == {"id": "CC1", "created_at": "2013", "_seq": 1}


def test_numbers_are_drawn_once_even_if_what_used_them_is_gone(tmp_path: Path) -> None:
    store = Store.open(TABLES, tmp_path / "world")
    with store.transaction():
        assert [store.draw(), store.draw()] == [1, 2]
    put(store, "CC1")
    with store.transaction():
        store.drop("card", "CC1")
    with undone(store):
        assert store.draw() == 4

    again = Store.open(TABLES, tmp_path / "world")
    again.close()
    once_more = Store.open(TABLES, tmp_path / "world")

    with once_more.transaction():
        assert once_more.draw() == 4


def test_a_checkpoint_is_not_changed_by_what_follows_and_can_be_restored_again(store: Store) -> None:
    for number in range(4):
        put(store, f"CC{number}", customer="CU1")
    checkpoint = store.checkpoint()
    for _ in range(3):
        put(store, "CC0", customer="CU2")
        put(store, "CC9", customer="CU1")
        with store.transaction():
            store.drop("card", "CC1")
            store.drop("card", "CC2")
        assert ids(store, ("customer", "CU1")) == ["CC9", "CC3"]

        store.restore(checkpoint)

        assert ids(store, ("customer", "CU1")) == ["CC3", "CC2", "CC1", "CC0"]
        assert store.count("card", ("customer", "CU2")) == 0
        assert store.checkpoint().sequence == 4


def test_going_back_is_a_line_of_the_journal_with_what_changes_by_it(tmp_path: Path) -> None:
    store = Store.open(TABLES, tmp_path / "world")
    for number in range(50):
        put(store, f"CC{number}")
    checkpoint = store.checkpoint()
    put(store, "CC50")
    journal = tmp_path / "world" / "journal-1.log"
    length = journal.stat().st_size

    store.restore(checkpoint)

    line = from_line(journal.read_bytes()[length:].rstrip())
    assert line == {"sequence": checkpoint.sequence, "put": {}, "drop": {"card": ["CC50"]}}


def test_a_restored_checkpoint_is_on_the_disk(tmp_path: Path) -> None:
    store = Store.open(TABLES, tmp_path / "world")
    put(store, "CC1")
    checkpoint = store.checkpoint()
    put(store, "CC2")

    store.restore(checkpoint)

    assert ids(Store.open(TABLES, tmp_path / "world")) == ["CC1"]


def test_a_closed_store_can_be_closed_again_but_not_written_to(tmp_path: Path) -> None:
    store = Store.open(TABLES, tmp_path / "world", fsync="always")
    put(store, "CC1")
    store.close()
    store.close()

    with pytest.raises(ReadOnly, match="closed"):
        put(store, "CC2")
    assert ids(Store.open(TABLES, tmp_path / "world")) == ["CC1"]


def test_the_system_is_trusted_with_syncing_unless_told_otherwise(tmp_path: Path) -> None:
    store = Store.open(TABLES, tmp_path / "os")
    put(store, "CC1")
    assert not store.unsynced

    careful = Store.open(TABLES, tmp_path / "always", fsync="always")
    put(careful, "CC1")
    assert careful.unsynced
    careful.sync()
    assert not careful.unsynced


names = st.sampled_from(["A", "B", "C", "D", "E"])
rows = st.fixed_dictionaries(
    {"id": names, "created_at": st.sampled_from(["1", "2"])},
    optional={"customer": names | st.none(), "amount": st.integers(0, 3) | st.none()},
)
acts = st.lists(st.one_of(rows, names), max_size=4)


class StoreModel(RuleBasedStateMachine):
    """A store against a plain dict that does the same."""

    checkpoints: Bundle[Any] = Bundle("checkpoints")

    @initialize(kept=st.sampled_from(["memory", "os", "always"]))
    def begin(self, kept: str) -> None:
        self.place = TemporaryDirectory()
        self.folder = None if kept == "memory" else Path(self.place.name) / "world"
        self.kept = kept
        self.rows: dict[str, dict[str, Any]] = {}
        self.sequence = 0
        self.open()

    def open(self) -> None:
        self.store = Store.open(TABLES, self.folder, fsync="always" if self.kept == "always" else "os")

    @rule(acts=acts, fails=st.booleans())
    def transact(self, acts: list[Any], fails: bool) -> None:
        before = deepcopy(self.rows), self.sequence
        try:
            with self.store.transaction():
                for act in acts:
                    self.act(act)
                if fails:
                    raise Failed
        except (Failed, KeyError):
            self.rows, self.sequence = before

    def act(self, act: Any) -> None:
        if isinstance(act, str):
            self.store.drop("card", act)
            del self.rows[act]
            return
        self.store.put("card", act)
        old = self.rows.get(act["id"])
        self.sequence += old is None
        self.rows[act["id"]] = {**act, "_seq": self.sequence if old is None else old["_seq"]}

    @rule(target=checkpoints)
    def checkpoint(self) -> tuple[Checkpoint, dict[str, Any], int]:
        return self.store.checkpoint(), deepcopy(self.rows), self.sequence

    @rule(taken=checkpoints)
    def restore(self, taken: tuple[Checkpoint, dict[str, Any], int]) -> None:
        self.store.restore(taken[0])
        self.rows, self.sequence = deepcopy(taken[1]), taken[2]

    @rule(taken=consumes(checkpoints))
    def forget(self, taken: object) -> None:
        pass

    @rule(cleanly=st.booleans())
    def reopen(self, cleanly: bool) -> None:
        if self.folder is None:
            return
        if cleanly:
            self.store.close()
        self.open()

    @rule()
    def compact(self) -> None:
        self.store.compact()

    @rule()
    def sync(self) -> None:
        self.store.sync()

    @invariant()
    def is_the_same(self) -> None:
        expected = sorted(self.rows.values(), key=lambda row: (row["created_at"], row["_seq"]))
        assert self.store.find("card", newest_first=False).documents == expected
        assert self.store.checkpoint().sequence == self.sequence
        for customer in "ABCDE":
            under = [row for row in expected if row.get("customer") == customer]
            assert self.store.find("card", ("customer", customer)).documents == under[::-1]
        assert all(list(lists.values()) for lists in self.store._shelves.named["card"].index.values() if lists)

    def teardown(self) -> None:
        self.store.close()
        self.place.cleanup()


TestStoreModel = StoreModel.TestCase
TestStoreModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
