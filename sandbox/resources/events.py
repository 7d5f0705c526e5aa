"""Events: what happened to which record, and how it looked then."""

from __future__ import annotations

from sandbox.call import Call, Route
from sandbox.errors import NotFound
from sandbox.represent import Listing
from sandbox.resource import Record, Snapshot, as_it_was, hidden, resource
from sandbox.store import Document


@resource(
    "event",
    plural="events",
    prefix="EV",
    listed_under=("of",),
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
    created_at: str = hidden()
    of: str = hidden()


def emit(call: Call, name: str, record: Record, document: Document) -> None:
    """Write down that something happened to a record."""
    born = call.born_event()
    event = Event(
        **born,
        type=f"{record.shape.emits}.{name}",
        # Cut to milliseconds (``money.md`` §4.2).
        occurred_at=f"{born['created_at'][:23]}000Z",
        entity={"kind": record.shape.kind, "document": document},
        of=record.id,
    )
    call.add(event)


def index(call: Call) -> Listing:
    """List the marketplace's events, oldest first."""
    return call.listing(Event)


def retrieve(call: Call) -> Event:
    """Retrieve an event."""
    return call.parent(Event)


def index_of_record(call: Call) -> Listing:
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


ROUTES = (
    Route("GET", "/v1/events", index, "recorded"),
    Route("GET", "/v1/events/{event}", retrieve, "recorded"),
)
