"""The rows of one table: by id, in order of creation, and under the fields they are indexed by."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]
Key = tuple[str, int, str]  # created_at, sequence number, id: ids alone wrap, and the clock may stand still


class Shelf:
    """One table's rows, where a write costs what it changes and a page what it shows."""

    def __init__(self, fields: Iterable[str]) -> None:
        self.rows: dict[str, Document] = {}
        self.keys: list[Key] = []
        self.index: dict[str, dict[str, list[Key]]] = {field: {} for field in fields}
        # The lists under an index that a checkpoint may still hold, told by exception: None when every list is ours.
        self._ours: set[tuple[str, str]] | None = None

    @classmethod
    def filled(cls, fields: Iterable[str], rows: dict[str, Document]) -> "Shelf":
        """A shelf of many rows at once, with one sort."""
        shelf = cls(fields)
        shelf.rows = rows
        shelf.keys = sorted([key_of(row) for row in rows.values()])
        for field, lists in shelf.index.items():
            for key in shelf.keys:
                value = rows[key[2]].get(field)
                if isinstance(value, str):
                    lists.setdefault(value, []).append(key)
        return shelf

    def copy(self) -> "Shelf":
        """A shelf to write to while a checkpoint keeps this one; index lists are copied when first touched."""
        shelf = Shelf(())
        shelf.rows = self.rows.copy()
        shelf.keys = self.keys.copy()
        shelf.index = {field: lists.copy() for field, lists in self.index.items()}
        shelf._ours = set()
        return shelf

    def under(self, parent: tuple[str, str] | None) -> Sequence[Key]:
        """The keys of every row, or of those whose indexed field has a value, oldest first."""
        if parent is None:
            return self.keys
        field, value = parent
        return self.index[field].get(value, ())

    def replace(self, id: str, document: Document | None) -> None:
        """Make a document the row of its id; None removes the row."""
        old = self.rows.get(id)
        new_key = None if document is None else key_of(document)
        old_key = None if old is None else key_of(old)
        if old_key != new_key:
            exchange(self.keys, old_key, new_key)
        for field in self.index:
            before, after = value_of(old, field), value_of(document, field)
            if before == after and old_key == new_key:
                continue
            if before is not None and old_key is not None:
                self._unlist(field, before, old_key)
            if after is not None and new_key is not None:
                insort(self._list(field, after), new_key)
        if document is None:
            self.rows.pop(id, None)
        else:
            self.rows[id] = document

    def _list(self, field: str, value: str) -> list[Key]:
        """The keys under a value, in a list that no checkpoint shares."""
        lists = self.index[field]
        if self._ours is not None and (field, value) not in self._ours:
            lists[value] = list(lists.get(value, ()))
            self._ours.add((field, value))
        return lists.setdefault(value, [])

    def _unlist(self, field: str, value: str, key: Key) -> None:
        """Take a key from under a value, and the value with its last key."""
        keys = self._list(field, value)
        exchange(keys, key, None)
        if not keys:
            del self.index[field][value]


def key_of(document: Document) -> Key:
    """Where a document stands in the order of creation; TypeError when its time is not text."""
    created_at = document.get("created_at")
    if created_at is None:
        created_at = ""
    elif not isinstance(created_at, str):
        raise TypeError(f"created_at is text, so that rows can be put in order, not {created_at!r}")
    return created_at, document["_seq"], document["id"]


def value_of(document: Document | None, field: str) -> str | None:
    """What a document is indexed under: text, or nothing."""
    value = None if document is None else document.get(field)
    return value if isinstance(value, str) else None


def exchange(keys: list[Key], old: Key | None, new: Key | None) -> None:
    """Put one key in another's stead, keeping the list in order."""
    if old is not None:
        del keys[bisect_left(keys, old)]
    if new is not None:
        insort(keys, new)
