"""What follows from a head is thought out once, and is nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from sandbox.clock import DAY
from sandbox.errors import Invalid, NotAllowed, NotFound, Refusal
from sandbox.web import heads
from sandbox.web.guard import Guard
from sandbox.web.head import Exchange, Handler
from sandbox.web.heads import Heads, Stranger
from sandbox.web.paths import Paths
from sandbox.world import Answer
from tests.api import Api
from tests.conformance.setting import Setting
from tests.conftest import Wall
from tests.levers import Levers

HOST = ("Host", "localhost")


async def shown(exchange: Exchange) -> Answer:
    return Answer(200, exchange.head.ids["card"].encode())


@pytest.fixture
def known() -> Heads:
    paths: Paths[Handler] = Paths()
    paths.add("GET", "/v1/cards/{card}", shown)
    return Heads(Guard(), paths)


def asked(method: str = "GET", path: str = "/v1/cards/CC1", *more: tuple[str, str]) -> web.BaseRequest:
    return make_mocked_request(method, path, headers=CIMultiDict([HOST, *more]))


async def answer(known: Heads, request: web.BaseRequest) -> Any:
    head = known.read(request)
    try:
        return await head.answer(Exchange(request, head))
    except Refusal as refusal:
        return type(refusal)


def test_the_same_head_is_thought_out_once(known: Heads) -> None:
    assert known.read(asked()) is known.read(asked())


@pytest.mark.parametrize(
    "other",
    [
        ("HEAD", "/v1/cards/CC1"),
        ("GET", "/v1/cards/CC2"),
        ("GET", "/v1/cards/CC1?limit=1"),
        ("GET", "/v1/cards/CC1", HOST),
        ("GET", "/v1/cards/CC1", ("Authorization", "Basic Og==")),
        ("GET", "/v1/cards/CC1", ("Origin", "https://evil.example")),
    ],
)
def test_another_head_is_another_matter(known: Heads, other: tuple[Any, ...]) -> None:
    assert known.read(asked(*other)) is not known.read(asked())


def test_a_head_says_where_it_leads_and_who_asks(known: Heads) -> None:
    more = {"Authorization": "Basic Og==", "X-Sandbox-Fault": "{}"}
    head = known.read(asked("GET", "/v1/cards/a%2Fb?x=%20y", *more.items()))

    assert head.ids == {"card": "a/b"}
    assert (head.uri, head.path, head.query) == ("/v1/cards/a%2Fb?x=%20y", "/v1/cards/a%2Fb", "x=%20y")
    assert (head.key, head.fault) == tuple(more.values())
    assert not head.has_body
    assert known.read(asked("GET", "/", ("Content-Length", "2"))).has_body
    assert known.read(asked("GET", "/", ("Transfer-Encoding", "chunked"))).has_body


@pytest.mark.parametrize(
    ("head", "refusal"),
    [
        (("GET", "/v1/cards"), NotFound),
        (("POST", "/v1/cards/CC1"), NotAllowed),
        (("GET", "/v1/cards/CC1", ("Host", "evil.example")), Stranger),
        (("GET", "/v1/cards/CC1", ("Origin", "https://evil.example")), Stranger),
        (("GET", "/v1/cards/ü"), Invalid),
    ],
)
async def test_what_is_refused_for_its_head_is_refused_each_time(
    known: Heads, head: tuple[Any, ...], refusal: type[Refusal]
) -> None:
    assert [await answer(known, asked(*head)) for _ in range(3)] == [refusal] * 3


async def test_who_is_let_in_lets_nobody_else_in(known: Heads) -> None:
    stranger = asked("GET", "/v1/cards/CC1", ("Sec-Fetch-Site", "cross-site"))

    answers = [await answer(known, one) for one in (asked(), stranger, asked(), stranger)]

    assert answers == [Answer(200, b"CC1"), Stranger] * 2


def test_memory_is_bounded(known: Heads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_KEPT", 3)

    for number in range(10):
        known.read(asked("GET", f"/v1/cards/CC{number}", ("X-Number", str(number))))

    assert 0 < len(known._ready) <= 3
    assert 0 < len(known._senders) <= 3


@pytest.mark.parametrize("long", [("GET", "/v1/" + "x" * 4096), ("GET", "/v1", ("X-Long", "x" * 4096))])
def test_long_ones_are_not_kept(known: Heads, long: tuple[Any, ...]) -> None:
    assert known.read(asked(*long)) is not known.read(asked(*long))


# A read of a world in which nothing has changed is answered from memory, and nobody can tell.


@pytest.fixture
async def customer(api: Api) -> str:
    made = (await api.post("/v1/customers", {"name": "Zoë"})).body
    before = await api.get(made["uri"])
    assert (await api.get(made["uri"])).raw == before.raw
    return str(made["uri"])


async def test_each_time_is_a_request_of_its_own(api: Api, levers: Levers, customer: str) -> None:
    answers = [await api.get(customer) for _ in range(3)]

    assert len({one.headers["X-Sandbox-Request-Id"] for one in answers}) == 3
    noted = await levers.pulled("GET", "requests?operation=customers.retrieve&limit=3")
    assert {entry["id"] for entry in noted["items"]} == {one.headers["X-Sandbox-Request-Id"] for one in answers}
    assert {(entry["status"], entry["answer"]["name"]) for entry in noted["items"]} == {(200, "Zoë")}


async def test_what_is_posted_where_a_list_was_read_is_done(api: Api, customer: str) -> None:
    for _ in range(3):
        assert (await api.get("/v1/customers")).status == 200

    assert [(await api.post("/v1/customers")).status for _ in range(2)] == [201, 201]
    assert (await api.send("HEAD", "/v1/customers")).raw == b""


async def test_what_has_changed_is_shown(api: Api, customer: str) -> None:
    for name in ("Yan", "Xia"):
        await api.put(customer, {"name": name})
        assert (await api.get(customer)).body["name"] == name

    await api.delete(customer)
    assert (await api.get(customer)).status == 404


@pytest.mark.parametrize(
    "rule",
    [
        {"do": {"status": 503}},
        {"on": {"operation": "customers.retrieve"}, "do": {"decline": "card-declined"}},
    ],
)
async def test_a_fault_comes_to_what_was_read_before(
    api: Api, levers: Levers, customer: str, rule: dict[str, Any]
) -> None:
    await levers.pulled("POST", "faults", {"on": {}, "times": 1, **rule})

    assert [(await api.get(customer)).status >= 400 for _ in range(3)] == [True, False, False]


async def test_a_fault_in_a_header_comes_every_time(api: Api, customer: str) -> None:
    fault = {"X-Sandbox-Fault": '{"on": {}, "do": {"status_after_commit": 503}}'}

    assert [(await api.send("GET", customer, headers=fault)).status for _ in range(2)] == [503, 503]
    assert (await api.get(customer)).status == 200


async def test_a_read_with_a_body_is_judged_by_its_body(api: Api, customer: str) -> None:
    statuses = [(await api.send("GET", customer, form=form)).status for form in ("a=b", "a=b", "a[b", "a=b")]

    assert statuses == [200, 200, 400, 200]


async def test_what_falls_due_by_itself_is_shown(api: Api, wall: Wall) -> None:
    on = Setting(api, api.marketplace)
    await on.escrow()
    credit = await on.credit(await on.bank_account(account_number="9900000000"))
    assert [(await api.get(credit["uri"])).body["status"] for _ in range(2)] == ["pending"] * 2

    wall.moment += 30 * DAY

    assert (await api.get(credit["uri"])).body["status"] == "paid"


async def test_a_key_that_was_deleted_reads_no_more(api: Api, customer: str) -> None:
    key = (await api.post("/v1/api_keys")).body
    other = api.with_key(key["secret"])
    assert [(await other.get(customer)).status for _ in range(2)] == [200, 200]

    await api.delete(key["uri"])

    assert (await other.get(customer)).status == 401
    assert (await api.get(customer)).status == 200
