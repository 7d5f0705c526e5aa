"""Checkpoints: a world is put back as it was, so that it repeats itself to the byte, at the same cost at any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from pytest_aiohttp.plugin import AiohttpClient

from sandbox import clock, fixtures
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.world import EMPTY, FIXTURES
from sandbox.worlds import Ground, Worlds
from tests.api import Api
from tests.conftest import Wall
from tests.levers import Levers, problem
from tests.resources.charging import made, payer, shown
from tests.served import Client, Served

SHOP = [fixtures.read(path) for path in fixtures.locate("shop")]


async def story(levers: Levers) -> list[Any]:
    """Ask a lot, let time pass, be refused, and return every answer to the byte."""
    api = levers.api
    answers = [await api.post("/v1/customers", {"name": "Alice"})]
    customer = answers[0].body
    card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}
    answers.append(await api.put(customer["uri"], {"card": card}))
    answers.append(await api.post(f"{customer['uri']}/debits", {"amount": 5000}))
    answers.append(await api.post(f"{customer['uri']}/debits", {"amount": 6000}))
    answers.append(await api.post(f"{customer['uri']}/holds", {"amount": 700}))
    account = {"name": "Johann", "account_number": "9900000001", "routing_number": "121000358", "type": "checking"}
    answers.append(await api.post("/v1/credits", {"amount": 100, "bank_account": account}))
    answers.append(await levers.post("clock/advance", {"days": 8}))
    answers.append(await api.post(f"{customer['uri']}/debits", {"amount": "many"}))
    answers.append(await api.post("/v1/api_keys"))
    answers.append(await api.get("/v1/events?limit=100"))
    answers.append(await api.get("/v1/transactions?limit=100"))
    answers.append(await levers.get("faults"))
    return [(answer.status, answer.raw, answer.headers.get("X-Sandbox-Request-Id")) for answer in answers]


async def test_a_restored_world_repeats_itself_to_the_byte(levers: Levers) -> None:
    await levers.pulled("PUT", "clock", {"running": False})
    await levers.fault({"decline": "card-declined"}, {"operation": "debits.create", "nth": 2})
    await levers.fault({"delay_ms": 0}, {"operation": "debits.create"}, probability=0.5)
    await payer(levers.api)
    await levers.pulled("PUT", "checkpoints/before")

    first = await story(levers)
    await levers.pulled("POST", "checkpoints/before/restore")
    second = await story(levers)
    await levers.pulled("POST", "reset", {"to": "before"})
    third = await story(levers)

    assert first == second == third
    assert 402 in {status for status, *_ in first}


async def test_time_ids_faults_and_schedule_travel_with_a_checkpoint(levers: Levers, worlds: Worlds) -> None:
    world = worlds.default
    customer = await payer(levers.api)
    await made(levers.api, f"{customer['uri']}/holds", {"amount": 100})
    await levers.fault({"delay_ms": 0}, {"operation": "customers.index"}, times=3)
    await levers.pulled("PUT", "clock", {"running": False})
    await levers.pulled("PUT", "checkpoints/before")
    before = world.dump()

    await levers.api.get("/v1/customers")
    await levers.pulled("PUT", "clock", {"now": "2020-01-01", "running": True})
    await levers.pulled("DELETE", "faults")
    assert world.tools.schedule.first() is None

    assert (await levers.pulled("POST", "checkpoints/before/restore"))["now"] == "2013-05-06T17:18:03.439563Z"
    assert world.dump() == before
    assert world.tools.schedule.first() is not None
    assert not world.clock.running


async def test_checkpoints_are_kept_listed_shown_replaced_and_dropped(levers: Levers) -> None:
    first = await levers.pulled("PUT", "checkpoints/a")
    await levers.pulled("PUT", "checkpoints/b c")
    await levers.pulled("POST", "clock/advance", {"days": 1})
    second = await levers.pulled("PUT", "checkpoints/a")

    assert first == {"name": "a", "at": "2013-05-06T17:18:03.439563Z"}
    assert second["at"] > first["at"]
    assert await levers.pulled("GET", "checkpoints/a") == second
    listed = [one["name"] for one in (await levers.pulled("GET", "checkpoints"))["items"]]
    assert listed == ["fixtures", "b c", "a"]
    assert (await levers.delete("checkpoints/a")).status == 204
    assert problem(await levers.get("checkpoints/a"))[:2] == (404, "name")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "checkpoints/none"),
        ("DELETE", "checkpoints/none"),
        ("POST", "checkpoints/none/restore"),
        ("GET", "checkpoints/none/diff"),
    ],
)
async def test_a_checkpoint_that_is_not_there_is_a_problem(levers: Levers, method: str, path: str) -> None:
    answer = await (levers.get(path) if method == "GET" else getattr(levers, method.lower())(path))

    assert problem(answer)[:2] == (404, "name")


@pytest.mark.parametrize("name", [EMPTY, FIXTURES])
@pytest.mark.parametrize("method", ["put", "delete"])
async def test_the_places_reset_goes_to_are_nobody_s_to_change(levers: Levers, method: str, name: str) -> None:
    assert problem(await getattr(levers, method)(f"checkpoints/{name}"))[:2] == (409, "name")


async def test_a_difference_names_what_was_created_changed_and_removed(levers: Levers) -> None:
    api = levers.api
    kept, changed = await made(api, "/v1/customers"), await made(api, "/v1/customers")
    removed = await made(api, "/v1/callbacks", {"url": "http://127.0.0.1:1/"})
    await levers.pulled("PUT", "checkpoints/before")

    created = await made(api, "/v1/customers")
    await api.put(changed["uri"], {"name": "Bob"})
    await api.delete(removed["uri"])
    await api.get(kept["uri"])
    difference = await levers.pulled("GET", "checkpoints/before/diff")

    assert difference["customers"] == {"created": [created["id"]], "changed": [changed["id"]], "removed": []}
    assert difference["callbacks"] == {"created": [], "changed": [], "removed": [removed["id"]]}
    assert "cards" not in difference
    await levers.pulled("POST", "checkpoints/before/restore")
    assert await levers.pulled("GET", "checkpoints/before/diff") == {}


async def test_saving_writing_and_restoring_copy_nothing(levers: Levers, worlds: Worlds) -> None:
    world = worlds.default
    rows = {table: world.store.rows(table) for table in world.store.tables()}

    saved = world.saved()
    await levers.api.post("/v1/customers")
    world.restore(saved)
    await levers.api.post("/v1/customers")

    assert all(world.store.rows(table) is held for table, held in rows.items())


async def test_what_is_written_after_a_checkpoint_leaves_the_checkpoint_alone(levers: Levers, worlds: Worlds) -> None:
    world = worlds.default
    before = dict(world.store.rows("customers"))
    saved = world.saved()
    await levers.api.post("/v1/customers")

    world.restore(saved)

    assert world.store.rows("customers") == before


# Reset.


async def asked(aiohttp_client: AiohttpClient, worlds: Worlds) -> Levers:
    client: Client = await aiohttp_client(Served(Application(worlds, Guard())))
    return Levers(Api(client, worlds.default.api_key, worlds.default.marketplace_uri))


def opened(wall: Wall, folder: Path | None = None) -> Worlds:
    begins = clock.parse("2013-05-06T17:18:00Z")
    return Worlds(Ground(wall=wall, seed="tests", folder=folder, begins=begins))


@pytest.mark.parametrize("place", ["empty", "fixtures"])
@pytest.mark.parametrize("disk", [False, True])
async def test_a_world_goes_back_to_its_beginning_also_after_a_restart(
    aiohttp_client: AiohttpClient, wall: Wall, tmp_path: Path, place: str, disk: bool
) -> None:
    worlds = opened(wall, tmp_path if disk else None)
    fixtures.populate(worlds.default, [] if place == "empty" else SHOP)
    born = worlds.default.dump()
    levers = await asked(aiohttp_client, worlds)
    first = await story(levers)
    if disk:
        worlds.close()
        worlds = opened(wall, tmp_path)
        levers = await asked(aiohttp_client, worlds)
    fixtures.remember(worlds.default, SHOP)

    back = await levers.pulled("POST", "reset", {"to": place})

    assert back["api_key"] == levers.api.key
    assert worlds.default.dump() == born
    assert await story(levers) == first
    await levers.pulled("POST", "reset", {"to": place})
    assert worlds.default.dump() == born


async def test_what_was_reset_is_reset_after_a_restart_too(
    aiohttp_client: AiohttpClient, wall: Wall, tmp_path: Path
) -> None:
    worlds = opened(wall, tmp_path)
    fixtures.populate(worlds.default, SHOP)
    born = orjson.dumps(worlds.default.dump())
    levers = await asked(aiohttp_client, worlds)
    await story(levers)
    await levers.pulled("POST", "reset")

    worlds.close()

    assert orjson.dumps(opened(wall, tmp_path).default.dump()) == born


async def test_the_clock_stands_where_it_was_put_after_a_restart(
    aiohttp_client: AiohttpClient, wall: Wall, tmp_path: Path
) -> None:
    worlds = Worlds(Ground(wall=wall, seed="tests", folder=tmp_path))
    fixtures.populate(worlds.default)
    levers = await asked(aiohttp_client, worlds)
    await levers.pulled("PUT", "clock", {"now": "2020-02-29", "running": False})
    worlds.close()
    wall.moment += clock.DAY

    again = Worlds(Ground(wall=wall, seed="tests", folder=tmp_path)).default

    assert clock.stamp(again.clock.now()) == "2020-02-29T00:00:00.000000Z"
    assert not again.clock.running


async def test_a_world_of_which_nobody_knows_the_fixtures_any_more_says_so(
    aiohttp_client: AiohttpClient, wall: Wall, tmp_path: Path
) -> None:
    worlds = opened(wall, tmp_path)
    fixtures.populate(worlds.default)
    key = (await (await asked(aiohttp_client, worlds)).post("worlds")).body["api_key"]
    worlds.close()
    levers = await asked(aiohttp_client, opened(wall, tmp_path))
    own = Levers(levers.api.with_key(key))

    assert problem(await own.post("reset")) == (404, "to", "there is nothing to go back to")

    await own.pulled("PUT", "checkpoints/here")
    assert problem(await own.post("reset")) == (404, "to", "is none of here")


async def test_fixtures_that_fit_no_more_leave_the_world_as_it_is(levers: Levers, worlds: Worlds) -> None:
    twice = fixtures.check("twice", {"customers": [{"id": "CU75beT5vAN8OukrF9bw61Bn"}]})
    worlds.default.checkpoints.drop(FIXTURES)
    fixtures.remember(worlds.default, [twice, twice])
    await levers.api.post("/v1/customers")
    before = worlds.default.dump()

    status, field, _ = problem(await levers.post("reset"))

    assert (status, field) == (409, "to")
    assert worlds.default.dump() == before


async def test_reset_takes_the_world_s_own_fixtures_along(levers: Levers) -> None:
    world = (await levers.post("worlds", {"fixtures": ["shop"]})).body
    own = Levers(levers.api.with_key(world["api_key"]))
    total = (await shown(own.api, "/v1/customers"))["total"]
    await own.api.post("/v1/customers")

    await own.pulled("POST", "reset")
    assert (await shown(own.api, "/v1/customers"))["total"] == total

    empty = await own.pulled("POST", "reset", {"to": "empty"})
    assert (await shown(own.api, "/v1/customers"))["total"] < total
    assert empty["marketplace_uri"] == world["marketplace_uri"]
