"""The application: every request passes here once, and whatever happens is answered in the API's own envelope."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import hdrs, web

from sandbox import __version__
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
    Unavailable,
    envelope,
    phrase,
)
from sandbox.request_log import Entry, Why
from sandbox.resources import ROUTES
from sandbox.store import ReadOnly
from sandbox.web.auth import Auth
from sandbox.web.body import read_body
from sandbox.web.control import Control
from sandbox.web.guard import Guard, Pairs
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
_SERVER = ((hdrs.SERVER, f"balanced-sandbox/{__version__}"),)
_PARAMETERS = 100  # in one query string

log = logging.getLogger(__name__)


class Application:
    """The worlds over HTTP."""

    def __init__(self, worlds: Worlds, guard: Guard) -> None:
        self._worlds = worlds
        self._guard = guard
        self._auth = Auth(worlds)
        self._disk = Disk()
        self._pulse = Pulse()

    def build(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(middlewares=[self._answer])
        for route in ROUTES:
            app.router.add_route(route.method, route.path, self._serve(route))
            if route.method == "GET":
                app.router.add_route("HEAD", route.path, self._serve(route))
        app.router.add_routes(Control(self._worlds, self._auth, self._pulse).routes())
        return app

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        response = await self._guarded(request, handler)
        entry, world = request.get(ENTRY), request.get(WORLD)
        if entry is not None and world is not None:
            entry.milliseconds = round((time.perf_counter() - started) * 1000, 3)
            entry.status = response.status
            response.headers[REQUEST_ID] = entry.id
            world.seen.note(entry.operation, entry.why and entry.why.rule)
            log.debug("%s %s", world.name, entry)
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
        except web.HTTPException as refused:
            return self._refused(request, _translated(refused), guarded)
        except Exception:
            log.exception("a fault of the sandbox: %s %s", request.method, request.path)
            return self._refused(request, Surprise(), guarded)

    def _refused(self, request: web.Request, refusal: Refusal, guarded: Pairs) -> web.Response:
        entry = request.get(ENTRY) or self._note(request, self._worlds.default, "")
        field, expected = next(iter(refusal.extras.items()), (None, None))
        entry.why = Why(refusal.rule, field, expected or refusal.sentence, reference(refusal.category_code))
        entry.answer = orjson.dumps(envelope(refusal, entry.id))
        return _respond(Answer(refusal.status, entry.answer, {**refusal.headers, RULE: refusal.rule}), guarded)

    def _note(self, request: web.Request, world: World, operation: str) -> Entry:
        """Note a request on receipt."""
        entry = Entry(world.request_id(), world.clock.now(), request.method, request.rel_url.raw_path_qs, operation)
        world.requests.note(entry)
        request[WORLD], request[ENTRY] = world, entry
        return entry

    def _serve(self, route: Route) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            world = self._world(request, route)
            if world is None:
                world, answer = self._worlds.open_with_key(await read_body(request))
                entry = self._note(request, world, operation)
            else:
                entry = self._note(request, world, operation)
                entry.body = await read_body(request)
                trouble = world.trouble(route, request.path, entry.body, request.headers.get(FAULT))
                if trouble:
                    entry.fault = trouble
                    await _before(request, trouble)
                try:
                    answer = self._perform(request, route, world, entry)
                finally:
                    await self._disk.synced(world)  # a refusal may have kept something too
                if trouble:
                    _after(request, trouble)
            entry.answer = answer.body
            if route.method != "GET":
                await self._disk.synced(world)
                self._pulse.beat(world)
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
        )

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


class Disk:
    """Waits for the disk: the writes of one loop turn share one fsync, and none is answered before it."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def synced(self, world: World) -> None:
        """Return when all that a world has written is as safe as it promises; raises ``Unavailable``."""
        if not world.store.unsynced:
            return
        waiting = self._waiting.get(world.name)
        if waiting is None:
            loop = asyncio.get_running_loop()
            waiting = self._waiting[world.name] = loop.create_future()
            loop.call_soon(self._sync, world, waiting)
        # A client that leaves must not take the others' fsync with it.
        await asyncio.shield(waiting)

    def _sync(self, world: World, waiting: asyncio.Future[None]) -> None:
        del self._waiting[world.name]
        try:
            world.store.sync()
        except ReadOnly as trouble:
            waiting.set_exception(Unavailable(f"Nothing was changed: {trouble}."))
            waiting.exception()  # those who wait still see it; nobody waiting is no news
        else:
            waiting.set_result(None)


async def _before(request: web.Request, trouble: Mapping[str, Any]) -> None:
    """Do what a fault does before anything has happened."""
    await asyncio.sleep(trouble.get("delay_ms", 0) / 1000)
    if trouble.get("drop") == "before":
        _drop(request)
    if "status" in trouble:
        raise Scripted(trouble["status"])


def _after(request: web.Request, trouble: Mapping[str, Any]) -> None:
    """Do what a fault does after everything has happened."""
    if trouble.get("drop") == "after":
        _drop(request)
    if "status_after_commit" in trouble:
        raise Scripted(trouble["status_after_commit"])


def _drop(request: web.Request) -> None:
    """Break the connection: the client gets no answer at all."""
    if request.transport is not None:
        request.transport.abort()
    raise Scripted(500)  # written to nobody


def _respond(answer: Answer, headers: Pairs) -> web.Response:
    response = web.Response(
        status=answer.status,
        reason=phrase(answer.status).upper(),
        body=answer.body or None,
        headers=(*_SERVER, *(_JSON if answer.body else ()), *headers),
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
