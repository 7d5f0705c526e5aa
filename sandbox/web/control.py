"""``/_sandbox/…``: one route a lever. Plain JSON, errors as ``application/problem+json``; it knows no resource.

The world is the one of the Basic credentials, or the default world without any.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable

from aiohttp import hdrs, web

from sandbox.errors import Refusal
from sandbox.store import StoreTrouble
from sandbox.web import control_callbacks, control_checkpoints, control_clock, control_requests, control_worlds
from sandbox.web.answers import Problem, refused, respond
from sandbox.web.auth import Auth
from sandbox.web.body import read_body
from sandbox.web.disk import Disk
from sandbox.web.lever import Lever, Pull
from sandbox.web.pulse import Pulse
from sandbox.worlds import Worlds

LEVERS = (
    *control_worlds.LEVERS,
    *control_checkpoints.LEVERS,
    *control_clock.LEVERS,
    *control_requests.LEVERS,
    *control_callbacks.LEVERS,
)


class Control:
    """The levers of all worlds over HTTP."""

    def __init__(self, worlds: Worlds, auth: Auth, pulse: Pulse, disk: Disk) -> None:
        self._worlds = worlds
        self._auth = auth
        self._pulse = pulse
        self._disk = disk

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the control routes."""
        return [web.route(lever.method, f"/_sandbox/{lever.path}", self._handler(lever)) for lever in LEVERS]

    def _handler(self, lever: Lever) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                pull = await self._read(request, lever)
                answer = lever.pull(pull)
                if isawaitable(answer):
                    answer = await answer
                if lever.method != "GET":
                    await self._keep()
                    self._pulse.beat(pull.world)
                return respond(answer)
            except Problem as problem:
                return refused(problem)
            except Refusal as refusal:
                return refused(Problem(refusal.status, refusal.sentence))
            except StoreTrouble as trouble:
                return refused(Problem(503, str(trouble)))

        return handle

    async def _read(self, request: web.Request, lever: Lever) -> Pull:
        header = request.headers.get(hdrs.AUTHORIZATION)
        world = self._worlds.default if header is None else self._auth.world(header)
        if world is None:
            raise Problem(401, "no world has this key")
        body = await read_body(request, lever.limit)
        lever.check(request.query, body)
        url = f"{request.scheme}://{request.host}"
        return Pull(world, self._worlds, self._pulse, request.match_info, request.query, body, url)

    async def _keep(self) -> None:
        """Return when what a lever did is on the disk; it may have made another world than the caller's."""
        for world in [world for world in self._worlds if world.store.unsynced]:
            await self._disk.synced(world)
