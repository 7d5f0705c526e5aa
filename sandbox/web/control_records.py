"""The levers that show what is in a world: its collections, their records, and what made a record what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypedDict

from sandbox import timeline
from sandbox.contents import COLLECTIONS, matching
from sandbox.json_schema import Known
from sandbox.resource import Record
from sandbox.store import Document
from sandbox.web.answers import Problem
from sandbox.web.lever import Lever, Pull
from sandbox.web.shapes import Items, Stamp

LIMIT, MOST = 25, 100
"""How many records are shown at once: unless it is said, and at most."""

_PAGE = {
    "search": str,
    "limit": Annotated[int, Known(minimum=1, maximum=MOST)],
    "offset": Annotated[int, Known(minimum=0)],
}

_SLICE = 2000  # records looked through before others may have their turn


class Total(TypedDict):
    """How many records a collection has."""

    collection: str
    total: int


class Found(TypedDict):
    """One page of the records that were found, and how many there are."""

    items: list[Mapping[str, Any]]
    total: int


class Item(TypedDict):
    """One thing that happened, was asked, or is due; what it says is a sentence."""

    at: Stamp
    what: Literal["record", "event", "request", "due"]
    type: str
    id: str
    says: str


class Life(TypedDict):
    """A record, and what made it what it is, oldest first."""

    record: Mapping[str, Any]
    timeline: list[Item]


def _list_collections(pull: Pull) -> Any:
    """List the collections, and how many records each has."""
    store = pull.world.store
    return {
        "items": [{"collection": name, "total": store.count(kind.shape.table)} for name, kind in COLLECTIONS.items()]
    }


async def _list_records(pull: Pull) -> Any:
    """List the records of a collection, newest first; only those that show a text, where one is searched for."""
    kind, wanted = _kind(pull), pull.query.get("search", "")
    limit, offset = pull.count("limit", LIMIT, most=MOST), pull.count("offset", 0, least=0)
    pull.world.catch_up()
    if wanted:
        documents = await _search(pull, kind, wanted)
        page, total = documents[offset : offset + limit], len(documents)
    else:
        found = pull.world.store.find(kind.shape.table, limit=limit, offset=offset)
        page, total = found.documents, found.total
    records = [pull.world.tools.records.of(kind, document) for document in page]
    return {"items": [pull.world.shown(record) for record in records], "total": total}


def _show_record(pull: Pull) -> Any:
    """Show a record, and what happened to it, who asked for it, and what is still due."""
    kind, identifier = _kind(pull), pull.path["record"]
    pull.world.catch_up()
    record = pull.world.tools.records.get(kind, identifier)
    if record is None:
        raise Problem(404, f"there is no {identifier} in {kind.shape.plural}", "record")
    items = timeline.of(pull.world.tools, pull.world.requests, record)
    return {"record": pull.world.shown(record), "timeline": [item.shown() for item in items]}


def _kind(pull: Pull) -> type[Record]:
    kind = COLLECTIONS.get(pull.path["collection"])
    if kind is None:
        raise Problem(404, f"is none of {', '.join(COLLECTIONS)}", "collection")
    return kind


async def _search(pull: Pull, kind: type[Record], wanted: str) -> list[Document]:
    """Look through all there was when it began; a hundred thousand records keep nobody else waiting."""
    found: list[Document] = []
    there = pull.world.store.find(kind.shape.table).documents
    for start in range(0, len(there), _SLICE):
        found += matching(there[start : start + _SLICE], kind, wanted)
        await asyncio.sleep(0)
    return found


LEVERS = (
    Lever("GET", "records", _list_collections, answers=Items[Total]),
    Lever("GET", "records/{collection}", _list_records, asks=_PAGE, answers=Found),
    Lever("GET", "records/{collection}/{record}", _show_record, answers=Life),
)
