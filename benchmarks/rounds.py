"""Rounds: everybody has a go, by turns and again and again, so that each shares the machine's moods with the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import load
from benchmarks.entrants import Entrant
from benchmarks.figures import Round, Series, over
from benchmarks.load import Load, LoadFailed
from benchmarks.operations import Operation

WARM_UP = 1.0  # seconds that nobody counts


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure: with which load, for how long, how often, over how many connections, and who is told."""

    load: Load
    seconds: float
    rounds: int
    connections: int
    say: Callable[[str], None]


def measure(operation: Operation, entrants: Sequence[Entrant], plan: Plan) -> list[Series]:
    """Return the rounds of each entrant; raises ``LoadFailed`` when somebody does not do what is measured."""
    series: list[list[Round]] = [[] for _ in entrants]
    for entrant in entrants:
        plan.say(f"{operation.name}: {entrant.name} warms up")
        _go(operation, entrant, plan, min(WARM_UP, plan.seconds))
    for number in range(plan.rounds):
        for entrant, rounds in zip(entrants, series, strict=True):
            plan.say(f"{operation.name}: round {number + 1} of {plan.rounds}, {entrant.name} {entrant.customers:,}")
            rounds.append(_go(operation, entrant, plan, plan.seconds))
    for entrant in entrants:
        entrant.put_back()
    return list(series)


def _go(operation: Operation, entrant: Entrant, plan: Plan, seconds: float) -> Round:
    ask = entrant.asks[operation.name]
    if operation.changes:
        entrant.put_back()
    # The first one after a world was put back pays for the tables it touches, so it is not counted.
    load.check(ask)
    entrant.served.rest()
    events = entrant.events() if entrant.events else 0
    before = entrant.served.spent
    done = load.put(plan.load, ask, seconds, plan.connections)
    entrant.served.rest()
    spent = entrant.served.spent - before
    if not done.requests and not entrant.may_stall:
        raise LoadFailed(f"{entrant.name} answered nothing: {operation.name}")
    if operation.changes and entrant.events and entrant.events() - events < done.requests:
        raise LoadFailed(f"{operation.name}: {done.requests} were answered well, and fewer events tell of them")
    return Round(done.requests / done.seconds, over(spent, done.requests))
