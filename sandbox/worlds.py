"""Which key opens which world; open, create, drop, list."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sandbox.clock import LAST, Clock, Moment, Wall
from sandbox.errors import Unavailable
from sandbox.ids import Ids
from sandbox.resources import ROUTES
from sandbox.store import Files, Full, ReadOnly, Store, StoreTrouble, remove_dropped, remove_folder
from sandbox.world import EMPTY, FIXTURES, SHELVES, STATE, Answer, World

DEFAULT = "default"

_NAMED = re.compile(f"{DEFAULT}|world-[1-9][0-9]*")
_OPEN = next(route for route in ROUTES if route.open == "world")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every world of a process stands on: the disk, the wall clock and the seed, which come through the door.

    ``begins`` is the moment a new world's clock starts at, the wall's own where it is None; it stands still there
    unless ``runs``.
    """

    wall: Wall
    seed: str
    folder: Path | None = None
    fsync: Literal["os", "always"] = "os"
    begins: Moment | None = None
    runs: bool = False


class Worlds:
    """All the worlds of one process."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._ids = Ids(ground.seed)
        self._worlds: dict[str, World] = {}
        for name in self._kept():
            self._worlds[name] = self._open(name, ground)
        self._last = max(map(self._number, self._worlds), default=1)
        self.default = self._worlds.get(DEFAULT) or self.create(DEFAULT)

    def __iter__(self) -> Iterator[World]:
        return iter(self._worlds.values())

    def get(self, name: str) -> World | None:
        """Return a world by its name."""
        return self._worlds.get(name)

    def create(
        self,
        name: str | None = None,
        *,
        seed: str | None = None,
        begins: Moment | None = None,
        runs: bool | None = None,
    ) -> World:
        """Create a world without anything in it; what is not said is as for every world of the process.

        Raises ``ValueError`` for a clock that would begin before 1970 or beyond :data:`sandbox.clock.LAST`.
        """
        if begins is not None and not 0 <= begins <= LAST:
            raise ValueError("a clock begins in the years 1970 to 9998")
        name = name or self._free_name()
        ground = self._ground
        if begins is not None:
            ground = replace(ground, begins=begins, runs=bool(runs))
        elif runs is not None:
            ground = replace(ground, begins=ground.wall() if ground.begins is None else ground.begins, runs=runs)
        try:
            world = self._worlds[name] = self._open(name, ground, seed)
        except (Full, ReadOnly):
            if ground.folder is not None:
                shutil.rmtree(ground.folder / name, ignore_errors=True)
            raise
        return world

    def open_with_key(self, body: Mapping[str, Any]) -> tuple[World, Answer]:
        """Create a world with a merchant and a key, as a caller without credentials asks for; raises ``Refusal``."""
        try:
            world = self.create()
        except StoreTrouble as trouble:
            raise Unavailable(f"Nothing was changed: {trouble}.") from trouble
        try:
            answer = world.perform(_OPEN, {}, body=body)
        except Exception:
            with suppress(StoreTrouble):
                self.drop(world)
            raise
        # Its key is all there is to go back to.
        for place in (EMPTY, FIXTURES):
            world.checkpoints.keep(place, world.saved())
        return world, answer

    def drop(self, world: World) -> None:
        """Forget a world and all that is in it, for good; Full when its folder cannot be removed."""
        del self._worlds[world.name]
        with suppress(StoreTrouble):
            world.close(tidy=False)
        if self._ground.folder is not None:
            remove_folder(Files(), self._ground.folder / world.name)

    def holder(self, secret: str) -> World | None:
        """Return the world that an API key's secret opens."""
        return next((world for world in self if world.opens_with(secret)), None)

    def with_marketplace(self, identifier: str) -> World | None:
        """Return the world a marketplace is in, the newest of several that have it from the same seed or fixture."""
        newest_first = reversed(self._worlds.values())
        return next((world for world in newest_first if world.store.get("marketplaces", identifier)), None)

    def close(self) -> None:
        """Close every world's store."""
        for world in self:
            world.close()

    def _open(self, name: str, ground: Ground, seed: str | None = None) -> World:
        folder = None if ground.folder is None else ground.folder / name
        store = Store.open(SHELVES, folder, fsync=ground.fsync)
        state = store.get(STATE, STATE)
        if state is not None:
            return World(name, store, Clock(ground.wall).restored(state["clock"]), state["seed"])
        return World(name, store, _clock(ground), seed or self._ids.seed(self._number(name)))

    def _kept(self) -> list[str]:
        folder = self._ground.folder
        if folder is None:
            return []
        remove_dropped(folder)
        # Whatever else lies there, such as a copy somebody made of a world, is none of ours.
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and _NAMED.fullmatch(entry.name))

    def _free_name(self) -> str:
        # Never a dropped world's: what its keys are drawn from is its number, so they would open its successor.
        self._last += 1
        return f"world-{self._last}"

    @staticmethod
    def _number(name: str) -> int:
        return 1 if name == DEFAULT else int(name.rpartition("-")[2])


def _clock(ground: Ground) -> Clock:
    if ground.begins is None:
        return Clock(ground.wall)
    clock = Clock(ground.wall, stands_at=ground.begins)
    if ground.runs:
        clock.run()
    return clock
