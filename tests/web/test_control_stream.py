"""The stream: who reads it is told of every request when it is answered, and of every change, at no cost that grows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import ClientResponse, ServerDisconnectedError, StreamReader, encode_basic_auth, hdrs, web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.request_log import KEPT, Entry
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.web.pulse import Pulse
from sandbox.web.stream import PIECE, READERS, Stream, Streams
from sandbox.worlds import Worlds
from tests.api import Api
from tests.levers import Levers, problem
from tests.resources.charging import made
from tests.served import Client, Served

PATIENCE = 30.0  # seconds until a test that waits for nothing fails

Told = tuple[str, Any]


class Reader:
    """A reader of the stream."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.last_seen = ""

    async def next(self, name: str = "") -> Told:
        """Return the next event, or the next one of a name."""
        async with asyncio.timeout(PATIENCE):
            while True:
                told = await self._piece()
                if told[0] and name in ("", told[0]):
                    return told

    async def comment(self) -> str:
        """Return the next piece, which is a comment."""
        async with asyncio.timeout(PATIENCE):
            lines = await _lines(self.response.content)
        return "\n".join(lines)

    async def rest(self) -> list[Told]:
        """Return what is told until the stream ends as it should."""
        told = []
        async with asyncio.timeout(PATIENCE):
            while not self.response.content.at_eof():
                told.append(await self._piece())
        return [one for one in told if one[0]]

    async def _piece(self) -> Told:
        name, data = "", None
        for line in await _lines(self.response.content):
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                self.last_seen = value
            elif field == "data":
                data = orjson.loads(value)
        return name, data


async def _lines(content: StreamReader) -> list[str]:
    lines = []
    while line := (await content.readline()).decode().rstrip("\n"):
        lines.append(line)
    return lines


@asynccontextmanager
async def reading(api: Api, query: str = "", last_seen: str | None = None) -> AsyncIterator[Reader]:
    """Read along with the key of an api."""
    headers: dict[str, str] = {hdrs.AUTHORIZATION: encode_basic_auth(api.key)}
    if last_seen is not None:
        headers["Last-Event-ID"] = last_seen
    async with api.client.get(f"/_sandbox/stream{query}", headers=headers) as response:
        assert response.status == 200, await response.read()
        reader = Reader(response)
        assert await reader.comment() == ": connected"
        yield reader


@asynccontextmanager
async def serving(streams: Streams, left: asyncio.Event | None = None) -> AsyncIterator[TestClient[Any, Any]]:
    """Serve nothing but a stream of all worlds, and tell when a reader has left."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await Stream(streams, None).send(request, ())
        finally:
            if left is not None:
                left.set()

    application = web.Application()
    application.router.add_get("/_sandbox/stream", handle)

    async def end(application: web.Application) -> None:
        streams.end()

    application.on_shutdown.append(end)
    async with TestClient(TestServer(application)) as client:
        yield client


def answered(streams: Streams, count: int, uri: str = "/v1/customers") -> None:
    """Have so many requests been answered."""
    world = streams.worlds.default
    for number in range(count):
        asked = Entry(f"OHM{number}", 0, "GET", uri, "customers.index")
        asked.status = 200
        world.requests.note(asked)
        streams.answered(world, asked)


# What is told.


async def test_a_request_is_told_as_a_list_of_the_log_shows_it(levers: Levers) -> None:
    async with reading(levers.api) as reader:
        await levers.api.post("/v1/customers", {"name": "Alice"})

        told = await reader.next()

    assert told == ("request", (await levers.pulled("GET", "requests?brief=true"))["items"][0])
    assert told[1]["status"] == 201
    assert told[1]["world"] == "default"
    assert told[1]["milliseconds"] > 0


@pytest.mark.parametrize(
    ("method", "path", "raw", "status"),
    [
        ("GET", "/v1/customers", None, 200),
        ("HEAD", "/v1/customers", None, 200),
        ("GET", "/v1/customers/CU0", None, 404),
        ("GET", "/v1/nothing", None, 404),
        ("DELETE", "/v1/customers", None, 405),
        ("POST", "/v1/customers", b"{", 400),
    ],
)
async def test_every_answer_is_told_whatever_it_is(
    api: Api, method: str, path: str, raw: bytes | None, status: int
) -> None:
    async with reading(api) as reader:
        await api.send(method, path, raw=raw, headers={"Content-Type": "application/json"} if raw else None)

        name, told = await reader.next()

    assert (name, told["method"], told["uri"], told["status"]) == ("request", method, path, status)


async def test_who_has_no_key_is_told_of_in_the_default_world(api: Api) -> None:
    async with reading(api) as reader:
        await api.with_key("0" * 32).get("/v1/customers")

        _, told = await reader.next()

    assert (told["status"], told["refused"]["rule"]) == (401, "authentication-required")


async def test_a_request_without_an_answer_is_told_too(levers: Levers) -> None:
    await levers.fault({"drop": "before"}, {"path": "/v1/customers"}, times=1)
    async with reading(levers.api) as reader:
        with pytest.raises(ServerDisconnectedError):
            await levers.api.get("/v1/customers")

        _, told = await reader.next("request")

    assert (told["status"], told["fault"]) == (None, {"drop": "before"})


async def test_a_change_is_told_and_looking_is_none(api: Api) -> None:
    async with reading(api) as reader:
        await api.get("/v1/customers")
        looked = await reader.next()
        await made(api, "/v1/customers")
        wrote, changed = await reader.next(), await reader.next()
        await api.get("/v1/customers")
        looked_again = await reader.next()
        await made(api, "/v1/customers")
        wrote_again = await reader.next()

    assert [name for name, _ in (looked, wrote, looked_again, wrote_again)] == ["request"] * 4
    assert changed == ("change", {"world": "default"})


async def test_many_changes_at_once_are_told_once(worlds: Worlds) -> None:
    streams = Streams(worlds, Pulse())
    world = worlds.default
    async with serving(streams) as client, reading(Api(client, world.api_key)) as reader:
        for _ in range(100):
            world.add_fault({"do": {"status": 500}})
            streams.pulse.beat(world)
        streams.end()

        assert await reader.rest() in ([], [("change", {"world": "default"})])


async def test_a_lever_tells_of_a_change_that_is_in_no_row(levers: Levers) -> None:
    async with reading(levers.api) as reader:
        await levers.delete("requests")

        assert await reader.next() == ("change", {"world": "default"})


async def test_a_world_that_came_or_went_is_told(levers: Levers) -> None:
    async with reading(levers.api) as reader:
        world = await levers.pulled("POST", "worlds")
        assert (await reader.next("worlds"))[1] == {}

        await levers.pulled("DELETE", f"worlds/{world['id']}")
        assert (await reader.next("worlds"))[1] == {}


async def test_worlds_are_told_of_apart_unless_all_are_asked_for(levers: Levers) -> None:
    other = levers.api.with_key((await levers.pulled("POST", "worlds"))["api_key"])
    async with reading(levers.api) as own, reading(levers.api, "?world=all") as every:
        await other.get("/v1/customers?limit=1")
        await levers.api.get("/v1/customers?limit=2")

        assert (await own.next())[1]["world"] == "default"
        assert [(await every.next())[1]["world"] for _ in range(2)] == ["world-2", "default"]


async def test_there_is_no_such_world(levers: Levers) -> None:
    assert problem(await levers.get("stream?world=world-2")) == (404, "world", "there is no world world-2")


async def test_no_secret_is_told(levers: Levers) -> None:
    async with reading(levers.api) as reader:
        await levers.api.get("/v1/cards?card_number=4111111111111111")

        _, told = await reader.next()

    assert told["uri"] == "/v1/cards?card_number=***"


async def test_the_levers_themselves_are_no_requests(levers: Levers) -> None:
    async with reading(levers.api) as reader:
        await levers.get("info")
        await levers.api.get("/v1/customers")

        assert (await reader.next())[1]["uri"] == "/v1/customers"


# Read again.


async def test_who_comes_back_is_told_what_was_missed_and_no_more(api: Api) -> None:
    async with reading(api) as reader:
        await api.get("/v1/customers?limit=1")
        await reader.next()
    for limit in (2, 3):
        await api.get(f"/v1/customers?limit={limit}")

    async with reading(api, last_seen=reader.last_seen) as again:
        told = [(await again.next())[1]["uri"] for _ in range(2)]
        await api.get("/v1/customers?limit=4")
        told.append((await again.next())[1]["uri"])

    assert told == [f"/v1/customers?limit={limit}" for limit in (2, 3, 4)]


@pytest.mark.parametrize("last_seen", ["", "0", "an-1", "1b-99999", "\u00b2"])
async def test_who_read_the_stream_of_another_process_is_told_all_there_is(api: Api, last_seen: str) -> None:
    await api.get("/v1/customers?limit=1")
    await api.get("/v1/customers?limit=2")

    async with reading(api, last_seen=last_seen) as reader:
        told = [(await reader.next())[1]["uri"] for _ in range(2)]

    assert told == ["/v1/customers?limit=1", "/v1/customers?limit=2"]


async def test_who_comes_first_is_told_only_what_comes(api: Api) -> None:
    await api.get("/v1/customers?limit=1")

    async with reading(api) as reader:
        await api.get("/v1/customers?limit=2")

        assert (await reader.next())[1]["uri"] == "/v1/customers?limit=2"


# Bounds.


async def test_who_cannot_keep_up_misses_what_the_log_forgets(worlds: Worlds) -> None:
    streams = Streams(worlds, Pulse())
    async with serving(streams) as client, reading(Api(client, "")) as reader:
        answered(streams, KEPT + 500)

        told = [(await reader.next("request"))[1]["id"] for _ in range(KEPT)]

    assert told == [f"OHM{number}" for number in range(500, KEPT + 500)]
    assert KEPT > PIECE


async def test_who_does_not_read_is_dropped(worlds: Worlds) -> None:
    streams = Streams(worlds, Pulse(), patience=0.05)
    big = "/v1/customers?" + "x" * 3_000
    left = asyncio.Event()
    async with serving(streams, left) as client:
        buffering_little = socket.socket()
        buffering_little.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        buffering_little.connect((client.host, client.port))
        _, writer = await asyncio.open_connection(sock=buffering_little, limit=1)
        writer.write(b"GET /_sandbox/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n")
        answered(streams, KEPT, big)
        async with asyncio.timeout(PATIENCE):
            await left.wait()
        writer.close()

    assert worlds.default.requests.since(0)[-1].number == KEPT


async def test_there_are_so_many_readers_and_a_place_is_free_when_one_leaves(worlds: Worlds) -> None:
    async with Client(Served(Application(worlds, Guard()))) as client:
        paths = ["/_sandbox/stream"] * READERS
        readers = [await client.get(path) for path in paths]

        refused = await client.get("/_sandbox/stream")
        readers[0].close()
        async with asyncio.timeout(PATIENCE):
            while (free := await client.get("/_sandbox/stream")).status == 503:
                pass

        assert [reader.status for reader in readers] == [200] * READERS
        assert (refused.status, (await refused.json())["detail"]) == (503, "64 read along already")
        assert free.status == 200


async def test_who_is_told_nothing_hears_a_heart_beat(worlds: Worlds) -> None:
    streams = Streams(worlds, Pulse(), heart_beat=0.01)
    async with serving(streams) as client, reading(Api(client, "")) as reader:
        assert [await reader.comment() for _ in range(3)] == [": still here"] * 3


# Its end.


async def test_the_stream_ends_when_the_server_stops(worlds: Worlds) -> None:
    server = Served(Application(worlds, Guard()))
    async with Client(server) as client, reading(Api(client, worlds.default.api_key)) as reader:
        stopped = asyncio.create_task(server.close())

        assert await reader.rest() == []
        await stopped


async def test_the_stream_of_a_world_ends_with_it(levers: Levers) -> None:
    world = await levers.pulled("POST", "worlds")
    async with reading(levers.api.with_key(world["api_key"])) as reader:
        await levers.pulled("DELETE", f"worlds/{world['id']}")

        assert [name for name, _ in await reader.rest()] == ["worlds"]


async def test_asking_for_the_head_of_the_stream_ends_at_once(api: Api) -> None:
    answer = await api.send("HEAD", "/_sandbox/stream")

    assert (answer.status, answer.raw) == (200, b"")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"


async def test_the_stream_is_guarded_like_every_lever(worlds: Worlds) -> None:
    application = Application(worlds, Guard(wide=True, control_token="s3cret"))
    async with Client(Served(application)) as client:
        without = await client.get("/_sandbox/stream")
        stranger = await client.get("/_sandbox/stream", headers={"Origin": "http://evil.example"})
        async with client.get("/_sandbox/stream", headers={"X-Sandbox-Control": "s3cret"}) as read:
            headers = read.headers

    assert (without.status, stranger.status, read.status) == (403, 403, 200)
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"].startswith("balanced-sandbox/")
