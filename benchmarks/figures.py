"""What rounds come to: shares, growth, and whether a target is met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import median
from typing import Literal

By = Literal["rate", "spent"]
"""What is compared: requests a second, or CPU time a request where whoever asks is slower than who answers."""


@dataclass(frozen=True, slots=True)
class Round:
    """One go at one server: requests a second, and CPU seconds of the server a request."""

    rate: float
    spent: float

    def speed(self, by: By) -> float:
        """Return a number that is the higher the faster the server was."""
        return self.rate if by == "rate" else over(1.0, self.spent)


Series = Sequence[Round]
"""The rounds of one server; those of another alternated with them."""


def share(series: Series, of: Series, by: By) -> float:
    """Return how fast one was as a share of another.

    It is the median of the ratios: two neighbouring goes share the machine's mood, two medians do not.
    """
    return middle(over(one.speed(by), other.speed(by)) for one, other in zip(series, of, strict=True))


def growth(small: Series, large: Series, by: By) -> float:
    """Return how much longer a request takes a large world than a small one: 0.1 for a tenth."""
    return share(small, large, by) - 1


def rate(series: Series) -> float:
    """Return the median of the requests a second."""
    return middle(one.rate for one in series)


def spent(series: Series) -> float:
    """Return the median of the CPU seconds a request."""
    return middle(one.spent for one in series)


def over(one: float, other: float) -> float:
    """Return a ratio, no number where there is none: a very short go may take less CPU time than the kernel counts."""
    return one / other if other else nan


def middle(numbers: Iterable[float]) -> float:
    """Return the median of those that are numbers."""
    known = [number for number in numbers if not isnan(number)]
    return median(known) if known else nan
