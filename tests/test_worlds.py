"""The worlds of a process: each with a key of its own that opens no other, kept in a folder of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import orjson
import pytest

from sandbox import fixtures
from sandbox.clock import DAY, LAST, SECOND
from sandbox.errors import Invalid
from sandbox.resources import ROUTES
from sandbox.store import ReadOnly, Store
from sandbox.world import World
from sandbox.worlds import DEFAULT, Ground, Worlds
from tests.conftest import NOW, Wall

CREATE = next(route for route in ROUTES if (route.method, route.path) == ("POST", "/v1/customers"))


@pytest.fixture
def kept(tmp_path: Path, wall: Wall) -> Ground:
    """The ground of worlds that are kept on disk."""
    return Ground(wall=wall, seed="tests", folder=tmp_path)


def opened(worlds: Worlds) -> World:
    return worlds.open_with_key({})[0]


def test_there_is_always_a_default_world(worlds: Worlds) -> None:
    assert [world.name for world in worlds] == [DEFAULT]
    assert worlds.get(DEFAULT) is worlds.default
    assert worlds.get("world-2") is None


def test_a_caller_without_a_key_gets_a_world_with_one(worlds: Worlds) -> None:
    world, answer = worlds.open_with_key({"meta": {"a": "b"}})

    key = orjson.loads(answer.body)
    assert answer.status == 201
    assert key["meta"] == {"a": "b"}
    assert key["merchant"]["name"] == "William Henry Cavendish III"
    assert key["secret"] == world.api_key
    assert worlds.holder(key["secret"]) is world
    assert list(worlds) == [worlds.default, world]


def test_a_caller_whose_body_is_refused_gets_no_world(kept: Ground) -> None:
    worlds = Worlds(kept)

    with pytest.raises(Invalid):
        worlds.open_with_key({"merchant": {"type": "person"}})

    assert [world.name for world in worlds] == [DEFAULT]
    assert os.listdir(kept.folder or "") == [DEFAULT]


def test_a_key_opens_its_own_world_and_no_other(worlds: Worlds) -> None:
    everyone = [worlds.default, *(opened(worlds) for _ in range(5))]

    assert len({world.api_key for world in everyone}) == 6
    for world in everyone:
        assert worlds.holder(world.api_key) is world
        assert [one for one in everyone if one.opens_with(world.api_key)] == [world]
    assert worlds.holder("") is None
    assert worlds.holder("0" * 32) is None


def test_what_is_in_one_world_is_not_there_in_another(worlds: Worlds) -> None:
    one, other = worlds.default, worlds.create()
    fixtures.populate(other)

    assert one.seed != other.seed
    for table in one.store.tables():
        ids = one.store.rows(table).keys(), other.store.rows(table).keys()
        assert table == "world" or not ids[0] & ids[1]


def test_a_marketplace_tells_its_world(worlds: Worlds) -> None:
    other = worlds.create()
    fixtures.populate(other)

    assert worlds.with_marketplace(worlds.default.tools.marketplace) is worlds.default
    assert worlds.with_marketplace(other.tools.marketplace) is other
    assert worlds.with_marketplace("TEST-MP1") is None


def test_the_same_seed_gives_the_same_worlds_in_the_same_order(wall: Wall) -> None:
    one, other = (Worlds(Ground(wall=wall, seed="tests")) for _ in range(2))

    assert [opened(one).api_key for _ in range(3)] == [opened(other).api_key for _ in range(3)]


def test_a_world_may_have_a_seed_and_a_time_of_its_own(worlds: Worlds, wall: Wall) -> None:
    one, other = worlds.create(seed="7", begins=NOW - DAY), worlds.create(seed="7", begins=NOW - DAY, runs=True)
    assert (one.seed, other.seed) == ("7", "7")

    wall.moment += SECOND

    assert one.clock.now() == NOW - DAY
    assert other.clock.now() == NOW - DAY + SECOND


def test_two_worlds_of_one_seed_are_alike_and_opened_by_keys_of_their_own(worlds: Worlds) -> None:
    one, other = (worlds.create(seed="7", begins=NOW) for _ in range(2))
    for world in (one, other):
        fixtures.populate(world)

    assert one.store.rows("customers").keys() == other.store.rows("customers").keys()
    assert (worlds.holder(one.api_key), worlds.holder(other.api_key)) == (one, other)


def test_a_world_may_be_told_whether_its_clock_runs_and_nothing_else(worlds: Worlds, wall: Wall) -> None:
    standing, running = worlds.create(runs=False), worlds.create(runs=True)

    wall.moment += SECOND

    assert (standing.clock.now(), running.clock.now()) == (NOW, NOW + SECOND)
    assert (standing.clock.running, running.clock.running) == (False, True)


@pytest.mark.parametrize("begins", [-1, LAST + 1])
def test_a_world_that_begins_out_of_all_time_is_refused(worlds: Worlds, begins: int) -> None:
    with pytest.raises(ValueError, match="1970 to 9998"):
        worlds.create(begins=begins)

    assert list(worlds) == [worlds.default]


@pytest.mark.parametrize("runs", [True, False])
def test_every_world_begins_when_the_ground_says(wall: Wall, runs: bool) -> None:
    worlds = Worlds(Ground(wall=wall, seed="tests", begins=NOW + DAY, runs=runs))

    wall.moment += SECOND

    assert worlds.default.clock.now() == NOW + DAY + (SECOND if runs else 0)
    assert worlds.create().clock.now() == NOW + DAY


# Dropping.


def test_a_dropped_world_is_gone_and_its_key_opens_nothing(kept: Ground) -> None:
    worlds = Worlds(kept)
    world = opened(worlds)
    secret = world.api_key

    worlds.drop(world)

    assert worlds.holder(secret) is None
    assert worlds.get(world.name) is None
    assert not world.opens_with(secret)
    assert os.listdir(kept.folder or "") == [DEFAULT]


def test_the_key_of_a_dropped_world_opens_none_that_comes_after_it(worlds: Worlds) -> None:
    dropped = opened(worlds)
    secret = dropped.api_key
    worlds.drop(dropped)

    later = [opened(worlds) for _ in range(3)]

    assert worlds.holder(secret) is None
    assert dropped.name not in {world.name for world in later}


# What is kept on disk.


def test_every_world_is_there_again_after_a_restart(kept: Ground) -> None:
    worlds = Worlds(kept)
    fixtures.populate(worlds.default)
    names = [opened(worlds).name for _ in range(12)]
    before = {world.name: (world.seed, world.api_key, world.dump()) for world in worlds}
    worlds.close()

    again = Worlds(kept)

    assert {world.name: (world.seed, world.api_key) for world in again} == {
        name: (seed, key) for name, (seed, key, _) in before.items()
    }
    for name, (_, key, dump) in before.items():
        world = again.get(name)
        assert world is not None
        assert again.holder(key) is world
        assert orjson.dumps(world.dump()["tables"]) == orjson.dumps(dump["tables"])
    assert opened(again).name not in names


def test_a_world_goes_on_drawing_where_it_stopped(kept: Ground, wall: Wall) -> None:
    stayed = Worlds(Ground(wall=wall, seed="tests"))
    restarted = Worlds(kept)
    for worlds in (stayed, restarted):
        fixtures.populate(worlds.default)
    restarted.close()

    one, other = stayed.default, Worlds(kept).default
    for world in (one, other):
        with world.planting() as plant:
            plant(CREATE, {}, {"name": "Zoë"})

    assert one.store.rows("customers").keys() == other.store.rows("customers").keys()


def test_another_seed_does_not_change_a_world_that_is_kept(kept: Ground, wall: Wall) -> None:
    worlds = Worlds(kept)
    seed = worlds.default.seed
    worlds.close()

    assert Worlds(Ground(wall=wall, seed="another", folder=kept.folder)).default.seed == seed


def test_worlds_in_memory_leave_nothing_on_disk(tmp_path: Path, wall: Wall) -> None:
    worlds = Worlds(Ground(wall=wall, seed="tests"))
    worlds.drop(opened(worlds))
    worlds.close()

    assert os.listdir(tmp_path) == []


def test_a_closed_world_cannot_be_written_to(kept: Ground) -> None:
    worlds = Worlds(kept)
    fixtures.populate(worlds.default)
    worlds.close()

    with pytest.raises(ReadOnly, match="closed"), worlds.default.store.transaction():
        worlds.default.store.draw()
    with pytest.raises(ReadOnly, match="closed"):
        fixtures.load(worlds.default, [fixtures.check("a test", {"customers": [{}]})])


@pytest.mark.parametrize("fsync", ["os", "always"])
def test_every_world_is_synced_as_the_ground_says(tmp_path: Path, wall: Wall, fsync: str) -> None:
    worlds = Worlds(Ground(wall=wall, seed="tests", folder=tmp_path, fsync="always" if fsync == "always" else "os"))

    assert opened(worlds).store.unsynced is (fsync == "always")


def test_what_else_lies_in_the_folder_is_left_alone(kept: Ground) -> None:
    worlds = Worlds(kept)
    fixtures.populate(worlds.default)
    worlds.close()
    folder = kept.folder or Path()
    shutil.copytree(folder / DEFAULT, folder / "backup")
    (folder / "world-").mkdir()
    (folder / "world-02").mkdir()
    (folder / ".hidden").mkdir()
    (folder / "world-9").write_text("no folder")

    again = Worlds(kept)

    assert [world.name for world in again] == [DEFAULT]
    assert opened(again).name == "world-2"
    assert os.listdir(folder / "world-") == []


def test_a_world_that_was_never_begun_is_begun(kept: Ground) -> None:
    Store.open({}, (kept.folder or Path()) / DEFAULT).close()

    assert Worlds(kept).default.is_empty
