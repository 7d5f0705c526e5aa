"""Resident memory: of a sandbox at rest, and for each customer it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import entrants, load, markdown, served
from benchmarks.rounds import Plan
from benchmarks.served import Served
from sandbox.client import Client

AT_REST = 60.0  # MB
EACH = 8.0  # KB a customer, with its event

HEAD = markdown.head(("memory", "MB", "KB a customer", "target"), 1)


def rows(customers: int, fixture: Path, plan: Plan) -> Iterator[str]:
    """Yield the rows: at rest, with customers from a fixture, and with no fewer that were created over HTTP."""
    plan.say("memory: at rest")
    with served.sandbox("memory", Path()) as server:
        at_rest = server.resident
    yield _row("at rest", at_rest, target=markdown.verdict(f"≤ {AT_REST:g} MB", at_rest <= AT_REST * 1e6))
    plan.say(f"memory: {customers:,} customers from a fixture")
    with served.sandbox("memory", Path(), fixture) as server:
        each = (server.resident - at_rest) / customers
        yield _row(f"{customers:,} customers from a fixture, without events", server.resident, each)
    with served.sandbox("memory", Path()) as server:
        created = _create(server, customers, plan)
        each = (server.resident - at_rest) / created
        target = markdown.verdict(f"≤ {EACH:g} KB", each <= EACH * 1e3)
        yield _row(f"{created:,} customers created, each with its event", server.resident, each, target)


def _create(server: Served, customers: int, plan: Plan) -> int:
    """Create no fewer customers, and return how many there are."""
    client, ask = Client(server.url, server.api_key), entrants.to_create(server)
    while (there := entrants.total(client, "customers")) < customers:
        plan.say(f"memory: {there:,} customers created over HTTP")
        load.put(plan.load, ask, plan.seconds, plan.connections)
    return there


def _row(name: str, resident: int, each: float | None = None, target: str = "") -> str:
    return markdown.line((name, f"{resident / 1e6:,.0f}", "" if each is None else f"{each / 1e3:.1f}", target))
