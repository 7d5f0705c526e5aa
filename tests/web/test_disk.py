"""The disk: the changes of one loop turn share one sync, and what cannot be synced did not happen."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox import fixtures
from sandbox.clock import Clock
from sandbox.errors import Unavailable
from sandbox.resources import ROUTES
from sandbox.store import Files, Store
from sandbox.web.disk import Disk
from sandbox.world import SHELVES, World
from tests.conftest import Wall

CREATE = next(route for route in ROUTES if (route.method, route.path) == ("POST", "/v1/customers"))
INDEX = next(route for route in ROUTES if (route.method, route.path) == ("GET", "/v1/customers"))


class Disks(Files):
    """The real file system; it counts what it syncs, and fails to when told."""

    def __init__(self) -> None:
        self.synced = 0
        self.fails = False

    def fsync(self, descriptor: int) -> None:
        """Sync, or fail as a broken disk does."""
        if self.fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.synced += 1
        super().fsync(descriptor)


@pytest.fixture
def disks() -> Disks:
    return Disks()


@pytest.fixture
def careful(disks: Disks, tmp_path: Path, wall: Wall) -> Iterator[World]:
    """A world whose every change is on the disk before it is answered."""
    store = Store.open(SHELVES, tmp_path / "world", fsync="always", files=disks)
    world = World("default", store, Clock(wall), "a seed")
    fixtures.populate(world)
    store.sync()
    disks.synced = 0
    yield world
    disks.fails = False
    world.close()


def documents(world: World) -> dict[str, dict[str, Any]]:
    return {table: dict(world.store.rows(table)) for table in world.store.tables()}


async def together(times: int, ask: Callable[[], Awaitable[None]]) -> Sequence[BaseException | None]:
    return await asyncio.gather(*(ask() for _ in range(times)), return_exceptions=True)


async def test_the_changes_of_one_loop_turn_share_one_sync(careful: World, disks: Disks) -> None:
    disk = Disk()

    async def ask() -> None:
        careful.perform(CREATE, {})
        await disk.synced(careful)
        assert not careful.store.unsynced

    assert await together(10, ask) == [None] * 10
    assert disks.synced == 1

    assert await together(3, ask) == [None] * 3
    assert disks.synced == 2


async def test_what_is_read_beside_an_unsynced_change_waits_for_it_too(careful: World, disks: Disks) -> None:
    disk = Disk()
    careful.perform(CREATE, {})

    async def ask() -> None:
        careful.perform(INDEX, {})
        await disk.synced(careful)

    assert await together(5, ask) == [None] * 5
    assert disks.synced == 1


async def test_nothing_is_synced_when_nothing_was_changed(careful: World, disks: Disks) -> None:
    await Disk().synced(careful)

    assert disks.synced == 0


async def test_who_leaves_does_not_take_the_sync_of_the_others_along(careful: World, disks: Disks) -> None:
    disk = Disk()
    careful.perform(CREATE, {})
    waiting = [asyncio.ensure_future(disk.synced(careful)) for _ in range(3)]
    await asyncio.sleep(0)

    waiting[0].cancel()

    assert await asyncio.gather(*waiting[1:]) == [None, None]
    assert disks.synced == 1


async def test_every_world_is_synced_by_itself(tmp_path: Path, wall: Wall) -> None:
    both = [Disks(), Disks()]
    worlds = [
        World(f"{number}", Store.open(SHELVES, tmp_path / f"{number}", fsync="always", files=one), Clock(wall), "seed")
        for number, one in enumerate(both)
    ]
    disk = Disk()
    worlds[0].store.sync()
    both[0].synced = both[1].synced = 0

    await asyncio.gather(*(disk.synced(world) for world in worlds * 2))

    assert [one.synced for one in both] == [0, 1]


async def test_a_sync_that_fails_undoes_what_it_was_for_and_tells_everyone(careful: World, disks: Disks) -> None:
    disk = Disk()
    before = documents(careful)
    disks.fails = True

    async def ask() -> None:
        careful.perform(CREATE, {})
        await disk.synced(careful)

    told = await together(3, ask)

    assert [type(one) for one in told] == [Unavailable] * 3
    assert re.fullmatch(r"Nothing was changed: Read-only until a restart: .* could not be synced .*\.", str(told[0]))
    assert documents(careful) == before


async def test_a_world_stays_read_only_after_a_failed_sync(careful: World, disks: Disks) -> None:
    disk = Disk()
    disks.fails = True
    careful.perform(CREATE, {})
    with pytest.raises(Unavailable):
        await disk.synced(careful)

    disks.fails = False

    with pytest.raises(Unavailable, match="Read-only until a restart"):
        careful.perform(CREATE, {})
    assert careful.perform(INDEX, {}).status == 200
    await disk.synced(careful)
