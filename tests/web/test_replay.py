"""A request is asked once more as its client asked it, and what was never kept is not made up."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from aiohttp import encode_basic_auth, hdrs
from yarl import URL

from sandbox.request_log import Entry
from sandbox.web.app import Application
from sandbox.web.body import JSON
from sandbox.web.guard import Guard
from sandbox.worlds import Worlds
from tests.api import Api
from tests.levers import Levers, problem
from tests.resources.charging import made, payer
from tests.served import Client, Served


async def replayed(levers: Levers, place: int = -1) -> Any:
    """Ask once more what the log has at a place, and return the entry of the new request."""
    entry = (await levers.pulled("GET", "requests"))["items"][place]
    return (await levers.pulled("POST", f"requests/{entry['id']}/replay"))["request"]


async def test_what_was_created_is_created_once_more(levers: Levers) -> None:
    await levers.api.post("/v1/customers", {"name": "Alice", "meta": {"team": "red"}})

    again = await replayed(levers)

    items = (await levers.pulled("GET", "requests"))["items"]
    customers = (await levers.api.get("/v1/customers?name=Alice")).body["items"]
    alices = [one for one in customers if one["name"] == "Alice"]
    assert again == items[1]
    assert again["id"] != items[0]["id"]
    assert [again[name] for name in ("method", "uri", "body", "status")] == [
        items[0][name] for name in ("method", "uri", "body", "status")
    ]
    assert len(alices) == 2
    assert alices[0]["meta"] == {"team": "red"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_a_request_of_any_method_is_asked_again(levers: Levers, method: str) -> None:
    customer = await made(levers.api, "/v1/customers", {"name": "Alice"})
    uri = f"{customer['uri']}?x=1&y[z]=%5b%20+"
    sent = orjson.dumps({"name": "Bob"}) if method == "PUT" else None
    headers: dict[str, str] = {hdrs.AUTHORIZATION: encode_basic_auth(levers.api.key), hdrs.CONTENT_TYPE: JSON}
    await levers.api.client.request(method, URL(uri, encoded=True), data=sent, headers=headers)

    again = await replayed(levers)

    assert (again["method"], again["uri"]) == (method, uri)
    assert again["status"] == (404 if method == "DELETE" else 200)


async def test_a_form_is_asked_again_as_what_it_said(levers: Levers) -> None:
    customer = await payer(levers.api)
    await levers.api.post(f"{customer['uri']}/debits", form="amount=5000&meta[team]=red")

    again = await replayed(levers)

    assert (again["status"], again["answer"]["amount"], again["answer"]["meta"]) == (201, 5000, {"team": "red"})


async def test_what_was_refused_is_refused_again_with_its_reason(levers: Levers) -> None:
    await levers.api.post("/v1/customers", {"email": "nobody"})

    again = await replayed(levers)

    assert (again["status"], again["refused"]["field"]) == (400, "email")


async def test_the_faults_that_wait_happen_to_it(levers: Levers) -> None:
    customer = await payer(levers.api)
    await made(levers.api, f"{customer['uri']}/debits", {"amount": 5000})
    await levers.fault({"decline": "card-declined"}, {"operation": "debits.create"}, times=1)

    again = await replayed(levers)

    assert (again["status"], again["refused"]["rule"]) == (402, "card-declined")


@pytest.mark.parametrize(("when", "status"), [("before", None), ("after", 201)])
async def test_a_fault_that_breaks_its_connection_breaks_no_other(
    levers: Levers, when: str, status: int | None
) -> None:
    await made(levers.api, "/v1/customers")
    await levers.fault({"drop": when}, {"operation": "customers.create"}, times=1)

    again = await replayed(levers)

    assert (again["fault"], again["status"]) == ({"drop": when}, status)


async def test_it_is_asked_in_the_world_of_the_key(levers: Levers, worlds: Worlds) -> None:
    other = Levers(levers.api.with_key((await levers.pulled("POST", "worlds"))["api_key"]))
    await made(other.api, "/v1/customers")
    asked = (await other.pulled("GET", "requests"))["items"][0]["id"]

    again = (await other.pulled("POST", f"requests/{asked}/replay"))["request"]

    assert again["world"] == "world-2"
    assert (await levers.pulled("GET", "requests"))["items"] == []
    assert problem(await levers.post(f"requests/{asked}/replay"))[:2] == (404, "request")


async def test_what_needed_no_key_is_asked_without_one(levers: Levers) -> None:
    nobody = levers.api.with_key("")
    await nobody.get("/v1/customers")

    again = await replayed(levers)

    assert (again["status"], again["world"]) == (401, "default")
    assert '-u "$KEY:"' not in again["curl"]


async def test_who_asked_for_a_world_gets_another_one(levers: Levers) -> None:
    made_key = (await levers.api.with_key("").post("/v1/api_keys")).body["secret"]
    there = Levers(levers.api.with_key(made_key))

    again = await replayed(there)

    assert (again["status"], again["world"]) == (201, "world-3")


async def test_a_card_number_that_was_not_kept_is_not_made_up(levers: Levers) -> None:
    card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}
    await made(levers.api, f"{levers.api.marketplace}/cards", card)
    before = (await levers.pulled("GET", "requests"))["items"]

    status, field, detail = problem(await levers.post(f"requests/{before[-1]['id']}/replay"))

    assert (status, field) == (409, "request")
    assert "does not keep the secrets" in detail
    assert before[-1]["curl"] in detail
    assert "4111" not in detail
    assert (await levers.pulled("GET", "requests"))["items"] == before


async def test_a_body_that_was_never_read_is_not_asked_again(levers: Levers) -> None:
    await levers.api.with_key("0" * 32).post("/v1/customers", {"name": "Alice"})
    asked = (await levers.pulled("GET", "requests"))["items"][0]["id"]

    status, field, detail = problem(await levers.post(f"requests/{asked}/replay"))

    assert (status, field) == (409, "request")
    assert detail.startswith("what was sent with it was never read")


async def test_what_was_no_request_is_not_asked_again(levers: Levers, worlds: Worlds) -> None:
    worlds.default.requests.note(Entry("OHM1", 0, "GET", "customers", ""))

    status, field, detail = problem(await levers.post("requests/OHM1/replay"))

    assert (status, field) == (409, "request")
    assert detail.startswith("what was asked for is no path")


async def test_a_request_nobody_knows_is_not_asked(levers: Levers) -> None:
    assert problem(await levers.post("requests/OHM0/replay"))[:2] == (404, "request")


async def test_the_server_is_asked_where_it_listens_not_where_it_was_called(worlds: Worlds) -> None:
    application = Application(worlds, Guard(allow_hosts=["sandbox.example"]))
    async with Client(Served(application)) as client:
        levers = Levers(Api(client, worlds.default.api_key))
        await levers.api.get("/v1/customers")
        asked = (await levers.pulled("GET", "requests"))["items"][0]["id"]

        answer = await levers.api.post(
            f"/_sandbox/requests/{asked}/replay", headers={"X-Sandbox-Control": "1", "Host": "sandbox.example:443"}
        )

    assert answer.body["request"]["status"] == 200


async def test_a_server_that_takes_no_more_connections_does_not_reach_itself(worlds: Worlds) -> None:
    server = Served(Application(worlds, Guard()))
    async with Client(server) as client:
        levers = Levers(Api(client, worlds.default.api_key))
        await levers.api.get("/v1/customers")
        asked = (await levers.pulled("GET", "requests"))["items"][0]["id"]
        assert server.runner is not None
        for site in [*server.runner.sites]:
            await site.stop()

        status, _, detail = problem(await levers.post(f"requests/{asked}/replay"))

    assert (status, detail.partition(":")[0]) == (502, "the sandbox does not reach itself")


async def test_a_world_that_is_gone_meanwhile_has_no_log_to_look_in(levers: Levers, worlds: Worlds) -> None:
    own = Levers(levers.api.with_key((await levers.pulled("POST", "worlds"))["api_key"]))
    await own.api.get("/v1/customers")
    (asked,) = (await own.pulled("GET", "requests"))["items"]
    await own.fault({"delay_ms": 500}, {"path": "/v1/customers"})
    world = worlds.get("world-2")
    assert world is not None

    replaying = asyncio.create_task(own.post(f"requests/{asked['id']}/replay"))
    while len(world.requests) == 1:
        await levers.get("health")
    await levers.pulled("DELETE", "worlds/world-2")

    assert problem(await replaying) == (409, "request", "it was asked, and no log has it any more")
