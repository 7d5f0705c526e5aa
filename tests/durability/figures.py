"""What a program of this folder reports: how often something was tried, and how often a promise was broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Progress = Callable[[int, int], None]
"""Is told how many of how many are done."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table of durability: what was tried, how often, and how it came out."""

    what: str
    tried: int
    broken: int
    remark: str = ""
