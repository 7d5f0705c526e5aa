"""The money invariants of a world: what no request may ever break, each violation named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sandbox.store import Store

_MOVES: Mapping[str, tuple[int, frozenset[str]]] = {
    "debits": (1, frozenset({"succeeded"})),
    "credits": (-1, frozenset({"pending", "paid"})),
    "refunds": (-1, frozenset({"succeeded"})),
    "reversals": (1, frozenset({"succeeded"})),
}
"""Which way money moves for each kind, into escrow or out of it, and in which of its states it is there."""


def violations(store: Store) -> list[str]:
    """Return every violated invariant of a world's money, in words; empty when all is well. Amounts are cents."""
    return [*_escrow(store), *_movements(store), *_captures(store), *_bounds(store)]


def _escrow(store: Store) -> Iterator[str]:
    entries = store.rows("entries").values()
    booked = sum(entry["amount"] for entry in entries if entry["side"] == "escrow")
    for because, cents in _sums((entry["because"], entry["amount"]) for entry in entries).items():
        if cents:
            yield f"the entries of {because} come to {cents}, not to zero"
    for marketplace in store.rows("marketplaces").values():
        if marketplace["in_escrow"] != booked:
            yield f"{marketplace['id']} has {marketplace['in_escrow']} in escrow, but the book says {booked}"
        if marketplace["in_escrow"] < 0:
            yield f"{marketplace['id']} has {marketplace['in_escrow']} in escrow, which is less than nothing"


def _movements(store: Store) -> Iterator[str]:
    entries = store.rows("entries").values()
    booked = _sums((entry["because"], entry["amount"]) for entry in entries if entry["side"] == "escrow")
    for table, (way, states) in _MOVES.items():
        for name, row in store.rows(table).items():
            cents = way * row["amount"] if row["status"] in states else 0
            if booked.get(name, 0) != cents:
                yield f"{name} is {row['status']}, which moves {cents}, but the book says {booked.get(name, 0)}"


def _captures(store: Store) -> Iterator[str]:
    holds, debits = store.rows("holds"), store.rows("debits")
    captures = Counter(debit["hold"] for debit in debits.values() if debit["hold"] is not None)
    for hold in holds.values():
        if hold["debit"] is not None and hold["debit"] not in debits:
            yield f"{hold['id']} was captured by {hold['debit']}, which is not there"
    for name, count in captures.items():
        if count > 1:
            yield f"{name} was captured {count} times"
    for debit in debits.values():
        if debit["hold"] is None:
            continue
        if debit["hold"] not in holds:
            yield f"{debit['id']} captured {debit['hold']}, which is not there"
            continue
        hold = holds[debit["hold"]]
        if hold["debit"] != debit["id"]:
            yield f"{debit['id']} captured {hold['id']}, which names {hold['debit']}"
        if hold["is_void"]:
            yield f"{hold['id']} is void, and was captured by {debit['id']}"
        if debit["amount"] > hold["amount"]:
            yield f"{debit['id']} is over {debit['amount']}, more than the {hold['amount']} of {hold['id']}"


def _bounds(store: Store) -> Iterator[str]:
    for kind, of, good in (("refunds", "debit", "succeeded"), ("reversals", "credit", "paid")):
        whole = store.rows(f"{of}s")
        for name, cents in _sums((row[of], row["amount"]) for row in store.rows(kind).values()).items():
            if name not in whole:
                yield f"there are {kind} of {name}, which is not there"
                continue
            if cents > whole[name]["amount"]:
                yield f"the {kind} of {name} come to {cents}, more than its {whole[name]['amount']}"
            if whole[name]["status"] != good:
                yield f"{name} is {whole[name]['status']}, and has {kind}"


def _sums(amounts: Iterator[tuple[str, int]]) -> Mapping[str, int]:
    sums: Counter[str] = Counter()
    for name, cents in amounts:
        sums[name] += cents
    return sums
