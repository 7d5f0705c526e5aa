"""The escrow book as it is read: what there is of each kind in each state, and how escrow came to what it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.resource import kind_of
from sandbox.store import Document, Store
from sandbox.verify import INVARIANTS, MOVES

KEPT = 1000
"""How many movements are told, the newest."""


def in_escrow(store: Store) -> int:
    """Return what the marketplace holds, in cents; nothing while there is no marketplace."""
    return sum(int(marketplace["in_escrow"]) for marketplace in store.rows("marketplaces").values())


def sums(store: Store) -> dict[str, dict[str, dict[str, int]]]:
    """Return how many there are of each kind in each of its states, and what they come to."""
    found = {table: _sums((row["status"], row) for row in store.rows(table).values()) for table in MOVES}
    return {"holds": _sums((_state(hold), hold) for hold in store.rows("holds").values()), **found}


def history(store: Store) -> list[dict[str, Any]]:
    """Return what escrow came to with each of the newest movements, oldest first."""
    cents, told = in_escrow(store), []
    for entry in store.find("entries", ("side", "escrow"), limit=KEPT).documents:
        by = {"kind": kind_of(entry["because"]), "id": entry["because"], "amount": entry["amount"]}
        told.append({"at": entry["created_at"], "in_escrow": cents, "by": by})
        cents -= entry["amount"]
    return told[::-1]


def movements(store: Store) -> int:
    """Return how many movements there are in all."""
    return store.count("entries", ("side", "escrow"))


def checked(store: Store) -> Iterator[dict[str, Any]]:
    """Yield every invariant of the money, and where it is violated; each is checked when it is asked for."""
    for invariant in INVARIANTS:
        broken = invariant.violations(store)
        yield {"name": invariant.name, "good": not broken, "violations": broken}


def _state(hold: Document) -> str:
    if hold["debit"] is not None:
        return "captured"
    if hold["is_expired"]:
        return "expired"
    return "void" if hold["is_void"] else "open"


def _sums(rows: Iterable[tuple[str, Document]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: {"count": 0, "amount": 0})
    for state, row in rows:
        found[state]["count"] += 1
        found[state]["amount"] += row["amount"]
    return dict(sorted(found.items()))
