"""Start and stop the sandbox on a socket; used by the command line and by whoever embeds it."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from ipaddress import ip_address

from aiohttp import web

from sandbox.settings import Settings
from sandbox.web.app import Application
from sandbox.web.connection import DEADLINES, Connection, Deadlines
from sandbox.web.delivery import Delivery
from sandbox.web.guard import Guard
from sandbox.worlds import Worlds

SHUTDOWN = 3.0  # seconds open requests may take when stopping; the worst case is twice that
BACKLOG = 1024  # connections that wait to be accepted


class Server:
    """The sandbox, listening."""

    def __init__(self, worlds: Worlds, settings: Settings, deadlines: Deadlines = DEADLINES) -> None:
        self._settings = settings
        self._deadlines = deadlines
        guard = Guard(
            allow_hosts=(*_names(settings.host), *settings.allow_host),
            allow_origins=settings.allow_origin,
            wide=not _is_loopback(settings.host),
            control_token=settings.control_token,
        )
        delivery = Delivery(allow_public=settings.allow_public_callbacks)
        self._application = Application(worlds, guard, delivery=delivery, body_deadline=deadlines.body)
        self._server = web.Server(self._application.answer, handler_cancellation=True)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=SHUTDOWN)
        self._listener: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen, and return the url of the server; raises ``OSError`` when the port is taken."""
        self._listener = await self._listen()
        await self._runner.setup()
        await self._application.start()
        return self._settings.url(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, and let the requests under way finish."""
        if self._listener is not None:
            await _accept_no_more(self._listener)
            self._listener.close()
        self._application.end_streams()
        await self._runner.cleanup()
        await self._application.stop()

    async def _listen(self) -> asyncio.Server:
        """Listen with connections of our own; aiohttp's sites would make its own."""
        loop, tls = asyncio.get_running_loop(), _tls(self._settings)
        return await loop.create_server(
            lambda: Connection(self._server, self._application, self._deadlines, loop=loop),
            self._settings.host.strip("[]"),
            self._settings.port,
            backlog=BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=self._deadlines.handshake if tls else None,
        )


async def _accept_no_more(listener: asyncio.Server) -> None:
    """Return when whatever was accepted is a connection: one that a closed listener no longer knows is never closed."""
    # Where a loop has no readers, as on Windows, closing the listener is all there is.
    with suppress(NotImplementedError):
        for listening in listener.sockets:
            asyncio.get_running_loop().remove_reader(listening)
    await asyncio.sleep(0)


def _names(host: str) -> tuple[str, ...]:
    """Return the name that was asked to listen on; an address is judged as one, whatever was asked for."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return (host,)
    return ()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
