"""The real application on a port of its own, in the loop of a test."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from typing import Any

from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestClient

from sandbox.web.app import Application

Client = TestClient[web.BaseRequest, None]


class Served(RawTestServer):
    """Serves an application from :meth:`start_server` on."""

    def __init__(self, application: Application) -> None:
        super().__init__(application.answer)
        self._application = application

    async def start_server(self, loop: AbstractEventLoop | None = None, **how: Any) -> None:
        """Listen, and begin to send events to callbacks."""
        await super().start_server(loop, **how)
        await self._application.start()

    async def close(self) -> None:
        """Stop as the server does."""
        if self.started and not self.closed:
            self._application.end_streams()
            await super().close()
            await self._application.stop()
