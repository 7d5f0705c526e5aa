"""Asks once more what was asked, as its client did: over HTTP, so it passes the guard, the log, the faults and all."""

from __future__ import annotations

import aiohttp
import orjson
from aiohttp import encode_basic_auth, hdrs, web
from aiohttp.typedefs import StrOrURL

from sandbox.redact import MASK, redact
from sandbox.request_log import Entry, masked
from sandbox.web.body import JSON

LONGEST = 120.0  # seconds, as a fault may delay the answer

_WITHOUT_BODY = ("GET", "HEAD", "DELETE")


class Loopback:
    """The way from a request back to the server that has it."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self._here = request.get_extra_info("sockname")

    async def ask(self, entry: Entry, key: str) -> str | None:
        """Ask the same again, with a key if it had one, and return the new request's id; raises ``OSError``.

        A fault may break the connection: then there is no answer with an id, as there was none for the client.
        """
        headers = {hdrs.HOST: self._request.host}
        if entry.has_key:
            headers[hdrs.AUTHORIZATION] = encode_basic_auth(key)
        if entry.body:
            headers[hdrs.CONTENT_TYPE] = JSON
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=LONGEST),
        ) as session:
            try:
                async with session.request(
                    entry.method,
                    self._url(entry.uri),
                    data=orjson.dumps(entry.body) if entry.body else None,
                    headers=headers,
                    allow_redirects=False,
                    ssl=False,  # it is ourselves
                ) as response:
                    return response.headers.get("X-Sandbox-Request-Id")
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ClientConnectionError, TimeoutError):
                return None

    def _url(self, uri: str) -> StrOrURL:
        """Return a uri, exactly as it was sent, where this server listens: maybe elsewhere than the client called."""
        path, _, query = uri.partition("?")
        return self._request.url.build(
            scheme=self._request.scheme,
            host=self._here[0],
            port=self._here[1],
            path=path,
            query_string=query,
            encoded=True,
        )


def cannot(entry: Entry) -> str | None:
    """Return why an entry cannot be asked again as it was, None when it can."""
    if not entry.uri.startswith("/"):
        return "what was asked for is no path"
    if entry.body is None and entry.method not in _WITHOUT_BODY:
        return "what was sent with it was never read"
    if MASK in redact(entry.uri) or MASK.encode() in orjson.dumps(masked(entry.body)):
        return "the log does not keep the secrets it was sent with"
    return None
