"""The resources, one file each: a declaration, its verbs, and its routes."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.call import Duty, Route
from sandbox.resource import KINDS
from sandbox.resources import accounts, api_keys, bank_accounts, cards, customers, events, marketplaces, merchants

MODULES = (api_keys, merchants, marketplaces, customers, accounts, cards, bank_accounts, events)

ROUTES: tuple[Route, ...] = tuple(route for module in MODULES for route in module.ROUTES)


DUTIES: Mapping[str, Duty] = {}
"""What the schedule may have to do, by name."""


def _tables() -> Mapping[str, tuple[str, ...]]:
    tables: dict[str, tuple[str, ...]] = {}
    for record in KINDS.values():
        shape = record.shape
        tables[shape.table] = tuple(dict.fromkeys((*tables.get(shape.table, ()), *shape.listed_under)))
    return tables


TABLES = _tables()
"""The store's tables, and the fields each is indexed by."""
