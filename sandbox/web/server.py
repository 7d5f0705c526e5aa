"""Start and stop the sandbox on a socket; used by the command line and by whoever embeds it."""

from __future__ import annotations

import ssl
from ipaddress import ip_address

from aiohttp import web

from sandbox.settings import Settings
from sandbox.web.app import Application
from sandbox.web.delivery import Delivery
from sandbox.web.guard import Guard
from sandbox.worlds import Worlds

KEEPALIVE = 15.0  # seconds an idle connection stays open
SHUTDOWN = 3.0  # seconds open requests may take when stopping; the worst case is twice that
BACKLOG = 1024  # connections that wait to be accepted


class Server:
    """The sandbox, listening."""

    def __init__(self, worlds: Worlds, settings: Settings) -> None:
        self._settings = settings
        guard = Guard(
            allow_hosts=settings.allow_host,
            allow_origins=settings.allow_origin,
            wide=not _is_loopback(settings.host),
            control_token=settings.control_token,
        )
        delivery = Delivery(allow_public=settings.allow_public_callbacks)
        self._runner = web.AppRunner(
            Application(worlds, guard, delivery=delivery).build(),
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=KEEPALIVE,
            shutdown_timeout=SHUTDOWN,
        )

    async def start(self) -> str:
        """Listen, and return the url of the server; raises ``OSError`` when the port is taken."""
        settings = self._settings
        await self._runner.setup()
        try:
            where = (settings.host.strip("[]"), settings.port)
            site = web.TCPSite(self._runner, *where, backlog=BACKLOG, ssl_context=_tls(settings))
            await site.start()
        except BaseException:
            await self._runner.cleanup()
            raise
        return settings.url(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening, and let the requests under way finish."""
        await self._runner.cleanup()


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
