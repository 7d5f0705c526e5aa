"""Starts, from the process to the line that says it is ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import markdown, served
from benchmarks.figures import middle
from benchmarks.rounds import Plan

OF_BARE = 1.5  # times what the bare application takes
WITH_DATA = 1.5  # seconds

HEAD = markdown.head(("start", "ms", "of bare", "target"), 1)


def rows(fixtures: Mapping[int, Path], plan: Plan) -> Iterator[str]:
    """Yield the rows: without anything in it, beside the bare application; and with customers on the disk."""
    yield from _empty(plan)
    for customers, fixture in fixtures.items():
        yield from _with(customers, fixture, plan)


def _empty(plan: Plan) -> Iterator[str]:
    bare, empty = [], []
    for number in range(plan.rounds):
        plan.say(f"start: round {number + 1} of {plan.rounds}")
        with served.bare() as server:
            bare.append(server.seconds)
        with served.sandbox("memory", Path()) as server:
            empty.append(server.seconds)
    of_bare = middle(one / other for one, other in zip(empty, bare, strict=True))
    yield _row("a bare aiohttp application", middle(bare))
    target = markdown.verdict(f"≤ {OF_BARE:g} of bare", of_bare <= OF_BARE)
    yield _row("nothing in it", middle(empty), f"{of_bare:.2f}", target)


def _with(customers: int, fixture: Path, plan: Plan) -> Iterator[str]:
    seconds = []
    with TemporaryDirectory() as folder:
        plan.say(f"start: {customers:,} customers from a fixture")
        with served.sandbox("os", Path(folder), fixture) as server:
            first = server.seconds
        for number in range(plan.rounds):
            plan.say(f"start: {customers:,} customers on disk, round {number + 1} of {plan.rounds}")
            with served.sandbox("os", Path(folder)) as server:
                seconds.append(server.seconds)
    yield _row(f"{customers:,} customers from a fixture, once", first)
    target = markdown.verdict(f"≤ {WITH_DATA * 1000:,.0f} ms", middle(seconds) <= WITH_DATA)
    yield _row(f"{customers:,} customers on disk", middle(seconds), target=target)


def _row(name: str, seconds: float, of_bare: str = "", target: str = "") -> str:
    return markdown.line((name, f"{seconds * 1000:,.0f}", of_bare, target))
