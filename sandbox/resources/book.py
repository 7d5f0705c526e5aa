"""The escrow book: every movement is two rows that sum to zero, and ``in_escrow`` is what they come to."""

from __future__ import annotations

from typing import Literal

from sandbox.call import Call
from sandbox.resource import Record, hidden, resource
from sandbox.resources.marketplaces import Marketplace

Side = Literal["escrow", "outside"]


@resource("entry", plural="entries", prefix="EN", listed_under=("side", "because"))
class Entry(Record):
    """One side of a movement, in cents: what comes in is positive."""

    side: Side = hidden()
    amount: int = hidden()
    because: str = hidden()


def escrow(call: Call) -> int:
    """Return what the marketplace holds in escrow, in cents."""
    return call.the(Marketplace).in_escrow


def move(call: Call, cents: int, because: str) -> None:
    """Bring cents into escrow, or take them out when negative, for the sake of a debit, credit, refund or reversal."""
    marketplace = call.the(Marketplace)
    sides: tuple[tuple[Side, int], ...] = (("escrow", cents), ("outside", -cents))
    for side, amount in sides:
        call.add(Entry(**call.born("EN", side), side=side, amount=amount, because=because), None)
    call.change(marketplace, None, in_escrow=marketplace.in_escrow + cents)
