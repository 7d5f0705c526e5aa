"""Two worlds in one server, key against key: what is one's is not there for the other, nor shown, nor changed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import orjson
import pytest
from aiohttp import encode_basic_auth
from aiohttp.test_utils import TestClient

from sandbox import fixtures
from sandbox.call import Route
from sandbox.contents import COLLECTIONS
from sandbox.fields import Form, Nested, Uri
from sandbox.resource import KINDS
from sandbox.resources import ROUTES
from sandbox.web.app import Application
from sandbox.web.control import LEVERS
from sandbox.web.guard import Guard
from sandbox.web.lever import Lever
from sandbox.world import World
from sandbox.worlds import Ground, Worlds
from tests.api import Answered, Api
from tests.conformance.everything import deliver, everything
from tests.conformance.setting import Setting
from tests.conftest import Wall
from tests.levers import CONTROL, Levers
from tests.paths import Ids, placeholders, reached
from tests.secrets.canaries import full
from tests.served import Client, Served

ADDS: Mapping[str, Form] = {
    f"{plural}.add_to_customer": {f"{kind}_uri": Uri(kind=kind, also=("uri",))}
    for kind, plural in (("card", "cards"), ("bank_account", "bank_accounts"))
}
"""What names an instrument to a party, besides what these routes take of a new one."""

OF_THE_PROCESS = {"worlds", "worlds/{world}"}
"""Levers about worlds: they belong to whoever runs the sandbox, not to who has a key."""

ENDLESS = {"stream"}


PATIENCE = 10.0  # seconds until a test that waits has failed


@dataclass(frozen=True)
class Tenant:
    """A world with one of everything, and its key."""

    world: World
    key: str

    @property
    def telling(self) -> frozenset[str]:
        """Whatever tells of this world: the ids of all that is in it, its keys, and what only its people are called."""
        rows = [row for table in self.world.store.tables() for row in self.world.store.rows(table).values()]
        ids = {part for row in rows for part in str(row["id"]).split("/")}
        long = {one for one in ids if re.fullmatch("[0-9A-Za-z-]{20,}", one)}
        return frozenset(long | {row["secret"] for row in rows if "secret" in row} | {self.called})

    @property
    def called(self) -> str:
        return f"Nobody but {self.world.name}"

    def documents(self) -> dict[str, dict[str, Any]]:
        return {table: dict(self.world.store.rows(table)) for table in self.world.store.tables()}


@dataclass(frozen=True)
class Street:
    """Two neighbours, and one of the two who asks."""

    client: TestClient[Any, Any]
    worlds: Worlds
    own: Tenant
    other: Tenant

    @property
    def api(self) -> Api:
        return Api(self.client, self.own.key)

    async def refused(self, method: str, path: str, body: Any = None, status: int = 404) -> Answered:
        """Ask for what must be refused, and hold the answer and both worlds against it."""
        before = (self.own.documents(), self.other.documents(), [world.name for world in self.worlds])

        answer = await self.api.send(method, path, body, headers=CONTROL)

        asked = f"{method} {path} {body}"
        assert answer.status == status, f"{asked}: {answer.status} {answer.raw!r}"
        self.tells_nothing(answer, asked)
        assert (self.own.documents(), self.other.documents(), [world.name for world in self.worlds]) == before, asked
        return answer

    def tells_nothing(self, answer: Answered, asked: str) -> None:
        """Hold an answer against what tells of the other world, but for what was in the question."""
        told = self.other.telling & words(f"{answer.headers} {answer.raw.decode()}") - words(asked)
        assert told == set(), asked
        assert self.other.called not in answer.raw.decode(), asked


def words(text: str) -> set[str]:
    return set(re.findall(r"[0-9A-Za-z-]+", text))


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """One loop for this file: filling two worlds takes longer than any test."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def neighbours(loop: asyncio.Runner) -> Iterator[tuple[TestClient[Any, Any], Worlds, Tenant, Tenant]]:
    """A server with two worlds, both with one of everything."""
    worlds = Worlds(Ground(wall=(wall := Wall()), seed="tests"))
    fixtures.populate(worlds.default)

    @asynccontextmanager
    async def serving() -> AsyncIterator[TestClient[Any, Any]]:
        async with Client(Served(Application(worlds, Guard()))) as client:
            yield client

    async def settle(client: TestClient[Any, Any]) -> Tenant:
        on = await Setting.opened(Api(client, ""))
        await everything(on, wall)
        world = worlds.holder(on.api.key)
        assert world is not None
        deliver(world)
        tenant = Tenant(world, on.api.key)
        await on.customer(name=tenant.called, meta={"called": tenant.called}, email=f"{world.name}@example.com")
        if tenant.world.name == "world-3":
            await on.customer()  # or the faults of the two would have one number
        levers = Levers(on.api)
        await levers.pulled("PUT", f"checkpoints/of-{tenant.world.name}")
        await levers.fault({"status": 500}, {"description": "what nobody says"})
        return tenant

    opened = serving()
    client = loop.run(opened.__aenter__())
    first, second = loop.run(settle(client)), loop.run(settle(client))
    for tenant in (first, second):
        tenant.world.catch_up()  # the wall clock went on meanwhile; from now on nothing falls due
    yield client, worlds, first, second
    loop.run(opened.__aexit__(None, None, None))


@pytest.fixture(params=["the first asks", "the second asks"])
def street(request: pytest.FixtureRequest, neighbours: tuple[TestClient[Any, Any], Worlds, Tenant, Tenant]) -> Street:
    client, worlds, first, second = neighbours
    return Street(client, worlds, *((first, second) if request.param.startswith("the first") else (second, first)))


def mixed(route: Route, own: Ids, other: Ids) -> Iterator[Ids]:
    """Yield ids for a route's placeholders, some of one's own and at least one of the other's."""
    names = placeholders(route)
    for whose in product((own, other), repeat=len(names)):
        if any(ids is other for ids in whose):
            yield {name: ids[name] for name, ids in zip(names, whose, strict=True)}


def naming_something(route: Route) -> Iterator[tuple[tuple[str, ...], Uri]]:
    """Yield the path to every field in which a route takes the uri of a record."""
    yield from uris({**route.takes, **ADDS.get(route.operation, {})})


def uris(form: Form) -> Iterator[tuple[tuple[str, ...], Uri]]:
    """Yield the path to every field of a form that names a record, under each of its names."""
    for name, reader in form.items():
        if isinstance(reader, Nested):
            yield from (((name, *inner), uri) for inner, uri in uris(reader.form))
        elif isinstance(reader, Uri):
            yield from (((called,), reader) for called in (name, *reader.also))


def naming(form: Form, field: tuple[str, ...], uri: str) -> dict[str, Any]:
    """Return a body that is good but for the record a field names."""
    good = {name: value for name, value in full(form).items() if not isinstance(form[name], Nested)}
    value: Any = uri
    for name in reversed(field):
        value = {name: value}
    return {**good, **value}


def written(tenant: Tenant, kind: str) -> Iterator[str]:
    """Yield the ways in which a record of a kind is named."""
    shape = KINDS[kind].shape
    identifier = next(iter(tenant.world.store.rows(shape.table)))
    market = f"/v1/marketplaces/{tenant.world.tools.marketplace}/{shape.plural}/{identifier}"
    yield from (f"/v1/{shape.plural}/{identifier}", market, f"http://127.0.0.1:8642{market}")


def test_the_two_have_nothing_in_common(street: Street) -> None:
    assert len(street.own.telling) > 200
    assert not street.own.telling & street.other.telling


def test_an_id_of_the_other_is_not_found_wherever_a_path_has_one(street: Street, loop: asyncio.Runner) -> None:
    async def ask() -> set[tuple[str, str]]:
        asked = set()
        for route in (one for one in ROUTES if "{" in one.path):
            own, other = reached(street.own.world, route), reached(street.other.world, route)
            for ids in mixed(route, own, other):
                body = full(route.takes) if route.takes else None
                await street.refused(route.method, route.path.format_map(ids), body)
                if route.method == "GET":
                    await street.refused("HEAD", route.path.format_map(ids))
                asked.add((route.method, route.path))
        return asked

    assert loop.run(ask()) == {(route.method, route.path) for route in ROUTES if "{" in route.path}


def test_a_record_of_the_other_is_not_found_wherever_a_body_names_one(street: Street, loop: asyncio.Runner) -> None:
    async def ask() -> set[tuple[str, ...]]:
        asked = set()
        for route in ROUTES:
            path = route.path.format_map(reached(street.own.world, route))
            for field, reader in naming_something(route):
                for uri in (
                    uri for kind in (reader.kind, reader.or_kind) if kind for uri in written(street.other, kind)
                ):
                    status = 409 if route.operation == "accounts.update" and "merchant_uri" in field else 400
                    answer = await street.refused(route.method, path, naming(route.takes, field, uri), status)
                    if status == 400:
                        assert "does not resolve to" in answer.body["extras"][field[-1]]
                    asked.add(field)
        return asked

    assert loop.run(ask()) >= {
        ("account_uri",), ("bank_account_uri",), ("card_uri",), ("customer", "uri"), ("customer_uri",), ("debit_uri",),
        ("destination_uri",), ("hold_uri",), ("merchant_uri",), ("on_behalf_of_uri",), ("source_uri",), ("uri",),
    }  # fmt: skip


def test_no_list_shows_anything_of_the_other(street: Street, loop: asyncio.Runner) -> None:
    other = next(iter(street.other.world.store.rows("customers")))
    queries = (
        "limit=100",
        f"meta.called={street.other.called}",
        f"email={street.other.world.name}@example.com",
        f"id={other}&customer={other}&meta[contains]={other}&sort=created_at",
    )

    async def ask() -> None:
        for route in (one for one in ROUTES if one.method == "GET"):
            path = route.path.format_map(reached(street.own.world, route))
            for query in queries:
                answer = await street.api.get(f"{path}?{query}")
                street.tells_nothing(answer, f"GET {path}?{query}")

    loop.run(ask())


def test_no_lever_shows_anything_of_the_other(street: Street, loop: asyncio.Runner) -> None:
    collections = [f"records/{name}" for name in COLLECTIONS]
    levers = {lever.path for lever in LEVERS if lever.method == "GET" and "{" not in lever.path}
    levers -= OF_THE_PROCESS | ENDLESS

    async def ask(path: str) -> None:
        answer = await street.api.get(f"/_sandbox/{path}?timeout=0" if "wait" in path else f"/_sandbox/{path}")
        street.tells_nothing(answer, f"GET {path}")

    loop.run(street.api.send("DELETE", "/_sandbox/requests", headers=CONTROL))  # which has what was asked here before
    for path in (*levers, *collections, *(f"{one}?search=nobody%20but" for one in collections)):
        loop.run(ask(path))

    assert {"dump", "requests", "deliveries", "faults", "checkpoints", "events/wait", "verify", "records"} <= levers


def test_a_lever_with_an_id_of_the_other_is_not_found(street: Street, loop: asyncio.Runner) -> None:
    placed = [lever for lever in LEVERS if "{" in lever.path and lever.path not in OF_THE_PROCESS]
    made_by_naming = ("PUT", "checkpoints/{name}")
    loop.run(street.api.with_key(street.other.key).get("/v1/customers"))
    asked = set()

    for lever in placed:
        if (lever.method, lever.path) == made_by_naming:
            continue
        for path in lever_paths(lever, street.own.world, street.other.world):
            loop.run(street.refused(lever.method, f"/_sandbox/{path}"))
            asked.add((lever.method, lever.path))

    assert asked == {(lever.method, lever.path) for lever in placed} - {made_by_naming, ("GET", "records/{collection}")}


def lever_paths(lever: Lever, own: World, other: World) -> Iterator[str]:
    """Yield the paths of a lever with ids of the other world, and with one of each where it takes two."""
    if lever.path == "records/{collection}/{record}":
        for name, kind in COLLECTIONS.items():
            yield from (f"records/{name}/{identifier}" for identifier in list(other.store.rows(kind.shape.table))[:1])
    elif "{event}" in lever.path:
        mine, others = (next(iter(world.deliveries.all()))["id"].split("/") for world in (own, other))
        for event, callback in ((others[0], others[1]), (mine[0], others[1]), (others[0], mine[1])):
            yield lever.path.format(event=event, callback=callback)
    elif lever.path != "records/{collection}":
        (fault,) = other.store.rows("faults")
        yield lever.path.format(request=next(iter(other.requests)).id, fault=fault, name=f"of-{other.name}")


def test_waiting_for_an_event_takes_none_of_the_other(street: Street, loop: asyncio.Runner) -> None:
    other = next(iter(street.other.world.store.rows("events")))

    loop.run(street.refused("GET", f"/_sandbox/events/wait?timeout=0&after={other}"))


def test_a_dump_with_a_key_of_the_other_is_not_loaded(street: Street, loop: asyncio.Runner) -> None:
    loop.run(street.refused("PUT", "/_sandbox/load", street.other.world.dump(), 400))


def test_a_request_that_is_answered_goes_to_the_stream_of_its_own_world_only(
    street: Street, loop: asyncio.Runner
) -> None:
    async def read() -> list[dict[str, Any]]:
        headers = {"Authorization": encode_basic_auth(street.own.key)}
        async with street.client.get("/_sandbox/stream", headers=headers) as stream, asyncio.timeout(PATIENCE):
            await stream.content.readuntil(b": connected\n\n")
            await street.api.with_key(street.other.key).get("/v1/customers?limit=1")
            await street.api.get("/v1/customers?limit=2")
            events: list[dict[str, Any]] = []
            while not events:
                lines = (await stream.content.readuntil(b"\n\n")).decode().splitlines()
                events = [orjson.loads(line[6:]) for line in lines if line.startswith('data: {"id"')]
            return events

    (entry,) = loop.run(read())

    assert (entry["uri"], entry["world"]) == ("/v1/customers?limit=2", street.own.world.name)
