"""The application: every request passes here once, and whatever happens is answered in the API's own envelope."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import parse_qsl

import orjson
from aiohttp import hdrs, web

from sandbox import __version__
from sandbox.call import Route
from sandbox.errors import (
    PHRASES,
    Forbidden,
    Invalid,
    NotAllowed,
    NotFound,
    Refusal,
    Surprise,
    Unauthorized,
    Unavailable,
    envelope,
)
from sandbox.resources import ROUTES
from sandbox.store import ReadOnly
from sandbox.web.auth import Auth
from sandbox.web.body import read_body
from sandbox.web.guard import Guard, Pairs
from sandbox.world import Answer, World
from sandbox.worlds import Worlds

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

WORLD = web.RequestKey("world", World)
ROUTE = web.RequestKey("route", Route)

# Exactly this and no charset: the official Python client looks the whole value up.
_JSON = ((hdrs.CONTENT_TYPE, "application/json"),)
_SERVER = ((hdrs.SERVER, f"balanced-sandbox/{__version__}"),)
_REASONS = {status.value: status.phrase.upper() for status in HTTPStatus} | {
    status: phrase.upper() for status, phrase in PHRASES.items()
}
_PARAMETERS = 100  # in one query string

log = logging.getLogger(__name__)


class Application:
    """The worlds over HTTP."""

    def __init__(self, worlds: Worlds, guard: Guard) -> None:
        self._worlds = worlds
        self._guard = guard
        self._auth = Auth(worlds)
        self._disk = Disk()

    def build(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(middlewares=[self._answer])
        for route in ROUTES:
            app.router.add_route(route.method, route.path, self._serve(route))
            if route.method == "GET":
                app.router.add_route("HEAD", route.path, self._serve(route))
        return app

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        response = await self._guarded(request, handler)
        if log.isEnabledFor(logging.DEBUG):
            spent = (time.perf_counter() - started) * 1000
            world = request.get(WORLD)
            name = world.name if world else "-"
            log.debug("%s %s %d %.1f ms world=%s", request.method, request.path, response.status, spent, name)
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
        world = request.get(WORLD, self._worlds.default)
        body = orjson.dumps(envelope(refusal, world.request_id()))
        return _respond(Answer(refusal.status, body, refusal.headers), guarded)

    def _serve(self, route: Route) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            world = self._world(request, route)
            body = await read_body(request)
            if world is None:
                world, answer = self._worlds.open_with_key(body)
            else:
                request[WORLD] = world
                query = request.rel_url.raw_query_string
                try:
                    answer = world.perform(
                        route,
                        request.match_info,
                        parameters=_parameters(query) if query else (),
                        body=body,
                        uri=request.rel_url.raw_path,
                    )
                except Refusal:
                    await self._disk.synced(world)  # a refusal may have kept something too
                    raise
            await self._disk.synced(world)
            return _respond(answer, ())

        return serve

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


def _respond(answer: Answer, headers: Pairs) -> web.Response:
    response = web.Response(
        status=answer.status,
        reason=_REASONS[answer.status],
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
