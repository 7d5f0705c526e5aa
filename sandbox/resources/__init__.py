"""The resources, one file each: a declaration, its verbs, and its routes."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.call import Duty, Route
from sandbox.resource import KINDS
from sandbox.resources import (
    accounts,
    api_keys,
    bank_accounts,
    callbacks,
    cards,
    credits,
    customers,
    debits,
    event_callbacks,
    events,
    holds,
    marketplaces,
    merchants,
    refunds,
    reversals,
    transactions,
    verifications,
)

MODULES = (
    api_keys,
    merchants,
    marketplaces,
    customers,
    accounts,
    cards,
    bank_accounts,
    verifications,
    holds,
    debits,
    credits,
    refunds,
    reversals,
    transactions,
    events,
    callbacks,
    event_callbacks,
)

ROUTES: tuple[Route, ...] = tuple(route for module in MODULES for route in module.ROUTES)


DUTIES: Mapping[str, Duty] = {**holds.DUTIES, **debits.DUTIES, **credits.DUTIES, **event_callbacks.DUTIES}
"""What the schedule may have to do, by name."""

SETTLEMENTS = frozenset(name for name in DUTIES if name.endswith(".settle"))
"""The duties that bring what is pending to its outcome."""


def _tables() -> Mapping[str, tuple[str, ...]]:
    tables: dict[str, tuple[str, ...]] = {}
    for record in KINDS.values():
        shape = record.shape
        tables[shape.table] = tuple(dict.fromkeys((*tables.get(shape.table, ()), *shape.listed_under)))
    return tables


TABLES = _tables()
"""The store's tables, and the fields each is indexed by."""
