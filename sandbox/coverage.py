"""Which operations, states and refusals the requests exercised, out of all that exist; mergeable over workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class Coverage:
    """Counts of what was asked, what came of it, and what was refused."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._reached: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def note(self, operation: str, rule: str | None) -> None:
        """Count an answered request, and the rule that refused it if one did; without an operation nothing was met."""
        if operation:
            self._asked[operation] += 1
        if rule is not None:
            self._refused[rule] += 1

    def reached(self, states: Iterable[str]) -> None:
        """Count the states that records have come to."""
        for state in states:
            self._reached[state] += 1  # update takes ten times as long for the one or two there are

    def shown(self, operations: Sequence[str], states: Sequence[str], rules: Sequence[str]) -> dict[str, Any]:
        """Return how often each was met, those never met included."""
        sections = {
            "operations": (operations, self._asked),
            "states": (states, self._reached),
            "refusals": (rules, self._refused),
        }
        return {
            section: {name: met[name] for name in sorted({*known, *met})} for section, (known, met) in sections.items()
        }


def merged(parts: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """Return the sums of several coverages, as they were shown."""
    sums: dict[str, Counter[str]] = {"operations": Counter(), "states": Counter(), "refusals": Counter()}
    for part in parts:
        for section, counts in part.items():
            for name, count in counts.items():
                sums[section][name] += count  # unlike update, keeps what was never met
    return {section: dict(sorted(counts.items())) for section, counts in sums.items()}


def table(shown: Mapping[str, Mapping[str, int]]) -> str:
    """Return a coverage as lines to read: what was seen in each section, and what was not."""
    lines = []
    for section, counts in shown.items():
        seen = {name: count for name, count in counts.items() if count}
        lines.append(f"{section}: {len(seen)} of {len(counts)}")
        lines += [f"  {count:>7}  {name}" for name, count in seen.items()]
        lines += [f"        -  {name}" for name in counts if name not in seen]
    return "\n".join(lines)
