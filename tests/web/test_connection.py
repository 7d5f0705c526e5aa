"""A connection: what aiohttp refuses by itself is answered as ours, and no client is waited for without an end."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import encode_basic_auth
from yarl import URL

from sandbox.settings import Settings
from sandbox.web.app import Application
from sandbox.web.connection import DEADLINES, Deadlines
from sandbox.web.server import Server
from sandbox.worlds import Worlds

PATIENCE = 30.0  # seconds until a test that waits has failed
SOON = 0.05  # seconds a client of these tests is waited for
BUFFER = 32_768  # bytes that wait for a client of these tests to read
HOST = b"Host: localhost\r\n"


class Wire:
    """A connection on which any bytes can be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
        self.reader = reader
        self.writer = writer
        self.key = f"Authorization: {encode_basic_auth(key)}\r\n".encode()

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    async def ended(self) -> bytes:
        """Return all that comes until the server closes the connection."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Return the next answer: its status, headers and body."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.rstrip().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            raw = await self.reader.readexactly(int(headers.get("Content-Length", "0")))
        return int(first.split()[1]), headers, orjson.loads(raw) if raw else None


@asynccontextmanager
async def served(worlds: Worlds, deadlines: Deadlines = DEADLINES, **chosen: Any) -> AsyncIterator[Wire]:
    """Serve some worlds, and connect."""
    server = Server(worlds, Settings(port=0, **chosen), deadlines)
    port = URL(await server.start()).port
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        yield Wire(reader, writer, worlds.default.api_key)
    finally:
        writer.close()
        await server.stop()


@pytest.fixture
async def wire(worlds: Worlds) -> AsyncIterator[Wire]:
    async with served(worlds) as connected:
        yield connected


# What aiohttp refuses by itself.

MALFORMED = {
    "a method that is none": b"G\x00T /v1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /v1 HTTP\r\n" + HOST + b"\r\n",
    "no Host": b"GET /v1 HTTP/1.1\r\n\r\n",
    "a control character in the path": b"GET /v1\x01 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path that is not ASCII": b"GET /v1/customers?limit=\xff HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\n" + HOST + b"\r\n",
    "an address that is none": b"GET http://[::1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long path": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long header": b"GET /v1 HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 9000 + b"\r\n\r\n",
    "many headers": b"GET /v1 HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 300 + b"\r\n",
    "a space before the colon": b"GET /v1 HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "a folded header": b"GET /v1 HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "NUL in a header": b"GET /v1 HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
    "bare line feeds": b"GET /v1 HTTP/1.1\nHost: localhost\n\n",
    # What one server takes for the end of a request, and the next for the beginning of another (RFC 9112 §11.2).
    "a length and chunks": b"POST /v1 HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two lengths": b"POST /v1 HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "a list of lengths": b"POST /v1 HTTP/1.1\r\n" + HOST + b"Content-Length: 5, 5\r\n\r\n",
    "a negative length": b"POST /v1 HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "a signed length": b"POST /v1 HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\n",
    "a length in hexadecimal": b"POST /v1 HTTP/1.1\r\n" + HOST + b"Content-Length: 0x1\r\n\r\n",
    "chunks within something": b"POST /v1 HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "an unknown transfer encoding": b"POST /v1 HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a chunk size that is none": b"POST /v1 HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "a chunk of another size": b"POST /v1 HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_is_no_http_is_answered_in_the_form_of_any_error(
    wire: Wire, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    wire.send(raw)

    status, headers, body = await wire.answer()
    assert status == body["status_code"] == 400
    assert re.fullmatch(
        r"(Request is not valid HTTP|A line of the request is too long) Your request id is OHM[0-9a-f]{32}\.",
        body["description"].replace("HTTP.", "HTTP"),
    )
    assert headers["Server"].startswith("balanced-sandbox/")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Sandbox-Request-Id"] == body["request_id"]
    assert await wire.ended() == b""
    assert not caplog.records


async def test_what_follows_something_malformed_is_not_taken_for_a_request(wire: Wire, worlds: Worlds) -> None:
    smuggled = b"POST /v1/customers HTTP/1.1\r\n" + HOST + wire.key + b"Content-Length: 2\r\n\r\n{}"

    wire.send(
        b"POST /v1 HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
    )

    assert (await wire.ended()).count(b"HTTP/1.") == 1
    assert not list(worlds.default.store.rows("customer"))


async def test_what_is_no_http_is_neither_repeated_nor_noted(wire: Wire, worlds: Worlds) -> None:
    wire.send(b"GET /v1 HTTP/1.1\r\n" + HOST + b"Auth\x00orization: secret\r\n\r\n")

    _, _, body = await wire.answer()
    assert "secret" not in orjson.dumps(body).decode()
    assert not list(worlds.default.requests)


@pytest.mark.parametrize("expectation", [b"nonsense", b"\xff"])
@pytest.mark.parametrize("path", [b"/v1/customers", b"/nowhere", b"/_sandbox/health", b"/_sandbox/nowhere"])
async def test_an_unknown_expectation_is_refused_in_the_form_of_any_error(
    wire: Wire, path: bytes, expectation: bytes
) -> None:
    wire.send(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"Expect: " + expectation + b"\r\n\r\n")

    status, headers, body = await wire.answer()
    assert status == 417
    assert headers["Server"].startswith("balanced-sandbox/")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert body.get("status_code", body.get("status")) == 417


@pytest.mark.parametrize("path", [b"/v1/customers", b"/nowhere", b"/_sandbox/health"])
async def test_a_stranger_with_an_unknown_expectation_is_a_stranger_first(wire: Wire, path: bytes) -> None:
    wire.send(b"GET " + path + b" HTTP/1.1\r\nHost: evil.example\r\nExpect: nonsense\r\n\r\n")

    assert (await wire.answer())[0] == 403


async def test_a_client_that_leaves_before_it_is_told_to_go_on_is_no_surprise(
    wire: Wire, worlds: Worlds, caplog: pytest.LogCaptureFixture
) -> None:
    wire.send(
        b"POST /v1/customers HTTP/1.1\r\n" + HOST + wire.key + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    wire.writer.write_eof()

    await wire.ended()
    assert not caplog.records
    assert not [entry for entry in worlds.default.requests if entry.why]


async def test_a_surprise_outside_of_the_application_is_answered_like_any(
    wire: Wire, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*how: Any) -> None:
        monkeypatch.undo()  # once is enough
        raise RuntimeError("aiohttp has a bug")

    monkeypatch.setattr(Application, "_noted", stumble)
    wire.send(b"GET /v1/customers HTTP/1.1\r\n" + HOST + b"\r\n")

    status, headers, body = await wire.answer()
    assert (status, body["category_code"]) == (500, "internal-server-error")
    assert headers["Server"].startswith("balanced-sandbox/")
    assert "aiohttp has a bug" in caplog.text
    assert await wire.ended() == b""


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"compress"])
@pytest.mark.parametrize("path", [b"/v1/customers", b"/_sandbox/faults"])
async def test_an_encoding_that_is_not_read_is_refused_naming_those_that_are(
    wire: Wire, encoding: bytes, path: bytes
) -> None:
    head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + wire.key + b"X-Sandbox-Control: 1\r\n"

    wire.send(head + b"Content-Encoding: " + encoding + b"\r\nContent-Length: 5\r\n\r\nabcde")

    status, _, body = await wire.answer()
    assert status == 415
    assert "gzip" in (body.get("description") or body["detail"])


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET http://localhost/_sandbox/health HTTP/1.1", 200),
        (b"GET HTTP://LOCALHOST/_sandbox/health HTTP/1.1", 200),
        (b"GET http://evil.example/_sandbox/health HTTP/1.1", 403),
        (b"GET http://localhost@evil.example/_sandbox/health HTTP/1.1", 403),
        (b"GET http://localhost:1/_sandbox/health HTTP/1.1", 403),
        (b"CONNECT evil.example:443 HTTP/1.1", 403),
        (b"OPTIONS * HTTP/1.1", 404),
    ],
)
async def test_a_request_line_that_names_a_host_names_the_one_of_the_header(
    wire: Wire, line: bytes, status: int
) -> None:
    wire.send(line + b"\r\n" + HOST + b"\r\n")

    assert (await wire.answer())[0] == status


async def test_a_broken_body_that_nobody_reads_is_no_surprise_in_the_log(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    wire.send(b"POST /nowhere HTTP/1.1\r\n" + HOST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde")

    assert (await wire.answer())[0] == 404
    assert await wire.ended() == b""
    assert not caplog.records


# Deadlines.


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET", b"GET /v1 HTTP/1.1\r\nHost: loc"])
async def test_a_client_that_sends_no_whole_head_is_closed(worlds: Worlds, sent: bytes) -> None:
    async with served(worlds, Deadlines(head=SOON)) as wire:
        wire.send(sent)

        assert await wire.ended() == b""


async def test_a_head_that_comes_byte_by_byte_has_no_longer_than_one_that_stops(worlds: Worlds) -> None:
    async with served(worlds, Deadlines(head=SOON)) as wire:
        ended = asyncio.create_task(wire.ended())
        while not ended.done():
            wire.send(b"X")
            await asyncio.wait([ended], timeout=SOON / 10)

        # Its last byte may have met a closed connection.
        assert isinstance(ended.exception(), ConnectionError | None)


async def test_an_idle_connection_is_closed_and_so_is_one_that_begins_a_second_request(worlds: Worlds) -> None:
    async with served(worlds, Deadlines(head=SOON)) as wire:
        wire.send(b"GET /_sandbox/health HTTP/1.1\r\n" + HOST + b"\r\nGET /v1")

        assert (await wire.answer())[0] == 200
        assert await wire.ended() == b""


@pytest.mark.parametrize("path", [b"/v1/customers", b"/v1/api_keys", b"/_sandbox/faults"])
async def test_a_body_that_stops_is_answered_and_the_connection_closed(worlds: Worlds, path: bytes) -> None:
    async with served(worlds, Deadlines(body=SOON, rest=SOON)) as wire:
        key = b"" if path == b"/v1/api_keys" else wire.key
        wire.send(
            b"POST " + path + b" HTTP/1.1\r\n" + HOST + key + b"X-Sandbox-Control: 1\r\nContent-Length: 9\r\n\r\n{"
        )

        assert (await wire.answer())[0] == 408
        assert await wire.ended() == b""


async def test_the_rest_of_a_body_that_nobody_reads_is_not_waited_for_long(worlds: Worlds) -> None:
    async with served(worlds, Deadlines(rest=SOON)) as wire:
        wire.send(b"POST /nowhere HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n{")

        assert (await wire.answer())[0] == 404
        assert await wire.ended() == b""


LARGE = b"GET /_sandbox/openapi.json HTTP/1.1\r\n" + HOST + b"\r\n"
"""Asks for more than the buffers of the system hold for a client that does not read."""


async def asking(wire: Wire) -> None:
    """Ask until the connection breaks."""
    async with asyncio.timeout(PATIENCE):
        while True:
            wire.send(LARGE * 1000)
            await wire.writer.drain()


async def test_a_client_that_does_not_take_its_answers_is_closed(worlds: Worlds) -> None:
    async with served(worlds, Deadlines(answer=SOON)) as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport can

        # The sandbox takes in no more than it can answer, so that asking comes to an end as well.
        with pytest.raises(ConnectionError):
            await asking(wire)


async def test_a_client_that_takes_its_answers_late_but_in_time_gets_them_all(worlds: Worlds) -> None:
    async with served(worlds, Deadlines(answer=PATIENCE)) as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport can
        wire.send(LARGE * 10)
        for _ in range(100):  # turns of the loop that the sandbox is on, too
            await asyncio.sleep(0)
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]

        for _ in range(10):
            assert (await wire.answer())[0] == 200


async def test_a_client_that_says_it_sends_no_more_ends_its_connection(worlds: Worlds) -> None:
    async with served(worlds) as wire:
        wire.send(b"POST /v1/customers HTTP/1.1\r\n" + HOST + wire.key + b"Content-Length: 9\r\n\r\n{")
        wire.writer.write_eof()

        assert await wire.ended() == b""
        assert not list(worlds.default.store.rows("customer"))
