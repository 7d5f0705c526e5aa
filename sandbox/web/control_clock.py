"""The lever of time: it is frozen, let run, set, or passes faster; and what is pending is settled."""

from __future__ import annotations

from typing import Any

from sandbox import clock
from sandbox.schedule import Due
from sandbox.web.answers import Problem
from sandbox.web.lever import Lever, Pull
from sandbox.web.shapes import Amount, MovedClock, Schedule, Settled, Stamp
from sandbox.world import World

SOONEST = 100
"""How much is shown of what falls due."""

_UNITS = {"days": clock.DAY, "hours": 3600 * clock.SECOND, "minutes": 60 * clock.SECOND, "seconds": clock.SECOND}


def shown(world: World) -> dict[str, Any]:
    """Return what is shown of a world's clock: the time, whether it runs, and what falls due next."""
    due = world.tools.schedule.first()
    return {
        "now": clock.stamp(world.clock.now()),
        "running": world.clock.running,
        "next": due and _due(due),
    }


def _due(due: Due) -> dict[str, str]:
    return {"duty": due.duty, "record": due.record, "at": clock.stamp(due.at)}


def _show(pull: Pull) -> Any:
    """Show the time, whether it runs, and what falls due, soonest first."""
    pull.world.catch_up()
    return {**shown(pull.world), "due": [_due(one) for one in pull.world.tools.schedule.soonest(SOONEST)]}


def _set(pull: Pull) -> Any:
    """Jump to a moment that is not in the past, and stand still or run from there."""
    moment, running = pull.moment("now"), pull.flag("running")
    try:
        done = pull.world.set_clock(moment, running=running)
    except ValueError as bad:
        raise Problem(400, str(bad), "now") from None
    return {**shown(pull.world), "done": done}


def _advance(pull: Pull) -> Any:
    """Let time pass, and do whatever falls due on the way, in order, each at its own moment."""
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
    """Bring pending credits and debits to their outcome now."""
    return {"settled": pull.world.settle()}


LEVERS = (
    Lever("GET", "clock", _show, answers=Schedule),
    Lever("PUT", "clock", _set, takes={"now": Stamp | None, "running": bool | None}, answers=MovedClock),
    Lever(
        "POST",
        "clock/advance",
        _advance,
        takes={"to": Stamp | None, **dict.fromkeys(_UNITS, Amount)},
        answers=MovedClock,
    ),
    Lever("POST", "settle", _settle, answers=Settled),
)
