"""The callback lab: what is on its way to callbacks, what a test may do to it, and what is to be sent next.

A world's policy says what becomes of what is to be sent. It is a row of the store, so it survives a restart and travels
with checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import Any, get_args

import orjson

from sandbox.call import Call
from sandbox.clock import stamp
from sandbox.errors import NotFound
from sandbox.resource import KINDS, Record
from sandbox.resources import event_callbacks
from sandbox.resources.callbacks import Callback
from sandbox.resources.event_callbacks import SEND_AGAIN, Attempt, EventCallback, EventCallbackLog
from sandbox.resources.events import Event, Status
from sandbox.store import Store

POLICY = "delivery_policy"
"""The table of the one document that is the policy, where there is one."""

STATUSES: Sequence[str] = get_args(Status)

DROPPED = "dropped: the policy lets no {} through"
PULLED = "pulled"

_JSON = "application/json"


class BadPolicy(ValueError):
    """A policy that is malformed or can never matter; ``field`` names the place."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class NotCaptured(Exception):
    """What is to be sent is sent, so there is nothing to pull."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of what is to be sent.

    ``capture``: it waits until it is pulled. ``drop``: events of these types are lost on the way. ``reorder``: of what
    is there to be sent at the same time the newest goes first.
    """

    capture: bool = False
    drop: tuple[str, ...] = ()
    reorder: bool = False

    def shown(self) -> dict[str, Any]:
        """Return the policy as it is kept and shown."""
        return {"capture": self.capture, "drop": list(self.drop), "reorder": self.reorder}


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent to a callback: by which method, whereto, and the bare JSON of the event, None for a GET."""

    method: str
    url: str
    body: bytes | None

    def answered(self, **answer: Any) -> Attempt:
        """Return the attempt of sending this with what came back."""
        if self.body is None:
            return Attempt(**answer)
        return Attempt(request_body=self.body.decode(), request_mime_type=_JSON, **answer)


def read_policy(raw: Mapping[str, Any]) -> Policy:
    """Return a policy, what is left out as in a new world; raises :class:`BadPolicy` naming the field that is wrong."""
    known = [field.name for field in fields(Policy)]
    for name, value in raw.items():
        if name not in known:
            raise BadPolicy(name, f"is none of {', '.join(known)}")
        if name != "drop" and not isinstance(value, bool):
            raise BadPolicy(name, "is true or false")
    drop = raw.get("drop", [])
    if not isinstance(drop, list):
        raise BadPolicy("drop", "is a list of event types")
    for number, kind in enumerate(drop):
        _check_type(f"drop[{number}]", kind)
    return Policy(raw.get("capture", False), tuple(drop), raw.get("reorder", False))


def _check_type(field: str, kind: object) -> None:
    if not isinstance(kind, str) or not kind.partition(".")[2]:
        raise BadPolicy(field, "is an event type such as debit.created")
    emitted = sorted({record.shape.emits for record in KINDS.values() if record.shape.emits})
    if kind.partition(".")[0] not in emitted:
        raise BadPolicy(field, f"no event is about a {kind.partition('.')[0]}, only about {', '.join(emitted)}")


class Deliveries:
    """The events of one world on their way to its callbacks.

    ``calling`` lends a call at the present moment, all of which is kept or nothing; ``body`` is a record's JSON.
    """

    def __init__(
        self,
        store: Store,
        calling: Callable[[], AbstractContextManager[Call]],
        body: Callable[[Record], bytes],
    ) -> None:
        self._store = store
        self._calling = calling
        self._body = body

    # Levers.

    @property
    def policy(self) -> Policy:
        """What becomes of what is to be sent."""
        kept = self._store.get(POLICY, POLICY) or {}
        return Policy(kept.get("capture", False), tuple(kept.get("drop", ())), kept.get("reorder", False))

    def set_policy(self, policy: Policy) -> None:
        """Have this become of what is to be sent from now on, and of what waits."""
        with self._calling() as call:
            self._store.put(POLICY, {"id": POLICY, "created_at": stamp(call.now), **policy.shown()})

    def all(self, *, status: str | None = None, kind: str | None = None, callback: str | None = None) -> list[Any]:
        """Return every delivery with its attempts, in the order the events happened; of some only, where named."""
        with self._calling() as call:
            again = _retries(call)
            under = None if callback is None else ("callback", callback)
            found = [one for one in reversed(call.all(EventCallback, under)) if status in (None, one.status)]
            shown = [self._shown(call, one, again.get(one.id)) for one in found]
        return [one for one in shown if kind in (None, one["type"])]

    def replay(self, event: str, callback: str) -> dict[str, Any]:
        """Send an event to a callback as if it never had been; raises ``KeyError`` naming who is not there (any more).

        The name is ``event`` or ``callback``.
        """
        return self._again(event, callback, event_callbacks.send_anew)

    def duplicate(self, event: str, callback: str) -> dict[str, Any]:
        """Send an event to a callback once more, which changes nothing but the log; raises ``KeyError``."""
        return self._again(event, callback, event_callbacks.duplicate)

    def pull(self) -> list[Any]:
        """Take what was captured, as a callback that answers 200 would; raises :class:`NotCaptured`."""
        if not self.policy.capture:
            raise NotCaptured
        pulled: list[Any] = []
        with self._calling() as call:
            self._drop(call)
            for delivery in self._in_order(event_callbacks.outbox(call)):
                while delivery.outbox is not None:
                    letter = self._letter(call, delivery)
                    pulled.append(
                        {
                            "id": delivery.id,
                            "method": letter.method,
                            "url": letter.url,
                            "event": orjson.loads(self._body(call.fetch(Event, delivery.event))),
                        }
                    )
                    taken = letter.answered(response_status=200, response_body=PULLED)
                    delivery = event_callbacks.attempted(call, delivery, taken)
        return pulled

    # For whoever sends.

    def waiting(self) -> list[str]:
        """Return the callbacks that something is to be sent to, the one registered first before the others."""
        with self._calling() as call:
            if self.policy.capture:
                return []
            self._drop(call)
            callbacks = reversed(call.all(Callback))
            return [one.id for one in callbacks if call.count(EventCallback, ("waits_for", one.id))]

    def batch(self, callback: str) -> list[EventCallback]:
        """Return what is to be sent to a callback, what goes first before the others."""
        with self._calling() as call:
            if self.policy.capture:
                return []
            self._drop(call)
            return self._in_order(event_callbacks.outbox(call, callback))

    def letter(self, delivery: EventCallback) -> tuple[EventCallback, Letter] | None:
        """Return what to send of a batch now, and what it is an attempt of; None when it is not to be sent any more."""
        with self._calling() as call:
            now = call.find(EventCallback, delivery.id)
            if now is None or now.outbox is None or self.policy.capture:
                return None
            return now, self._letter(call, now)

    def attempted(self, sent: EventCallback, attempt: Attempt) -> None:
        """Keep what came of sending; nothing, when the world has gone back to before there was such an event."""
        with self._calling() as call:
            if call.find(EventCallback, sent.id) is not None:
                event_callbacks.attempted(call, sent, attempt)

    def _letter(self, call: Call, delivery: EventCallback) -> Letter:
        body = None if delivery.method == "get" else self._body(call.fetch(Event, delivery.event))
        return Letter(delivery.method.upper(), delivery.url, body)

    def _drop(self, call: Call) -> None:
        if not (types := self.policy.drop):
            return
        for delivery in event_callbacks.outbox(call):
            kind = call.fetch(Event, delivery.event).type
            if kind in types:
                event_callbacks.lose(call, delivery, DROPPED.format(kind))

    def _in_order(self, deliveries: list[EventCallback]) -> list[EventCallback]:
        return deliveries[::-1] if self.policy.reorder else deliveries

    def _again(self, event: str, callback: str, send: Callable[[Call, EventCallback], EventCallback]) -> dict[str, Any]:
        with self._calling() as call:
            if call.find(Event, event) is None:
                raise KeyError("event")
            delivery = call.find(EventCallback, f"{event}/{callback}")
            if delivery is None:
                raise KeyError("callback")
            try:
                return self._shown(call, send(call, delivery), _retries(call).get(delivery.id))
            except NotFound:
                raise KeyError("callback") from None

    def _shown(self, call: Call, delivery: EventCallback, again: str | None) -> dict[str, Any]:
        sends_now = delivery.outbox is not None and not self.policy.capture
        return {
            "id": delivery.id,
            "event": delivery.event,
            "callback": delivery.callback,
            "type": call.fetch(Event, delivery.event).type,
            "method": delivery.method.upper(),
            "url": delivery.url,
            "status": delivery.status,
            "attempts": delivery.attempts,
            "attempt_limit": delivery.attempt_limit,
            "copies": delivery.copies,
            "next_try": stamp(call.now) if sends_now else again,
            "log": [_log(log) for log in reversed(call.all(EventCallbackLog, ("event_callback", delivery.id)))],
        }


def _retries(call: Call) -> dict[str, str]:
    return {due.record: stamp(due.at) for due in call.schedule if due.duty == SEND_AGAIN}


def _log(log: EventCallbackLog) -> dict[str, Any]:
    return {
        "occurred_at": log.occurred_at,
        "status": log.status,
        **{field.name: getattr(log, field.name) for field in fields(Attempt)},
    }
