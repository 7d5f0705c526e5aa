"""Who is let in: a table of Host, Origin, fetch metadata, kind of route and method, over HTTP."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, encode_basic_auth
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.background import serving
from sandbox.client import Client
from sandbox.settings import Settings
from sandbox.web.app import Application
from sandbox.web.control import LEVERS
from sandbox.web.guard import Guard
from sandbox.web.server import Server
from sandbox.worlds import Worlds

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OURS = "http://localhost:3000"
EVIL = "http://evil.example"
JSON = {"Content-Type": "application/json"}
CONTROL = {"X-Sandbox-Control": "1"}

EVERYTHING, LINKS, NOTHING = "everything", "links", "nothing"


@dataclass(frozen=True, slots=True)
class Sender:
    """What a client says of itself, and what it may do."""

    may: str
    host: str = "localhost"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str | None:
        return self.headers.get("Origin")


def fetch(site: str, mode: str = "cors", dest: str = "empty") -> dict[str, str]:
    """What a browser says of a request of its own."""
    return {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}


SENDERS = {
    "a tool": Sender(EVERYTHING),
    "a tool that asks an address": Sender(EVERYTHING, "127.0.0.1:8642"),
    "a tool that asks an IPv6 address": Sender(EVERYTHING, "[::1]"),
    "a tool that asks a name under localhost": Sender(EVERYTHING, "shop.localhost"),
    "an address bar": Sender(EVERYTHING, headers=fetch("none", "navigate", "document")),
    "the sandbox's own page": Sender(EVERYTHING, headers=fetch("same-origin")),
    "the sandbox's own page with an Origin": Sender(EVERYTHING, headers={"Origin": OURS, **fetch("same-origin")}),
    "a page on another local port": Sender(EVERYTHING, headers={"Origin": OURS, **fetch("same-site")}),
    "a local page across sites": Sender(EVERYTHING, headers={"Origin": "http://127.0.0.1", **fetch("cross-site")}),
    "a link on a stranger's page": Sender(LINKS, headers=fetch("cross-site", "navigate", "document")),
    "a link on another local page": Sender(LINKS, headers=fetch("same-site", "navigate", "document")),
    "a stranger's frame": Sender(NOTHING, headers=fetch("cross-site", "navigate", "iframe")),
    "a stranger's image": Sender(NOTHING, headers=fetch("cross-site", "no-cors", "image")),
    "a stranger's script": Sender(NOTHING, headers=fetch("same-site", "no-cors", "script")),
    "a stranger's fetch": Sender(NOTHING, headers={"Origin": EVIL, **fetch("cross-site")}),
    "a stranger's form": Sender(NOTHING, headers={"Origin": EVIL, **fetch("cross-site", "navigate", "document")}),
    "a stranger of before fetch metadata": Sender(NOTHING, headers={"Origin": EVIL}),
    "a file": Sender(NOTHING, headers={"Origin": "null", **fetch("cross-site")}),
    "a stranger who was rebound": Sender(NOTHING, "evil.example", fetch("same-origin")),
    "a stranger who was rebound, with an Origin": Sender(NOTHING, "evil.example", {"Origin": EVIL}),
    "a tool that asks a foreign address": Sender(NOTHING, "192.168.1.5"),
    "no host": Sender(NOTHING, "a:b:c"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of route: its path, what goes with every request, and what each method is answered when it may pass."""

    path: str
    answers: Mapping[str, int]
    otherwise: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


KEY = {"Authorization": "<key>"}
KINDS = {
    "API read": Kind("/v1/events", {"GET": 200, "HEAD": 200}, 405, KEY),
    "API write": Kind("/v1/customers", {"GET": 200, "HEAD": 200, "POST": 201}, 405, KEY | JSON, "{}"),
    "API record": Kind("<marketplace>", {"GET": 200, "HEAD": 200, "PUT": 200}, 405, KEY | JSON, "{}"),
    "API without a key": Kind("/v1/api_keys", {"GET": 401, "HEAD": 401, "POST": 201}, 405),
    "API with a wrong key": Kind("/v1/customers", dict.fromkeys(("GET", "HEAD", "POST"), 401), 405),
    "API with a bad body": Kind("/v1/customers", {"GET": 400, "HEAD": 400, "POST": 400}, 405, KEY | JSON, "{"),
    "API with a wrong type": Kind(
        "/v1/customers", dict.fromkeys(("GET", "HEAD", "POST"), 415), 405, KEY | {"Content-Type": "text/plain"}, "{}"
    ),
    "API id of nobody": Kind("/v1/customers/CU1", dict.fromkeys(("GET", "HEAD", "PUT", "DELETE"), 404), 405, KEY),
    "nowhere": Kind("/nowhere", {}, 404),
    "control read": Kind("/_sandbox/verify", {"GET": 200, "HEAD": 200}, 405, CONTROL),
    "control change": Kind("/_sandbox/settle", {"POST": 200}, 405, CONTROL),
    "control change by several methods": Kind(
        "/_sandbox/faults", {"GET": 200, "HEAD": 200, "POST": 400, "DELETE": 204}, 405, CONTROL
    ),
    "control nowhere": Kind("/_sandbox/nowhere", {}, 404, CONTROL),
    "control change without the header": Kind(
        "/_sandbox/settle", dict.fromkeys(("POST", "PUT", "PATCH", "DELETE"), 403), 405
    ),
    "health": Kind("/_sandbox/health", {"GET": 200, "HEAD": 200}, 405, CONTROL),
    "ready": Kind("/_sandbox/ready", {"GET": 200, "HEAD": 200}, 405, CONTROL),
    "OpenAPI": Kind("/_sandbox/openapi.json", {"GET": 200, "HEAD": 200}, 405, CONTROL),
    "page": Kind("/_sandbox/", {"GET": 200, "HEAD": 200}, 405, CONTROL),
    "page without the last slash": Kind("/_sandbox", {"GET": 308, "HEAD": 308}, 405, CONTROL),
}


def expected(sender: Sender, kind: Kind, method: str) -> int:
    """Return the status: the guard's, or what the route says to whom the guard lets in."""
    if sender.may == NOTHING or (sender.may == LINKS and method != "GET"):
        return 403
    return kind.answers.get(method, kind.otherwise)


def may_read(sender: Sender) -> bool:
    """Return whether a browser is to show the answer to the page that asked."""
    return sender.may == EVERYTHING and sender.origin is not None


class Door:
    """A sandbox in memory, and a client of it."""

    def __init__(self, session: ClientSession, url: str, worlds: Worlds) -> None:
        self._session = session
        self._url = url
        self._worlds = worlds

    async def ask(self, sender: Sender, kind: Kind, method: str, **more: str) -> tuple[int, Any, bytes]:
        world = self._worlds.default
        headers = {"Host": sender.host, **kind.headers, **sender.headers, **more}
        if "Authorization" in headers:
            headers["Authorization"] = encode_basic_auth(world.api_key)
        path = kind.path.replace("<marketplace>", world.marketplace_uri)
        request = self._session.request(
            method,
            self._url + path,
            headers=headers,
            data=kind.body,
            allow_redirects=False,
            skip_auto_headers=["Content-Type"],
        )
        async with request as answer:
            return answer.status, answer.headers, await answer.read()

    @property
    def written(self) -> tuple[int, int]:
        """How much was written to any world, and how many there are."""
        return sum(world.store.sequence for world in self._worlds), len(list(self._worlds))


@pytest.fixture
async def door(worlds: Worlds) -> AsyncIterator[Door]:
    server = Server(worlds, Settings(port=0))
    url = await server.start()
    async with ClientSession() as session:
        yield Door(session, url, worlds)
    await server.stop()


def test_the_table_has_at_least_forty_combinations_on_every_kind_of_route() -> None:
    assert len(SENDERS) * len(METHODS) >= 40


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
async def test_who_is_let_in(door: Door, kind: Kind) -> None:
    for name, sender in SENDERS.items():
        for method in METHODS:
            before = door.written

            status, headers, _ = await door.ask(sender, kind, method)

            assert status == expected(sender, kind, method), (name, method)
            assert status < 400 or door.written == before, (name, method)
            assert headers.getall("X-Content-Type-Options") == ["nosniff"]
            assert headers.getall("Cross-Origin-Resource-Policy") == ["same-origin"]
            assert headers.getall("Referrer-Policy") == ["no-referrer"]
            assert headers.getall("Cache-Control") == ["no-store"]
            assert headers["Server"].startswith("balanced-sandbox/")
            assert headers.get("Access-Control-Allow-Origin") == (sender.origin if may_read(sender) else None)
            assert ("Origin" in headers.get("Vary", "")) is (sender.origin is not None)
            assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
async def test_a_preflight_is_answered_on_every_kind_of_route_to_whom_may_ask(door: Door, kind: Kind) -> None:
    asking = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-sandbox-fault"}
    for name, sender in SENDERS.items():
        if sender.origin is None:
            continue
        before = door.written

        status, headers, body = await door.ask(sender, kind, "OPTIONS", **asking)

        assert (status, body) == (204, b"") if may_read(sender) else status == 403, name
        allowed = headers.get("Access-Control-Allow-Headers", "").split(", ")
        assert ({"Authorization", "Content-Type", "X-Sandbox-Control", "X-Sandbox-Fault"} <= {*allowed}) is may_read(
            sender
        )
        assert door.written == before


async def test_nobody_else_gets_into_any_route_at_all(door: Door, worlds: Worlds) -> None:
    strangers = [sender for sender in SENDERS.values() if sender.may == NOTHING]
    before = door.written
    for method, path in routes(worlds):
        for sender in strangers[:3] + strangers[-4:]:
            status, _, _ = await door.ask(sender, Kind(path, {}, 0, CONTROL), method)

            assert status == 403, (method, path, sender)
    assert door.written == before


async def test_no_lever_that_changes_anything_moves_without_the_control_header(door: Door) -> None:
    before = door.written
    for lever in LEVERS:
        if lever.method == "GET":
            continue
        status, _, body = await door.ask(Sender(EVERYTHING), Kind(bare(f"/_sandbox/{lever.path}"), {}, 0), lever.method)

        assert status == 403, lever
        assert orjson.loads(body)["status"] == 403
    assert door.written == before


def routes(worlds: Worlds) -> Iterator[tuple[str, str]]:
    """Yield the method and path of every route there is."""
    for method, path in Application(worlds, Guard()).paths.known:
        yield method, bare(path)


def bare(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


# A fuzz of the headers the guard looks at.

NAMES = st.sampled_from(
    [
        b"Host",
        b"Origin",
        b"Sec-Fetch-Site",
        b"Sec-Fetch-Mode",
        b"Sec-Fetch-Dest",
        b"X-Sandbox-Control",
        b"Referer",
        b"Access-Control-Request-Method",
        b"Access-Control-Request-Headers",
        b"X-Forwarded-Host",
        b"Forwarded",
        b"Cookie",
    ]
)
PARTS = st.sampled_from(
    [
        b"localhost",
        b"127.0.0.1",
        b"[::1]",
        b"evil.example",
        b"192.168.1.5",
        b"http://",
        b"https://",
        b":",
        b"@",
        b".",
        b"8642",
        b"/",
        b"null",
        b"same-origin",
        b"cross-site",
        b"navigate",
        b"document",
        b"1",
        b"GET",
        b" ",
        b"\t",
        b"%",
    ]
)
VALUES = (st.lists(PARTS | st.binary(max_size=3), max_size=4).map(b"".join) | st.binary(max_size=40)).map(
    # Without an end of the line, after which everything would be another header.
    lambda value: value.replace(b"\n", b"").replace(b"\r", b"")
)
SENT = st.lists(st.tuples(NAMES, VALUES), max_size=6)
ASKED = st.sampled_from(
    [
        ("GET", "/v1/customers", 200),
        ("GET", "/_sandbox/health", 200),
        ("GET", "/_sandbox/verify", 200),
        ("GET", "/_sandbox/", 200),
        ("POST", "/_sandbox/settle", 200),
        ("PUT", "/_sandbox/clock", 200),
    ]
)


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[int, str]]:
    """The port of a sandbox on a thread, and the header with a key to it."""
    with serving(Settings(memory=True, port=0)) as url:
        (world,) = Client(url).get("/_sandbox/worlds")["items"]
        yield int(url.rpartition(":")[2]), encode_basic_auth(world["api_key"])


@settings(deadline=None)
@given(ASKED, SENT, st.booleans())
def test_whatever_the_headers_hold_it_is_200_400_or_403(
    guarded: tuple[int, str], asked: tuple[str, str, int], sent: list[tuple[bytes, bytes]], has_host: bool
) -> None:
    port, key = guarded
    method, path, good = asked
    head = [
        f"{method} {path} HTTP/1.1".encode(),
        f"Authorization: {key}".encode(),
        b"Connection: close",
    ]
    head += [b"Host: localhost"] * has_host + [name + b": " + value for name, value in sent]

    answer = exchange(port, b"\r\n".join([*head, b"", b""]))

    assert int(answer.split(b" ", 2)[1]) in (good, 400, 403), answer
    assert answer.count(b"\r\nX-Content-Type-Options: nosniff\r\n") == 1


def exchange(port: int, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(raw)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))
