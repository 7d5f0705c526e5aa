"""A world as one file: the same world gives the same bytes, and what is no world changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest
from pytest_aiohttp.plugin import AiohttpClient

from sandbox import clock, fixtures
from sandbox.dumps import BadDump
from sandbox.resource import KINDS
from sandbox.web.app import Application
from sandbox.web.body import LIMIT
from sandbox.web.guard import Guard
from sandbox.world import World
from sandbox.worlds import Ground, Worlds
from tests.api import Api
from tests.conformance.everything import deliver, everything
from tests.conformance.setting import Setting
from tests.conftest import Wall
from tests.levers import Levers, problem
from tests.resources.charging import made, payer, shown
from tests.served import Client, Served
from tests.test_checkpoints import story

Dump = dict[str, Any]


@pytest.fixture
async def full(api: Api, worlds: Worlds, wall: Wall) -> World:
    """A world with one of everything, a fault and a policy of delivery among it."""
    setting = await Setting.opened(api)
    world = worlds.holder(setting.api.key)
    assert world is not None
    await everything(setting, wall)
    deliver(world)
    levers = Levers(setting.api)
    await levers.fault({"decline": "card-declined"}, {"operation": "debits.create", "amount": {">": 5}}, times=1)
    await levers.pulled("PUT", "deliveries/policy", {"capture": True, "drop": ["card.created"]})
    await levers.pulled("PUT", "clock", {"running": False})
    return world


def written(world: World) -> bytes:
    return orjson.dumps(world.dump())


async def test_a_world_with_everything_is_the_same_bytes_after_it_was_read_back(full: World, wall: Wall) -> None:
    first = written(full)
    other = Worlds(Ground(wall=wall, seed="another")).default

    other.load(orjson.loads(first))

    assert written(other) == first
    tables = orjson.loads(first)["tables"]
    assert {kind.shape.table for kind in KINDS.values()} <= set(tables)
    assert {"schedule", "faults", "removed", "world", "delivery_policy"} <= set(tables)


async def test_a_world_that_was_read_back_goes_on_like_the_one_it_was_written_from(
    full: World, wall: Wall, aiohttp_client: AiohttpClient
) -> None:
    dump = full.dump()
    worlds = [Worlds(Ground(wall=wall, seed=seed)) for seed in ("one", "other")]
    stories = []
    for one in worlds:
        one.default.load(deepcopy(dump))
        client: Client = await aiohttp_client(Served(Application(one, Guard())))
        stories.append(await story(Levers(Api(client, one.default.api_key, one.default.marketplace_uri))))

    assert stories[0] == stories[1]


async def test_a_world_is_written_and_read_over_http(levers: Levers, worlds: Worlds) -> None:
    await levers.pulled("PUT", "clock", {"running": False})
    await payer(levers.api)
    first = await levers.get("dump")
    await payer(levers.api)

    loaded = await levers.pulled("PUT", "load", first.body)

    assert loaded["api_key"] == levers.api.key
    assert (await levers.get("dump")).raw == first.raw


async def test_a_large_world_is_read_over_http(levers: Levers) -> None:
    await levers.pulled("POST", "invent", {"customers": 600})
    dump = await levers.get("dump")
    assert len(dump.raw) > LIMIT

    await levers.pulled("PUT", "load", dump.body)

    assert (await shown(levers.api, "/v1/customers"))["total"] == 603


async def test_a_world_read_into_another_process_is_opened_by_the_key_it_had(
    levers: Levers, wall: Wall, aiohttp_client: AiohttpClient
) -> None:
    customer = await made(levers.api, "/v1/customers")
    dump = (await levers.get("dump")).body
    elsewhere = Worlds(Ground(wall=wall, seed="elsewhere"))
    fixtures.populate(elsewhere.default)
    client: Client = await aiohttp_client(Served(Application(elsewhere, Guard())))
    there = Levers(Api(client, ""))

    await there.pulled("PUT", "load", dump)

    assert (await Api(client, levers.api.key).get(customer["uri"])).body == customer


async def test_a_key_opens_one_world_only(levers: Levers, worlds: Worlds) -> None:
    other = Levers(levers.api.with_key((await levers.post("worlds")).body["api_key"]))
    before = await other.pulled("GET", "dump")

    status, field, detail = problem(await other.put("load", (await levers.get("dump")).body))

    assert (status, field) == (400, "tables.api_keys")
    assert detail.endswith("opens another world already")
    assert await other.pulled("GET", "dump") == before


async def test_a_world_that_was_read_is_there_after_a_restart(full: World, wall: Wall, tmp_path: Path) -> None:
    worlds = Worlds(Ground(wall=wall, seed="tests", folder=tmp_path))
    worlds.default.load(full.dump())
    first = written(worlds.default)
    worlds.close()

    again = Worlds(Ground(wall=wall, seed="tests", folder=tmp_path)).default

    # How many requests there were is not kept: their ids go on from the start.
    assert orjson.loads(written(again)) | {"requests": 0} == orjson.loads(first) | {"requests": 0}


def test_a_checkpoint_of_before_brings_back_the_ids_of_before(worlds: Worlds, wall: Wall) -> None:
    world = worlds.default
    before, saved = written(world), world.saved()
    other = Worlds(Ground(wall=wall, seed="other"))
    fixtures.populate(other.default)
    world.load(other.default.dump())
    assert world.seed != saved.seed

    world.restore(saved)

    assert written(world) == before
    assert world.tools.ids.record("CU", 0, 1) == worlds.default.tools.ids.record("CU", 0, 1)
    assert world.seed == saved.seed


def without(name: str) -> Callable[[Dump], object]:
    return lambda dump: dump.pop(name)


def put(name: str, value: Any) -> Callable[[Dump], object]:
    """Return what puts a value at a dotted place."""

    def put(dump: Dump) -> None:
        *steps, last = name.split(".")
        for step in steps:
            dump = dump[int(step)] if isinstance(dump, list) else dump[step]
        dump[int(last) if isinstance(dump, list) else last] = value

    return put


def twice(table: str) -> Callable[[Dump], object]:
    return lambda dump: dump["tables"][table].append(dump["tables"][table][0])


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (without("format"), "format"),
        (without("tables"), "tables"),
        (put("format", 2), "format"),
        (put("more", 1), "more"),
        (put("seed", 7), "seed"),
        (put("requests", -1), "requests"),
        (put("requests", "1"), "requests"),
        (put("sequence", 1.5), "sequence"),
        (put("sequence", 1), "tables.*_seq"),
        (put("clock", None), "clock"),
        (put("clock", {}), "clock.stands_at"),
        (put("clock.stands_at", "now"), "clock.stands_at"),
        (put("clock.stands_at", -1), "clock.stands_at"),
        (put("clock.latest", 10**20), "clock.latest"),
        (put("clock.ahead", None), "clock.ahead"),
        (put("clock.speed", 2), "clock.speed"),
        (put("tables", []), "tables"),
        (put("tables.books", []), "tables.books"),
        (put("tables.cards", {}), "tables.cards"),
        (put("tables.cards.0", 7), "tables.cards[0]"),
        (put("tables.cards.0.id", 7), "tables.cards[0].id"),
        (put("tables.cards.0.created_at", None), "tables.cards[0].created_at"),
        (put("tables.cards.0.created_at", "soon"), "tables.cards[0].created_at"),
        (put("tables.cards.0._seq", "1"), "tables.cards[0]._seq"),
        (put("tables.cards.0._seq", 0), "tables.cards[0]._seq"),
        (put("tables.cards.0._seq", 1), "tables.*"),  # somebody else's
        (twice("cards"), "tables.cards[*]"),
        (put("tables.cards.0.customer", "CU0"), "tables.cards"),
        (put("tables.debits.0.source", "nobody"), "tables.*"),
        (put("tables.holds.0", {"id": "HL0", "created_at": "2013-05-06", "_seq": 10}), "tables.*"),
        (put("tables.customers", []), "tables.*"),
        (put("tables.world", []), "tables.world"),
        (put("tables.world.0.id", "word"), "tables.world"),
        (put("tables.world.0.seed", None), "tables.world[0].seed"),
        (put("tables.world.0.born", {}), "tables.world[0].born.stands_at"),
        (put("tables.schedule.0.duty", "holds.explode"), "tables.schedule"),
        (put("tables.schedule.0.record", None), "tables.schedule"),
        (put("tables.faults.0.do", {"explode": 1}), "tables.faults"),
        (put("tables.faults.0.fired", "often"), "tables.faults.*"),
        (put("tables.delivery_policy.0.drop", "all"), "tables.delivery_policy"),
    ],
)
async def test_what_is_no_world_is_refused_and_nothing_is_changed(
    full: World, spoil: Callable[[Dump], object], field: str
) -> None:
    before = written(full)
    dump = orjson.loads(before)
    spoil(dump)

    with pytest.raises(BadDump) as refused:
        full.load(dump)

    begins, _, ends = field.partition("*")
    assert refused.value.field.startswith(begins)
    assert refused.value.field.endswith(ends)
    assert "*" in field or refused.value.field == field
    assert written(full) == before


@pytest.mark.parametrize("dump", [[], None, "dump"])
def test_what_is_not_even_an_object_is_no_world(worlds: Worlds, dump: Any) -> None:
    with pytest.raises(BadDump, match="is an object"):
        worlds.default.load(dump)


@pytest.mark.parametrize("body", [None, {}, {"tables": {}}])
async def test_what_is_no_world_is_a_problem_over_http(levers: Levers, worlds: Worlds, body: Any) -> None:
    before = written(worlds.default)

    assert problem(await levers.put("load", body))[:2] == (400, "format")

    assert written(worlds.default) == before


async def test_the_time_of_a_running_clock_travels_too(worlds: Worlds, wall: Wall) -> None:
    world = worlds.default
    world.advance(by=365 * clock.DAY)
    dump = world.dump()
    other = Worlds(Ground(wall=wall, seed="other")).default

    other.load(dump)

    assert other.clock.running
    assert other.clock.now() == world.clock.now()
    assert written(other) == written(world)
