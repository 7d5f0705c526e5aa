"""Which key opens which world; open, create, drop, list."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sandbox.clock import Clock, Moment, Wall
from sandbox.ids import Ids
from sandbox.resources import ROUTES
from sandbox.store import Store
from sandbox.world import SHELVES, STATE, Answer, World

DEFAULT = "default"

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
        self.default = self._worlds.get(DEFAULT) or self.create(DEFAULT)

    def __iter__(self) -> Iterator[World]:
        return iter(self._worlds.values())

    def get(self, name: str) -> World | None:
        """Return a world by its name."""
        return self._worlds.get(name)

    def create(
        self, name: str | None = None, *, seed: str | None = None, begins: Moment | None = None, runs: bool = False
    ) -> World:
        """Create a world without anything in it; what is not said is as for every world of the process."""
        name = name or self._free_name()
        ground = self._ground if begins is None else replace(self._ground, begins=begins, runs=runs)
        world = self._worlds[name] = self._open(name, ground, seed)
        return world

    def open_with_key(self, body: Mapping[str, Any]) -> tuple[World, Answer]:
        """Create a world with a merchant and a key, as a caller without credentials asks for; raises ``Refusal``."""
        world = self.create()
        try:
            return world, world.perform(_OPEN, {}, body=body)
        except Exception:
            self.drop(world)
            raise

    def drop(self, world: World) -> None:
        """Forget a world and all that is in it."""
        del self._worlds[world.name]
        world.close()
        if self._ground.folder is not None:
            shutil.rmtree(self._ground.folder / world.name)

    def holder(self, secret: str) -> World | None:
        """Return the world that an API key's secret opens."""
        return next((world for world in self if world.opens_with(secret)), None)

    def with_marketplace(self, identifier: str) -> World | None:
        """Return the world a marketplace is in."""
        return next((world for world in self if world.store.get("marketplaces", identifier)), None)

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
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))

    def _free_name(self) -> str:
        taken = max((self._number(name) for name in self._worlds), default=0)
        return f"world-{taken + 1}"

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
