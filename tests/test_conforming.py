"""What holds answers against the document: an answer that differs from it fails whoever asked."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from sandbox.worlds import Worlds
from tests.api import Api
from tests.conforming import Conforming, Nonconforming
from tests.levers import Levers

CUSTOMER = "/v1/customers/CU75beT5vAN8OukrF9bw61Bn"


async def answered(
    aiohttp_client: AiohttpClient,
    worlds: Worlds,
    body: Any,
    *,
    method: str = "GET",
    path: str = CUSTOMER,
    status: int = 200,
    content_type: str = "application/json",
    sent: Any = None,
) -> None:
    """Have a server that is not ours answer a request of a client that is looked at."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=orjson.dumps(body), content_type=content_type)

    app = web.Application()
    app.router.add_route(method, path, answer)
    client = await aiohttp_client(app, trace_configs=[Conforming(worlds).trace()])
    async with client.request(method, path, json=sent) as response:
        await response.read()


@pytest.fixture
async def customer(api: Api) -> Any:
    made = await api.post("/v1/customers", {"name": "John Lee Hooker"})
    return made.body


async def test_an_answer_the_document_describes_passes(
    aiohttp_client: AiohttpClient, worlds: Worlds, customer: Any
) -> None:
    await answered(aiohttp_client, worlds, customer)


async def test_a_key_the_document_does_not_know_fails(
    aiohttp_client: AiohttpClient, worlds: Worlds, customer: Any
) -> None:
    with pytest.raises(Nonconforming, match=r"customers.retrieve .* 200: \$: .*shoe_size"):
        await answered(aiohttp_client, worlds, {**customer, "shoe_size": 47})


async def test_a_key_that_is_always_there_is_missed(
    aiohttp_client: AiohttpClient, worlds: Worlds, customer: Any
) -> None:
    del customer["cards_uri"]

    with pytest.raises(Nonconforming, match="cards_uri"):
        await answered(aiohttp_client, worlds, customer)


async def test_a_value_of_another_type_fails_with_its_path(
    aiohttp_client: AiohttpClient, worlds: Worlds, customer: Any
) -> None:
    with pytest.raises(Nonconforming, match=r"\$\['meta'\]\['size'\]: 47"):
        await answered(aiohttp_client, worlds, {**customer, "meta": {"size": 47}})


async def test_a_uri_that_leads_elsewhere_fails(aiohttp_client: AiohttpClient, worlds: Worlds, customer: Any) -> None:
    with pytest.raises(Nonconforming, match="cards_uri"):
        await answered(aiohttp_client, worlds, {**customer, "cards_uri": "/v1/elsewhere"})


async def test_a_status_the_document_does_not_know_fails(aiohttp_client: AiohttpClient, worlds: Worlds) -> None:
    with pytest.raises(Nonconforming, match="the document knows 200, 400"):
        await answered(aiohttp_client, worlds, {}, status=418)


async def test_a_refusal_with_a_code_of_another_operation_fails(
    aiohttp_client: AiohttpClient, worlds: Worlds, api: Api
) -> None:
    refused = (await api.get("/v1/customers/CU1")).body

    with pytest.raises(Nonconforming, match="card-declined"):
        await answered(aiohttp_client, worlds, {**refused, "category_code": "card-declined"}, status=404)


async def test_another_content_type_fails(aiohttp_client: AiohttpClient, worlds: Worlds, customer: Any) -> None:
    with pytest.raises(Nonconforming, match="is text/plain, not application/json"):
        await answered(aiohttp_client, worlds, customer, content_type="text/plain")


async def test_an_accepted_body_that_should_have_been_refused_fails(
    aiohttp_client: AiohttpClient, worlds: Worlds, customer: Any
) -> None:
    with pytest.raises(Nonconforming, match=r"accepted, but the body \$\['email'\]"):
        await answered(aiohttp_client, worlds, customer, method="PUT", sent={"email": 47})


async def test_a_lever_that_shows_more_than_it_says_fails(aiohttp_client: AiohttpClient, worlds: Worlds) -> None:
    with pytest.raises(Nonconforming, match=r"sandbox\.GET\.health"):
        await answered(aiohttp_client, worlds, {"status": "ok", "mood": "fine"}, path="/_sandbox/health")


async def test_a_good_answer_where_the_document_has_no_operation_fails(
    aiohttp_client: AiohttpClient, worlds: Worlds
) -> None:
    with pytest.raises(Nonconforming, match="is no operation of the document"):
        await answered(aiohttp_client, worlds, {}, path="/v1/invoices")


async def test_what_a_fault_was_told_to_answer_passes(api: Api, levers: Levers) -> None:
    await levers.fault({"status": 418})

    assert (await api.get("/v1/customers")).status == 418


async def test_a_code_a_fault_was_told_to_refuse_with_passes(api: Api, levers: Levers) -> None:
    await levers.fault({"decline": "card-declined"})

    assert (await api.get("/v1/customers")).status == 402
