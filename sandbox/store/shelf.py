"""The rows of one table: by id, in order of creation, and under the fields they are indexed by."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any
from weakref import ref

Document = Mapping[str, Any]
Key = tuple[str, int, str]  # created_at, sequence number, id: ids alone wrap, and the clock may stand still


class Mark:
    """How a shelf was once: what undoes the way to there from the mark after it, or from the rows as they are."""

    __slots__ = ("__weakref__", "after", "before")

    def __init__(self) -> None:
        self.after: Mark | None = None
        self.before: dict[str, Document | None] = {}


class Shelf:
    """One table's rows, where a write costs what it changes and a page what it shows.

    So does going back: of how the rows were at a mark only what has changed since is kept, and going there turns that
    into what would be needed to come back again.
    """

    def __init__(self, fields: Iterable[str]) -> None:
        self.rows: dict[str, Document] = {}
        self.keys: list[Key] = []
        self.index: dict[str, dict[str, list[Key]]] = {field: {} for field in fields}
        self._here = Mark()
        self._held = False  # whether somebody may want to come back to here
        self._last: ref[Mark] | None = None  # the mark before, while nobody has forgotten it

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

    def mark(self) -> Mark:
        """A mark of how it is now, to come back to."""
        self._held = True
        return self._here

    def is_at(self, mark: Mark) -> bool:
        """Whether nothing has changed since a mark, of its own or another's."""
        return mark is self._here

    def go_to(self, mark: Mark) -> dict[str, Document | None]:
        """Be as it was at a mark of its own, and give back whatever changed by that as it was before."""
        changed: dict[str, Document | None] = {}
        for step in reversed(self._way_from(mark)):
            undoing, step.before = step.before, {}
            left, self._here, step.after = self._here, step, None
            left.after = step
            for id, document in undoing.items():
                left.before[id] = self.rows.get(id)
                changed.setdefault(id, left.before[id])
                self._put(id, document)
        self._held, self._last = True, None
        return changed

    def as_of(self, mark: Mark) -> dict[str, Document | None]:
        """What has changed since a mark of its own, as it was then."""
        then: dict[str, Document | None] = {}
        for step in self._way_from(mark):
            for id, document in step.before.items():
                then.setdefault(id, document)
        return then

    def _way_from(self, mark: Mark) -> list[Mark]:
        """The marks from one of its own up to how it is now, which is left out."""
        way = []
        while mark.after is not None:
            way.append(mark)
            mark = mark.after
        if mark is not self._here:
            raise ValueError("this mark belongs to another shelf")
        return way

    def _note(self, id: str) -> None:
        """Keep the way back for whoever holds a mark."""
        if self._held:
            last, self._here, self._held = self._here, Mark(), False
            last.after, self._last = self._here, ref(last)
        if self._last is not None:
            mark = self._last()
            if mark is None:
                self._last = None
            elif id not in mark.before:
                mark.before[id] = self.rows.get(id)

    def under(self, parent: tuple[str, str] | None) -> Sequence[Key]:
        """The keys of every row, or of those whose indexed field has a value, oldest first."""
        if parent is None:
            return self.keys
        field, value = parent
        return self.index[field].get(value, ())

    def since(self, sequence: int) -> list[Document]:
        """The rows added after a number had been drawn, oldest first, in a table of which no row is ever dropped."""
        # By number, not by time: what was done late, as the disk had been full, bears an earlier time.
        later = takewhile(lambda row: row["_seq"] > sequence, reversed(self.rows.values()))
        return [*later][::-1]

    def replace(self, id: str, document: Document | None) -> None:
        """Make a document the row of its id; None removes the row."""
        self._note(id)
        self._put(id, document)

    def _put(self, id: str, document: Document | None) -> None:
        old = self.rows.get(id)
        new_key = None if document is None else key_of(document)
        old_key = None if old is None else key_of(old)
        if old_key != new_key:
            exchange(self.keys, old_key, new_key)
        for field, lists in self.index.items():
            before = None if old is None else old.get(field)
            after = None if document is None else document.get(field)
            if before == after and old_key == new_key:
                continue
            # Only text is indexed.
            if old_key is not None and isinstance(before, str):
                unlist(lists, before, old_key)
            if new_key is not None and isinstance(after, str):
                enlist(lists.setdefault(after, []), new_key)
        if document is None:
            self.rows.pop(id, None)
        else:
            self.rows[id] = document


def key_of(document: Document) -> Key:
    """Where a document stands in the order of creation; TypeError when its time is not text."""
    created_at = document.get("created_at")
    if created_at is None:
        created_at = ""
    elif not isinstance(created_at, str):
        raise TypeError(f"created_at is text, so that rows can be put in order, not {created_at!r}")
    return created_at, document["_seq"], document["id"]


def exchange(keys: list[Key], old: Key | None, new: Key | None) -> None:
    """Put one key in another's stead, keeping the list in order."""
    if old is not None:
        del keys[bisect_left(keys, old)]
    if new is not None:
        enlist(keys, new)


def unlist(lists: dict[str, list[Key]], value: str, key: Key) -> None:
    """Take a key from under a value, and the value with its last key."""
    exchange(lists[value], key, None)
    if not lists[value]:
        del lists[value]


def enlist(keys: list[Key], new: Key) -> None:
    """Put a key into a list that is in order; most are the newest of all."""
    if not keys or keys[-1] < new:
        keys.append(new)
    else:
        insort(keys, new)
