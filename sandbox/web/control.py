"""``/_sandbox/…``: one route a lever. Plain JSON, errors as ``application/problem+json``; it knows no resource.

The world is the one that ``?world=`` names, else the one of the Basic credentials, or the default world without any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from functools import cache
from inspect import isawaitable
from typing import Any

import orjson
from aiohttp import web

from sandbox.errors import Refusal
from sandbox.resources import ROUTES
from sandbox.store import StoreTrouble
from sandbox.web import (
    control_callbacks,
    control_checkpoints,
    control_clock,
    control_money,
    control_records,
    control_requests,
    control_stream,
    control_worlds,
)
from sandbox.web.answers import Problem, Written, refused, respond
from sandbox.web.auth import Auth
from sandbox.web.body import DEADLINE, read_body
from sandbox.web.control_stream import ALL
from sandbox.web.disk import Disk
from sandbox.web.head import Exchange, Handler, Head
from sandbox.web.lever import NAMED, Lever, Pull
from sandbox.web.replay import Loopback
from sandbox.web.stream import Stream, Streams
from sandbox.world import World
from sandbox.worlds import Worlds


async def _document(pull: Pull) -> Any:
    """Show every route, parameter, answer and error, of the API and of the levers, as OpenAPI 3.1."""
    # It takes half a second once, in which others are served.
    return Written(await asyncio.to_thread(_described))


@cache
def _described() -> bytes:
    from sandbox.web import openapi  # few starts need it, and it would lengthen all of them

    return orjson.dumps(openapi.document(ROUTES, LEVERS))


LEVERS: tuple[Lever, ...] = (
    Lever("GET", "openapi.json", _document, answers=Mapping[str, Any]),
    *control_worlds.LEVERS,
    *control_checkpoints.LEVERS,
    *control_clock.LEVERS,
    *control_requests.LEVERS,
    *control_stream.LEVERS,
    *control_records.LEVERS,
    *control_money.LEVERS,
    *control_callbacks.LEVERS,
)


class Control:
    """The levers of all worlds over HTTP."""

    def __init__(
        self,
        worlds: Worlds,
        auth: Auth,
        disk: Disk,
        streams: Streams,
        body_deadline: float = DEADLINE,
    ) -> None:
        self._worlds = worlds
        self._auth = auth
        self._disk = disk
        self._streams = streams
        self._deadline = body_deadline

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """Go through the levers' methods and paths, and who answers them."""
        for lever in LEVERS:
            yield lever.method, f"/_sandbox/{lever.path}", self._handler(lever)

    def _handler(self, lever: Lever) -> Handler:
        async def handle(exchange: Exchange) -> web.StreamResponse:
            request, head = exchange.request, exchange.head
            try:
                pull = await self._read(request, lever, head)
                answer = lever.pull(pull)
                if isawaitable(answer):
                    answer = await answer
                if lever.method != "GET":
                    await self._keep()
                    self._streams.pulse.beat(pull.world)
                    self._streams.changed(pull.world)
                if isinstance(answer, Stream):
                    return await answer.send(request, head.guarded)
                return respond(answer)
            except Problem as problem:
                return refused(problem)
            except Refusal as refusal:
                return refused(Problem(refusal.status, refusal.sentence))
            except StoreTrouble as trouble:
                return refused(Problem(503, str(trouble)))

        return handle

    async def _read(self, request: web.BaseRequest, lever: Lever, head: Head) -> Pull:
        named = request.query.get(NAMED, ALL)
        world = self._named(named) if named != ALL else self._callers(head)
        asked = [(name, value) for name, value in request.query.items() if name != NAMED or value == ALL]
        query = dict(reversed(asked))  # the first of a name counts
        body = await read_body(request, lever.limit, self._deadline)
        lever.check(query, body)
        lever.check_secrets(self._is_key, head.ids, query, body)
        return Pull(
            world,
            self._worlds,
            self._streams.pulse,
            self._streams,
            Loopback(request),
            head.ids,
            query,
            body,
            f"{request.scheme}://{request.host}",
        )

    def _callers(self, head: Head) -> World:
        world = self._worlds.default if head.key is None else self._auth.world(head.key)
        if world is None:
            raise Problem(401, "no world has this key")
        return world

    def _named(self, name: str) -> World:
        world = self._worlds.get(name)
        if world is None:
            raise Problem(404, f"there is no world {name}", NAMED)
        return world

    def _is_key(self, secret: str) -> bool:
        return self._worlds.holder(secret) is not None

    async def _keep(self) -> None:
        """Return when what a lever did is on the disk; it may have made another world than the caller's."""
        for world in [world for world in self._worlds if world.store.unsynced]:
            await self._disk.synced(world)
