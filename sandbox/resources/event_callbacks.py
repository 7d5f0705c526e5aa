"""Event callbacks: one event on its way to one callback, and a log of every attempt.

What is to be sent now is in the outbox, in the order it happened. Whoever sends it says by :func:`attempted` what came
of it; what has to be tried again comes back into the outbox by the schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sandbox.call import Call, Duty, Route
from sandbox.clock import SECOND, Moment, stamp
from sandbox.represent import Listing
from sandbox.resource import KINDS, Place, Record, hidden, points_to, resource
from sandbox.resources.events import Event, Status, recount

ATTEMPTS = 10
"""How often an event is sent to a callback that does not take it (``money.md`` §12.2)."""

FIRST_PAUSE: Moment = 600 * SECOND

SEND_AGAIN = "event_callbacks.send_again"
"""The duty of what is to be tried again."""

_OUTBOX = "outbox"


@resource(
    "event_callback",
    plural="event_callbacks",
    prefix="",  # its id is that of the event and that of the callback
    listed_under=("event", "callback", "outbox", "waits_for"),
    newest_first=False,
)
class EventCallback(Record):
    """How far one event is on its way to one callback."""

    event: str = points_to("event", listed=False)
    callback: str = points_to("callback", listed=False)
    url: str
    status: Status = "pending"
    attempts: int = 0
    attempt_limit: int = ATTEMPTS
    method: str = hidden()
    due: bool = hidden(default=True)
    """Whether an attempt that counts is to be made now."""
    copies: int = hidden(default=0)
    """How often it is to be sent besides; such a copy changes nothing but the log."""
    outbox: str | None = hidden(default=_OUTBOX)
    waits_for: str | None = hidden(default=None)
    """The callback, while there is something to be sent to it: its part of the outbox."""
    id: str = hidden()
    created_at: str = hidden()

    @classmethod
    def stored_id(cls, named: str, parents: Mapping[str, Record]) -> str:
        """Return the id of the event and of the callback together: within its event it has the callback's id."""
        return f"{parents['event'].id}/{named}"

    def uri(self, at: Place) -> str:
        """Return the uri under the event."""
        return f"/v1/events/{self.event}/callbacks/{self.callback}"

    def more(self, at: Place) -> Mapping[str, Any]:
        """Return what it has of its callback, and where its logs are."""
        return {
            "id": self.callback,
            "attempts_remaining": self.attempt_limit - self.attempts,
            "logs_uri": f"{self.uri(at)}/logs",
            # No page, but what is on it (``money.md`` §4.3).
            "_uris": {"logs_uri": {"_type": "event_callback_log", "key": "logs"}},
        }


@resource(
    "event_callback_log",
    plural="event_callback_logs",
    prefix="LG",
    listed_under=("event_callback",),
    filterable={"occurred_at": "datetime", "status": "choice"},
    sortable=("occurred_at",),
    newest_first=False,
)
class EventCallbackLog(Record):
    """One attempt: what was sent, and what came back, if anything did."""

    occurred_at: str
    status: Status
    event: str = points_to("event", listed=False)
    callback: str = points_to("callback", listed=False)
    request_body: str | None
    request_mime_type: str | None
    response_body: str | None
    response_mime_type: str | None
    response_status: int | None
    event_callback: str = hidden()
    id: str = hidden()
    created_at: str = hidden()

    def uri(self, at: Place) -> str:
        """Return the uri under the event callback."""
        return f"/v1/events/{self.event}/callbacks/{self.callback}/logs/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What was sent to a callback, and what came back.

    Where nothing came back there is no status, and ``response_body`` says why.
    """

    request_body: str | None = None
    request_mime_type: str | None = None
    response_body: str | None = None
    response_mime_type: str | None = None
    response_status: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the callback took it, which any 2xx says."""
        return self.response_status is not None and 200 <= self.response_status < 300


def index(call: Call) -> Listing[EventCallback]:
    """List an event's callbacks, the one registered first before the others."""
    return call.listing(EventCallback, ("event", call.parent(Event).id))


def retrieve(call: Call) -> EventCallback:
    """Retrieve how far an event is on its way to a callback."""
    return call.parent(EventCallback)


def replay(call: Call) -> EventCallback:
    """Send an event to a callback once more, as if it never had been; raises ``NotFound`` when the callback is gone."""
    return send_anew(call, call.parent(EventCallback))


def index_of_logs(call: Call) -> Listing[EventCallbackLog]:
    """List the attempts to send an event to a callback, oldest first."""
    return call.listing(EventCallbackLog, ("event_callback", call.parent(EventCallback).id))


def retrieve_log(call: Call) -> EventCallbackLog:
    """Retrieve one attempt."""
    return call.parent(EventCallbackLog)


def address(call: Call, event: Event, callback: str, *, url: str, method: str) -> None:
    """Put an event that has just happened into the outbox, for one callback."""
    call.add(
        EventCallback(
            id=f"{event.id}/{callback}",
            created_at=event.created_at,
            event=event.id,
            callback=callback,
            url=url,
            method=method,
            copies=1 if call.told_twice else 0,
            waits_for=callback,
        )
    )


def outbox(call: Call, callback: str | None = None) -> list[EventCallback]:
    """Return what is to be sent now, to one callback or to all, in the order it happened."""
    under = ("outbox", _OUTBOX) if callback is None else ("waits_for", callback)
    return list(reversed(call.all(EventCallback, under)))


def send_anew(call: Call, delivery: EventCallback) -> EventCallback:
    """Send an event to a callback as if it never had been; raises ``NotFound`` when the callback is gone."""
    call.fetch(KINDS["callback"], delivery.callback)
    call.schedule.cancel(SEND_AGAIN, delivery.id)
    return _move(call, delivery, status="pending", attempts=0, due=True)


def duplicate(call: Call, delivery: EventCallback) -> EventCallback:
    """Send an event to a callback once more than it would be; raises ``NotFound`` when the callback is gone."""
    call.fetch(KINDS["callback"], delivery.callback)
    return _move(call, delivery, copies=delivery.copies + 1)


def attempted(call: Call, sent: EventCallback, attempt: Attempt) -> EventCallback:
    """Keep the log of an attempt; after a failed one there is another, later and later, up to the limit.

    ``sent`` is the event callback as it was when it was taken from the outbox; when no attempt was due then, what was
    sent was a copy.
    """
    delivery = call.fetch(EventCallback, sent.id)
    _log(call, delivery, attempt, "succeeded" if attempt.succeeded else "failed")
    if not sent.due:
        return _move(call, delivery, copies=max(delivery.copies - 1, 0))
    if not delivery.due:
        return delivery  # its callback was deleted while it was being sent
    status: Status = "succeeded" if attempt.succeeded else "failed"
    attempts = delivery.attempts + 1
    if not attempt.succeeded and attempts < delivery.attempt_limit:
        status = "retrying"
        call.schedule.add(SEND_AGAIN, delivery.id, call.now + pause_after(attempts))
    return _move(call, delivery, status=status, attempts=attempts, due=False)


def lose(call: Call, delivery: EventCallback, why: str) -> EventCallback:
    """Send nothing of what is to be sent now; an attempt that was due has failed, and there is no other."""
    _log(call, delivery, Attempt(response_body=why), "failed")
    if not delivery.due:
        return _move(call, delivery, copies=0)
    return _move(call, delivery, status="failed", due=False, copies=0)


def _log(call: Call, delivery: EventCallback, attempt: Attempt, status: Status) -> None:
    call.add(
        EventCallbackLog(
            **call.born("LG"),
            occurred_at=stamp(call.now),
            status=status,
            event=delivery.event,
            callback=delivery.callback,
            event_callback=delivery.id,
            **asdict(attempt),
        )
    )


def pause_after(attempts: int) -> Moment:
    """Return how long to wait after so many attempts: ten minutes, then twice as long each time, in all 3.5 days."""
    return FIRST_PAUSE << (attempts - 1)


def send_again(call: Call, identifier: str) -> None:
    """Put what is to be tried again into the outbox, as its time has come."""
    _move(call, call.fetch(EventCallback, identifier), due=True)


def give_up(call: Call, callback: str) -> None:
    """Send nothing more to a callback: whatever it has not taken yet has failed."""
    for delivery in call.all(EventCallback, ("callback", callback)):
        if delivery.status in ("pending", "retrying"):
            call.schedule.cancel(SEND_AGAIN, delivery.id)
            delivery = _move(call, delivery, status="failed", due=False)
        if delivery.copies:
            _move(call, delivery, copies=0)


def _move(call: Call, delivery: EventCallback, **changes: Any) -> EventCallback:
    after = replace(delivery, **changes)
    waits = after.due or after.copies > 0
    changes |= {"outbox": _OUTBOX if waits else None, "waits_for": after.callback if waits else None}
    moved = call.change(delivery, **changes)
    recount(call, call.fetch(Event, delivery.event), delivery.status, moved.status)
    return moved


DUTIES: Mapping[str, Duty] = {SEND_AGAIN: send_again}
"""What falls due to event callbacks."""

_LIST = "/v1/events/{event}/callbacks"
_MEMBER = f"{_LIST}/{{event_callback}}"

ROUTES = (
    Route("GET", _LIST, index, "specified"),
    Route("GET", _MEMBER, retrieve, "specified"),
    Route("PUT", _MEMBER, replay, "specified"),
    Route("GET", f"{_MEMBER}/logs", index_of_logs, "specified"),
    Route("GET", f"{_MEMBER}/logs/{{event_callback_log}}", retrieve_log, "specified"),
)
