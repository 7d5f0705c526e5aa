"""Callbacks: the urls that are told of every event."""

from __future__ import annotations

import re

from sandbox.call import Call, Route
from sandbox.fields import Choice, Matching
from sandbox.represent import Listing
from sandbox.resource import Record, given, hidden, resource
from sandbox.resources import event_callbacks, events
from sandbox.store import Document

URL = Matching(pattern=re.compile(r"https?://[^\s/?#]+\S*"), should="an http or https url", required=True)
"""Where events can be sent; the API took any text, but never said what became of it."""

METHOD = Choice(words=("post", "put", "get"))


@resource("callback", plural="callbacks", prefix="CB", filterable={"created_at": "datetime"}, sortable=("created_at",))
class Callback(Record):
    """A url, and the HTTP method it is told with."""

    url: str = given(URL)
    method: str = given(METHOD, default="post")
    created_at: str = hidden()


def create(call: Call) -> Callback:
    """Register a callback: it is told of everything that happens from now on."""
    return call.add(Callback(**call.born("CB"), **call.given))


def index(call: Call) -> Listing[Callback]:
    """List the callbacks, newest first."""
    return call.listing(Callback)


def retrieve(call: Call) -> Callback:
    """Retrieve a callback."""
    return call.parent(Callback)


def delete(call: Call) -> None:
    """Delete a callback; it is told no more, not even of what happened before."""
    callback = call.parent(Callback)
    event_callbacks.give_up(call, callback.id)
    call.drop(callback)


def emit(call: Call, name: str, record: Record, document: Document) -> None:
    """Write down that something happened to a record, and have every callback told."""
    callbacks = call.all(Callback)
    event = events.write(call, name, record, document, callbacks=len(callbacks))
    for callback in reversed(callbacks):
        event_callbacks.address(call, event, callback.id, url=callback.url, method=callback.method)


_FLAT = "/v1/callbacks"
_UNDER = "/v1/marketplaces/{marketplace}/callbacks"

ROUTES = tuple(
    route
    for path in (_FLAT, _UNDER)
    for route in (
        Route("POST", path, create, "recorded", takes=Callback.shape.given),
        Route("GET", path, index, "recorded"),
        Route("GET", f"{path}/{{callback}}", retrieve, "recorded"),
        Route("DELETE", f"{path}/{{callback}}", delete, "recorded"),
    )
)
