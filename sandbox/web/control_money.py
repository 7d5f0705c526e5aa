"""The levers that look at the money: the escrow book, and whether it adds up."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, TypedDict

from sandbox import ledger
from sandbox.web.answers import Problem
from sandbox.web.lever import Lever, Pull
from sandbox.web.shapes import Stamp, Verdict


class Sum(TypedDict):
    """How many there are, and the cents they come to."""

    count: int
    amount: int


class Cause(TypedDict):
    """What moved money: its kind, and the cents that came into escrow or, when negative, left it."""

    kind: Literal["debit", "credit", "refund", "reversal"]
    id: str
    amount: int


class Movement(TypedDict):
    """What was in escrow after a movement."""

    at: Stamp
    in_escrow: int
    by: Cause


class Checked(TypedDict):
    """One invariant of the money, and where it is violated."""

    name: str
    good: bool
    violations: list[str]


class Money(TypedDict):
    """What is in escrow, the sums by kind and state, the newest movements of how many, and the invariants."""

    in_escrow: int
    book: dict[str, dict[str, Sum]]
    movements: int
    history: list[Movement]
    invariants: list[Checked]


async def _show(pull: Pull) -> Any:
    """Show what is in escrow, what of each kind and state there is, how it came to be, and whether it adds up."""
    pull.world.catch_up()
    store = pull.world.store
    book = {
        "in_escrow": ledger.in_escrow(store),
        "book": ledger.sums(store),
        "movements": ledger.movements(store),
        "history": ledger.history(store),
    }
    invariants = []
    for checked in ledger.checked(store):
        invariants.append(checked)
        await asyncio.sleep(0)  # in a large world each takes its time, in which others wait
    return {**book, "invariants": invariants}


def _verify(pull: Pull) -> Any:
    """Say whether the money adds up, of the whole world or of one customer, and where it does not."""
    customer = pull.query.get("customer")
    try:
        violations = pull.world.verify(customer)
    except KeyError:
        raise Problem(404, f"there is no customer {customer}", "customer") from None
    return {"good": not violations, "violations": violations}


LEVERS = (
    Lever("GET", "money", _show, answers=Money),
    Lever("GET", "verify", _verify, asks={"customer": str}, answers=Verdict, refuses=(404,)),
)
