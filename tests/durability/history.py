"""What clients asked and what came of it, each operation between the moments when it began and when it was over."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.durability.server import Reply, Server

Outcome = Literal["ok", "refused", "unknown"]
"""It was done; it is known not to have been; or nobody heard."""


@dataclass(frozen=True, eq=False, slots=True)
class Operation:
    """One thing that one client asked: it happened after ``began`` and before ``over``, if it did.

    An operation that nobody heard of again is over when its server has died.
    """

    what: str
    began: int
    over: int
    outcome: Outcome = "ok"
    given: Mapping[str, Any] = field(default_factory=dict)
    answer: Any = None

    @property
    def tag(self) -> str:
        """The name its record is found by."""
        return str(self.given.get("tag", ""))

    def __str__(self) -> str:
        return f"{self.began:>6} to {self.over:<6} {self.what} {dict(self.given)}: {self.outcome} {self.answer}"


class History:
    """The operations of concurrent clients, in the order in which they were over."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._moments = itertools.count(1)
        self._unheard: list[tuple[str, int, Mapping[str, Any]]] = []

    def moment(self) -> int:
        """Return the present moment, which is later than every other that was returned."""
        return next(self._moments)

    async def ask(
        self,
        server: Server,
        what: str,
        given: Mapping[str, Any],
        method: str,
        uri: str,
        body: Any = None,
        heard: Callable[[Any], Any] = lambda _: None,
    ) -> Reply:
        """Ask, and note what came of it: what was heard in the answer, or the code of a refusal."""
        began = self.moment()
        reply = await server.ask(method, uri, body)
        if reply.never_sent:
            self.operations.append(Operation(what, began, self.moment(), "refused", given, "never sent"))
        elif reply.status is None:
            self._unheard.append((what, began, given))
        else:
            answer = heard(reply.body) if reply.is_good else reply.body["category_code"]
            outcome: Outcome = "ok" if reply.is_good else "refused"
            self.operations.append(Operation(what, began, self.moment(), outcome, given, answer))
        return reply

    def settle(self) -> None:
        """Note that the server has died: whatever nobody heard of happened before this moment, or never."""
        over = self.moment()
        self.operations += [Operation(what, began, over, "unknown", given) for what, began, given in self._unheard]
        self._unheard.clear()


def around(history: Iterable[Operation], operation: Operation) -> Sequence[Operation]:
    """Return the operations that were under way together with one, itself among them, in the order they began."""
    together = (one for one in history if one.began <= operation.over and operation.began <= one.over)
    return sorted(together, key=lambda one: one.began)
