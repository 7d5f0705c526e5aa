"""The other end of a callback: a real HTTP server that answers as a test says, and a sandbox that calls it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient

from sandbox.web.app import Application
from sandbox.web.delivery import Delivery
from sandbox.web.guard import Guard
from sandbox.web.pulse import Pulse
from sandbox.world import World
from sandbox.worlds import Worlds
from tests.api import Answered, Api
from tests.served import Client, Served

PATIENCE = 10.0  # seconds until a test that waits has failed
CONTROL = {"X-Sandbox-Control": "1"}

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Told:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return orjson.loads(self.body)


async def take(request: web.Request) -> web.StreamResponse:
    return web.Response(text="thanks")


async def fail(request: web.Request) -> web.StreamResponse:
    return web.Response(status=500, text="no")


class Listener:
    """Notes what it is told, and answers as a test says."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.answer: Answering = take
        self.url = ""
        self.at_once = self.most_at_once = 0
        self._news = asyncio.Condition()

    @property
    def types(self) -> list[str]:
        """The types of the events it was told of."""
        return [told.event["type"] for told in self.told]

    async def hears(self, count: int) -> None:
        """Wait until it has been told so many times."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: len(self.told) >= count)

    async def hear(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.told.append(Told(request.method, request.path, dict(request.headers), body))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        async with self._news:
            self._news.notify_all()
        try:
            return await self.answer(request)
        finally:
            self.at_once -= 1


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    """Listen on a free port of this machine."""
    listener = Listener()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", listener.hear)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    listener.url = f"http://{host}:{port}/told"
    yield listener
    await runner.cleanup()


class Lab:
    """A sandbox that tells callbacks of what happens in its default world."""

    def __init__(self, client: TestClient[Any, Any], worlds: Worlds, pulse: Pulse) -> None:
        self.client = client
        self.worlds = worlds
        self.world: World = worlds.default
        self.pulse = pulse
        self.api = Api(client, self.world.api_key, self.world.marketplace_uri)

    async def register(self, url: str, method: str = "post") -> Any:
        """Return a new callback."""
        return (await self.api.post("/v1/callbacks", {"url": url, "method": method})).body

    async def happen(self, **how: Any) -> str:
        """Have a card created, and return the id of that event."""
        card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}
        answer = await self.api.post(f"{self.api.marketplace}/cards", card, **how)
        events = (await self.api.get("/v1/events?limit=100&type=card.created")).body["items"]
        assert how or answer.status == 201, answer.raw
        return str(events[-1]["id"])

    async def pull(self, method: str, path: str, body: Any = None) -> Answered:
        """Pull a lever."""
        return await self.api.send(method, f"/_sandbox/{path}", body, headers=CONTROL)

    async def advance(self, microseconds: int) -> None:
        answer = await self.pull("POST", "clock/advance", {"seconds": microseconds / 1_000_000})
        assert answer.status == 200, answer.raw

    async def deliveries(self, query: str = "") -> Any:
        """Return what is on its way, as the lever shows it."""
        answer = await self.pull("GET", f"deliveries{query}")
        assert answer.status == 200, answer.raw
        return answer.body["items"]

    async def until(self, *statuses: str, attempts: int = 0) -> Any:
        """Return the deliveries when these are their statuses, and each has had so many attempts."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = self.world.deliveries.all()
                if [one["status"] for one in found] == list(statuses) and all(
                    len(one["log"]) >= attempts for one in found
                ):
                    return found
                await self.pulse.next(self.world)


@asynccontextmanager
async def calling(worlds: Worlds, *, seconds: float = PATIENCE) -> AsyncIterator[Lab]:
    """Run a sandbox over some worlds."""
    application = Application(worlds, Guard(), delivery=Delivery(seconds=seconds))
    async with Client(Served(application)) as client:
        yield Lab(client, worlds, application.pulse)
