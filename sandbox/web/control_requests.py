"""The levers around requests: the faults that wait for them, the log of them, and what they have exercised."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import inf
from typing import Annotated, Any, Literal

from sandbox import coverage, request_log
from sandbox.clock import SECOND
from sandbox.faults import BadFault
from sandbox.json_schema import Known
from sandbox.request_log import Entry
from sandbox.web import replay
from sandbox.web.answers import Created, Lines, Problem
from sandbox.web.control_stream import chosen
from sandbox.web.lever import Lever, Pull
from sandbox.web.shapes import Brief, Coverage, Fault, Happened, Items, Positive, Replayed, Request, Rule
from sandbox.world import World

LONGEST_WAIT = 60.0  # seconds

Seconds = Annotated[float, Known(minimum=0, maximum=LONGEST_WAIT)]

_ASKS = {**dict.fromkeys(request_log.FILTERS, str), "world": Literal["all"], "limit": Positive, "brief": bool}


def _list_faults(pull: Pull) -> Any:
    """List the faults that wait, in the order they are tried."""
    return {"items": [_fault(document) for document in pull.world.faults.all()]}


def _add_fault(pull: Pull) -> Any:
    """Add a fault after those that wait."""
    try:
        return Created(_fault(pull.world.add_fault(pull.body)))
    except BadFault as bad:
        raise Problem(400, bad.why, bad.field) from None


def _clear_faults(pull: Pull) -> Any:
    """Forget every fault."""
    pull.world.clear_faults()


def _drop_fault(pull: Pull) -> Any:
    """Forget one fault."""
    try:
        pull.world.clear_faults(pull.path["fault"])
    except KeyError:
        raise Problem(404, f"there is no fault {pull.path['fault']}", "fault") from None


def _fault(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "_seq"}


def _list_requests(pull: Pull) -> Any:
    """List the requests of the world, or of all worlds in the order they were answered; the newest last."""
    world = chosen(pull)
    wanted = {name: value for name, value in pull.query.items() if name in request_log.FILTERS}
    worlds = [world] if world else pull.worlds
    found = [(one, entry) for one in worlds for entry in one.requests if entry.answers_to(wanted)]
    if world is None:
        found.sort(key=lambda one: one[1].number or inf)  # what is not answered yet is the newest
    newest = found[-pull.count("limit", max(len(found), 1)) :]
    if _brief(pull):
        return {"items": [request_log.brief(entry, one.name) for one, entry in newest]}
    return {"items": [request_log.shown(entry, one.name, pull.url) for one, entry in newest]}


def _brief(pull: Pull) -> bool:
    brief = pull.query.get("brief", "false")
    if brief not in ("true", "false"):
        raise Problem(400, "is true or false", "brief")
    return brief == "true"


def _clear_requests(pull: Pull) -> Any:
    """Forget the requests of the world."""
    pull.world.requests.clear()


def _show_request(pull: Pull) -> Any:
    """Show one request: what was asked, what was answered, and the rule that refused it."""
    return request_log.shown(_entry(pull), pull.world.name, pull.url)


async def _replay(pull: Pull) -> Any:
    """Ask the same once more with the world's key, through everything a client's request passes."""
    entry, before = _entry(pull), pull.streams.last
    why = replay.cannot(entry)
    if why is not None:
        raise Problem(409, f"{why}; adapt this line: {request_log.curl(entry, pull.url)}", "request")
    try:
        asked = await pull.loopback.ask(entry, pull.world.api_key)
    except OSError as trouble:
        raise Problem(502, f"the sandbox does not reach itself: {trouble}") from None
    for world in pull.worlds:
        for one in world.requests.since(before):
            # No answer has come over a broken connection: the request is known by what was asked.
            if one.id == asked or (asked is None and (one.method, one.uri) == (entry.method, entry.uri)):
                return {"request": request_log.shown(one, world.name, pull.url)}
    raise Problem(409, "it was asked, and no log has it any more", "request")


def _entry(pull: Pull) -> Entry:
    entry = pull.world.requests.find(pull.path["request"])
    if entry is None:
        raise Problem(404, f"there is no request {pull.path['request']} (any more)", "request")
    return entry


def _coverage(pull: Pull) -> Any:
    """Show which operations, states and refusals were met, out of all there are."""
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
    due = world.tools.schedule.first()
    if due is None or not world.clock.running:
        return None
    return max(0, due.at - world.clock.now()) / SECOND


LEVERS = (
    Lever("GET", "faults", _list_faults, answers=Items[Fault]),
    Lever("POST", "faults", _add_fault, takes=Rule, answers=Created[Fault]),
    Lever("DELETE", "faults", _clear_faults),
    Lever("DELETE", "faults/{fault}", _drop_fault),
    Lever("GET", "requests", _list_requests, asks=_ASKS, answers=Items[Request | Brief]),
    Lever("DELETE", "requests", _clear_requests),
    Lever("GET", "requests/{request}", _show_request, answers=Request),
    Lever("POST", "requests/{request}/replay", _replay, answers=Replayed, refuses=(409, 502)),
    Lever("GET", "coverage", _coverage, asks={"format": Literal["json", "table"]}, answers=Coverage | Lines),
    Lever("GET", "events/wait", _wait, asks={"type": str, "after": str, "timeout": Seconds}, answers=Happened),
)
