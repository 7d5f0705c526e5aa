"""Records to their wire form; pages; links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import orjson

from sandbox.records import Records
from sandbox.resource import ABSENT, KINDS, Family, Field, Place, Record, Snapshot, kind_of
from sandbox.store import Document

R_co = TypeVar("R_co", bound=Record, covariant=True)

Look = Callable[[str, str], Record]
"""Return the record of a kind with an id, as a link would show it."""

_KEPT = 512  # bodies kept ready

_PAGE_LINKS = ("first", "next", "previous", "last")
_PAGE_URIS = {f"{name}_uri": {"_type": "page", "key": name} for name in _PAGE_LINKS}


@dataclass(frozen=True, slots=True)
class Listing(Generic[R_co]):
    """A page's worth of one list: the records, how many there are in all, and how the list was asked for."""

    records: Sequence[R_co]
    total: int
    limit: int
    offset: int
    path: str
    parameters: Sequence[tuple[str, str]] = ()
    more: tuple[tuple[str, Any], ...] = ()


def wire(record: Record, at: Place, look: Look, *, inside: bool = False) -> dict[str, Any]:
    """Return a record's wire form; ``inside`` another one its relations are links."""
    shape = record.shape
    uris: dict[str, Any] = {}
    body: dict[str, Any] = {"_type": shape.wire_type, "_uris": uris, "uri": record.uri(at)}
    for field in shape.shown[at.family]:
        value = getattr(record, field.attribute)
        if value is ABSENT:
            continue
        if field.role == "kept":
            body[field.name] = value
        elif field.role == "as_it_was":
            body[field.name] = _as_it_was(value, at, look)
        elif field.role == "embeds" and not inside:
            body[field.name] = value and _embedded(field, value, at, look)
        else:
            _link(body, uris, field, value, at, look)
    home = record.home(at)
    for name, page in shape.pages.items():
        body[name] = f"{home}/{page['key']}"
    uris.update(shape.pages)
    body.update(record.more(at))
    return body


def _as_it_was(value: Snapshot, at: Place, look: Look) -> dict[str, Any]:
    record = KINDS[value["kind"]].stored(value["document"])
    return wire(record, Place(at.marketplace, Family.MARKETPLACE), look, inside=True)


def _embedded(field: Field, value: str | Mapping[str, Any], at: Place, look: Look) -> dict[str, Any]:
    if isinstance(value, str):
        return wire(look(_target(field, value), value), at, look, inside=True)
    return {"_type": KINDS[field.target].shape.wire_type, "_uris": {}, **value}


def _link(body: dict[str, Any], uris: dict[str, Any], field: Field, value: Any, at: Place, look: Look) -> None:
    name = f"{field.name}_uri"
    if not isinstance(value, str):
        body[name] = None
        return
    target = look(_target(field, value), value)
    body[name] = target.uri(at if field.through is None else Place(at.marketplace, field.through))
    if field.listed:
        uris[name] = {"_type": field.listed_as or target.shape.wire_type, "key": field.name}


def _target(field: Field, identifier: str) -> str:
    # A source is a card or a bank account; its id says which.
    return field.target or kind_of(identifier)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A body, and the documents it was made from."""

    body: bytes
    seen: Sequence[tuple[str, str, Document | None]]


class Bodies:
    """Wire forms as bytes, kept while every document they were made from is still the one in the store."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._ready: dict[tuple[str, str, Family, str], _Ready] = {}

    def of(self, record: Record, at: Place) -> bytes:
        """Return a record's body, as it is kept now."""
        key = (record.shape.kind, record.id, at.family, at.marketplace)
        ready = self._ready.get(key)
        if ready is None or not all(self._records.shown(table, id) is kept for table, id, kept in ready.seen):
            if len(self._ready) >= _KEPT:
                self._ready.clear()
            ready = self._ready[key] = self._made(record, at)
        return ready.body

    def page(self, listing: Listing[Record], at: Place) -> bytes:
        """Return the body of a page (``entities.md`` §4.3)."""
        frame = orjson.dumps(page_frame(listing))
        items = b",".join([self.of(record, at) for record in listing.records])
        return b'%s,"items":[%s]}' % (frame[:-1], items)

    def wire(self, record: Record, at: Place) -> dict[str, Any]:
        """Return a record's wire form."""
        return wire(record, at, self._noting([]))

    def _made(self, record: Record, at: Place) -> _Ready:
        table = record.shape.table
        document = self._records.shown(table, record.id)
        seen = [(table, record.id, document)]
        # A verb may hold a record from before its last change; what is kept under the document has to be made from it.
        kept = record if document is None else self._records.of(type(record), document)
        return _Ready(orjson.dumps(wire(kept, at, self._noting(seen))), seen)

    def _noting(self, seen: list[tuple[str, str, Document | None]]) -> Look:
        def look(kind: str, identifier: str) -> Record:
            record_type = KINDS[kind]
            document = self._records.shown(record_type.shape.table, identifier)
            if document is None:
                raise LookupError(f"a record shows {kind} {identifier}, which was never there")
            seen.append((record_type.shape.table, identifier, document))
            return self._records.of(record_type, document)

        return look


def page_frame(listing: Listing[Record]) -> dict[str, Any]:
    """Return all of a page but its items."""
    limit, offset, total = listing.limit, listing.offset, listing.total
    beyond = offset + limit
    asked = f"{urlencode(listing.parameters)}&" if listing.parameters else ""

    def uri(start: int) -> str:
        return f"{listing.path}?{asked}limit={limit}&offset={start}"

    return {
        "_type": "page",
        "_uris": _PAGE_URIS,
        "uri": uri(offset),
        "first_uri": uri(0),
        "last_uri": uri(max(total - 1, 0) // limit * limit),
        "next_uri": uri(beyond) if beyond < total else None,
        "previous_uri": uri(max(offset - limit, 0)) if offset else None,
        "limit": limit,
        "offset": offset,
        "total": total,
        **dict(listing.more),
    }
