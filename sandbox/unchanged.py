"""What was read from a world, kept for whoever asks the same while nothing there changes and nothing falls due."""

from __future__ import annotations

from typing import Generic, TypeVar

from sandbox.clock import Moment
from sandbox.store import Store

T = TypeVar("T")

_ROOM = 1 << 20  # bytes kept for a world


class Unchanged(Generic[T]):
    """What was made of a store's rows, as long as not one of them changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begin()

    def get(self, asked: object, now: Moment) -> T | None:
        """Return what was made for who asked the same, unless it no longer holds."""
        if self._changes != self._store.changes or now >= self._until:
            return None
        return self._ready.get(asked)

    def read_again(self) -> bool:
        """Note that something is read, and return whether that is not the first time since rows changed."""
        if self._changes == self._store.changes:
            return True
        self._begin()
        return False

    def keep(self, asked: object, made: T, size: int, until: Moment) -> None:
        """Have it ready up to a moment for who asks the same; it takes so many bytes, if need be of what others had.

        The moment is the one at which rows change by themselves, which is the same for all that is kept.
        """
        if size > _ROOM:
            return
        if self._changes != self._store.changes or self._until != until or size > self._room:
            self._begin(until)
        self._ready[asked] = made
        self._room -= size

    def _begin(self, until: Moment = 0) -> None:
        self._changes = self._store.changes
        self._until = until
        self._ready: dict[object, T] = {}
        self._room = _ROOM
