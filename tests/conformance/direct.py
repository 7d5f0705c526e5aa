"""A world without HTTP in between: requests are matched to their routes and performed, fast enough for thousands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sandbox.call import Route
from sandbox.errors import Refusal
from sandbox.resources import ROUTES
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: its status, and the body or the code of the refusal."""

    status: int
    body: Any = None
    code: str = ""


def send(world: World, method: str, uri: str, body: Mapping[str, Any] | None = None) -> Outcome:
    """Perform a request in a world."""
    path, _, query = uri.partition("?")
    route, names = _route(method, path)
    try:
        answer = world.perform(route, names, parameters=parse_qsl(query), body=body or {}, uri=path)
    except Refusal as refusal:
        return Outcome(refusal.status, code=refusal.category_code)
    return Outcome(answer.status, orjson.loads(answer.body) if answer.body else None)


@cache
def _patterns() -> list[tuple[Route, re.Pattern[str]]]:
    return [(route, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path))) for route in ROUTES]


def _route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    for route, pattern in _patterns():
        if route.method == method and (match := pattern.fullmatch(path)):
            return route, match.groupdict()
    raise LookupError(f"no route for {method} {path}")
