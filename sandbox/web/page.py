"""``/_sandbox/``: the page that shows a sandbox to whoever opens it in a browser.

The page is made of files of this package. It holds no data: it asks the levers for it, as anyone can.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from aiohttp import web

from sandbox.web.answers import SERVER
from sandbox.web.head import Exchange, Handler

HOME = "/_sandbox/"

_TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}

# What is shown was written by others. It becomes text and nothing else, and if ever it did not, it could load nothing,
# send nothing and run nothing.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = (*SERVER, ("Content-Security-Policy", _POLICY))


@cache
def contents() -> dict[str, bytes]:
    """Return the files of the page by the paths they are served at, read once."""
    folder = Path(__file__).with_name("dashboard")
    named = {one.name: one.read_bytes() for one in folder.iterdir() if one.suffix[1:] in _TYPES}
    return {_path(name): content for name, content in sorted(named.items())}


@cache
def paths() -> frozenset[str]:
    """Return what may be looked at without a key, as it tells nothing of any world."""
    return frozenset({HOME.rstrip("/"), *contents()})


def handlers() -> Iterator[tuple[str, str, Handler]]:
    """Go through the methods and paths of the files, and of who leaves out the last slash, and who answers them."""
    yield "GET", HOME.rstrip("/"), _to_home
    for path in contents():
        yield "GET", path, _handler(path)


def _path(name: str) -> str:
    return HOME if name == "index.html" else f"{HOME}page/{name}"


def _handler(path: str) -> Handler:
    name = "index.html" if path == HOME else path
    content_type = _TYPES[name.rpartition(".")[2]]

    async def handle(exchange: Exchange) -> web.StreamResponse:
        return web.Response(body=contents()[path], content_type=content_type, charset="utf-8", headers=_HEADERS)

    return handle


async def _to_home(exchange: Exchange) -> web.StreamResponse:
    return web.Response(status=308, headers=(*_HEADERS, ("Location", HOME)))
