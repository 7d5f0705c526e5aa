"""What made a record what it is: what happened to it and to those that name it, who asked, and what is still due.

It is told from what every kind declares (its relations, its index, its events), from the schedule and from the request
log; nothing here knows a kind by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, Literal

from sandbox import bank
from sandbox.call import Tools
from sandbox.clock import stamp
from sandbox.redact import redact
from sandbox.request_log import Entry
from sandbox.resource import KINDS, Field, Record, kind_of
from sandbox.resources import DUTIES
from sandbox.resources.events import Event
from sandbox.store import Document

KEPT = 200
"""How many items a timeline has at most; the newest count."""

_RELATIVES = 20  # of one kind by one relation, the newest
_EVENTS = 50  # of one record, the newest
_CHANGES = 5  # told of one event


_REFERENCE = re.compile(r" \(``[^)]*\)")  # to where a docstring has it from


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that happened, was asked, or will happen; ``at`` and ``number`` say when, ``says`` says it in words."""

    at: str
    number: int
    what: Literal["record", "event", "request", "due"]
    type: str
    id: str
    says: str

    def shown(self) -> dict[str, str]:
        """Return the item as JSON-able values."""
        return {"at": self.at, "what": self.what, "type": self.type, "id": self.id, "says": self.says}


def of(tools: Tools, log: Iterable[Entry], record: Record) -> list[Item]:
    """Return the timeline of a record, oldest first, at a cost that does not grow with its world."""
    entries = [entry for entry in log if _concerns(entry, record.id)]
    items = [*_beginning(tools, record), *_events(tools, entries, record), *map(_request, entries)]
    items.sort(key=attrgetter("at", "number"))
    return [*items[-KEPT:], *_due(tools, record)]


# What happened.


def _events(tools: Tools, entries: Sequence[Entry], record: Record) -> Iterator[Item]:
    for one in (record, *_relatives(tools, record)):
        before: Mapping[str, Any] = {}
        for event in reversed(tools.store.find(Event.shape.table, ("of", one.id), limit=_EVENTS).documents):
            document = event["entity"]["document"]
            words = [_happened(one, event["type"]), _changed(one, before, document)]
            if event["type"].endswith(".failed"):
                words.append(_reason(tools, entries, one))
            yield Item(event["created_at"], event["_seq"], "event", event["type"], event["id"], _sentence(words))
            before = document


def _relatives(tools: Tools, record: Record) -> list[Record]:
    """Return the records that name this one and to which things happen: by an index, or as it names them too."""
    found = {one.id: one for one in chain(_listed_under(tools, record), _named_back(tools, record))}
    return [one for one in found.values() if one.id != record.id]


def _listed_under(tools: Tools, record: Record) -> Iterator[Record]:
    for kind in KINDS.values():
        for field in kind.shape.listed_under if kind.shape.emits else ():
            for document in tools.store.find(kind.shape.table, (field, record.id), limit=_RELATIVES).documents:
                yield tools.records.of(KINDS[kind_of(document["id"])], document)


def _named_back(tools: Tools, record: Record) -> Iterator[Record]:
    return (one for one in _named(tools, record) if record.id in one.document().values())


def _named(tools: Tools, record: Record) -> Iterator[Record]:
    """Yield the records that this one names."""
    for field in _relations(record):
        named = getattr(record, field.attribute)
        if isinstance(named, str):
            kind = KINDS[field.target or kind_of(named)]
            document = tools.records.shown(kind.shape.table, named)
            if document is not None:
                yield tools.records.of(kind, document)


def _relations(record: Record) -> Iterator[Field]:
    return (field for field in record.shape.fields if field.role in ("points_to", "embeds"))


def _beginning(tools: Tools, record: Record) -> Iterator[Item]:
    """Say that a record is there, where no event does."""
    created = f"{record.shape.emits}.created"
    oldest = tools.store.find(Event.shape.table, ("of", record.id), newest_first=False, limit=1).documents
    if oldest and oldest[0]["type"] == created:
        return
    words = [f"{_name(record)} was created"]
    if record.shape.emits:
        words = [f"{_name(record)} was there from the start", "a fixture brought it, or its marketplace began with it"]
    yield Item(record.created_at, 0, "record", "created", record.id, _sentence(words))


def _happened(record: Record, kind: str) -> str:
    word = kind.rpartition(".")[2]
    return f"{_name(record)} {word if word in ('failed', 'succeeded') else f'was {word}'}"


def _changed(record: Record, before: Document, after: Document) -> str:
    """Return which fields that are shown changed, such as ``status pending → failed``."""
    shown = {field.key: field.name for field in record.shape.fields if field.kept and field.role != "hidden"}
    if not before:
        return f"status {after['status']}" if isinstance(after.get("status"), str) else ""
    changes = [
        f"{name} {_value(before.get(key))} → {_value(after.get(key))}"
        for key, name in shown.items()
        if before.get(key) != after.get(key)
    ]
    return ", ".join(changes[:_CHANGES])


def _reason(tools: Tools, entries: Sequence[Entry], record: Record) -> str:
    """Return why the bank let something fail: a fault had it do so, or what was charged or paid is of that kind."""
    scripted = (entry.fault.get("bank") for entry in entries if entry.fault and _creates(entry, record.id))
    if bank.FAILS in scripted:
        return bank.SCRIPTED_TO_FAIL
    behaving = {one.behaviour: one for one in _named(tools, record) if hasattr(one, "behaviour")}
    why = (why.format(_name(behaving[one])) for one, why in bank.WHY_IT_FAILS.items() if one in behaving)
    # An account that was described and not kept shows no behaviour.
    is_described = any(isinstance(getattr(record, field.attribute), Mapping) for field in _relations(record))
    return next(why, bank.REFUSED if behaving or is_described else "")


# Who asked.


def _concerns(entry: Entry, identifier: str) -> bool:
    """Return whether a request was about a record: its path leads there, or it changed something that shows it."""
    path = entry.uri.partition("?")[0]
    if identifier in path.rsplit("/", 2)[1:]:
        return True
    if entry.method in ("GET", "HEAD"):
        return False
    return b'"%s"' % identifier.encode() in entry.answer or _names(entry.body, identifier)


def _names(value: Any, identifier: str) -> bool:
    """Return whether a body names a record, by its id or its uri."""
    if isinstance(value, Mapping):
        return any(_names(inner, identifier) for inner in value.values())
    return isinstance(value, str) and value.rpartition("/")[2] == identifier


def _creates(entry: Entry, identifier: str) -> bool:
    return entry.method == "POST" and b'"id":"%s"' % identifier.encode() in entry.answer


def _request(entry: Entry) -> Item:
    asked = f"{entry.method} {redact(entry.uri)}"
    if entry.status is None:
        said = f"{asked} got no answer"
    elif entry.why is not None:
        said = f"{asked} was refused with {entry.status} {entry.why.rule}: {redact(entry.why.expected or '')}"
    else:
        said = f"{asked} was answered with {entry.status}"
    words = [said, "a fault had waited for it" if entry.fault else ""]
    return Item(stamp(entry.at), entry.began, "request", entry.operation, entry.id, _sentence(words))


# What is due.


def _due(tools: Tools, record: Record) -> Iterator[Item]:
    for due in sorted(tools.schedule.of(record.id, DUTIES), key=attrgetter("at")):
        says = _REFERENCE.sub("", (DUTIES[due.duty].__doc__ or due.duty).partition("\n")[0])
        yield Item(stamp(due.at), 0, "due", due.duty, due.record, says)


# Words.


def _name(record: Record) -> str:
    return f"{record.shape.kind.replace('_', ' ')} {record.id}"


def _value(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    return redact(str(value))


def _sentence(words: Iterable[str]) -> str:
    """Return the parts that say something as one sentence."""
    said = ": ".join(word.rstrip(".") for word in words if word)
    return f"{said[:1].upper()}{said[1:]}."
