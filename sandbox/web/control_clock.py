"""The lever of time: it is frozen, let run, set, or passes faster; and what is pending is settled."""

from __future__ import annotations

from typing import Any

from sandbox import clock
from sandbox.web.answers import Problem
from sandbox.web.lever import Lever, Pull
from sandbox.world import World

_UNITS = {"days": clock.DAY, "hours": 3600 * clock.SECOND, "minutes": 60 * clock.SECOND, "seconds": clock.SECOND}


def shown(world: World) -> dict[str, Any]:
    """Return what is shown of a world's clock: the time, whether it runs, and what falls due next."""
    due = next(iter(world.tools.schedule), None)
    return {
        "now": clock.stamp(world.clock.now()),
        "running": world.clock.running,
        "next": due and {"duty": due.duty, "record": due.record, "at": clock.stamp(due.at)},
    }


def _show(pull: Pull) -> Any:
    pull.world.catch_up()
    return shown(pull.world)


def _set(pull: Pull) -> Any:
    moment, running = pull.moment("now"), pull.flag("running")
    try:
        done = pull.world.set_clock(moment, running=running)
    except ValueError as bad:
        raise Problem(400, str(bad), "now") from None
    return {**shown(pull.world), "done": done}


def _advance(pull: Pull) -> Any:
    to = pull.moment("to")
    if to is not None and len(pull.body) > 1:
        raise Problem(400, "goes with nothing else", "to")
    by = sum(int(_count(pull, unit) * size) for unit, size in _UNITS.items())
    try:
        done = pull.world.advance(to, by=by)
    except ValueError as bad:
        raise Problem(400, str(bad), next(iter(pull.body))) from None
    return {**shown(pull.world), "done": done}


def _count(pull: Pull, unit: str) -> float:
    count = pull.body.get(unit, 0)
    if isinstance(count, bool) or not isinstance(count, (int, float)) or count < 0:
        raise Problem(400, "is a number from 0", unit)
    return count


def _settle(pull: Pull) -> Any:
    return {"settled": pull.world.settle()}


LEVERS = (
    Lever("GET", "clock", _show),
    Lever("PUT", "clock", _set, takes=("now", "running")),
    Lever("POST", "clock/advance", _advance, takes=("to", *_UNITS)),
    Lever("POST", "settle", _settle),
)
