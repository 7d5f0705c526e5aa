"""The store's documents as typed records, made when first touched and kept while their document stays."""

from __future__ import annotations

from typing import TypeVar

from sandbox.resource import KINDS, Record
from sandbox.store import Document, Store

R = TypeVar("R", bound=Record)

_KEPT = 512  # records kept ready; what is beyond is made again from its document

REMOVED = "removed"
"""The table of deleted records that others still show."""


class Records:
    """Typed reading over one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ready: dict[tuple[str, str], tuple[Document, Record]] = {}

    def get(self, kind: type[R], identifier: str) -> R | None:
        """Return a record, or None when there is none (any more)."""
        document = self._store.get(kind.shape.table, identifier)
        return None if document is None else self.of(kind, document)

    def of(self, kind: type[R], document: Document) -> R:
        """Return the record of a stored document."""
        key = (kind.shape.kind, document["id"])
        ready = self._ready.get(key)
        # Documents are replaced, never edited: the same object means the same content, through undo and restore too.
        if ready is not None and ready[0] is document:
            return ready[1]  # type: ignore[return-value]  # the key names the kind
        record = kind.stored(document)
        self.keep(record, document)
        return record

    def keep(self, record: Record, document: Document) -> None:
        """Have the record of a document ready, which was made from it."""
        if len(self._ready) >= _KEPT:
            self._ready.clear()
        self._ready[record.shape.kind, record.id] = (document, record)

    def has(self, kind: str, identifier: str) -> bool:
        """Return whether there is such a record."""
        return self._store.get(KINDS[kind].shape.table, identifier) is not None

    def shown(self, table: str, identifier: str) -> Document | None:
        """Return the document a link shows, also when the record has been deleted since."""
        return self._store.get(table, identifier) or self._store.get(REMOVED, identifier)
