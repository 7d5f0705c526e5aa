"""Checkpoints of a world: saved and restored by reference, so that both cost the same at any size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Moment, stamp
from sandbox.store import Checkpoint, Store


@dataclass(frozen=True, slots=True)
class Saved:
    """A world as it was: its rows, faults and schedule among them, its clock, and what its next ids come from."""

    at: Moment
    rows: Checkpoint
    clock: Mapping[str, Any]
    requests: int
    seed: str

    def shown(self, name: str) -> dict[str, Any]:
        """Return what is listed of a checkpoint."""
        return {"name": name, "at": stamp(self.at)}


class Checkpoints:
    """The checkpoints of one world by name, oldest first; they live as long as the process."""

    def __init__(self) -> None:
        self._saved: dict[str, Saved] = {}

    def __iter__(self) -> Iterator[tuple[str, Saved]]:
        return iter(self._saved.items())

    def __contains__(self, name: str) -> bool:
        return name in self._saved

    def keep(self, name: str, saved: Saved) -> None:
        """Keep a checkpoint; one of the same name gives way."""
        self._saved.pop(name, None)
        self._saved[name] = saved

    def get(self, name: str) -> Saved:
        """Return a checkpoint; raises ``KeyError``."""
        return self._saved[name]

    def drop(self, name: str) -> None:
        """Forget a checkpoint; raises ``KeyError``."""
        del self._saved[name]


def difference(saved: Saved, store: Store) -> dict[str, dict[str, list[str]]]:
    """Return the ids that were created, changed and removed since, for each table with a difference."""
    found: dict[str, dict[str, list[str]]] = {}
    for table, then in sorted(store.changed_since(saved.rows).items()):
        now = store.rows(table)
        if then:
            found[table] = {
                "created": [name for name, document in then.items() if document is None],
                "changed": [name for name, document in then.items() if document is not None and name in now],
                "removed": [name for name in then if name not in now],
            }
    return found
