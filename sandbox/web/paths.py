"""Which handler a path and a method lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

H = TypeVar("H")


@dataclass(slots=True)
class _Fork(Generic[H]):
    """Where paths part: at one of some words, or at an id."""

    words: dict[str, _Fork[H]] = field(default_factory=dict)
    id: _Fork[H] | None = None
    ends: dict[str, End[H]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End(Generic[H]):
    """What a method of a path leads to, and the names of the ids on the way."""

    handler: H
    names: tuple[str, ...]

    def named(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the ids on the way by name."""
        return dict(zip(self.names, ids, strict=True))


class Paths(Generic[H]):
    """A tree of paths such as ``/v1/cards/{card}``: finding one costs its own length, however many there are."""

    def __init__(self) -> None:
        self._root: _Fork[H] = _Fork()
        self.known: list[tuple[str, str]] = []
        """Every method and path that leads somewhere."""

    def add(self, method: str, path: str, handler: H) -> None:
        """Lead a method of a path to a handler."""
        self.known.append((method, path))
        fork = self._root
        segments = path.split("/")
        for segment in segments:
            if not segment.startswith("{"):
                fork = fork.words.setdefault(segment, _Fork())
                continue
            if fork.id is None:
                fork.id = _Fork()
            fork = fork.id
        fork.ends[method] = End(handler, tuple(name[1:-1] for name in segments if name.startswith("{")))

    def find(self, path: str) -> tuple[Mapping[str, End[H]], list[str]]:
        """Return where a path ends, by method, and the ids on it; no method where there is no such path.

        Of what may be percent-encoded only ``%2F`` and ``%25`` are left so: a slash within an id is no separator.
        """
        fork = self._root
        ids = []
        for segment in path.split("/"):
            word = fork.words.get(segment)
            if word is not None:
                fork = word
            elif fork.id is not None and segment:
                ids.append(segment.replace("%2F", "/").replace("%25", "%") if "%" in segment else segment)
                fork = fork.id
            else:
                return {}, []
        return fork.ends, ids
