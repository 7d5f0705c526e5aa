"""The levers over HTTP: each does what it says to one world, and says which field it does not understand."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import hdrs
from pytest_aiohttp.plugin import AiohttpClient

from sandbox import clock, fixtures
from sandbox.store import Files, Full, Store
from sandbox.web.app import Application
from sandbox.web.body import LIMIT
from sandbox.web.control import LEVERS
from sandbox.web.control_clock import SOONEST
from sandbox.web.guard import Guard
from sandbox.world import SHELVES, World
from sandbox.worlds import Ground, Worlds
from tests.api import Api
from tests.conftest import Wall
from tests.levers import CONTROL, Levers, problem
from tests.resources.charging import made, payer, shown
from tests.served import Client, Served

CHANGING = [lever for lever in LEVERS if lever.method != "GET"]
LOOKING = [lever for lever in LEVERS if lever.method == "GET" and lever.path != "stream"]
"""The one that never ends has tests of its own."""

BORN = 3
"""How many customers a marketplace begins with: its owner, and who holds escrow and fees."""

JSON = {"Content-Type": "application/json"}


def named(lever: Any) -> str:
    return f"{lever.method} {lever.path}"


def bare(path: str) -> str:
    return "/_sandbox/" + path.replace("{", "no-").replace("}", "")


class FullDisk(Files):
    """A disk that takes no more, from when it is told."""

    full = False

    def write(self, descriptor: int, data: bytes) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "no space")
        return super().write(descriptor, data)


@pytest.mark.parametrize("lever", CHANGING, ids=named)
async def test_whatever_changes_the_sandbox_takes_the_control_header(api: Api, worlds: Worlds, lever: Any) -> None:
    before = worlds.default.dump()

    answer = await api.send(lever.method, bare(lever.path))

    assert problem(answer)[0] == 403
    assert "X-Sandbox-Control: 1" in answer.body["detail"]
    assert worlds.default.dump() == before


@pytest.mark.parametrize("lever", LOOKING, ids=named)
async def test_looking_changes_nothing(api: Api, worlds: Worlds, lever: Any) -> None:
    await made(api, "/v1/customers")
    before, log = worlds.default.dump(), list(worlds.default.requests)

    await api.get(bare(lever.path) + ("?timeout=0&type=none" if "wait" in lever.path else ""))

    assert worlds.default.dump() == before
    assert list(worlds.default.requests) == log


@pytest.mark.parametrize("lever", LOOKING, ids=named)
async def test_looking_beyond_loopback_takes_the_token_but_for_health_and_readiness(
    worlds: Worlds, aiohttp_client: AiohttpClient, lever: Any
) -> None:
    wide: Client = await aiohttp_client(Served(Application(worlds, Guard(wide=True, control_token="s3cret"))))
    query = "?timeout=0" if "wait" in lever.path else ""

    without = await wide.get(bare(lever.path) + query)
    with_token = await wide.get(bare(lever.path) + query, headers={"X-Sandbox-Control": "s3cret"})

    assert without.status == (200 if lever.path in ("health", "ready") else 403)
    assert with_token.status != 403


@pytest.mark.parametrize("lever", LEVERS, ids=named)
async def test_a_lever_refuses_what_means_nothing_to_it(levers: Levers, worlds: Worlds, lever: Any) -> None:
    before = worlds.default.dump()
    judges_its_body = isinstance(lever.takes, type)
    path = bare(lever.path) + ("?speed=1" if judges_its_body or lever.method == "GET" else "")

    answer = await levers.api.send(lever.method, path, {"speed": 1}, headers=CONTROL)

    status, field, detail = problem(answer)
    assert (status, field) == (400, "speed")
    assert detail == "nothing is expected here" or detail.startswith("is none of ")
    assert worlds.default.dump() == before


@pytest.mark.parametrize("lever", LEVERS, ids=named)
async def test_a_key_that_opens_no_world_pulls_no_lever(levers: Levers, lever: Any) -> None:
    stranger = levers.api.with_key("0" * 32)

    answer = await stranger.send(lever.method, bare(lever.path), headers=CONTROL)

    assert problem(answer) == (401, None, "no world has this key")


@pytest.mark.parametrize("lever", CHANGING, ids=named)
async def test_a_body_that_cannot_be_read_is_a_problem(levers: Levers, lever: Any) -> None:
    answer = await levers.api.send(lever.method, bare(lever.path), raw=b"{", headers=CONTROL | JSON)

    assert problem(answer)[0] == 400


async def test_there_is_no_such_lever(levers: Levers, worlds: Worlds) -> None:
    before = worlds.default.dump()

    assert problem(await levers.get("levers"))[0] == 404
    assert problem(await levers.post("clock"))[0] == 405
    assert (await levers.post("clock")).headers["Allow"] == "GET, HEAD, PUT"
    assert worlds.default.dump() == before  # what is no request of the API is not numbered among them


async def test_every_answer_of_a_lever_names_this_server_and_forbids_keeping(levers: Levers) -> None:
    for answer in (await levers.get("info"), await levers.get("none"), await levers.delete("faults")):
        assert answer.headers["Server"].startswith("balanced-sandbox/")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_who_sends_no_key_pulls_the_levers_of_the_default_world(levers: Levers, worlds: Worlds) -> None:
    nobody = Levers(levers.api.with_key(""))

    assert (await nobody.pulled("GET", "info"))["world"]["id"] == "default"
    await nobody.pulled("POST", "faults", {"do": {"status": 500}})
    assert len(worlds.default.faults.all()) == 1


# Alive, ready.


async def test_the_sandbox_is_alive_and_ready(levers: Levers) -> None:
    assert (await levers.get("health")).body == {"status": "ok"}
    assert (await levers.get("ready")).body == {"status": "ready"}


async def test_it_is_not_ready_before_its_fixtures_are_loaded(wall: Wall, aiohttp_client: AiohttpClient) -> None:
    empty = Worlds(Ground(wall=wall, seed="tests"))
    api = Api(await aiohttp_client(Served(Application(empty, Guard()))), "")

    assert problem(await api.get("/_sandbox/ready")) == (503, None, "the fixtures are not loaded yet")
    assert (await api.get("/_sandbox/health")).status == 200


async def test_it_is_not_ready_when_a_store_is_read_only(levers: Levers, worlds: Worlds) -> None:
    worlds.default.store.trouble = "the disk is gone"

    assert problem(await levers.get("ready")) == (503, None, "default is read-only: the disk is gone")
    assert (await levers.get("health")).status == 200


async def test_info_says_what_is_there(levers: Levers, worlds: Worlds) -> None:
    info = await levers.pulled("GET", "info")

    assert set(info) == {"version", "worlds", "world", "clock", "seed"}
    assert (info["worlds"], info["seed"]) == (1, worlds.default.seed)
    assert info["clock"] == {"now": "2013-05-06T17:18:03.439563Z", "running": True, "next": None}
    assert info["world"]["marketplace_uri"] == worlds.default.marketplace_uri


# Worlds.


async def test_a_world_says_which_fixtures_it_has_and_how_much_was_asked_of_it(levers: Levers) -> None:
    bundled = (await levers.pulled("GET", "fixtures"))["items"]
    await levers.pulled("POST", "worlds", {"fixtures": ["shop", {"customers": []}]})
    await levers.api.get("/v1/customers")

    default, other = (await levers.pulled("GET", "worlds"))["items"]

    assert {"documented", "shop"} <= {*bundled}
    assert (default["fixtures"], default["requests"]) == ([], 1)
    assert (other["fixtures"], other["requests"]) == (["shop", "fixtures[1]"], 0)


async def test_a_world_is_created_filled_listed_and_dropped(levers: Levers, worlds: Worlds) -> None:
    body = {"seed": 7, "clock": "2013-05-06T17:18:00Z", "fixtures": ["shop"]}

    created = await levers.post("worlds", body)

    assert created.status == 201
    world = created.body
    assert (world["id"], world["seed"]) == ("world-2", "7")
    assert world["clock"] == {"now": "2013-05-06T17:18:00.000000Z", "running": False, "next": None}
    own = levers.api.with_key(world["api_key"])
    assert (await shown(own, "/v1/customers"))["total"] > BORN
    assert (await shown(levers.api, "/v1/customers"))["total"] == BORN
    assert [one["id"] for one in (await levers.pulled("GET", "worlds"))["items"]] == ["default", "world-2"]

    assert (await levers.delete("worlds/world-2")).status == 204
    assert (await own.get("/v1/customers")).status == 401
    assert worlds.get("world-2") is None


async def test_a_world_without_wishes_is_like_every_other(levers: Levers) -> None:
    world = (await levers.post("worlds")).body

    assert world["clock"]["running"] is True
    assert world["marketplace_uri"].startswith("/v1/marketplaces/TEST-MP")


@pytest.mark.parametrize(
    ("asked", "running"),
    [
        ({"clock_running": True}, True),
        ({"clock_running": False}, False),
        ({"clock": "2020-02-29T00:00:00Z"}, False),
        ({"clock": "2020-02-29T00:00:00Z", "clock_running": True}, True),
    ],
)
async def test_the_clock_of_a_world_runs_or_stands_as_it_is_told(
    levers: Levers, wall: Wall, asked: Any, running: bool
) -> None:
    world = (await levers.post("worlds", asked)).body
    wall.moment += clock.DAY

    own = Levers(levers.api.with_key(world["api_key"]))
    assert world["clock"]["running"] is running
    later = (await own.pulled("GET", "clock"))["now"]
    assert (later > world["clock"]["now"]) is running


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"seed": []}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": ""}, "seed"),
        ({"clock": "yesterday"}, "clock"),
        ({"clock": 20130506}, "clock"),
        ({"clock": "1969-12-31T23:59:59Z"}, "clock"),
        ({"clock": "9999-12-31T00:00:00Z"}, "clock"),
        ({"clock_running": "yes"}, "clock_running"),
        ({"fixtures": "shop"}, "fixtures"),
        ({"fixtures": None}, "fixtures"),
        ({"fixtures": ["nowhere"]}, "fixtures[0]"),
        ({"fixtures": ["shop", 7]}, "fixtures[1]"),
        ({"fixtures": ["../fixtures/shop.json"]}, "fixtures[0]"),
        ({"fixtures": [{"customers": [{"nmae": "x"}]}]}, "fixtures[0]"),
        ({"fixtures": [{"cards": [{"card_number": "4111111111111112"}]}]}, "fixtures"),
    ],
)
async def test_a_world_that_cannot_be_made_is_not_there(levers: Levers, worlds: Worlds, body: Any, field: str) -> None:
    status, wrong, _ = problem(await levers.post("worlds", body))

    assert (status, wrong) == (400, field)
    assert [world.name for world in worlds] == ["default"]


async def test_a_fixture_that_does_not_fit_leaves_no_world_behind(levers: Levers, worlds: Worlds) -> None:
    twice = {"customers": [{"id": "CU75beT5vAN8OukrF9bw61Bn"}]}

    status, field, _ = problem(await levers.post("worlds", {"fixtures": [twice, twice]}))

    assert (status, field) == (400, "fixtures")
    assert [world.name for world in worlds] == ["default"]


async def test_two_worlds_of_one_seed_are_alike_but_for_their_keys(levers: Levers) -> None:
    one, other = (await levers.post("worlds", {"seed": 7})).body, (await levers.post("worlds", {"seed": 7})).body

    assert one["marketplace_uri"] == other["marketplace_uri"]
    assert one["api_key"] != other["api_key"]
    await levers.api.with_key(other["api_key"]).post("/v1/customers")
    assert (await shown(levers.api.with_key(one["api_key"]), "/v1/customers"))["total"] == BORN


async def test_the_default_world_cannot_be_dropped_nor_one_that_is_not_there(levers: Levers) -> None:
    assert problem(await levers.delete("worlds/default"))[:2] == (409, "world")
    assert problem(await levers.delete("worlds/world-9"))[:2] == (404, "world")


async def test_a_thousand_worlds_live_in_one_process(worlds: Worlds, client: Any) -> None:
    made = [worlds.create() for _ in range(1000)]
    for world in made:
        fixtures.populate(world)

    last = Api(client, made[-1].api_key)
    await last.post("/v1/customers")

    assert len({world.api_key for world in made}) == 1000
    assert (await shown(last, "/v1/customers"))["total"] == BORN + 1
    assert (await shown(Api(client, made[0].api_key), "/v1/customers"))["total"] == BORN


# More into a world.


async def test_more_fixtures_are_loaded_by_name_or_inline(levers: Levers) -> None:
    await levers.pulled("POST", "fixtures", {"fixtures": ["shop", {"customers": [{"name": "Alice"}]}]})

    page = await shown(levers.api, "/v1/customers?limit=100")
    assert "Alice" in {one["name"] for one in page["items"]}
    assert page["total"] > BORN + 1


async def test_a_fixture_may_be_larger_than_any_request(levers: Levers) -> None:
    many = {"customers": [{"name": f"Customer {number}", "meta": {"x": "y" * 200}} for number in range(1500)]}
    assert len(orjson.dumps(many)) > LIMIT

    await levers.pulled("POST", "fixtures", {"fixtures": [many]})

    assert (await shown(levers.api, "/v1/customers"))["total"] == BORN + 1500
    assert problem(await levers.post("invent", {"customers": "x" * LIMIT}))[0] == 413


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"fixtures": 7}, "fixtures"),
        ({"fixtures": [{"customers": 7}]}, "fixtures[0]"),
        ({"fixtures": [{"marketplaces": [{}]}]}, "fixtures"),  # there is one
    ],
)
async def test_a_fixture_that_cannot_be_loaded_leaves_the_world_as_it_was(
    levers: Levers, worlds: Worlds, body: Any, field: str
) -> None:
    before = worlds.default.dump()

    status, wrong, _ = problem(await levers.post("fixtures", body))

    assert (status, wrong) == (400, field)
    assert worlds.default.dump() == before


async def test_people_are_invented_also_twice(levers: Levers) -> None:
    assert await levers.pulled("POST", "invent", {"customers": 3, "seed": 7}) == {"customers": 3}
    await levers.pulled("POST", "invent", {"customers": 3, "seed": 7})

    assert (await shown(levers.api, "/v1/customers"))["total"] == BORN + 6


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"customers": 0}, "customers"),
        ({"customers": 100_001}, "customers"),
        ({"customers": "5"}, "customers"),
        ({"customers": True}, "customers"),
        ({"seed": "x"}, "seed"),
    ],
)
async def test_people_are_invented_in_reasonable_numbers(levers: Levers, body: Any, field: str) -> None:
    assert problem(await levers.post("invent", body))[:2] == (400, field)


async def test_nobody_is_invented_where_there_is_no_marketplace(levers: Levers) -> None:
    key = (await levers.api.with_key("").post("/v1/api_keys")).body["secret"]

    status, _, detail = problem(await Levers(levers.api.with_key(key)).post("invent"))

    assert status == 409
    assert "needs a marketplace" in detail


# The clock.


async def test_the_clock_stands_runs_and_jumps(levers: Levers, wall: Wall) -> None:
    stands = await levers.pulled("PUT", "clock", {"now": "2020-01-01T00:00:00Z", "running": False})
    wall.moment += clock.DAY

    assert (stands["now"], stands["running"], stands["done"]) == ("2020-01-01T00:00:00.000000Z", False, 0)
    assert (await levers.pulled("GET", "clock"))["now"] == stands["now"]

    await levers.pulled("PUT", "clock", {"running": True})
    wall.moment += clock.SECOND
    assert (await levers.pulled("GET", "clock"))["now"] == "2020-01-01T00:00:01.000000Z"


async def test_the_clock_advances_by_units_or_to_a_moment(levers: Levers) -> None:
    by = await levers.pulled("POST", "clock/advance", {"days": 1, "hours": 2, "minutes": 3, "seconds": 0.5})
    assert by["now"] == "2013-05-07T19:21:03.939563Z"

    to = await levers.pulled("POST", "clock/advance", {"to": "2014-05-06"})
    assert to["now"] == "2014-05-06T00:00:00.000000Z"

    nothing = await levers.pulled("POST", "clock/advance")
    assert nothing["now"] == to["now"]


async def test_a_running_clock_advances_by_nothing_while_time_passes(worlds: Worlds, client: Any) -> None:
    ticks = iter(range(10**9))
    ticking = Worlds(Ground(wall=lambda: clock.parse("2013-05-06") + next(ticks), seed="ticks"))

    assert ticking.default.advance() == 0
    assert ticking.default.set_clock(running=True) == 0
    assert ticking.default.advance(by=1) == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "clock", {"now": "2013-05-06T17:18:03.439562Z"}, "now"),
        ("PUT", "clock", {"now": "2013-05-06T17:18:03.439562Z", "running": False}, "now"),
        ("PUT", "clock", {"now": "9999-01-01"}, "now"),
        ("PUT", "clock", {"now": "soon"}, "now"),
        ("PUT", "clock", {"now": 7}, "now"),
        ("PUT", "clock", {"running": 1}, "running"),
        ("POST", "clock/advance", {"to": "2013-05-05"}, "to"),
        ("POST", "clock/advance", {"to": "2014-05-05", "days": 1}, "to"),
        ("POST", "clock/advance", {"days": -1}, "days"),
        ("POST", "clock/advance", {"hours": "1"}, "hours"),
        ("POST", "clock/advance", {"minutes": True}, "minutes"),
        ("POST", "clock/advance", {"seconds": None}, "seconds"),
        ("POST", "clock/advance", {"days": 10**7}, "days"),
        ("POST", "clock/advance", {"days": 1e18}, "days"),
    ],
)
async def test_the_clock_never_goes_back_nor_beyond_what_can_be_written(
    levers: Levers, worlds: Worlds, method: str, path: str, body: Any, field: str
) -> None:
    before = worlds.default.dump()

    answer = await levers.api.send(method, f"/_sandbox/{path}", body, headers=CONTROL)

    assert problem(answer)[:2] == (400, field)
    assert worlds.default.dump() == before
    assert worlds.default.clock.running


async def test_at_the_end_of_time_what_falls_due_can_still_be_written(levers: Levers) -> None:
    customer = await payer(levers.api)
    await levers.pulled("PUT", "clock", {"now": "9998-12-31T23:59:59.999999Z", "running": False})

    hold = await made(levers.api, f"{customer['uri']}/holds", {"amount": 100})

    assert hold["expires_at"] == "9999-01-07T23:59:59.999999Z"


async def test_the_clock_says_what_falls_due_next(levers: Levers) -> None:
    customer = await payer(levers.api)
    hold = await made(levers.api, f"{customer['uri']}/holds", {"amount": 100})

    due = (await levers.pulled("GET", "clock"))["next"]

    assert due == {"duty": "holds.expire", "record": hold["id"], "at": hold["expires_at"]}


async def test_the_clock_says_what_falls_due_after_that_as_far_as_can_be_shown(levers: Levers) -> None:
    customer = await payer(levers.api)
    holds = [await made(levers.api, f"{customer['uri']}/holds", {"amount": 100}) for _ in range(SOONEST + 1)]

    shown = await levers.pulled("GET", "clock")

    assert [one["record"] for one in shown["due"]] == [hold["id"] for hold in holds[:SOONEST]]
    assert shown["due"][0] == shown["next"]


async def test_looking_at_a_running_clock_shows_nothing_due_in_the_past(levers: Levers, wall: Wall) -> None:
    customer = await payer(levers.api)
    await made(levers.api, f"{customer['uri']}/holds", {"amount": 100})
    wall.moment += 8 * clock.DAY

    assert (await levers.pulled("GET", "clock"))["next"] is None


# Reset.


@pytest.mark.parametrize("to", ["nowhere", "", 7, None, ["empty"]])
async def test_there_is_nowhere_else_to_go_back_to(levers: Levers, worlds: Worlds, to: Any) -> None:
    before = worlds.default.dump()

    status, field, detail = problem(await levers.post("reset", {"to": to}))

    assert (status, field, detail) == (404, "to", "is none of empty, fixtures")
    assert worlds.default.dump() == before


async def test_a_world_opened_with_a_key_goes_back_to_its_key(levers: Levers) -> None:
    key = (await levers.api.with_key("").post("/v1/api_keys")).body["secret"]
    own = levers.api.with_key(key)
    await made(own, "/v1/marketplaces")

    await Levers(own).pulled("POST", "reset")

    assert (await shown(own, "/v1/marketplaces"))["total"] == 0
    await made(own, "/v1/marketplaces")


# Waiting for an event.


async def test_an_event_that_was_there_before_is_found_at_once(levers: Levers) -> None:
    customer = await made(levers.api, "/v1/customers")

    event = await levers.pulled("GET", "events/wait?type=account.created&timeout=0")
    assert event["type"] == "account.created"

    last = (await shown(levers.api, "/v1/events?limit=100"))["items"][-1]
    assert last["entity"]["id"] == customer["id"]
    status, _, detail = problem(await levers.get(f"events/wait?after={last['id']}&timeout=0"))
    assert (status, detail) == (408, "no such event within 0 seconds")


async def under_way() -> None:
    """Let the loop go round often enough for a request to reach its handler, which shares it."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_who_waits_hears_of_the_next_event_of_the_type(levers: Levers) -> None:
    last = (await shown(levers.api, "/v1/events?limit=100"))["items"][-1]["id"]
    waiting = asyncio.create_task(levers.get(f"events/wait?type=card.created&after={last}&timeout=5"))
    await under_way()

    await payer(levers.api)

    event = (await waiting).body
    assert event["type"] == "card.created"


async def test_who_waits_hears_of_what_falls_due_when_the_clock_is_advanced(levers: Levers) -> None:
    customer = await payer(levers.api)
    await made(levers.api, f"{customer['uri']}/debits", {"amount": 1000})
    account = {"name": "Johann", "account_number": "9900000001", "routing_number": "121000358"}
    await made(levers.api, "/v1/credits", {"amount": 100, "bank_account": {**account, "type": "checking"}})
    waiting = asyncio.create_task(levers.get("events/wait?type=credit.succeeded&timeout=5"))
    await under_way()

    await levers.pulled("POST", "clock/advance", {"days": 7})

    assert (await waiting).body["type"] == "credit.succeeded"


async def test_who_waits_hears_of_what_falls_due_by_itself_under_a_running_clock(
    levers: Levers, worlds: Worlds, wall: Wall
) -> None:
    customer = await payer(levers.api)
    await made(levers.api, f"{customer['uri']}/debits", {"amount": 1000})
    account = {"name": "Johann", "account_number": "9900000001", "routing_number": "121000358"}
    await made(levers.api, "/v1/credits", {"amount": 100, "bank_account": {**account, "type": "checking"}})
    due = worlds.default.tools.schedule.first()
    assert due is not None
    wall.moment = due.at - clock.SECOND // 50
    waiting = asyncio.create_task(levers.get("events/wait?type=credit.succeeded&timeout=5"))
    await under_way()
    wall.moment = due.at

    assert (await waiting).body["occurred_at"] == clock.stamp(due.at)


async def test_who_waits_looks_at_nothing_that_happened_before(
    levers: Levers, worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds.default
    for _ in range(10):
        await made(levers.api, "/v1/customers")
    first = await levers.pulled("GET", "events/wait?type=account.created&timeout=0")
    last = list(world.store.rows("events"))[-1]
    monkeypatch.delattr(Store, "rows")
    monkeypatch.delattr(Store, "find")

    found = world.event_after(None, "account.created")

    assert found is not None
    assert found["id"] == first["id"]
    assert world.event_after(None, "debit.created") is None
    assert world.event_after(last, None) is None
    assert world.store.since("events", 0)[-1]["id"] == last
    assert world.store.since("events", world.store.sequence) == []


async def test_who_waits_after_an_event_that_was_taken_back_waits_in_vain(levers: Levers) -> None:
    await levers.api.post("/v1/customers")
    last = (await shown(levers.api, "/v1/events?limit=100"))["items"][-1]["id"]
    waiting = asyncio.create_task(levers.get(f"events/wait?after={last}&timeout=0.2"))
    await under_way()

    await levers.pulled("POST", "reset")

    assert problem(await waiting)[0] == 408


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("timeout=soon", 400, "timeout"),
        ("timeout=-1", 400, "timeout"),
        ("timeout=61", 400, "timeout"),
        ("timeout=nan", 400, "timeout"),
        ("after=EV0", 404, "after"),
    ],
)
async def test_waiting_has_its_bounds(levers: Levers, query: str, status: int, field: str) -> None:
    assert problem(await levers.get(f"events/wait?{query}"))[:2] == (status, field)


# A disk that is full.


@pytest.fixture
def disk() -> FullDisk:
    return FullDisk()


@pytest.fixture
async def on_disk(disk: FullDisk, tmp_path: Path, wall: Wall, aiohttp_client: AiohttpClient) -> Levers:
    """The levers of a world whose disk fills up."""
    worlds = Worlds(Ground(wall=wall, seed="tests"))
    store = Store.open(SHELVES, tmp_path / "world", files=disk)
    world = World("default", store, worlds.default.clock, "tests")
    fixtures.populate(world)
    worlds._worlds["default"] = worlds.default = world
    client: Client = await aiohttp_client(Served(Application(worlds, Guard())))
    return Levers(Api(client, world.api_key, world.marketplace_uri))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "reset", {"to": "empty"}),
        ("POST", "reset", None),
        ("POST", "checkpoints/before/restore", None),
        ("PUT", "clock", {"running": False}),
        ("POST", "clock/advance", {"days": 1}),
        ("POST", "settle", None),
        ("POST", "faults", {"do": {"status": 500}}),
        ("DELETE", "faults", None),
        ("POST", "fixtures", {"fixtures": ["shop"]}),
        ("POST", "invent", {"customers": 3}),
        ("PUT", "load", "dump"),
    ],
)
async def test_a_full_disk_is_a_problem_and_changes_nothing(
    on_disk: Levers, disk: FullDisk, method: str, path: str, body: Any
) -> None:
    customer = await payer(on_disk.api)
    await made(on_disk.api, f"{customer['uri']}/debits", {"amount": 1000})
    account = {"name": "Johann", "account_number": "9900000001", "routing_number": "121000358"}
    await made(on_disk.api, "/v1/credits", {"amount": 100, "bank_account": {**account, "type": "checking"}})
    await on_disk.fault({"status": 500}, {"operation": "cards.create"})
    await on_disk.pulled("PUT", "checkpoints/before")
    await made(on_disk.api, "/v1/customers", {})
    before = await on_disk.pulled("GET", "dump")
    disk.full = True

    answer = await on_disk.api.send(method, f"/_sandbox/{path}", before if body == "dump" else body, headers=CONTROL)

    assert problem(answer)[0] == 503
    disk.full = False
    assert await on_disk.pulled("GET", "dump") == before
    assert Full.__name__ not in answer.body["detail"]


async def test_what_a_lever_did_is_on_the_disk_before_it_answers(
    tmp_path: Path, wall: Wall, aiohttp_client: AiohttpClient
) -> None:
    worlds = Worlds(Ground(wall=wall, seed="tests", folder=tmp_path, fsync="always"))
    fixtures.populate(worlds.default)
    levers = Levers(Api(await aiohttp_client(Served(Application(worlds, Guard()))), ""))

    await levers.pulled("POST", "worlds")
    await levers.pulled("POST", "faults", {"do": {"status": 500}})

    assert not any(world.store.unsynced for world in worlds)
    worlds.close()


async def test_content_types_are_plain(levers: Levers) -> None:
    assert (await levers.get("info")).headers[hdrs.CONTENT_TYPE] == "application/json"
