"""The tables of operations: sandboxes beside the bare application, and beside what others use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan

from benchmarks import figures, markdown
from benchmarks.figures import By, Series
from benchmarks.operations import GROWTH, Operation
from benchmarks.served import Mode

PER_SIZE = "of bare, {:,}"


def head(customers: Sequence[int]) -> str:
    """Return the head of the table beside the bare application; a share for each number of customers."""
    shares = [PER_SIZE.format(count) for count in customers]
    rates = ("bare requests/s", "requests/s", "bare CPU µs", "CPU µs")
    return markdown.head(("operation", "kept in", *rates, *shares, "target", "growth", "growth of CPU"), 2)


def row(operation: Operation, mode: Mode, bare: Series, sandboxes: Sequence[Series], by: By) -> str:
    """Return the row of an operation; ``sandboxes`` are in order of size, and the last one's figures are shown."""
    small, large = sandboxes[0], sandboxes[-1]
    shares = [figures.share(one, bare, by) for one in sandboxes]
    return markdown.line(
        (
            operation.name,
            mode,
            f"{figures.rate(bare):,.0f}",
            f"{figures.rate(large):,.0f}",
            f"{figures.spent(bare) * 1e6:.0f}",
            f"{figures.spent(large) * 1e6:.0f}",
            *(f"{one:.2f}" for one in shares),
            _target(operation.targets.get(mode), shares),
            _growth(small, large, by),
            _growth(small, large, "spent"),
        )
    )


def peers_head(names: Sequence[str]) -> str:
    """Return the head of the table beside what others use."""
    return markdown.head(("operation", "customers", "sandbox requests/s", *names), 1)


def peers_row(operation: Operation, customers: int, sandbox: Series, peers: Mapping[str, Series]) -> str:
    """Return the requests a second of everybody with as many customers, and how many times as fast the sandbox is."""
    fast = figures.rate(sandbox)
    cells = (_peer(figures.rate(series), fast) for series in peers.values())
    return markdown.line((operation.name, f"{customers:,}", f"{fast:,.0f}", *cells))


def _peer(rate: float, fast: float) -> str:
    return f"{rate:,.0f} ({fast / rate:,.1f}x)" if rate else "no answer in time"


def _target(least: float | None, shares: Sequence[float]) -> str:
    if least is None or any(map(isnan, shares)):
        return ""
    return markdown.verdict(f"≥ {least:.2f}", min(shares) >= least)


def _growth(small: Series, large: Series, by: By) -> str:
    if small is large:
        return ""
    return markdown.change(figures.growth(small, large, by), GROWTH)
