"""``/_sandbox/deliveries``: the callback lab.

A delivery is one event on its way to one callback. Its id is that of the event, a slash, and that of the callback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.resources.deliveries import STATUSES, BadPolicy, NotCaptured, read_policy
from sandbox.web.answers import Problem
from sandbox.web.lever import Lever, Pull

_FILTERS = ("status", "type", "callback")


def _list(pull: Pull) -> Any:
    status, kind, callback = (pull.query.get(name) for name in _FILTERS)
    if status is not None and status not in STATUSES:
        raise Problem(400, f"is none of {', '.join(STATUSES)}", "status")
    return {"items": pull.world.deliveries.all(status=status, kind=kind, callback=callback)}


def _replay(pull: Pull) -> Any:
    return _again(pull, pull.world.deliveries.replay)


def _duplicate(pull: Pull) -> Any:
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
    try:
        return {"items": pull.world.deliveries.pull()}
    except NotCaptured:
        raise Problem(409, "nothing is captured; the policy says so", "capture") from None


def _show_policy(pull: Pull) -> Any:
    return pull.world.deliveries.policy.shown()


def _set_policy(pull: Pull) -> Any:
    try:
        policy = read_policy(pull.body)
    except BadPolicy as bad:
        raise Problem(400, bad.why, bad.field) from None
    pull.world.deliveries.set_policy(policy)
    return policy.shown()


LEVERS = (
    Lever("GET", "deliveries", _list, asks=_FILTERS),
    Lever("GET", "deliveries/policy", _show_policy),
    Lever("PUT", "deliveries/policy", _set_policy, takes=None),
    Lever("POST", "deliveries/pull", _take),
    Lever("POST", "deliveries/{event}/{callback}/replay", _replay),
    Lever("POST", "deliveries/{event}/{callback}/duplicate", _duplicate),
)
