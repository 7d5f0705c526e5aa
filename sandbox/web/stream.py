"""What happens, as it happens: server-sent events of requests as they are answered, and of worlds that change.

A reader costs no memory that grows: what it was not told yet is in the request logs, which are bounded. One that reads
too slowly misses what the logs have forgotten meanwhile; one that does not read at all is dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import orjson
from aiohttp import hdrs, web

from sandbox import request_log
from sandbox.request_log import Entry
from sandbox.web.answers import SERVER, Problem
from sandbox.web.pulse import Pulse
from sandbox.world import World
from sandbox.worlds import Worlds

READERS = 64  # at once
HEART_BEAT = 15.0  # seconds without an event, after which a comment says that the stream still flows
PATIENCE = 30.0  # seconds that a reader may leave a piece unread
PAUSE = 0.02  # seconds between two pieces, in which what changes is told once
PIECE = 100  # requests in one of them, as showing them takes the time of everybody else

_HEADERS = ((hdrs.CONTENT_TYPE, "text/event-stream; charset=utf-8"), *SERVER)
_LAST_SEEN = "Last-Event-ID"


class Streams:
    """The readers of one process, and the numbers of the requests it has answered."""

    def __init__(
        self, worlds: Worlds, pulse: Pulse, *, heart_beat: float = HEART_BEAT, patience: float = PATIENCE
    ) -> None:
        self.worlds = worlds
        self.pulse = pulse
        self.heart_beat = heart_beat
        self.patience = patience
        self.name = f"{time.perf_counter_ns():x}"
        """Tells this process's numbers from those of another one."""
        self.last = 0
        """The number of the request that was answered last."""
        self._readers: list[Stream] = []

    def answered(self, world: World, entry: Entry) -> None:
        """Number a request that was answered, and tell the readers."""
        self.last += 1
        entry.number = self.last
        for reader in self._readers:
            reader.look(world)

    def changed(self, world: World) -> None:
        """Tell the readers that a lever was pulled, which may have changed what is in no row of a world."""
        for reader in self._readers:
            reader.note(world)

    def end(self) -> None:
        """Have every stream end, as the server stops."""
        for reader in self._readers:
            reader.end()

    @contextmanager
    def reading(self, reader: Stream) -> Iterator[None]:
        """Let a reader be told; raises ``Problem`` when there are too many."""
        if len(self._readers) >= READERS:
            raise Problem(503, f"{READERS} read along already")
        self._readers.append(reader)
        self.pulse.listen(reader.look)
        try:
            yield
        finally:
            self.pulse.ignore(reader.look)
            self._readers.remove(reader)


class Stream:
    """What one reader is told: of one world, or of all of them where it is None."""

    def __init__(self, streams: Streams, world: World | None) -> None:
        self._streams = streams
        self._world = world
        self._told = streams.last
        self._asked: set[World] = set()  # may have answered since the reader was told
        self._noted: set[World] = set()  # had a lever pulled
        self._known = list(streams.worlds)
        self._rows = {one: one.store.changes for one in self._in_scope()}
        self._news = asyncio.Event()
        self._ended = False

    def look(self, world: World) -> None:
        """Look at a world, in which something may have happened."""
        self._asked.add(world)
        self._news.set()

    def note(self, world: World) -> None:
        """Tell that a world changed, whatever its rows say."""
        self._noted.add(world)
        self.look(world)

    def end(self) -> None:
        """Tell nothing more."""
        self._ended = True
        self._news.set()

    async def send(self, request: web.BaseRequest, headers: Iterable[tuple[str, str]]) -> web.StreamResponse:
        """Answer with the stream, until the reader leaves or the server stops; raises ``Problem``."""
        if request.method == "HEAD":
            return web.Response(headers=_HEADERS)
        response = web.StreamResponse(headers=(*_HEADERS, *headers))
        with self._streams.reading(self):
            self._resume(request.headers.get(_LAST_SEEN))
            await response.prepare(request)
            with suppress(ConnectionError):
                await self._write(request, response)
        return response

    async def _write(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        async for piece in self._pieces():
            try:
                async with asyncio.timeout(self._streams.patience):
                    await response.write(piece)
            except TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
                return

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b": connected\n\n"
        while not self._ended:
            self._news.clear()
            if piece := b"".join(self._events()):
                yield piece
                await asyncio.sleep(PAUSE)
            elif self._world is not None and not self._world.is_open:
                return
            else:
                try:
                    async with asyncio.timeout(self._streams.heart_beat):
                        await self._news.wait()
                except TimeoutError:
                    yield b": still here\n\n"

    def _resume(self, last_seen: str | None) -> None:
        """Begin after what a reader that was here before has seen; what another process told it counts for nothing."""
        if last_seen is None:
            return
        name, _, number = last_seen.partition("-")
        self._told = int(number) if name == self._streams.name and number.isdecimal() else 0
        self._asked.update(self._in_scope())

    def _events(self) -> Iterator[bytes]:
        """Yield what is to be told now; of many requests the oldest."""
        worlds = list(self._streams.worlds)
        if worlds != self._known:
            self._known = worlds
            self._rows = {one: self._rows.get(one, -1) for one in self._in_scope()}
            yield _event("worlds", {})
        looked_at = {one for one in self._in_scope() if one in self._asked}
        answered = sorted((entry.number, one, entry) for one in looked_at for entry in one.requests.since(self._told))
        for number, world, entry in answered[:PIECE]:
            yield _event("request", request_log.brief(entry, world.name), f"{self._streams.name}-{number}")
            self._told = number
        if len(answered) <= PIECE:
            self._asked.clear()
        for world in looked_at:
            if world in self._noted or world.store.changes != self._rows[world]:
                self._rows[world] = world.store.changes
                yield _event("change", {"world": world.name})
        self._noted.clear()

    def _in_scope(self) -> list[World]:
        return self._known if self._world is None else [self._world]


def _event(name: str, data: dict[str, Any], identifier: str = "") -> bytes:
    named = f"event: {name}\nid: {identifier}\n" if identifier else f"event: {name}\n"
    return b"%sdata: %s\n\n" % (named.encode(), orjson.dumps(data))
