"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan


def head(names: Sequence[str], texts: int) -> str:
    """Return the two lines above the rows; the first columns are texts, the others numbers."""
    rule = ["---" if number < texts else "---:" for number, _ in enumerate(names)]
    return f"{line(names)}\n{line(rule)}"


def line(cells: Sequence[str]) -> str:
    """Return a row."""
    return f"| {' | '.join(cells)} |"


def verdict(target: str, met: bool) -> str:
    """Return a target and whether it is met, a miss in bold."""
    return f"{target} met" if met else f"**{target} missed**"


def change(by: float, limit: float) -> str:
    """Return how much something grew, in percent; in bold past a limit."""
    if isnan(by):
        return ""
    text = f"{by * 100:+,.0f} %"
    return f"**{text}**" if by > limit else text
