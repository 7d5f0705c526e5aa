"""What falls due at a sandbox time: rows of the store, so that they survive a restart and travel with a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sandbox.clock import Moment, parse, stamp
from sandbox.store import Document, Store

TABLE = "schedule"


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to be done: which duty, for which record, at which moment."""

    duty: str
    record: str
    at: Moment


class Schedule:
    """The duties of one world, the earliest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, duty: str, record: str, at: Moment) -> None:
        """Have a duty done for a record at a moment; the latest moment named for it counts."""
        # The store orders rows by created_at, so keeping the due moment there makes the next one the first row.
        self._store.put(TABLE, {"id": _key(duty, record), "created_at": stamp(at), "duty": duty, "record": record})

    def cancel(self, duty: str, record: str) -> None:
        """Have a duty not done after all, if it is still to be done."""
        if self._store.get(TABLE, _key(duty, record)) is not None:
            self._store.drop(TABLE, _key(duty, record))

    def __iter__(self) -> Iterator[Due]:
        """Go through all that is to be done, the earliest first."""
        return map(_due, self._store.find(TABLE, newest_first=False).documents)

    def soonest(self, most: int) -> Iterator[Due]:
        """Go through what is to be done first, so much of it at most."""
        return map(_due, self._store.find(TABLE, newest_first=False, limit=most).documents)

    def of(self, record: str, duties: Iterable[str]) -> Iterator[Due]:
        """Go through what is to be done for one record, of these duties."""
        for duty in duties:
            if (document := self._store.get(TABLE, _key(duty, record))) is not None:
                yield _due(document)

    def first(self) -> Due | None:
        """Return what is due before all else; None when nothing is to be done."""
        found = self._store.first(TABLE)
        return None if found is None else _due(found)

    def next(self, until: Moment) -> Due | None:
        """Return what is due first, at ``until`` or before; None when nothing is."""
        found = self._store.first(TABLE)
        if found is None or found["created_at"] > stamp(until):
            return None
        return _due(found)


def _due(document: Document) -> Due:
    return Due(document["duty"], document["record"], parse(document["created_at"]))


def _key(duty: str, record: str) -> str:
    return f"{duty}/{record}"
