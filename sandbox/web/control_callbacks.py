"""``/_sandbox/deliveries``: the callback lab.

A delivery is one event on its way to one callback. Its id is that of the event, a slash, and that of the callback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.resources.deliveries import STATUSES, BadPolicy, NotCaptured, read_policy
from sandbox.resources.events import Status
from sandbox.web.answers import Problem
from sandbox.web.lever import Lever, Pull
from sandbox.web.shapes import Delivery, Items, NewPolicy, Policy, Taken

_ASKS = {"status": Status, "type": str, "callback": str}


def _list(pull: Pull) -> Any:
    """List the events on their way to callbacks, with every attempt and the next one."""
    status, kind, callback = (pull.query.get(name) for name in _ASKS)
    if status is not None and status not in STATUSES:
        raise Problem(400, f"is none of {', '.join(STATUSES)}", "status")
    return {"items": pull.world.deliveries.all(status=status, kind=kind, callback=callback)}


def _replay(pull: Pull) -> Any:
    """Send an event to a callback as if it never had been."""
    return _again(pull, pull.world.deliveries.replay)


def _duplicate(pull: Pull) -> Any:
    """Send an event to a callback once more, which changes nothing but the log."""
    return _again(pull, pull.world.deliveries.duplicate)


def _again(pull: Pull, send: Callable[[str, str], dict[str, Any]]) -> Any:
    event, callback = pull.path["event"], pull.path["callback"]
    try:
        return send(event, callback)
    except KeyError as missing:
        (name,) = missing.args
        why = {
            "event": f"there is no event {event}",
            "callback": f"{event} is not for {callback}, or {callback} is deleted",
        }
        raise Problem(404, why[name], name) from None


def _take(pull: Pull) -> Any:
    """Take what was captured, as a callback that answers 200."""
    try:
        return {"items": pull.world.deliveries.pull()}
    except NotCaptured:
        raise Problem(409, "nothing is captured; the policy says so", "capture") from None


def _show_policy(pull: Pull) -> Any:
    """Show what becomes of what is to be sent."""
    return pull.world.deliveries.policy.shown()


def _set_policy(pull: Pull) -> Any:
    """Say what becomes of what is to be sent."""
    try:
        policy = read_policy(pull.body)
    except BadPolicy as bad:
        raise Problem(400, bad.why, bad.field) from None
    pull.world.deliveries.set_policy(policy)
    return policy.shown()


LEVERS = (
    Lever("GET", "deliveries", _list, asks=_ASKS, answers=Items[Delivery]),
    Lever("GET", "deliveries/policy", _show_policy, answers=Policy),
    Lever("PUT", "deliveries/policy", _set_policy, takes=NewPolicy, answers=Policy),
    Lever("POST", "deliveries/pull", _take, answers=Items[Taken], refuses=(409,)),
    Lever("POST", "deliveries/{event}/{callback}/replay", _replay, answers=Delivery),
    Lever("POST", "deliveries/{event}/{callback}/duplicate", _duplicate, answers=Delivery),
)
