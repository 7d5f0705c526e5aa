"""What pages of other sites can do to a sandbox on the same machine: read nothing and change nothing."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.background import serving
from sandbox.client import Client
from sandbox.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

EVIL = "evil.example"
ATTACK = (Path(__file__).parent / "attack.js").read_text()
CLOCK = "2013-05-06T17:18:00Z"

LISTEN = "url => new Promise((open) => new EventSource(url).addEventListener('open', (event) => open(event.type)))"

WAYS = {
    "EventSource", "WebSocket", "XMLHttpRequest", "embed", "fetch HEAD", "fetch cors", "fetch no-cors",
    "fetch with a key in the address", "frame of no origin", "iframe", "image", "image of another mode", "module",
    "object", "prefetch", "preload", "script", "sendBeacon", "style", "video", "worker",
    *(f"form {one}" for one in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")),
    *(f"fetch {mode} {method}" for mode in ("cors", "no-cors") for method in ("POST", "PUT", "DELETE")),
}  # fmt: skip
"""How a page can ask."""

Outcomes = list[dict[str, str]]


class _Page(BaseHTTPRequestHandler):
    """An empty page, wherever it is asked for."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>evil</title><body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def evil(port: int = 0) -> Iterator[int]:
    """Serve an empty page on a port of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Page) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def flags() -> list[str]:
    """Let other names lead to this machine, as the names of a hostile name server can."""
    return [f"--host-resolver-rules=MAP {EVIL} 127.0.0.1", "--disable-features=HttpsUpgrades"]


def settings(**more: Any) -> Settings:
    return Settings(**{"memory": True, "port": 0, "seed": 7, "fixtures": ("shop",), "clock": CLOCK, **more})


def everything(url: str) -> dict[str, Any]:
    """Return all that a sandbox has: every world, and what it noted."""
    client = Client(url)
    worlds = client.get("/_sandbox/worlds")["items"]
    kept = {world["id"]: Client(url, world["api_key"]).get("/_sandbox/dump") for world in worlds}
    asked = {world["id"]: Client(url, world["api_key"]).get("/_sandbox/requests") for world in worlds}
    return {"worlds": worlds, "kept": kept, "asked": asked, "deliveries": client.get("/_sandbox/deliveries")}


def attack(page: Page, base: str, seen: Mapping[str, Any]) -> Outcomes:
    """Have a page try everything against a sandbox it knows all about, even the key."""
    outcomes: Outcomes = page.evaluate(ATTACK, {"base": base, "key": seen["worlds"][0]["api_key"], **targets(seen)})
    assert {outcome["name"] for outcome in outcomes} == WAYS
    return outcomes


def targets(seen: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be read, and what is to be changed."""
    (world,) = seen["worlds"]
    customer = f"/v1/customers/{seen['kept'][world['id']]['tables']['customers'][-1]['id']}"
    levers = ("", "worlds", "dump", "info", "health", "requests", "stream", "clock", "records", "openapi.json")
    reads = ["/v1/customers", customer, "/v1/api_keys", world["marketplace_uri"], "/openapi.json", "/nowhere"]
    reads += [f"/_sandbox/{lever}" for lever in levers]
    card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}
    changes = [
        ("POST", "/v1/api_keys", {}),
        ("POST", "/v1/customers", {"name": "evil"}),
        ("POST", f"{world['marketplace_uri']}/cards", card),
        ("PUT", customer, {"name": "evil"}),
        ("DELETE", customer, None),
        ("POST", "/_sandbox/reset", {"to": "empty"}),
        ("POST", "/_sandbox/worlds", {}),
        ("POST", "/_sandbox/faults", {"do": {"status": 500}}),
        ("POST", "/_sandbox/clock/advance", {"days": 7}),
        ("PUT", "/_sandbox/clock", {"now": "2020-01-01T00:00:00Z"}),
        ("PUT", "/_sandbox/checkpoints/evil", None),
        ("DELETE", "/_sandbox/requests", None),
    ]
    posts = [{"method": method, "path": path, "body": body and json.dumps(body)} for method, path, body in changes]
    return {"posts": posts, "reads": reads}


def read(outcomes: Outcomes) -> Counter[str]:
    """Return by which ways how often something came back."""
    return Counter(outcome["name"] for outcome in outcomes if outcome["read"])


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_site_reads_nothing_and_changes_nothing(page: Page, name: str) -> None:
    with evil() as port, serving(settings()) as url:
        before = everything(url)
        page.goto(f"http://{EVIL}:{port}/")

        outcomes = attack(page, url.replace("127.0.0.1", name), before)

        assert read(outcomes) == {}
        assert everything(url) == before


def test_a_page_that_opens_a_window_cannot_look_into_it_and_changes_nothing(page: Page) -> None:
    look = "() => { try { return opened.document.body.innerText } catch (refused) { return refused.name } }"
    with evil() as port, serving(settings()) as url:
        before = everything(url)
        page.goto(f"http://{EVIL}:{port}/")

        for lever in ("worlds", "dump", "clock", "requests"):
            with page.expect_popup() as popup:
                page.evaluate("url => { opened = window.open(url) }", f"{url}/_sandbox/{lever}")
            popup.value.wait_for_load_state()

            assert before["worlds"][0]["seed"] in popup.value.content() or lever in ("clock", "requests")
            assert page.evaluate(look) == "SecurityError"
        after = everything(url)

    # What such a window asks for by itself, its icon, is noted as any other request is.
    assert after["kept"].keys() == before["kept"].keys()
    assert after["kept"]["default"] | {"requests": 0} == before["kept"]["default"]


def test_a_page_whose_name_was_rebound_reads_only_that_it_is_refused_and_changes_nothing(page: Page) -> None:
    with evil(unused()) as port:
        page.goto(f"http://{EVIL}:{port}/")
    with serving(settings(port=port)) as url:
        before = everything(url)

        outcomes = attack(page, f"http://{EVIL}:{port}", before)

        assert [one for one in outcomes if one["read"] and not is_refusal(one["read"])] == []
        assert everything(url) == before


def unused() -> int:
    """Return a port that nobody has, and that nobody is given who does not ask for it."""
    for port in range(23_000, 24_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is no free port")


def is_refusal(read: str) -> bool:
    return read in ("403", "403 ") or "Host evil.example is not local" in read


def test_a_page_that_was_allowed_reads_and_changes_by_what_the_others_tried(page: Page) -> None:
    with evil() as port, serving(settings(allow_origin=(f"http://{EVIL}:{port}",))) as url:
        before = everything(url)
        page.goto(f"http://{EVIL}:{port}/")
        few = {"reads": ["/v1/customers", "/_sandbox/worlds"], "posts": targets(before)["posts"][:2]}

        outcomes = page.evaluate(ATTACK, {"base": url, "key": before["worlds"][0]["api_key"], **few})

        assert read(outcomes).keys() >= {"fetch cors", "fetch cors POST", "XMLHttpRequest", "worker"}
        assert page.evaluate(LISTEN, f"{url}/_sandbox/stream") == "open"
        assert customers(everything(url)) > customers(before)


def customers(seen: Mapping[str, Any]) -> int:
    return len(seen["kept"]["default"]["tables"]["customers"])
