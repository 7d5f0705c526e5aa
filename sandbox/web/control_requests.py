"""The levers around requests: the faults that wait for them, the log of them, and what they have exercised."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sandbox import coverage, request_log
from sandbox.clock import SECOND
from sandbox.faults import BadFault
from sandbox.web.answers import Created, Lines, Problem
from sandbox.web.lever import Lever, Pull
from sandbox.world import World

LONGEST_WAIT = 60.0  # seconds


def _list_faults(pull: Pull) -> Any:
    return {"items": [_fault(document) for document in pull.world.faults.all()]}


def _add_fault(pull: Pull) -> Any:
    try:
        return Created(_fault(pull.world.add_fault(pull.body)))
    except BadFault as bad:
        raise Problem(400, bad.why, bad.field) from None


def _clear_faults(pull: Pull) -> Any:
    pull.world.clear_faults()


def _drop_fault(pull: Pull) -> Any:
    try:
        pull.world.clear_faults(pull.path["fault"])
    except KeyError:
        raise Problem(404, f"there is no fault {pull.path['fault']}", "fault") from None


def _fault(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "_seq"}


def _list_requests(pull: Pull) -> Any:
    entries = [entry for entry in pull.world.requests if entry.answers_to(pull.query)]
    return {"items": [request_log.shown(entry, pull.url) for entry in entries]}


def _clear_requests(pull: Pull) -> Any:
    pull.world.requests.clear()


def _show_request(pull: Pull) -> Any:
    entry = pull.world.requests.find(pull.path["request"])
    if entry is None:
        raise Problem(404, f"there is no request {pull.path['request']} (any more)", "request")
    return request_log.shown(entry, pull.url)


def _verify(pull: Pull) -> Any:
    violations = pull.world.verify()
    return {"good": not violations, "violations": violations}


def _coverage(pull: Pull) -> Any:
    wanted = pull.query.get("format", "json")
    if wanted not in ("json", "table"):
        raise Problem(400, "is json or table", "format")
    seen = pull.world.coverage()
    return seen if wanted == "json" else Lines(coverage.table(seen))


async def _wait(pull: Pull) -> Any:
    """Wait for an event of a type, also one that has happened already after the event ``after`` names."""
    seconds = _seconds(pull.query.get("timeout", "10"))
    wanted, after = pull.query.get("type"), pull.query.get("after")
    if after is not None and not pull.world.has_event(after):
        raise Problem(404, f"there is no event {after}", "after")
    try:
        async with asyncio.timeout(seconds):
            while (event := pull.world.event_after(after, wanted)) is None:
                await pull.pulse.next(pull.world, within=_until_next_due(pull.world))
    except TimeoutError:
        raise Problem(408, f"no such event within {seconds:g} seconds") from None
    return event


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise Problem(400, f"is a number of seconds up to {LONGEST_WAIT:g}", "timeout")
    return seconds


def _until_next_due(world: World) -> float | None:
    """Return in how many seconds something falls due by itself, None for never."""
    due = next(iter(world.tools.schedule), None)
    if due is None or not world.clock.running:
        return None
    return max(0, due.at - world.clock.now()) / SECOND


LEVERS = (
    Lever("GET", "faults", _list_faults),
    Lever("POST", "faults", _add_fault, takes=None),
    Lever("DELETE", "faults", _clear_faults),
    Lever("DELETE", "faults/{fault}", _drop_fault),
    Lever("GET", "requests", _list_requests, asks=request_log.FILTERS),
    Lever("DELETE", "requests", _clear_requests),
    Lever("GET", "requests/{request}", _show_request),
    Lever("GET", "verify", _verify),
    Lever("GET", "coverage", _coverage, asks=("format",)),
    Lever("GET", "events/wait", _wait, asks=("type", "after", "timeout")),
)
