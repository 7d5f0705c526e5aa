"""What the tests stand on: worlds in memory, a clock that stands still, and a client of the real application."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from pytest_aiohttp.plugin import AiohttpClient

from sandbox import clock, fixtures
from sandbox.redact import RedactingFilter
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.worlds import Ground, Worlds
from tests.api import Api
from tests.conforming import Conforming
from tests.levers import Levers
from tests.served import Served

pytest_plugins = ("pytester", "sandbox.pytest_plugin")

collect_ignore = ["sample_project"]
"""A project of its own, which test_pytest_plugin.py runs."""

# How long an input takes to make says something about the machine, and nothing about what is tested.
hypothesis.settings.register_profile("any machine", suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("any machine")

NOW = clock.parse("2013-05-06T17:18:03.439563Z")


class Wall:
    """A wall clock that only moves when told to, in microseconds."""

    def __init__(self, moment: int = NOW) -> None:
        self.moment = moment

    def __call__(self) -> int:
        return self.moment


@pytest.fixture(autouse=True)
def _no_redaction_left() -> Iterator[None]:
    """Take away the filter that a test has installed: pytest's own handlers live as long as the run."""
    yield
    for handler in (*logging.getLogger().handlers, logging.lastResort):
        assert handler is not None
        handler.filters = [one for one in handler.filters if not isinstance(one, RedactingFilter)]


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def worlds(wall: Wall) -> Worlds:
    opened = Worlds(Ground(wall=wall, seed="tests"))
    fixtures.populate(opened.default, [])
    return opened


@pytest.fixture
async def client(worlds: Worlds, aiohttp_client: AiohttpClient) -> Any:
    """Return a client of the real application; what it asks and is answered has to be in the OpenAPI document."""
    return await aiohttp_client(Served(Application(worlds, Guard())), trace_configs=[Conforming(worlds).trace()])


@pytest.fixture
def api(client: Any, worlds: Worlds) -> Api:
    return Api(client, worlds.default.api_key, worlds.default.marketplace_uri)


@pytest.fixture
def levers(api: Api) -> Levers:
    return Levers(api)
