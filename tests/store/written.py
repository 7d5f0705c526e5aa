"""Files that the real application wrote, and what they say by an account of our own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from sandbox import fixtures
from sandbox.store import Store
from sandbox.store.generation import journal_path, snapshot_path
from sandbox.store.store import Fsync
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.world import World
from sandbox.worlds import Ground, Worlds
from tests.api import Answered, Api
from tests.conftest import Wall
from tests.levers import Levers
from tests.served import Client, Served
from tests.store.stories import Story

Rows = dict[str, dict[str, Any]]
State = tuple[Rows, int]


@dataclass
class Written:
    """A generation as it lay on the disk, and what memory held each time the application had answered."""

    number: int
    snapshot: bytes
    journal: bytes
    answered: list[tuple[int, State]] = field(default_factory=list)

    def states(self) -> list[State]:
        """What the files say before each record, and after the last."""
        tables = json.loads(self.snapshot)
        sequence = tables.pop("_store")["1"]["sequence"]
        states = [({name: {row["id"]: row for row in table.values()} for name, table in tables.items()}, sequence)]
        for line in self.journal.splitlines()[1:]:
            assert int(line[:8], 16) == crc32(line[9:])
            states.append(after(states[-1], json.loads(line[9:])))
        return states


def after(state: State, record: Mapping[str, Any]) -> State:
    """What a record makes of a state."""
    tables = {name: dict(rows) for name, rows in state[0].items()}
    for name, ids in record["drop"].items():
        for id in ids:
            del tables[name][id]
    for name, rows in record["put"].items():
        tables.setdefault(name, {}).update({row["id"]: row for row in rows})
    return {name: rows for name, rows in tables.items() if rows}, record["sequence"]


def held(store: Store) -> State:
    """What a store holds, as it is kept: a list where there is a tuple."""
    tables, sequence = store.contents()
    kept = json.loads(orjson.dumps({name: rows for name, rows in tables.items() if rows}))
    return {name: {row["id"]: row for row in rows} for name, rows in kept.items()}, sequence


class Scribe(Api):
    """A client that looks at the files after each answer, and has the store compacted after so many records."""

    def __init__(self, client: Any, world: World, folder: Path, compact_every: int | None) -> None:
        super().__init__(client, world.api_key, world.marketplace_uri)
        self.world, self.folder, self.compact_every = world, folder, compact_every
        self.written: dict[int, Written] = {}
        self.look()

    async def send(self, method: str, path: str, *given: Any, **how: Any) -> Answered:
        """Ask, and look at the files."""
        answered = await super().send(method, path, *given, **how)
        written = self.look()
        if self.compact_every is not None and written.journal.count(b"\n") > self.compact_every:
            self.world.store.compact()
            self.look()
        return answered

    def look(self) -> Written:
        """Take the files of the generation in use."""
        number = max(int(path.stem.partition("-")[2]) for path in self.folder.glob("journal-*.log"))
        found = Written(
            number, snapshot_path(self.folder, number).read_bytes(), journal_path(self.folder, number).read_bytes()
        )
        found.answered = self.written[number].answered if number in self.written else []
        found.answered.append((found.journal.count(b"\n") - 1, held(self.world.store)))
        self.written[number] = found
        return found


async def write(
    folder: Path,
    story: Story,
    begins_with: Sequence[fixtures.Fixture],
    fsync: Fsync,
    compact_every: int | None = None,
    seed: str = "written",
) -> Sequence[Written]:
    """Play a story to the real application, and return every generation it wrote; it is never stopped.

    It was before, when its world had just been filled: what it was filled with is in the first snapshot.
    """
    ground = Ground(wall=Wall(), seed=seed, folder=folder, fsync=fsync)
    worlds = Worlds(ground)
    fixtures.populate(worlds.default, begins_with)
    worlds.close()
    worlds = Worlds(ground)
    fixtures.remember(worlds.default, begins_with)
    async with Client(Served(Application(worlds, Guard()))) as client:
        scribe = Scribe(client, worlds.default, folder / worlds.default.name, compact_every)
        await story(Levers(scribe))
    return list(scribe.written.values())
