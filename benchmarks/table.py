"""What was measured, as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from statistics import median

from benchmarks.served import Mode

HEAD = (
    "mode",
    "operation",
    "customers",
    "bare requests/s",
    "sandbox requests/s",
    "ratio of rates",
    "bare CPU µs",
    "sandbox CPU µs",
    "ratio of CPU",
    "customers at the end",
    "resident MB at the end",
)


@dataclass(frozen=True, slots=True)
class Round:
    """One go at one server: requests a second, and CPU seconds of the server a request."""

    rate: float
    spent: float


@dataclass(frozen=True, slots=True)
class Row:
    """The rounds of one operation, those of the bare application and of the sandbox in the order they alternated."""

    mode: Mode
    operation: str
    customers: int
    bare: Sequence[Round]
    sandbox: Sequence[Round]
    customers_after: int
    resident: int


def head() -> tuple[str, str]:
    """Return the two lines above the rows."""
    return _line(HEAD), _line(["---" if name in ("mode", "operation") else "---:" for name in HEAD])


def line(row: Row) -> str:
    """Return the line of a row."""
    return _line(_cells(row))


def _cells(row: Row) -> list[str]:
    pairs = list(zip(row.bare, row.sandbox, strict=True))
    return [
        row.mode,
        row.operation,
        f"{row.customers:,}",
        f"{median(one.rate for one in row.bare):,.0f}",
        f"{median(one.rate for one in row.sandbox):,.0f}",
        # The median of the ratios: two neighbouring goes share the machine's mood, two medians do not.
        f"{median(_over(sandbox.rate, bare.rate) for bare, sandbox in pairs):.2f}",
        f"{median(one.spent for one in row.bare) * 1e6:.0f}",
        f"{median(one.spent for one in row.sandbox) * 1e6:.0f}",
        f"{median(_over(bare.spent, sandbox.spent) for bare, sandbox in pairs):.2f}",
        f"{row.customers_after:,}",
        f"{row.resident / 2**20:,.0f}",
    ]


def _over(one: float, other: float) -> float:
    # A very short round may take less CPU time than the kernel counts.
    return one / other if other else nan


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
