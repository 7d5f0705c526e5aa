"""The application: every request passes here once, and whatever happens is answered in the API's own envelope."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.call import Route
from sandbox.codes import reference
from sandbox.errors import Invalid, NotFound, Refusal, Scripted, Surprise, Unauthorized
from sandbox.request_log import NOTHING, Entry, Why
from sandbox.resources import ROUTES
from sandbox.web import answers, page
from sandbox.web.answers import Problem
from sandbox.web.auth import Auth
from sandbox.web.body import DEADLINE, LIMIT, read_body
from sandbox.web.control import Control
from sandbox.web.delivery import Courier, Delivery
from sandbox.web.disk import Disk
from sandbox.web.guard import CONTROL, Guard
from sandbox.web.head import Exchange, Handler, Head, NothingHappened
from sandbox.web.heads import Heads, Stranger
from sandbox.web.paths import Paths
from sandbox.web.pulse import Pulse
from sandbox.web.responses import error, respond
from sandbox.web.stream import Streams
from sandbox.world import Answer, World
from sandbox.worlds import Worlds

REQUEST_ID = "X-Sandbox-Request-Id"
RULE = "X-Sandbox-Rule"

NOT_NOTED = f"OHM{0:032x}"
"""The id of every request that nobody notes."""

_PARAMETERS = 100  # in one query string

log = logging.getLogger(__name__)


class Application:
    """The worlds over HTTP."""

    def __init__(
        self,
        worlds: Worlds,
        guard: Guard,
        routes: Sequence[Route] = ROUTES,
        *,
        delivery: Delivery | None = None,
        body_deadline: float = DEADLINE,
    ) -> None:
        self._worlds = worlds
        self._deadline = body_deadline
        self._auth = Auth(worlds)
        self._disk = Disk()
        self.pulse = Pulse()
        """Beats whenever something may have changed in a world."""
        self._streams = Streams(worlds, self.pulse)
        # Without it nothing is sent to callbacks: events wait in the outbox.
        self._courier = None if delivery is None else Courier(worlds, self.pulse, self._disk, delivery)
        self.paths: Paths[Handler] = Paths()
        """Whatever can be asked for."""
        control = Control(worlds, self._auth, self._disk, self._streams, body_deadline)
        own = ((route.method, route.path, self._handler(route)) for route in routes)
        for method, path, handler in (*own, *control.handlers(), *page.handlers()):
            self.paths.add(method, path, handler)
            if method == "GET":
                self.paths.add("HEAD", path, handler)
        self._heads = Heads(guard, self.paths)

    async def start(self) -> None:
        """Begin to send events to callbacks."""
        if self._courier is not None:
            await self._courier.start()

    def end_streams(self) -> None:
        """End the answers that would never end by themselves."""
        self._streams.end()

    async def stop(self) -> None:
        """Send no more events to callbacks."""
        if self._courier is not None:
            await self._courier.stop()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, whatever it is."""
        started = time.perf_counter()
        head = self._heads.read(request)
        exchange = Exchange(request, head)
        try:
            answered = await head.answer(exchange)
        except Refusal as refusal:
            answered = self._refused(exchange, refusal)
        except NothingHappened:
            answered = Answer(500)
        except Exception:
            log.exception("a fault of the sandbox: %s %s", request.method, request.path)
            answered = self._refused(exchange, Surprise())
        return self._noted(exchange, respond(answered, head.guarded), started)

    def refuse(self, request: web.BaseRequest, refusal: Refusal) -> web.StreamResponse:
        """Return the answer to what aiohttp refuses by itself, as it is no HTTP."""
        started = time.perf_counter()
        head = self._heads.none
        if request.headers:  # what was no HTTP has none
            head, reason = self._heads.read(request), self._heads.why_not(request)
            refusal = Stranger(reason) if reason else refusal
        exchange = Exchange(request, head)
        return self._noted(exchange, respond(self._refused(exchange, refusal), head.guarded), started)

    def _noted(self, exchange: Exchange, response: web.StreamResponse, started: float) -> web.StreamResponse:
        """Complete what was noted of a request."""
        if exchange.noted is not None:
            world, entry = exchange.noted
            entry.seconds = time.perf_counter() - started
            if entry.fault is None or entry.fault.get("drop") != "before":
                entry.status = response.status
            response.headers[REQUEST_ID] = entry.id
            world.seen.note(entry.operation, None if entry.why is None else entry.why.rule)
            self._streams.answered(world, entry)
            if log.isEnabledFor(logging.DEBUG):
                asked = f"{entry.method} {entry.uri} {entry.status} {entry.milliseconds} ms"
                log.debug("%s %s %s %s", asked, entry.operation or "-", entry.id, world.name)
        return response

    def _refused(self, exchange: Exchange, refusal: Refusal) -> Answer | web.StreamResponse:
        if exchange.request.path.startswith(CONTROL):
            response = answers.refused(Problem(refusal.status, refusal.sentence))
            response.headers.extend(refusal.headers)
            return response
        if not _is_worth_noting(exchange.request, refusal):
            headers = {RULE: refusal.rule, REQUEST_ID: NOT_NOTED}
            return Answer(refusal.status, error(refusal, NOT_NOTED), headers)
        entry = self._note_whoever(exchange) if exchange.noted is None else exchange.noted[1]
        field, expected = next(iter(refusal.extras.items()), (None, None))
        entry.why = Why(refusal.rule, field, expected or refusal.sentence, reference(refusal.category_code))
        entry.answer = error(refusal, entry.id)
        return Answer(refusal.status, entry.answer, {**refusal.headers, RULE: refusal.rule})

    def _note_whoever(self, exchange: Exchange) -> Entry:
        """Note a request that did not come as far as anybody's world; strangers are in the default world."""
        return self._note(exchange, self._auth.world(exchange.head.key) or self._worlds.default, "")

    def _note(self, exchange: Exchange, world: World, operation: str) -> Entry:
        """Note a request on receipt."""
        head, now = exchange.head, world.clock.now()
        has_key, began = head.key is not None, world.store.sequence
        entry = Entry(world.request_id(now), now, head.method, head.uri, operation, has_key=has_key, began=began)
        world.requests.note(entry)
        exchange.noted = world, entry
        return entry

    def _handler(self, route: Route) -> Handler:
        operation, reads = route.operation, route.method == "GET"

        async def handle(exchange: Exchange) -> Answer:
            head, request = exchange.head, exchange.request
            world = self._auth.world(head.key) or self._world_without_key(route, head)
            if world is None:
                return await self._open(exchange, operation)
            entry = self._note(exchange, world, operation)
            # What such a read is answered depends on its uri and the world alone.
            plain = reads and not head.has_body and head.fault is None
            answer = world.recall(head.uri, entry.at) if plain else None
            if answer is None:
                entry.body = await read_body(request, LIMIT, self._deadline)
                answer = await self._perform(route, exchange, world, entry, plain=plain)
            else:
                entry.body = NOTHING
            entry.answer = answer.body
            return answer

        return handle

    async def _open(self, exchange: Exchange, operation: str) -> Answer:
        """Open a world of its own for who has no key yet."""
        body = await read_body(exchange.request, LIMIT, self._deadline)
        world, answer = self._worlds.open_with_key(body)
        entry = self._note(exchange, world, operation)
        entry.body, entry.answer = body, answer.body
        await self._kept(world)
        return answer

    async def _perform(self, route: Route, exchange: Exchange, world: World, entry: Entry, *, plain: bool) -> Answer:
        """Do what a route says, and what a fault does with it; returns when all of it is on the disk."""
        head, request, body = exchange.head, exchange.request, entry.body or NOTHING
        before = world.store.changes
        fault = world.trouble(route, request.path, body, head.fault)
        if fault:
            entry.fault = fault
            await _before(request, fault)
        try:
            answer = world.perform(
                route,
                head.ids,
                parameters=_parameters(head.query) if head.query else (),
                body=body,
                uri=head.path,
                decline=fault.get("decline"),
                bank=fault.get("bank"),
                told_twice=fault.get("duplicate_delivery", False),
            )
            if plain:
                world.remember(head.uri, answer)
        finally:
            # A refusal may have kept something too, and a read may show what is on no disk yet.
            if world.store.changes != before or world.store.unsynced:
                await self._kept(world)
            if fault.get("drop") == "after":
                _drop(request)
        if "status_after_commit" in fault:
            raise Scripted(fault["status_after_commit"])
        return answer

    async def _kept(self, world: World) -> None:
        """Return when all is on the disk, and tell who waits for a change; also when the client does not wait."""
        try:
            if world.store.unsynced:
                await self._disk.synced(world)
        finally:
            self.pulse.beat(world)

    def _world_without_key(self, route: Route, head: Head) -> World | None:
        """Return the world that who has no key asks about, None for one to be opened; raises ``Unauthorized``."""
        if head.key is not None or not route.open:
            raise Unauthorized(*route.permission)
        if route.open == "world":
            return None
        world = self._worlds.with_marketplace(head.ids["marketplace"])
        if world is None:
            raise NotFound
        return world


def _is_worth_noting(request: web.BaseRequest, refusal: Refusal) -> bool:
    """Tell whether to note what is refused: neither a stranger nor what is no HTTP, which has no headers here."""
    return not isinstance(refusal, Stranger) and bool(request.headers) and request.raw_path.isascii()


async def _before(request: web.BaseRequest, fault: Mapping[str, Any]) -> None:
    """Do what a fault does before anything has happened."""
    await asyncio.sleep(fault.get("delay_ms", 0) / 1000)
    if fault.get("drop") == "before":
        _drop(request)
        raise NothingHappened
    if "status" in fault:
        raise Scripted(fault["status"])


def _drop(request: web.BaseRequest) -> None:
    """Break the connection: whatever is answered is written to nobody."""
    if request.transport is not None:
        request.transport.abort()


@lru_cache(1024)  # clients ask for the same few pages
def _parameters(query: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(parse_qsl(query, keep_blank_values=True, max_num_fields=_PARAMETERS))
    except ValueError:
        raise Invalid(f"A query string has at most {_PARAMETERS} parameters") from None
