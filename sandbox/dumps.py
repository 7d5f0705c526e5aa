"""A world as one JSON object, and back again: only when all of it can be read and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox import clock, faults, schedule
from sandbox.checkpoints import Saved
from sandbox.faults import BadFault
from sandbox.records import Records
from sandbox.redact import conceal
from sandbox.represent import Bodies
from sandbox.resource import KINDS, Family, Place
from sandbox.resources import DUTIES, deliveries
from sandbox.resources.deliveries import BadPolicy
from sandbox.store import Document, Store

FORMAT = 1

Tables = Mapping[str, list[Document]]

_OF_EVERY_ROW = ("id", "created_at", "_seq")


class BadDump(ValueError):
    """What is no dump of a world, or one that cannot be shown; ``field`` names the place."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


def write(saved: Saved, tables: Tables, sequence: int) -> dict[str, Any]:
    """Return a world as JSON-able values; the same world gives the same bytes."""
    return {
        "format": FORMAT,
        "seed": saved.seed,
        "clock": saved.clock,
        "requests": saved.requests,
        "sequence": sequence,
        "tables": {name: rows for name, rows in sorted(tables.items()) if rows},
    }


def read(
    raw: object, state: str, shelves: Mapping[str, tuple[str, ...]], read_fault: Callable[[object], object]
) -> Saved:
    """Return what :func:`write` wrote; raises :class:`BadDump`.

    ``shelves`` are the tables a world has and the fields they are indexed by; in the one named ``state`` is the
    document that says what the world is made of.
    """
    if not isinstance(raw, Mapping):
        raise BadDump("", "is an object")
    _known(raw, ("format", "seed", "clock", "requests", "sequence", "tables"), "")
    if raw["format"] != FORMAT:
        raise BadDump("format", f"is not {FORMAT}, the one this version reads")
    if not isinstance(raw["seed"], str):
        raise BadDump("seed", "is text")
    _check_clock(raw["clock"], "clock")
    for name in ("requests", "sequence"):
        _check_number(raw[name], name, least=0)
    _check_tables(raw["tables"], raw["sequence"], shelves)
    _check_state(raw["tables"].get(state, ()), state)
    store = Store.open(shelves)
    store.replace(raw["tables"], raw["sequence"])
    _check_shown(store)
    _check_waiting(store, read_fault)
    return Saved(raw["clock"]["latest"], store.checkpoint(), raw["clock"], raw["requests"], raw["seed"])


def _known(raw: object, names: Iterable[str], field: str) -> None:
    if not isinstance(raw, Mapping):
        raise BadDump(field, "is an object")
    within = f"{field}." if field else ""
    for name in names:
        if name not in raw:
            raise BadDump(within + name, "is missing")
    for name in raw:
        if name not in names:
            raise BadDump(within + name, "is not known")


def _check_number(value: object, field: str, least: int, most: int = clock.LAST) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadDump(field, "is a whole number" + (f" from {least}" if least >= 0 else ""))


def _check_clock(state: Any, field: str) -> None:
    _known(state, ("stands_at", "ahead", "latest"), field)
    if state["stands_at"] is not None:
        _check_number(state["stands_at"], f"{field}.stands_at", least=0)
    _check_number(state["ahead"], f"{field}.ahead", least=-clock.LAST)
    _check_number(state["latest"], f"{field}.latest", least=0)


def _check_tables(tables: object, sequence: int, shelves: Mapping[str, tuple[str, ...]]) -> None:
    if not isinstance(tables, Mapping):
        raise BadDump("tables", "is an object")
    drawn: set[int] = set()
    for table, rows in tables.items():
        field = f"tables.{table}"
        if table not in shelves:
            raise BadDump(field, "is no table of a world")
        if not isinstance(rows, list):
            raise BadDump(field, "is a list")
        ids: set[str] = set()
        for number, row in enumerate(rows):
            _check_row(row, f"{field}[{number}]", sequence)
            if row["id"] in ids or row["_seq"] in drawn:
                raise BadDump(f"{field}[{number}]", "is there twice")
            ids.add(row["id"])
            drawn.add(row["_seq"])


def _check_row(row: Any, field: str, sequence: int) -> None:
    if not isinstance(row, Mapping):
        raise BadDump(field, "is an object")
    for name in ("id", "created_at"):
        if not isinstance(row.get(name), str):
            raise BadDump(f"{field}.{name}", "is text")
    try:
        clock.parse(row["created_at"])
    except ValueError:
        raise BadDump(f"{field}.created_at", "is no time") from None
    _check_number(row.get("_seq"), f"{field}._seq", least=1, most=sequence)
    for name, value in row.items():
        # Whatever is in a world was kept without; an API key opens it, so it has a place there.
        if conceal({name: value}, lambda secret: False) != {name: value}:
            raise BadDump(f"{field}.{name}", "holds a number that is never kept")


def _check_state(rows: Any, state: str) -> None:
    if [row["id"] for row in rows] != [state]:
        raise BadDump(f"tables.{state}", "has the one row that says what the world is made of")
    if not isinstance(rows[0].get("seed"), str):
        raise BadDump(f"tables.{state}[0].seed", "is text")
    for name in ("born", "clock"):
        _check_clock(rows[0].get(name), f"tables.{state}[0].{name}")


def _check_shown(store: Store) -> None:
    """Refuse a record that lacks a field, or shows one that is not there."""
    records = Records(store)
    bodies = Bodies(records)
    marketplace = next(iter(store.rows("marketplaces")), "")
    place = Place(f"/v1/marketplaces/{marketplace}", Family.ROOT)
    for kind in KINDS.values():
        for row in store.rows(kind.shape.table).values():
            try:
                bodies.wire(records.of(kind, row), place)
            except (AttributeError, LookupError, TypeError, ValueError) as bad:
                raise BadDump(f"tables.{kind.shape.table}", f"{row['id']} cannot be shown: {bad}") from None


def _check_waiting(store: Store, read_fault: Callable[[object], object]) -> None:
    """Refuse what could never be done when its time has come."""
    for row in store.rows(schedule.TABLE).values():
        if row.get("duty") not in DUTIES or not isinstance(row.get("record"), str):
            raise BadDump(f"tables.{schedule.TABLE}", f"{row['id']} is no duty")
    for row in store.rows(faults.TABLE).values():
        try:
            read_fault({name: row.get(name) for name in ("on", "do", "times", "probability")})
        except BadFault as bad:
            raise BadDump(f"tables.{faults.TABLE}", f"{row['id']}: {bad}") from None
        for name in ("matched", "fired"):
            _check_number(row.get(name), f"tables.{faults.TABLE}.{row['id']}.{name}", least=0)
    for row in store.rows(deliveries.POLICY).values():
        try:
            deliveries.read_policy({name: value for name, value in row.items() if name not in _OF_EVERY_ROW})
        except BadPolicy as bad:
            raise BadDump(f"tables.{deliveries.POLICY}", str(bad)) from None
