"""The application: every request passes here once, and whatever happens is answered in the API's own envelope."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qsl

import orjson
from aiohttp import hdrs, web

from sandbox.call import Route
from sandbox.codes import reference
from sandbox.errors import (
    Forbidden,
    Invalid,
    NotAllowed,
    NotFound,
    Refusal,
    Scripted,
    Surprise,
    Unauthorized,
    envelope,
    phrase,
)
from sandbox.request_log import Entry, Why
from sandbox.resources import ROUTES
from sandbox.web import answers
from sandbox.web.answers import SERVER, Problem
from sandbox.web.auth import Auth
from sandbox.web.body import read_body
from sandbox.web.control import Control
from sandbox.web.delivery import Courier, Delivery
from sandbox.web.disk import Disk
from sandbox.web.guard import CONTROL, Guard, Pairs
from sandbox.web.pulse import Pulse
from sandbox.world import Answer, World
from sandbox.worlds import Worlds

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WORLD = web.RequestKey("world", World)
ENTRY = web.RequestKey("entry", Entry)

FAULT = "X-Sandbox-Fault"
REQUEST_ID = "X-Sandbox-Request-Id"
RULE = "X-Sandbox-Rule"

# Exactly this and no charset: the official Python client looks the whole value up.
_JSON = ((hdrs.CONTENT_TYPE, "application/json"),)
_PARAMETERS = 100  # in one query string

log = logging.getLogger(__name__)


class _NothingHappened(Exception):
    """The connection is broken, and there is nothing to note of what would have been asked on it."""


class Application:
    """The worlds over HTTP."""

    def __init__(
        self, worlds: Worlds, guard: Guard, routes: Sequence[Route] = ROUTES, *, delivery: Delivery | None = None
    ) -> None:
        self._worlds = worlds
        self._guard = guard
        self._routes = routes
        self._auth = Auth(worlds)
        self._disk = Disk()
        self.pulse = Pulse()
        """Beats whenever something may have changed in a world."""
        # Without it nothing is sent to callbacks: events wait in the outbox.
        self._courier = None if delivery is None else Courier(worlds, self.pulse, self._disk, delivery)

    def build(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(middlewares=[self._answer])
        for route in self._routes:
            app.router.add_route(route.method, route.path, self._serve(route))
            if route.method == "GET":
                app.router.add_route("HEAD", route.path, self._serve(route))
        app.router.add_routes(Control(self._worlds, self._auth, self.pulse, self._disk).routes())
        if self._courier is not None:
            app.on_startup.append(self._courier.start)
            app.on_cleanup.append(self._courier.stop)
        return app

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        response = await self._guarded(request, handler)
        entry, world = request.get(ENTRY), request.get(WORLD)
        if entry is not None and world is not None:
            entry.milliseconds = round((time.perf_counter() - started) * 1000, 3)
            entry.status = None if _is_dropped(entry, "before") else response.status
            response.headers[REQUEST_ID] = entry.id
            world.seen.note(entry.operation, entry.why and entry.why.rule)
            if log.isEnabledFor(logging.DEBUG):
                asked = f"{entry.method} {entry.uri} {entry.status} {entry.milliseconds} ms"
                log.debug("%s %s %s %s", asked, entry.operation or "-", entry.id, world.name)
        return response

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        guarded = self._guard.answer_headers(request.headers)
        try:
            reason = self._guard.refuse(request.method, request.path, request.headers)
            if reason:
                raise Forbidden(reason)
            preflight = self._guard.preflight(request.method, request.headers)
            if preflight:
                return _respond(Answer(204), preflight)
            response = await handler(request)
            response.headers.extend(guarded)
            return response
        except Refusal as refusal:
            return self._refused(request, refusal, guarded)
        except _NothingHappened:
            return _respond(Answer(500), ())
        except web.HTTPException as refused:
            return self._refused(request, _translated(refused), guarded)
        except Exception:
            log.exception("a fault of the sandbox: %s %s", request.method, request.path)
            return self._refused(request, Surprise(), guarded)

    def _refused(self, request: web.Request, refusal: Refusal, guarded: Pairs) -> web.Response:
        if request.path.startswith(CONTROL):
            response = answers.refused(Problem(refusal.status, refusal.sentence))
            response.headers.extend((*refusal.headers.items(), *guarded))
            return response
        entry = request.get(ENTRY) or self._note(request, self._whoever(request), "")
        field, expected = next(iter(refusal.extras.items()), (None, None))
        entry.why = Why(refusal.rule, field, expected or refusal.sentence, reference(refusal.category_code))
        entry.answer = orjson.dumps(envelope(refusal, entry.id))
        return _respond(Answer(refusal.status, entry.answer, {**refusal.headers, RULE: refusal.rule}), guarded)

    def _note(self, request: web.Request, world: World, operation: str) -> Entry:
        """Note a request on receipt."""
        entry = Entry(
            world.request_id(),
            world.clock.now(),
            request.method,
            request.rel_url.raw_path_qs,
            operation,
            has_key=hdrs.AUTHORIZATION in request.headers,
        )
        world.requests.note(entry)
        request[WORLD], request[ENTRY] = world, entry
        return entry

    def _serve(self, route: Route) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            world = self._world(request, route)
            if world is None:
                body = await read_body(request)
                world, answer = self._worlds.open_with_key(body)
                entry = self._note(request, world, operation)
                entry.body = body
                await self._kept(world)
            else:
                entry = self._note(request, world, operation)
                entry.body = await read_body(request)
                entry.fault = world.trouble(route, request.path, entry.body, request.headers.get(FAULT))
                if entry.fault:
                    await _before(request, entry)
                try:
                    answer = self._perform(request, route, world, entry)
                finally:
                    await self._kept(world)  # a refusal may have kept something too
                    if _is_dropped(entry, "after"):
                        _drop(request)
                if "status_after_commit" in entry.fault:
                    raise Scripted(entry.fault["status_after_commit"])
            entry.answer = answer.body
            return _respond(answer, ())

        operation = route.operation
        return serve

    def _perform(self, request: web.Request, route: Route, world: World, entry: Entry) -> Answer:
        query = request.rel_url.raw_query_string
        return world.perform(
            route,
            request.match_info,
            parameters=_parameters(query) if query else (),
            body=entry.body,
            uri=request.rel_url.raw_path,
            decline=entry.fault.get("decline"),
            bank=entry.fault.get("bank"),
            told_twice=entry.fault.get("duplicate_delivery", False),
        )

    async def _kept(self, world: World) -> None:
        """Return when all is on the disk, and tell who waits for a change; also when the client does not wait."""
        try:
            await self._disk.synced(world)
        finally:
            self.pulse.beat(world)

    def _whoever(self, request: web.Request) -> World:
        """Return the world of whoever asks; strangers are in the default world."""
        return self._auth.world(request.headers.get(hdrs.AUTHORIZATION)) or self._worlds.default

    def _world(self, request: web.Request, route: Route) -> World | None:
        """Return whose world this is about, None for one to be opened; raises ``Unauthorized``."""
        header = request.headers.get(hdrs.AUTHORIZATION)
        world = self._auth.world(header)
        if world is None and header is None:
            if route.open == "world":
                return None
            if route.open == "marketplace":
                world = self._worlds.with_marketplace(request.match_info["marketplace"])
                if world is None:
                    raise NotFound
        if world is None:
            raise Unauthorized(*route.permission)
        return world


async def _before(request: web.Request, entry: Entry) -> None:
    """Do what a fault does before anything has happened."""
    await asyncio.sleep(entry.fault.get("delay_ms", 0) / 1000)
    if _is_dropped(entry, "before"):
        _drop(request)
        raise _NothingHappened
    if "status" in entry.fault:
        raise Scripted(entry.fault["status"])


def _is_dropped(entry: Entry, when: str) -> bool:
    return entry.fault.get("drop") == when


def _drop(request: web.Request) -> None:
    """Break the connection: whatever is answered is written to nobody."""
    if request.transport is not None:
        request.transport.abort()


def _respond(answer: Answer, headers: Pairs) -> web.Response:
    response = web.Response(
        status=answer.status,
        reason=phrase(answer.status).upper(),
        body=answer.body or None,
        headers=(*SERVER, *(_JSON if answer.body else ()), *headers),
    )
    response.headers.extend(answer.headers)
    return response


def _parameters(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_PARAMETERS)
    except ValueError:
        raise Invalid(f"A query string has at most {_PARAMETERS} parameters") from None


def _translated(refused: web.HTTPException) -> Refusal:
    if isinstance(refused, web.HTTPMethodNotAllowed):
        return NotAllowed(", ".join(sorted(refused.allowed_methods)))
    if isinstance(refused, web.HTTPNotFound):
        return NotFound()
    log.error("aiohttp refused with %d %s", refused.status, refused.reason)
    return Invalid(refused.reason) if refused.status < 500 else Surprise()
