"""Levers, one at a time over one connection: what it takes to put a world back, and to have a fresh one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import bare as application
from benchmarks import markdown
from benchmarks.connection import Connection
from benchmarks.entrants import BEGINNING, CONTROL, Entrant, credentials
from benchmarks.figures import middle
from benchmarks.load import LoadFailed
from benchmarks.operations import GROWTH, PERSON
from benchmarks.rounds import Plan
from benchmarks.served import Mode, Served

REPEATS = 100
"""How often a lever is pulled in a round, unless the time is up before."""

Milliseconds = Sequence[float]
"""One number a round."""


@dataclass(frozen=True, slots=True)
class Lever:
    """What is done, and what of it is timed: ``act`` returns the seconds that some requests took."""

    act: Callable[[Connection], float]
    requests: int = 1
    target: float | None = None
    """The most it may take beyond as many bare answers, in milliseconds."""


def measure(lever: Lever, bare: Served, sandboxes: Sequence[Entrant], plan: Plan) -> list[Milliseconds]:
    """Return the milliseconds of as many bare answers, and those of each sandbox, which have their goes by turns."""
    took: list[list[float]] = [[] for _ in (bare, *sandboxes)]
    for number in range(plan.rounds):
        plan.say(f"{NAMES[lever]}: round {number + 1} of {plan.rounds}")
        took[0].append(_go(lambda line: _answered(line, lever.requests), bare, plan))
        for sandbox, milliseconds in zip(sandboxes, took[1:], strict=True):
            milliseconds.append(_go(lever.act, sandbox.served, plan))
    for sandbox in sandboxes:
        sandbox.put_back()
    return list(took)


def head(customers: Sequence[int]) -> str:
    """Return the head of the table of levers, in milliseconds for each number of customers."""
    sizes = [f"ms, {count:,}" for count in customers]
    return markdown.head(("lever", "kept in", "bare ms", *sizes, "target beyond bare", "growth"), 2)


def row(lever: Lever, mode: Mode, bare: Milliseconds, sandboxes: Sequence[Milliseconds]) -> str:
    """Return the row of a lever."""
    small, large = sandboxes[0], sandboxes[-1]
    return markdown.line(
        (
            NAMES[lever],
            mode,
            f"{middle(bare):.2f}",
            *(f"{middle(one):.2f}" for one in sandboxes),
            _target(lever.target, bare, sandboxes),
            "" if small is large else markdown.change(growth(small, large), GROWTH),
        )
    )


def beyond(bare: Milliseconds, took: Milliseconds) -> float:
    """Return by how many milliseconds something took longer than the bare answers."""
    return middle(one - other for one, other in zip(took, bare, strict=True))


def growth(small: Milliseconds, large: Milliseconds) -> float:
    """Return how much longer it takes in the large world: 0.1 for a tenth."""
    return middle(one / other for one, other in zip(large, small, strict=True)) - 1


def _target(most: float | None, bare: Milliseconds, sandboxes: Sequence[Milliseconds]) -> str:
    if most is None:
        return ""
    return markdown.verdict(f"< {most:g} ms", max(beyond(bare, one) for one in sandboxes) < most)


def _go(act: Callable[[Connection], float], served: Served, plan: Plan) -> float:
    took: list[float] = []
    until = time.perf_counter() + plan.seconds
    with Connection(served.url, CONTROL | credentials(served.api_key)) as connection:
        while not took or (len(took) < REPEATS and time.perf_counter() < until):
            took.append(act(connection))
    return middle(took) * 1000


def _reset(connection: Connection) -> float:
    _create(connection)
    return _back(connection)


def _create_after_reset(connection: Connection) -> float:
    _back(connection)
    return _create(connection)


def _world(connection: Connection) -> float:
    began = time.perf_counter()
    world = json.loads(_send(connection, "POST", "/_sandbox/worlds", "{}"))
    _send(connection, "DELETE", f"/_sandbox/worlds/{world['id']}")
    return time.perf_counter() - began


def _back(connection: Connection) -> float:
    return _timed(connection, "POST", "/_sandbox/reset", json.dumps({"to": BEGINNING}))


def _create(connection: Connection) -> float:
    return _timed(connection, "POST", "/v1/customers", json.dumps(PERSON))


def _answered(connection: Connection, requests: int) -> float:
    return sum(_timed(connection, "POST", f"/{application.LEVER.name}", "{}") for _ in range(requests))


def _timed(connection: Connection, method: str, path: str, body: str) -> float:
    began = time.perf_counter()
    _send(connection, method, path, body)
    return time.perf_counter() - began


def _send(connection: Connection, method: str, path: str, body: str = "") -> bytes:
    status, answer = connection.send(method, path, body)
    if status >= 300:
        raise LoadFailed(f"{method} {path}: {status}: {answer[:300]!r}")
    return answer


RESET = Lever(_reset, target=0.1)
CREATE_AFTER_RESET = Lever(_create_after_reset)
WORLD = Lever(_world, requests=2, target=1.0)

NAMES: Mapping[Lever, str] = {
    RESET: "reset after a create",
    CREATE_AFTER_RESET: "create after a reset",
    WORLD: "a world, created and dropped",
}

LEVERS: Mapping[str, Sequence[Lever]] = {"reset": (RESET, CREATE_AFTER_RESET), "world": (WORLD,)}
"""What is measured for the name of an operation."""
