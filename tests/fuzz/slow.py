"""Besiege a sandbox with clients that take their time, while another asks for one thing after the other.

``python -m tests.fuzz.slow --clients 200``
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

from tests.fuzz.answers import read
from tests.fuzz.server import PATIENCE, Failed, allow_descriptors, running

ALONE = 500  # answers the usual client gets before the others come
MOST = 5_000  # slow clients at once
BUFFER = 4096  # bytes that wait for a client to listen

HEAD = b"Host: localhost\r\n"


@dataclass(frozen=True, slots=True)
class Besieged:
    """How a siege went, in seconds."""

    closed: dict[str, list[float]]
    """After how long each client was closed, by kind."""
    alone: list[float]
    """How long the usual client waited for each answer before."""
    amid: list[float]
    """How long it waited for each while the others were there."""


Slow = Callable[[asyncio.StreamReader, asyncio.StreamWriter, float], Awaitable[None]]
"""Stay until the server closes the connection; a byte is sent every so many seconds."""


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    """Say nothing."""
    await reader.read()


async def slow_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    """Send a head byte by byte."""
    writer.write(b"GET /v1/customers HTTP/1.1\r\n" + HEAD + b"X: ")
    await _drip(reader, writer, pause)


async def slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    """Send a body byte by byte."""
    writer.write(b"POST /v1/api_keys HTTP/1.1\r\n" + HEAD + b'Content-Length: 100000\r\n\r\n{"a":"')
    await _drip(reader, writer, pause)


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    """Ask and ask, and take no answer."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport can
    asking = b"GET /_sandbox/coverage HTTP/1.1\r\n" + HEAD + b"\r\n"
    while True:
        writer.write(asking * 1000)  # many at once, until the buffers of the system are full
        await writer.drain()


async def half_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    """Say in the midst of a body that nothing more comes."""
    writer.write(b"POST /v1/api_keys HTTP/1.1\r\n" + HEAD + b"Content-Length: 100\r\n\r\n{")
    writer.write_eof()
    await reader.read()


KINDS: dict[str, Slow] = {one.__name__: one for one in (silent, slow_head, slow_body, deaf, half_closed)}


async def besiege(port: int, authorization: str, clients: int, pause: float, alone: int = ALONE) -> Besieged:
    """Bring so many slow clients, of every kind as many, and return when the server has closed them all."""
    over = asyncio.Event()
    before = await _usual(port, authorization, lambda asked: asked == alone)
    usual = asyncio.create_task(_usual(port, authorization, lambda _: over.is_set()))
    kinds = [list(KINDS)[number % len(KINDS)] for number in range(clients)]
    took = await asyncio.gather(*(_client(port, KINDS[kind], pause) for kind in kinds))
    over.set()
    closed = {kind: [took[place] for place, one in enumerate(kinds) if one == kind] for kind in KINDS}
    return Besieged(closed, before, await usual)


async def _client(port: int, slow: Slow, pause: float) -> float:
    """Return after how many seconds the server closed the connection of a slow client; raises ``TimeoutError``."""
    connection = socket.socket()
    connection.setblocking(False)
    # Little fits between the two, so that who does not listen is soon noticed.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection)
    started = time.perf_counter()
    async with asyncio.timeout(2 * PATIENCE):
        with suppress(ConnectionError):
            await slow(reader, writer, pause)
    took = time.perf_counter() - started
    writer.transport.abort()
    return took


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    closed = asyncio.create_task(reader.read())
    while not closed.done():
        writer.write(b"a")
        await asyncio.wait([closed], timeout=pause)
    await closed


async def _usual(port: int, authorization: str, enough: Callable[[int], bool]) -> list[float]:
    """Ask for a page over and over, and return how long each answer took; raises ``Failed`` for a bad one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asking = b"GET /v1/customers HTTP/1.1\r\n" + HEAD + b"Authorization: " + authorization.encode() + b"\r\n\r\n"
    took: list[float] = []
    while not enough(len(took)):
        started = time.perf_counter()
        writer.write(asking)
        heard = b""
        while not (told := read(heard)):
            async with asyncio.timeout(PATIENCE):
                heard += await reader.read(1 << 16)
        took.append(time.perf_counter() - started)
        if told[0].status != 200:
            raise Failed(f"the usual client was answered {told[0].status}")
    writer.close()
    return took


def main(arguments: Sequence[str] | None = None) -> int:
    """Besiege a sandbox as it comes, and print how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.slow", description=__doc__)
    parser.add_argument("--clients", type=int, default=200, metavar="N", help="how many slow clients (200)")
    options = parser.parse_args(arguments)
    clients = min(options.clients, MOST)
    allow_descriptors(clients + 200)
    try:
        with running() as sandbox:
            before = sandbox.descriptors
            went = asyncio.run(besiege(sandbox.port, sandbox.authorization, clients, 1.0))
            sandbox.check_log()
            left = sandbox.descriptors - before
    except (Failed, TimeoutError) as failed:
        print(f"not every slow client was closed: {failed}", file=sys.stderr)
        return 1
    for kind, took in went.closed.items():
        print(f"{kind.replace('_', ' ')}: {len(took)} closed after {min(took):.1f} to {max(took):.1f} s")
    for name, waited in (("alone", went.alone), ("amid them", went.amid)):
        pace = f"median {median(waited) * 1000:.2f} ms, 99 % {sorted(waited)[int(len(waited) * 0.99)] * 1000:.2f} ms"
        print(f"usual client {name}: {len(waited)} answers, {pace}")
    print(f"descriptors left: {left}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
