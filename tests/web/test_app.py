"""The application: any answer is in the API's form, from one's own world, and on the disk when it says so."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ServerDisconnectedError, encode_basic_auth
from pytest_aiohttp.plugin import AiohttpClient

from sandbox import fixtures
from sandbox.call import Call, Result, Route
from sandbox.resources import ROUTES
from sandbox.resources.parties import Customer
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.world import World
from sandbox.worlds import Ground, Worlds
from tests.api import Answered, Api
from tests.conformance.everything import deliver, everything
from tests.conformance.setting import CARD, Setting
from tests.conftest import Wall
from tests.paths import ids, last_word, placeholders, reached
from tests.served import Client, Served

PATHS: Mapping[str, frozenset[str]] = {
    path: frozenset(route.method for route in ROUTES if route.path == path) for path in {one.path for one in ROUTES}
}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")

ENVELOPE = {
    "_uris",
    "additional",
    "category_code",
    "category_type",
    "description",
    "extras",
    "request_id",
    "status",
    "status_code",
}


def bare(path: str) -> str:
    """A path whose placeholders are ids that nobody has."""
    return re.sub(r"\{(\w+)\}", r"\1-of-nobody", path)


def documents(world: World) -> dict[str, dict[str, Any]]:
    return {table: dict(world.store.rows(table)) for table in world.store.tables()}


def refused(answer: Answered, status: int) -> None:
    """Hold an answer against the form of an error."""
    body = answer.body
    assert answer.status == body["status_code"] == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.reason == body["status"].upper()
    assert body.keys() == (ENVELOPE - {"additional", "extras"} if status == 404 else ENVELOPE)
    assert re.fullmatch("OHM[0-9a-f]{32}", body["request_id"])
    assert body["description"].endswith(f" Your request id is {body['request_id']}.")
    assert answer.headers["X-Sandbox-Request-Id"] == body["request_id"]


# What a good answer looks like.


async def test_a_record_is_answered_as_json_without_a_charset(api: Api) -> None:
    made = await api.post("/v1/customers", {"name": "Zoë"})
    shown = await api.get(made.body["uri"])

    assert (made.status, made.reason) == (201, "CREATED")
    assert (shown.status, shown.reason) == (200, "OK")
    for answer in (made, shown):
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Server"].startswith("balanced-sandbox/")
        assert answer.headers["Content-Length"] == str(len(answer.raw))
    assert made.raw == shown.raw


async def test_a_deletion_is_answered_with_nothing_at_all(api: Api) -> None:
    made = await api.post("/v1/customers")

    answer = await api.delete(made.body["uri"])

    assert (answer.status, answer.reason, answer.raw) == (204, "NO CONTENT", b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers.get("Content-Length", "0") == "0"


async def test_every_answer_keeps_browsers_from_misusing_it(api: Api) -> None:
    for answer in (await api.get("/v1/customers"), await api.get("/v1/nowhere"), await api.with_key("").get("/v1")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_json_and_forms_say_the_same(api: Api) -> None:
    sent = await api.post("/v1/customers", {"name": "Zoë", "meta": {"a": "b c"}})
    posted = await api.post("/v1/customers", form="name=Zo%C3%AB&meta[a]=b+c")

    assert (posted.body["name"], posted.body["meta"]) == (sent.body["name"], sent.body["meta"]) == ("Zoë", {"a": "b c"})


async def test_head_mirrors_get_on_every_route_and_every_route_leads_somewhere(
    api: Api, worlds: Worlds, wall: Wall
) -> None:
    await everything(Setting(api, api.marketplace), wall)
    deliver(worlds.default)

    for route in ROUTES:
        path = route.path.format(**reached(worlds.default, route))
        if route.method != "GET":
            continue
        get, head = await api.get(path), await api.send("HEAD", path)
        assert (get.status, head.status, head.reason, head.raw) == (200, 200, "OK", b""), path
        for changing in ("Date", "X-Sandbox-Request-Id"):
            assert get.headers.pop(changing)
            assert head.headers.pop(changing)
        assert head.headers == get.headers, path


async def test_head_of_what_is_not_there_is_not_found_either(api: Api) -> None:
    answer = await api.send("HEAD", "/v1/customers/CU1")

    assert (answer.status, answer.reason, answer.raw) == (404, "NOT FOUND", b"")
    assert answer.headers["Content-Type"] == "application/json"


# What is refused, and how.


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v2/customers",
        "/v1/nowhere",
        "/v1/customers/CU1/nowhere",
        "/v1/invoices",
        "/v1/%ff%00",
        "/v1/customers%2f",
    ],
)
async def test_an_unknown_route_is_not_found_with_or_without_a_key(api: Api, path: str) -> None:
    for one in (api, api.with_key("")):
        for method in ("GET", "POST", "PATCH"):
            answer = await one.send(method, path)
            refused(answer, 404)
            assert answer.body["category_code"] == "not-found"


async def test_a_trailing_slash_is_another_route(api: Api, worlds: Worlds) -> None:
    for path in sorted(PATHS):
        refused(await api.get(f"{bare(path)}/"), 404)


@pytest.mark.parametrize("identifier", ["CU1", "CU749LgQpQRtRBWBHYDVzmfL", "..", "%2e%2e", "a%2Fb", "%00", "%ff", "ü"])
async def test_an_unknown_id_is_not_found(api: Api, identifier: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        refused(await api.send(method, f"/v1/customers/{identifier}"), 404)


async def test_a_method_a_route_does_not_have_is_refused_naming_those_it_has(api: Api) -> None:
    for path, methods in PATHS.items():
        allowed = methods | ({"HEAD"} if "GET" in methods else set())
        for method in METHODS:
            if method in allowed:
                continue
            answer = await api.send(method, bare(path))
            assert answer.status == 405, (method, path)
            assert answer.headers["Allow"] == ", ".join(sorted(allowed))
            if method != "HEAD":
                refused(answer, 405)
                assert answer.refusal == (
                    405,
                    "request",
                    "method-not-allowed",
                    "The method is not allowed for the requested URL.",
                )


async def test_every_route_but_the_open_ones_asks_for_a_key(api: Api) -> None:
    nobody = api.with_key("")

    for route in ROUTES:
        answer = await nobody.send(route.method, bare(route.path))
        if route.open == "world":
            assert answer.status == 201
        elif route.open == "marketplace":
            refused(answer, 404)  # this marketplace is nobody's
        else:
            refused(answer, 401)
            action, collection = route.permission
            assert answer.refusal == (
                401,
                "permission",
                "authentication-required",
                f"Not permitted to perform {action} on {collection}.",
            )
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="Balanced"'


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", encode_basic_auth("wrong"), encode_basic_auth(""), "Bearer x", "Basic \xff"]
)
async def test_a_wrong_key_is_refused_on_every_route(api: Api, header: str) -> None:
    for route in ROUTES:
        answer = await api.send(route.method, bare(route.path), headers={"Authorization": header})
        refused(answer, 401)
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Balanced"'


async def test_a_deleted_key_is_refused(api: Api) -> None:
    made = (await api.post("/v1/api_keys")).body
    other = api.with_key(made["secret"])
    assert (await other.get("/v1/customers")).status == 200

    await api.delete(made["uri"])

    refused(await other.get("/v1/customers"), 401)


async def test_a_fresh_world_is_opened_without_a_key_and_refused_like_any_request(api: Api, worlds: Worlds) -> None:
    nobody = api.with_key("")

    refused(await nobody.post("/v1/api_keys", raw=b"{", headers={"Content-Type": "application/json"}), 400)
    refused(await nobody.post("/v1/api_keys", {"merchant": {"type": "person"}}), 400)
    made = await nobody.post("/v1/api_keys")

    assert made.status == 201
    assert len(list(worlds)) == 2
    assert (await api.with_key(made.body["secret"]).get("/v1/marketplaces")).body["total"] == 0


async def test_cards_and_bank_accounts_are_tokenized_without_a_key_in_the_marketplace_that_is_named(
    api: Api, worlds: Worlds
) -> None:
    answer = await api.with_key("").post(f"{api.marketplace}/cards", CARD)

    assert answer.status == 201
    assert (await api.get(answer.body["uri"])).status == 200
    refused(await api.with_key("").post("/v1/marketplaces/TEST-MP1/cards", CARD), 404)


@pytest.mark.parametrize(
    ("raw", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"a": 1, "a": 2}', "application/json", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"<xml/>", "text/xml", 415),
        (b'{"a": "' + b"x" * 300_000 + b'"}', "application/json", 413),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(api: Api, raw: bytes, media: str, status: int) -> None:
    refused(await api.post("/v1/customers", raw=raw, headers={"Content-Type": media}), status)


async def test_a_query_string_has_an_end(api: Api) -> None:
    most = "&".join(f"a{number}=1" for number in range(100))

    assert (await api.get(f"/v1/customers?{most}")).status == 200
    answer = await api.get(f"/v1/customers?{most}&one=more")
    refused(answer, 400)
    assert answer.description == "A query string has at most 100 parameters"


async def test_a_query_string_of_any_bytes_is_no_surprise(api: Api) -> None:
    for query in ("%", "%ff=%fe", "&&=&;", "limit=%00", "sort=%ff", "meta.%ff[=1", "a=1#b"):
        assert (await api.get(f"/v1/customers?{query}")).status in (200, 400)


async def test_the_page_of_a_stranger_is_refused_before_anything_else(api: Api) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        answer = await api.send("GET", "/v1/customers", headers=headers)
        refused(answer, 403)
        assert answer.body["category_code"] == "not-authorized"


async def test_a_page_of_ours_may_ask_what_it_may_send(api: Api) -> None:
    origin = "http://localhost:3000"
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}

    async with api.client.options("/v1/customers", headers=asked) as answer:
        assert (answer.status, await answer.read()) == (204, b"")

    # Once: a browser lets nothing through where a header of these is there twice.
    assert answer.headers.getall("Access-Control-Allow-Origin") == [origin]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


async def test_the_rule_that_refused_travels_as_a_header(api: Api) -> None:
    good, bad = await api.post("/v1/customers"), await api.post("/v1/customers", {"email": "nobody"})

    assert "X-Sandbox-Rule" not in good.headers
    assert bad.headers["X-Sandbox-Rule"] == "invalid-field"
    assert re.fullmatch("OHM[0-9a-f]{32}", good.headers["X-Sandbox-Request-Id"])


async def test_request_ids_are_never_the_same_twice(api: Api) -> None:
    answers = [await one.get(path) for one in (api, api.with_key("")) for path in ("/v1/customers", "/v1/x") * 5]

    assert len({answer.headers["X-Sandbox-Request-Id"] for answer in answers}) == len(answers)


# Whose world it is.


async def test_what_is_in_another_world_is_not_found_on_any_route(api: Api, worlds: Worlds, wall: Wall) -> None:
    await everything(Setting(api, api.marketplace), wall)
    deliver(worlds.default)
    stranger = (await Setting.opened(api)).api
    ours, theirs = documents(worlds.default), documents(_world_of(worlds, stranger))

    for route in ROUTES:
        if placeholders(route):
            answer = await stranger.send(route.method, route.path.format(**reached(worlds.default, route)))
            refused(answer, 404)

    assert documents(worlds.default) == ours
    assert documents(_world_of(worlds, stranger)) == theirs


async def test_what_is_in_another_world_is_not_found_under_parents_of_this_one(
    api: Api, worlds: Worlds, wall: Wall
) -> None:
    stranger = await Setting.opened(api)
    for on in (Setting(api, api.marketplace), stranger):
        await everything(on, wall)
    ours, theirs = worlds.default, _world_of(worlds, stranger.api)
    for world in (ours, theirs):
        deliver(world)

    for route in ROUTES:
        names = placeholders(route)
        if len(names) > 1:
            path = reached(theirs, route) | {names[-1]: reached(ours, route)[names[-1]]}
            refused(await stranger.api.send(route.method, route.path.format(**path)), 404)


async def test_what_hangs_from_one_record_is_not_found_under_another_of_its_kind(
    api: Api, worlds: Worlds, wall: Wall
) -> None:
    await everything(Setting(api, api.marketplace), wall)
    deliver(worlds.default)

    tried = 0
    for route in ROUTES:
        *parents, last = placeholders(route) or [""]
        if last == "event_callback":
            continue  # every event was sent to every callback there was
        for parent in parents:
            path = reached(worlds.default, route)
            for other in _others(worlds.default, parent, path[parent]):
                answer = await api.send(route.method, route.path.format(**path | {parent: other}))
                refused(answer, 404)
                tried += 1
    assert tried > 100


async def test_a_uri_of_another_world_resolves_to_nothing(api: Api) -> None:
    card = (await api.post(f"{api.marketplace}/cards", CARD)).body
    stranger = await Setting.opened(api)
    customer = await stranger.customer()

    answer = await stranger.api.post(f"{customer['uri']}/cards", {"card_uri": card["uri"]})

    refused(answer, 400)
    assert answer.body["extras"] == {"card_uri": f'"{card["uri"]}" does not resolve to card'}


def _world_of(worlds: Worlds, api: Api) -> World:
    world = worlds.holder(api.key)
    assert world is not None
    return world


def _others(world: World, kind: str, identifier: str) -> list[str]:
    """A few ids of a kind besides one."""
    return [one for one in map(last_word, ids(world, kind)) if one != identifier][:3]


# The same asked is the same answered.


class Recorder(Api):
    """A client that keeps what was answered."""

    answers: list[tuple[int, str, dict[str, str], bytes]]

    async def send(self, method: str, path: str, body: Any = None, **how: Any) -> Answered:
        answered = await super().send(method, path, body, **how)
        kept = {name: value for name, value in answered.headers.items() if name != "Date"}
        self.answers.append((answered.status, answered.reason, kept, answered.raw))
        return answered

    def with_key(self, key: str) -> Recorder:
        other = Recorder(self.client, key)
        other.answers = self.answers
        return other


async def test_the_same_seed_clock_and_requests_give_the_same_bytes(aiohttp_client: AiohttpClient) -> None:
    lives = []
    for _ in range(2):
        wall = Wall()
        worlds = Worlds(Ground(wall=wall, seed="tests"))
        fixtures.populate(worlds.default)
        client: Client = await aiohttp_client(Served(Application(worlds, Guard())))
        recorder = Recorder(client, worlds.default.api_key, worlds.default.marketplace_uri)
        recorder.answers = []
        await everything(Setting(recorder, recorder.marketplace), wall)
        on = await Setting.opened(recorder)
        await on.api.get("/v1/customers/CU1")
        await on.api.get("/v1/events")
        lives.append(recorder.answers)

    assert lives[0] == lives[1]
    assert len(lives[0]) > 80


# Surprises.


class Bug(Exception):
    """Something nobody thought of."""


@pytest.fixture
async def buggy(worlds: Worlds, aiohttp_client: AiohttpClient) -> Api:
    """The API with a route whose verb has a bug."""

    def breaks(call: Call) -> Result:
        call.add(Customer(**call.born("CU"), name=call.raw.get("name")))
        raise Bug("it hit card 4111111111111111")

    routes = (*ROUTES, Route("POST", "/v1/bugs", breaks, "ours"), Route("GET", "/v1/bugs", breaks, "ours"))
    client: Client = await aiohttp_client(Served(Application(worlds, Guard(), routes)))
    return Api(client, worlds.default.api_key)


async def test_a_surprise_is_answered_like_any_refusal_and_logged_and_nothing_is_changed(
    buggy: Api, worlds: Worlds, caplog: pytest.LogCaptureFixture
) -> None:
    before = documents(worlds.default)

    answer = await buggy.post("/v1/bugs", {"name": "Zoë"})

    refused(answer, 500)
    assert answer.refusal == (
        500,
        "request",
        "internal-server-error",
        "The sandbox ran into a fault of its own; its log has the details.",
    )
    assert b"4111" not in answer.raw
    assert documents(worlds.default) == before
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in logged] == ["a fault of the sandbox: POST /v1/bugs"]
    # The traceback; where a sandbox in this process has begun to redact, it has become text by now.
    assert "Traceback (most recent call last)" in caplog.text
    assert "Bug: it hit card" in caplog.text


async def test_the_sandbox_goes_on_after_a_surprise(buggy: Api) -> None:
    for method in ("POST", "GET", "HEAD"):
        assert (await buggy.send(method, "/v1/bugs")).status == 500

    assert (await buggy.post("/v1/customers")).status == 201


# What is noted of a request.


async def test_a_request_is_noted_in_its_world_with_what_came_of_it(api: Api, worlds: Worlds) -> None:
    other = (await Setting.opened(api)).api
    await api.post("/v1/customers?a=b", {"name": "Zoë"})
    await api.put("/v1/customers/CU1", {})
    await api.with_key("").get("/v1/nowhere")

    noted = [(entry.method, entry.uri, entry.operation, entry.status) for entry in worlds.default.requests]
    assert noted == [
        ("POST", "/v1/customers?a=b", "customers.create", 201),
        ("PUT", "/v1/customers/CU1", "customers.update", 404),
        ("GET", "/v1/nowhere", "", 404),
    ]
    assert all(entry.milliseconds is not None for entry in worlds.default.requests)
    assert {entry.operation for entry in _world_of(worlds, other).requests} == {
        "api_keys.create",
        "marketplaces.create",
    }


async def test_why_a_request_was_refused_is_noted(api: Api, worlds: Worlds) -> None:
    await api.post("/v1/customers", {"email": "nobody"})

    (entry,) = worlds.default.requests
    assert entry.why is not None
    assert (entry.why.rule, entry.why.field) == ("invalid-field", "email")
    assert entry.why.expected == '"nobody" must be a valid email address as specified by RFC-2822'


async def test_a_line_a_request_is_logged_for_who_wants_to_see_it(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sandbox.web.app")

    answer = await api.post("/v1/customers", {"card": {"card_number": "4111111111111112"}})

    (line,) = (record.getMessage() for record in caplog.records if record.name == "sandbox.web.app")
    assert re.fullmatch(r"POST /v1/customers 400 [0-9.]+ ms customers.create OHM[0-9a-f]{32} default", line)
    assert answer.headers["X-Sandbox-Request-Id"] in line


# Faults.


def fault(**does: Any) -> dict[str, str]:
    return {"X-Sandbox-Fault": orjson.dumps({"on": {}, "do": does}).decode()}


async def customers(api: Api) -> int:
    total: int = (await api.get("/v1/customers")).body["total"]
    return total


@pytest.mark.parametrize(
    ("does", "status", "happened"),
    [
        ({"status": 503}, 503, False),
        ({"status_after_commit": 500}, 500, True),
        ({"decline": "card-declined"}, 402, False),
    ],
)
async def test_a_fault_answers_what_it_is_told_before_or_after_it_happened(
    api: Api, does: dict[str, Any], status: int, happened: bool
) -> None:
    before = await customers(api)

    refused(await api.post("/v1/customers", headers=fault(**does)), status)

    assert await customers(api) == before + happened


@pytest.mark.parametrize(("when", "happened"), [("before", False), ("after", True)])
async def test_a_fault_breaks_the_connection_before_or_after_it_happened(api: Api, when: str, happened: bool) -> None:
    before = await customers(api)

    with pytest.raises(ServerDisconnectedError):
        await api.post("/v1/customers", headers=fault(drop=when))

    assert await customers(api) == before + happened


async def test_a_fault_that_cannot_be_read_is_refused(api: Api) -> None:
    refused(await api.post("/v1/customers", headers={"X-Sandbox-Fault": "nonsense"}), 400)


# The disk.


@pytest.fixture
async def on_disk(tmp_path: Path, wall: Wall, aiohttp_client: AiohttpClient) -> Api:
    """The API over a real folder, synced before every answer."""
    worlds = Worlds(Ground(wall=wall, seed="tests", folder=tmp_path, fsync="always"))
    fixtures.populate(worlds.default)
    client: Client = await aiohttp_client(Served(Application(worlds, Guard())))
    return Api(client, worlds.default.api_key, worlds.default.marketplace_uri)


async def test_a_disk_that_fails_is_answered_with_503_and_reads_go_on(
    on_disk: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await on_disk.get("/v1/customers")

    def fails(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fails)
        answers = await asyncio.gather(*(on_disk.post("/v1/customers") for _ in range(5)))
    answers.append(await on_disk.post("/v1/customers"))

    for answer in answers:
        refused(answer, 503)
        assert answer.description.startswith("Nothing was changed: Read-only until a restart: ")
    assert (await on_disk.get("/v1/customers")).raw == before.raw


async def test_what_was_answered_is_there_after_a_restart(on_disk: Api, tmp_path: Path, wall: Wall) -> None:
    answers = await asyncio.gather(*(on_disk.post("/v1/customers", {"name": f"{n}"}) for n in range(5)))

    # Nothing is closed first, as if the process had been killed.
    kept = Worlds(Ground(wall=wall, seed="tests", folder=tmp_path)).default

    assert kept.store.rows("customers").keys() >= {answer.body["id"] for answer in answers}


async def test_a_refusal_that_keeps_something_waits_for_the_disk_too(on_disk: Api, tmp_path: Path, wall: Wall) -> None:
    on = Setting(on_disk, on_disk.marketplace)
    verification = await on.made((await on.bank_account())["verifications_uri"])

    refused(await on_disk.put(verification["uri"], {"amount_1": 5, "amount_2": 7}), 409)

    kept = Worlds(Ground(wall=wall, seed="tests", folder=tmp_path)).default
    (row,) = kept.store.rows("verifications").values()
    assert row["remaining_attempts"] == verification["remaining_attempts"] - 1
