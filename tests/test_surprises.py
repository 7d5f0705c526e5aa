"""Whatever is sent to whatever there is: it is answered or refused, the books still balance, and all is still shown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import fixtures
from sandbox.call import Route
from sandbox.clock import DAY
from sandbox.errors import Refusal
from sandbox.fields import Nested
from sandbox.resources import ROUTES
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.world import World
from sandbox.worlds import Ground, Worlds
from tests.api import Api
from tests.conformance.everything import deliver, everything
from tests.conformance.setting import Setting
from tests.conftest import Wall
from tests.paths import reached
from tests.served import Client, Served

CHANGING = [route for route in ROUTES if route.method != "GET"]
ASKING = [route for route in ROUTES if route.method == "GET"]

# What readers look at twice: bounds, test numbers, dates, addresses, and what clients write for true and null.
TELLING = (
    "", " ", "0", "1", "49", "50", "12", "2020", "1000000001", "true", "False", "person", "business", "checking", "put",
    "1980-01", "whc@example.org", "https://example.com/", "4111111111111111", "4444444444444448", "4222222222222220",
    "121000358", "100000007", "9900000000", "9900000004", "EX", "99999", "x" * 255, "x" * 256, "é" * 200, "\n", "٨",
)  # fmt: skip

scalars: st.SearchStrategy[Any] = st.none() | st.booleans() | st.floats(allow_nan=False) | st.sampled_from(TELLING)
scalars |= st.integers(-(2**63), 2**64 - 1) | st.integers(45, 5000) | st.integers(0, 200).map(str)


@pytest.fixture(scope="module")
def wall() -> Wall:
    return Wall()


@pytest.fixture(scope="module")
def full(wall: Wall) -> World:
    """A world with one of everything."""
    worlds = Worlds(Ground(wall=wall, seed="tests"))
    fixtures.populate(worlds.default)

    async def fill() -> None:
        async with Client(Served(Application(worlds, Guard()))) as client:
            api = Api(client, worlds.default.api_key, worlds.default.marketplace_uri)
            await everything(Setting(api, api.marketplace), wall)
            deliver(worlds.default)

    asyncio.run(fill())
    return worlds.default


@pytest.fixture(scope="module")
def paths(full: World) -> Mapping[str, dict[str, str]]:
    """For each path ids that lead somewhere; what can be asked for knows best."""
    return {route.path: reached(full, route) for route in (*CHANGING, *ASKING)}


@cache
def uris(world: World) -> st.SearchStrategy[str]:
    """The uris of what there is."""
    tables = ("cards", "bank_accounts", "customers", "holds", "debits", "credits", "merchants")
    return st.sampled_from([f"/v1/{table}/{one}" for table in tables for one in world.store.rows(table)])


def bodies(world: World, form: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies with the names a form knows, and values of any kind."""
    plain = scalars | uris(world)
    values = st.recursive(
        plain, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
    )
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name, reader in form.items():
        inside = bodies(world, reader.form) | values if isinstance(reader, Nested) else values
        fields |= dict.fromkeys((name, *reader.also), inside)
    return st.fixed_dictionaries({}, optional=fields)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_nothing_that_is_asked_is_a_surprise(
    full: World, wall: Wall, paths: Mapping[str, dict[str, str]], data: st.DataObject
) -> None:
    def ask(route: Route) -> None:
        body = data.draw(bodies(full, route.takes), "body") if route.takes else {}
        with suppress(Refusal):
            full.perform(route, paths[route.path], body=body, uri=route.path)

    before = full.saved()
    try:
        for route in data.draw(st.lists(st.sampled_from(CHANGING), min_size=1, max_size=3), "what is asked"):
            wall.moment += data.draw(st.sampled_from([0, 0, DAY, 8 * DAY]), "time passes")
            ask(route)

        assert full.verify() == []
        for route in data.draw(st.lists(st.sampled_from(ASKING), min_size=10, max_size=10), "what is shown"):
            ask(route)
    finally:
        full.restore(before)
