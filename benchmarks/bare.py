"""The ceiling: an aiohttp application that does nothing but answer; ``python -m benchmarks.bare`` serves it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import hdrs, web

from benchmarks.operations import OPERATIONS, Operation

LEVER = Operation("lever", "POST", 250)
"""What a lever is held against: a short body is read, a short one is answered."""

Handler = Callable[[web.Request], Awaitable[web.Response]]

_JSON = {hdrs.CONTENT_TYPE: "application/json"}


def build() -> web.Application:
    """Return an application with one path an operation, named after it."""
    app = web.Application()
    for operation in (*OPERATIONS.values(), LEVER):
        app.router.add_route(operation.method, f"/{operation.name}", _handler(operation))
    return app


def _handler(operation: Operation) -> Handler:
    body = _body(operation.size)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=operation.status, body=body, headers=_JSON)

    async def read_and_answer(request: web.Request) -> web.Response:
        orjson.loads(await request.read())
        return web.Response(status=operation.status, body=body, headers=_JSON)

    return read_and_answer if operation.changes else answer


def _body(size: int) -> bytes:
    frame = orjson.dumps({"filler": ""})
    return orjson.dumps({"filler": "x" * (size - len(frame))})


async def _serve() -> None:
    runner = web.AppRunner(build(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
