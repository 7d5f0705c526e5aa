"""The rows of one table, and the marks one can come back to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.store.shelf import Document, Mark, Shelf, key_of

IDS = st.sampled_from(["CU1", "CU2", "CU3", "CU4"])
PARENTS = st.sampled_from(["MP1", "MP2", None, 7])
MOMENTS = st.sampled_from(["2013-05-06", "2013-05-07"])

PUT = st.tuples(st.just("put"), IDS, PARENTS, MOMENTS)
DROP = st.tuples(st.just("drop"), IDS)
MARK = st.tuples(st.just("mark"))
GO = st.tuples(st.just("go"), st.integers(0, 100))
FORGET = st.tuples(st.just("forget"), st.integers(0, 100))


def document(identifier: str, parent: Any = None, created_at: str = "", sequence: int = 1) -> Document:
    return {"id": identifier, "parent": parent, "created_at": created_at, "_seq": sequence}


def assert_whole(shelf: Shelf, rows: dict[str, Document]) -> None:
    """Its rows are these, in order, and found under what they are indexed by."""
    assert shelf.rows == rows
    assert shelf.keys == sorted(key_of(row) for row in rows.values())
    by_parent: dict[str, list[Any]] = {}
    for key in shelf.keys:
        parent = rows[key[2]]["parent"]
        if isinstance(parent, str):
            by_parent.setdefault(parent, []).append(key)
    assert shelf.index == {"parent": by_parent}


@given(st.lists(st.one_of(PUT, PUT, DROP, MARK, GO, FORGET), max_size=60))
def test_whatever_happened_a_mark_leads_back_to_how_it_was(steps: list[tuple[Any, ...]]) -> None:
    shelf, rows = Shelf(["parent"]), dict[str, Document]()
    marks: list[tuple[Mark, dict[str, Document]]] = []

    for sequence, (step, *how) in enumerate(steps):
        if step == "put":
            identifier, parent, created_at = how
            rows[identifier] = document(identifier, parent, created_at, sequence)
            shelf.replace(how[0], rows[how[0]])
        elif step == "drop":
            rows.pop(how[0], None)
            shelf.replace(how[0], None)
        elif step == "mark":
            marks.append((shelf.mark(), dict(rows)))
        elif marks and step == "forget":
            del marks[how[0] % len(marks)]
        elif marks:
            mark, then = marks[how[0] % len(marks)]
            assert shelf.go_to(mark).keys() >= {one for one in {**then, **rows} if then.get(one) != rows.get(one)}
            rows = dict(then)
        assert_whole(shelf, rows)
        for mark, then in marks:
            was = {**shelf.rows, **shelf.as_of(mark)}
            assert {one: row for one, row in was.items() if row is not None} == then

    for mark, then in [*marks, *reversed(marks)]:
        shelf.go_to(mark)
        assert_whole(shelf, then)


def test_going_back_tells_what_changed_by_it_as_it_was_before() -> None:
    shelf = Shelf([])
    kept, changed, dropped = (document(identifier) for identifier in ("CU1", "CU2", "CU3"))
    for row in (kept, changed, dropped):
        shelf.replace(row["id"], row)
    mark = shelf.mark()
    newer, added = document("CU2", "MP1"), document("CU4")
    shelf.replace("CU2", newer)
    shelf.replace("CU3", None)
    shelf.replace("CU4", added)

    assert shelf.as_of(mark) == {"CU2": changed, "CU3": dropped, "CU4": None}
    assert shelf.go_to(mark) == {"CU2": newer, "CU3": None, "CU4": added}
    assert shelf.go_to(mark) == {}


def test_what_nobody_wants_to_come_back_to_is_not_kept() -> None:
    shelf = Shelf([])
    shelf.mark()
    shelf.replace("CU1", document("CU1"))

    shelf.replace("CU1", document("CU1", "MP1"))

    assert shelf._last is None


def test_a_mark_of_another_shelf_leads_nowhere() -> None:
    with pytest.raises(ValueError, match="another shelf"):
        Shelf([]).go_to(Shelf([]).mark())
