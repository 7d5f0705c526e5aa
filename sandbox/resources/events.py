"""Events: what happened to which record, and how it looked then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sandbox.call import Call, Route
from sandbox.errors import NotFound
from sandbox.represent import Listing
from sandbox.resource import KINDS, Record, Snapshot, as_it_was, hidden, resource
from sandbox.store import Document

TYPES = tuple(
    f"{about}.{happened}"
    for about, all_that_happens in {
        "account": "created updated deleted",
        "bank_account": "created updated invalidated",
        "bank_account_verification": "created deposited updated verified failed",
        "card": "created updated invalidated",
        "credit": "created succeeded failed updated",
        "debit": "created succeeded failed updated",
        "hold": "created captured voided updated",
        "refund": "created succeeded updated",
        "reversal": "created succeeded",
    }.items()
    for happened in all_that_happens.split()
)
"""The types of events there can be (``money.md`` §11.3), but for what the sandbox never does, such as to cancel."""

Status = Literal["failed", "pending", "retrying", "succeeded"]
"""What has come of telling one callback."""


@resource(
    "event",
    plural="events",
    prefix="EV",
    listed_under=("of", "type"),
    collections=("callbacks",),
    filterable={"occurred_at": "datetime", "type": "choice"},
    sortable=("occurred_at",),
    newest_first=False,
)
class Event(Record):
    """One thing that happened, and the record it happened to as it looked then."""

    type: str
    occurred_at: str
    entity: Snapshot = as_it_was()
    callback_statuses: Mapping[Status, int]
    created_at: str = hidden()
    of: str = hidden()


def write(call: Call, name: str, record: Record, document: Document, *, callbacks: int) -> Event:
    """Write down that something happened to a record, which so many callbacks are still to be told."""
    born, shape = call.born_event(), record.shape
    event = Event(
        **born,
        type=f"{shape.emits}.{name}",
        # Cut to milliseconds (``money.md`` §4.2).
        occurred_at=f"{born['created_at'][:23]}000Z",
        # What happens to a customer is called account.*, and shows that face of it (``money.md`` §11.5).
        entity={"kind": shape.emits if shape.emits in KINDS else shape.kind, "document": document},
        callback_statuses={"failed": 0, "pending": callbacks, "retrying": 0, "succeeded": 0},
        of=record.id,
    )
    return call.add(event)


def recount(call: Call, event: Event, was: Status, now: Status) -> None:
    """Count a callback whose status has changed under the new one."""
    statuses = dict(event.callback_statuses)
    statuses[was] -= 1
    statuses[now] += 1
    call.change(event, callback_statuses=statuses)


def index(call: Call) -> Listing[Event]:
    """List the marketplace's events, oldest first."""
    return call.listing(Event)


def retrieve(call: Call) -> Event:
    """Retrieve an event."""
    return call.parent(Event)


def index_of_record(call: Call) -> Listing[Event]:
    """List what happened to the record the path names, oldest first."""
    (record,) = call.at.values()
    return call.listing(Event, ("of", record.id))


def retrieve_of_record(call: Call) -> Event:
    """Retrieve one of the things that happened to the record the path names."""
    record, event = next(iter(call.at.values())), call.parent(Event)
    if event.of != record.id:
        raise NotFound
    return event


def routes_of(member: str) -> tuple[Route, ...]:
    """Return the routes of what happened to a record; ``member`` is its path, such as ``/v1/credits/{credit}``."""
    return (
        Route("GET", f"{member}/events", index_of_record, "specified"),
        Route("GET", f"{member}/events/{{event}}", retrieve_of_record, "specified"),
    )


_UNDER = "/v1/marketplaces/{marketplace}/events"

ROUTES = (
    Route("GET", "/v1/events", index, "recorded"),
    Route("GET", "/v1/events/{event}", retrieve, "recorded"),
    Route("GET", _UNDER, index, "specified"),
    Route("GET", f"{_UNDER}/{{event}}", retrieve, "specified"),
)
