"""Requests with secrets in every place a request has: fields, query, path, headers, and bytes that are no HTTP."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.call import Route
from sandbox.resources import ROUTES
from sandbox.web.control import LEVERS
from sandbox.web.lever import Lever
from sandbox.world import World
from tests.paths import placeholders, reached
from tests.secrets.canaries import ACCOUNT, CARD, CODE, NUMBERS, SSN, full, mistaken

CONTROL = {"X-Sandbox-Control": "1"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

FOREVER = ("stream", "events/wait")
"""Levers that answer when something happens."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, with the world's key unless it has another."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def credentials(key: str) -> str:
    """Return the ``Authorization`` of a key."""
    return f"Basic {b64encode(f'{key}:'.encode()).decode()}"


def of_routes(world: World) -> Iterator[Ask]:
    """Yield requests to every route; what deletes comes last, and the keys after all, so that there is something."""
    for route in sorted(ROUTES, key=lambda route: (route.method == "DELETE", "api_key}" in route.path)):
        there = route.path.format_map(reached(world, route))
        yield from _elsewhere(route, world.api_key)
        if route.takes:
            yield from _with_bodies(route, there, world.api_key)
        else:
            yield from _with_queries(route.method, there, world.api_key)


def of_levers(world: World) -> Iterator[Ask]:
    """Yield requests to every lever that answers at once; what gives the world another key comes last."""
    for lever in sorted(LEVERS, key=lambda lever: lever.path == "reset"):
        if lever.path in FOREVER:
            continue
        there = "/_sandbox/" + lever.path
        for secret in (CARD, f"card_number={CARD}", world.api_key):
            path = there.format_map(dict.fromkeys(("name", *_placeholders(there)), secret))
            query = f"?{secret}={secret}&" + "&".join(f"{name}={secret}" for name in lever.asks)
            yield Ask(lever.method, path, headers=CONTROL)
            yield Ask(lever.method, path + query, headers=CONTROL)
            for name in lever.asks:
                yield Ask(lever.method, f"{path}?{name}={secret}", headers=CONTROL)
        if lever.method != "GET":
            yield from _pulled(lever, there.format_map(dict.fromkeys(_placeholders(there), "nobody")))


def with_headers(world: World) -> Iterator[Ask]:
    """Yield requests with a secret in each header that something looks at, and in one that nothing does."""
    names = (
        "Accept", "Authorization", "Content-Encoding", "Content-Type", "Cookie", "Expect", "Host", "Last-Event-ID",
        "Origin", "Referer", "Sec-Fetch-Site", "User-Agent", "X-Sandbox-Control", "X-Sandbox-Fault", "X-Card-Number",
    )  # fmt: skip
    for name in names:
        for secret in (CARD, world.api_key, f"card_number={CARD}", json.dumps({"on": NUMBERS, "do": NUMBERS})):
            for path in ("/v1/customers", "/_sandbox/worlds/nobody"):
                yield Ask("POST", path, b'{"name": "Richie"}', {**CONTROL, **JSON, name: secret})
    for scheme in ("Basic", "Bearer", "Digest"):
        for secret in (CARD, world.api_key[::-1], b64encode(CARD.encode()).decode()):
            yield Ask("GET", "/v1/customers", headers={"Authorization": f"{scheme} {secret}"})


def raw(world: World) -> Iterator[bytes]:
    """Yield what is no HTTP, or only begins as if it were."""
    secret = f"card_number={CARD}&security_code={CODE}&account_number={ACCOUNT}&ssn_last4={SSN}"
    host, key = "Host: localhost", f"Authorization: {credentials(world.api_key)}"
    heads = [
        (f"GET /v1/customers?{secret} HTTP/9.9", host, key),
        (f"GET /v1/customers?{secret} HTTP/1.1", host, key, f"no colon, but {CARD}"),
        (f"GET /v1/customers?{secret} HTTP/1.1", host, key, "Content-Length: " + CARD * 3),
        ("POST /v1/customers HTTP/1.1", host, key, f"Content-Length: card_number: {CARD}"),
        (f"GET /{CARD} HTTP/1.1", host, key, f"X: \x01security_code: {CODE}"),
        (f"GET /{CARD} HTTP/1.1", host, key, f"{CARD}: " + "x" * 70_000),
        (f"GET /{secret}{'x' * 70_000} HTTP/1.1", host, key),
        (f"{CARD} /{CARD} HTTP/1.1", host, key),
        (f"X-{CARD} /{CARD} HTTP/1.1", host, key),
        (f"GET http://{CARD}/{CARD} HTTP/1.1", host, key),
        (f"GET //{CARD}?{secret} {CARD} HTTP/1.1", host, key),
        (f"card_number={CARD}",),
    ]
    for head in heads:
        yield "\r\n".join((*head, "", "")).encode()
    post = "\r\n".join(("POST /v1/customers HTTP/1.1", host, key, "Content-Type: application/json"))
    sent = json.dumps({"name": CARD, **NUMBERS})
    yield f"{post}\r\nContent-Length: 9999\r\n\r\n{sent}".encode()
    yield f"{post}\r\nTransfer-Encoding: chunked\r\n\r\n{CARD} ;{secret}\r\n{sent}".encode()
    yield f"{post}\r\nContent-Encoding: gzip\r\nContent-Length: {len(sent)}\r\n\r\n{sent}".encode()
    yield f"{post}\r\nContent-Length: {len(sent)}\r\n\r\n{sent}{sent}\r\n\r\n".encode()


def _with_queries(method: str, path: str, key: str) -> Iterator[Ask]:
    every = "&".join(f"{name}={value}&meta.{name}={value}&card[{name}]={value}" for name, value in NUMBERS.items())
    yield Ask(method, f"{path}?{every}&{CARD}={CARD}&meta.x={CARD}&api_key={key}&{key}={key}")
    yield Ask(method, f"{path}?limit={CARD}")
    yield Ask(method, f"{path}?sort={key}")
    yield Ask(method, f"{path}?created_at[>]={CARD[:4]}%20{CARD[4:8]}%20{CARD[8:]}&type={CARD}&amount={CARD}")


def _elsewhere(route: Route, key: str) -> Iterator[Ask]:
    for secret in (CARD, key):
        yield Ask(route.method, f"{route.path.format_map(dict.fromkeys(placeholders(route), secret))}?{secret}")
    yield Ask("PATCH", f"{route.path}/{CARD}")


def _with_bodies(route: Route, path: str, key: str) -> Iterator[Ask]:
    good = full(route.takes)
    bodies = [good, full(route.takes, key), *mistaken(route.takes)]
    # One at a time: the first that is refused would hide what becomes of the others.
    bodies += [good | {name: value} for name, value in bodies[2].items() if name in route.takes]
    for body in bodies:
        yield _json(route.method, path, body)
    for body in bodies[:4]:
        yield Ask(route.method, path, _form(body).encode(), FORM)
    text = json.dumps(bodies[2]).encode()
    yield Ask(route.method, path, text[:-1], JSON)
    yield Ask(route.method, path, text[:-1] + b',"card_number":"%s"}' % CARD.encode(), JSON)
    yield Ask(route.method, path, b'{"%s":1,"%s":1}' % (CARD.encode(), CARD.encode()), JSON)
    yield Ask(route.method, path, b'"%s"' % CARD.encode(), JSON)
    yield Ask(route.method, path, b"card[%s=%s&[=%s" % ((CARD.encode(),) * 3), FORM)
    yield Ask(route.method, path, text, {"Content-Type": f"text/x; card_number={CARD}; {CARD}"})
    yield Ask(route.method, path, text + b" " * 300_000, JSON)


def _pulled(lever: Lever, path: str) -> Iterator[Ask]:
    takes: Any = lever.takes
    names = list(getattr(takes, "__annotations__", takes or ()))
    faulty: list[Any] = [{"on": NUMBERS, "do": {"status": 500}}, {"on": {"path": f"*/{CARD}"}, "do": {"status": 500}}]
    tables = {"customers": [{"id": "CU1", "created_at": "2013-05-06T17:18:00Z", "_seq": 1, "name": CARD}]}
    clock = {"stands_at": 0, "ahead": 0, "latest": 0}
    dump = {"format": 1, "seed": CARD, "clock": clock, "requests": 0, "sequence": 1, "tables": tables}
    fixture = {"customers": [{"$id": "a", "name": CARD, "email": f"{CARD}@example.com", "meta": dict(NUMBERS)}]}
    wrong = {"customers": [{"$id": CARD, CARD: CARD, "name": [CARD], "card_number": CARD}], CARD: [CARD]}
    for body in (
        *({name: secret} for name in names for secret in (CARD, int(CARD), [CARD], {CARD: CARD}, dict(NUMBERS))),
        *({"fixtures": [one]} for one in (fixture, wrong, {"customers": wrong["customers"]}, CARD)),
        {"capture": CARD, "drop": [CARD], CARD: CARD},
        *faulty,
        dump,
        dump | {"seed": "7"},
    ):
        yield _json(lever.method, path, body, CONTROL)


def _json(method: str, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Ask:
    return Ask(method, path, json.dumps(body).encode(), {**JSON, **(headers or {})})


def _form(body: Mapping[str, Any], within: str = "") -> str:
    """Return a body as a form, its objects by brackets; a list is the text Python prints for it."""
    pairs = []
    for name, value in body.items():
        called = f"{within}[{name}]" if within else name
        pairs.append(_form(value, called) if isinstance(value, dict) else f"{called}={value}")
    return "&".join(pairs)


def _placeholders(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]
