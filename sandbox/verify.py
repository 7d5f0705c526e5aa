"""The money invariants of a world: what no request may ever break, each violation named.

Each is a rule about single records, so the whole is the sum of its parts: what concerns one customer is checked by the
same rules over the records the store has under it, at the cost of those. Two are about what belongs to nobody alone,
escrow and the book it is held against: they are for whole worlds only. Amounts are cents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sandbox.store import Document, Store

MOVES: Mapping[str, tuple[int, frozenset[str]]] = {
    "debits": (1, frozenset({"succeeded"})),
    "credits": (-1, frozenset({"pending", "paid"})),
    "refunds": (-1, frozenset({"succeeded"})),
    "reversals": (1, frozenset({"succeeded"})),
}
"""Which way money moves for each kind, into escrow or out of it, and in which of its states it is there."""

_GIVEN_BACK = {"refunds": ("debit", "debits", "succeeded"), "reversals": ("credit", "credits", "paid")}
"""What each kind gives back: the field that names it, its table, and the state it has to be in."""

Rule = Callable[[Store, str, Document], Iterator[str]]
"""Yields what is wrong with one row of a table, in words."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """What is always so of every row of some tables."""

    name: str
    tables: tuple[str, ...]
    rule: Rule
    of_customers: bool = True
    """Whether the rows are customers' own, listed under them."""

    def violations(self, store: Store) -> list[str]:
        """Return where this is not so in a world."""
        return self._broken(store, lambda table: store.rows(table).values())

    def violations_of(self, store: Store, customer: str) -> list[str]:
        """Return where this is not so of what a customer has."""
        if not self.of_customers:
            return []
        return self._broken(store, lambda table: store.find(table, ("customer", customer)).documents)

    def _broken(self, store: Store, rows: Callable[[str], Iterable[Document]]) -> list[str]:
        found = (words for table in self.tables for row in rows(table) for words in self.rule(store, table, row))
        return list(dict.fromkeys(found))  # several rows may tell the same of what they share


def violations(store: Store, customer: str | None = None) -> list[str]:
    """Return every violated invariant of a world's money or of one customer's, in words; empty when all is well.

    Raises ``KeyError`` when there is no such customer.
    """
    if customer is None:
        return [words for one in INVARIANTS for words in one.violations(store)]
    if store.get("customers", customer) is None:
        raise KeyError(customer)
    return [words for one in INVARIANTS for words in one.violations_of(store, customer)]


def _escrow(store: Store, table: str, marketplace: Document) -> Iterator[str]:
    booked = sum(entry["amount"] for entry in store.find("entries", ("side", "escrow")).documents)
    if marketplace["in_escrow"] != booked:
        yield f"{marketplace['id']} has {marketplace['in_escrow']} in escrow, but the book says {booked}"
    if marketplace["in_escrow"] < 0:
        yield f"{marketplace['id']} has {marketplace['in_escrow']} in escrow, which is less than nothing"


def _reason(store: Store, table: str, entry: Document) -> Iterator[str]:
    if not any(store.get(movements, entry["because"]) for movements in MOVES):
        yield f"there are entries of {entry['because']}, which is not there"


def _sides(store: Store, table: str, movement: Document) -> Iterator[str]:
    cents = sum(entry["amount"] for entry in _entries(store, movement))
    if cents:
        yield f"the entries of {movement['id']} come to {cents}, not to zero"


def _movement(store: Store, table: str, movement: Document) -> Iterator[str]:
    way, states = MOVES[table]
    cents = way * movement["amount"] if movement["status"] in states else 0
    booked = sum(entry["amount"] for entry in _entries(store, movement) if entry["side"] == "escrow")
    if booked != cents:
        yield f"{movement['id']} is {movement['status']}, which moves {cents}, but the book says {booked}"


def _hold(store: Store, table: str, hold: Document) -> Iterator[str]:
    if hold["debit"] is not None and store.get("debits", hold["debit"]) is None:
        yield f"{hold['id']} was captured by {hold['debit']}, which is not there"


def _capture(store: Store, table: str, debit: Document) -> Iterator[str]:
    if debit["hold"] is None:
        return
    count = store.count("debits", ("hold", debit["hold"]))
    if count > 1:
        yield f"{debit['hold']} was captured {count} times"
    hold = store.get("holds", debit["hold"])
    if hold is None:
        yield f"{debit['id']} captured {debit['hold']}, which is not there"
        return
    if hold["debit"] != debit["id"]:
        yield f"{debit['id']} captured {hold['id']}, which names {hold['debit']}"
    if hold["is_void"]:
        yield f"{hold['id']} is void, and was captured by {debit['id']}"
    if debit["amount"] > hold["amount"]:
        yield f"{debit['id']} is over {debit['amount']}, more than the {hold['amount']} of {hold['id']}"


def _given_back(store: Store, table: str, row: Document) -> Iterator[str]:
    field, of, good = _GIVEN_BACK[table]
    whole = store.get(of, row[field])
    if whole is None:
        yield f"there are {table} of {row[field]}, which is not there"
        return
    cents = sum(one["amount"] for one in store.find(table, (field, whole["id"])).documents)
    if cents > whole["amount"]:
        yield f"the {table} of {whole['id']} come to {cents}, more than its {whole['amount']}"
    if whole["status"] != good:
        yield f"{whole['id']} is {whole['status']}, and has {table}"


def _entries(store: Store, movement: Document) -> list[Document]:
    return store.find("entries", ("because", movement["id"])).documents


INVARIANTS = (
    Invariant("escrow is what the book says, and never less than nothing", ("marketplaces",), _escrow, False),
    Invariant("whatever is in the book is of a movement that is there", ("entries",), _reason, False),
    Invariant("the two sides of every movement come to zero", tuple(MOVES), _sides),
    Invariant("every movement is booked as its state says", tuple(MOVES), _movement),
    Invariant("a hold that was captured names its debit", ("holds",), _hold),
    Invariant("a hold is captured once, for no more than it has", ("debits",), _capture),
    Invariant("no more is given back than there was", tuple(_GIVEN_BACK), _given_back),
)
"""What is always so of the money."""
