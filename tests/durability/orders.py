"""Is there an order in which everything happened one after another, each within its time, as it was answered?

This is linearizability, decided as Lowe's "just in time" search and Jepsen's Knossos decide it: going through the
moments, it keeps every set of open operations that may have happened by now, and the state this leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tests.durability.history import Operation

S = TypeVar("S", bound=Hashable)

Step = Callable[[S, Operation], S | None]
"""Returns the state after an operation, None where it could not have been answered as it was."""

Configurations = set[tuple[S, frozenset[Operation]]]
"""States, each with the open operations that have happened on the way to it."""


@dataclass(frozen=True, slots=True)
class Unexplained(Generic[S]):
    """An operation that no order explains, and the states there could have been before it."""

    operation: Operation
    states: frozenset[S]


def unexplained(history: Iterable[Operation], state: S, step: Step[S]) -> Unexplained[S] | None:
    """Return the first operation that no order explains, None where one explains all."""
    configurations: Configurations[S] = {(state, frozenset())}
    opened: set[Operation] = set()
    for is_over, operation in _moments(history):
        if not is_over:
            opened.add(operation)
            continue
        reached, seen = _reached(configurations, opened, operation, step)
        if not reached:
            return Unexplained(operation, frozenset(state for state, _ in seen))
        opened.remove(operation)
        configurations = {(state, happened - {operation}) for state, happened in reached}
    return None


def _moments(history: Iterable[Operation]) -> list[tuple[bool, Operation]]:
    """Return every beginning and end in order; what ends at the moment another begins was open together with it."""
    moments = [(one.began, False, one) for one in history]
    moments += [(one.over, True, one) for _, _, one in moments]
    return [(is_over, one) for _, is_over, one in sorted(moments, key=lambda moment: moment[:2])]


def _reached(
    configurations: Configurations[S], opened: set[Operation], operation: Operation, step: Step[S]
) -> tuple[Configurations[S], Configurations[S]]:
    """Return what there can be once an operation has happened, and all that was looked at on the way.

    Of the others only as many happen as it needs: the rest may still happen later.
    """
    seen, waiting = set(configurations), list(configurations)
    reached = set()
    while waiting:
        state, happened = waiting.pop()
        if operation in happened:
            reached.add((state, happened))
            continue
        for other in opened - happened:
            after = step(state, other)
            if after is not None and (further := (after, happened | {other})) not in seen:
                seen.add(further)
                waiting.append(further)
    return reached, seen
