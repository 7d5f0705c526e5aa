"""The ceiling: an aiohttp application that does nothing but answer; ``python -m benchmarks.bare`` serves it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import hdrs, web

RECORD = 2 * 1024  # bytes, about a customer
PAGE = 18 * 1024  # bytes, about ten of them

Handler = Callable[[web.Request], Awaitable[web.Response]]

_JSON = {hdrs.CONTENT_TYPE: "application/json"}


def build() -> web.Application:
    """Return an application with one path an operation, named after it."""
    app = web.Application()
    app.router.add_get("/get", _constant(RECORD))
    app.router.add_get("/page", _constant(PAGE))
    app.router.add_post("/create", _reading(RECORD, 201))
    app.router.add_put("/update", _reading(RECORD, 200))
    return app


def _constant(size: int) -> Handler:
    body = _body(size)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, headers=_JSON)

    return answer


def _reading(size: int, status: int) -> Handler:
    body = _body(size)

    async def answer(request: web.Request) -> web.Response:
        orjson.loads(await request.read())
        return web.Response(status=status, body=body, headers=_JSON)

    return answer


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
