"""What a lever answers: JSON, lines to read, or a problem document (RFC 9457)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson
from aiohttp import hdrs, web

from sandbox import __version__
from sandbox.redact import redact

Pairs = tuple[tuple[str, str], ...]
"""Headers of an answer."""

SERVER: Pairs = ((hdrs.SERVER, f"balanced-sandbox/{__version__}"),)
"""The header every answer has, in the place of aiohttp's own."""


T = TypeVar("T")


class Problem(Exception):
    """Why a lever cannot be pulled; ``field`` names what was wrong in the body, the query or the path."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field


@dataclass(frozen=True, slots=True)
class Created(Generic[T]):
    """What a lever has made, answered with 201."""

    body: T


@dataclass(frozen=True, slots=True)
class Written:
    """An answer that is JSON already."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Lines:
    """An answer for people, as plain text."""

    text: str


def respond(answer: Any) -> web.Response:
    """Return the answer of a lever: 204 for None."""
    if answer is None:
        return web.Response(status=204, headers=SERVER)
    if isinstance(answer, Lines):
        return web.Response(text=answer.text + "\n", headers=SERVER)
    if isinstance(answer, Written):
        return web.Response(body=answer.body, content_type="application/json", headers=SERVER)
    if isinstance(answer, Created):
        return _json(201, answer.body, "application/json")
    return _json(200, answer, "application/json")


def refused(problem: Problem) -> web.Response:
    """Return a problem document."""
    # Both may repeat what was sent.
    body: dict[str, Any] = {"type": "about:blank", "status": problem.status, "detail": redact(problem.detail)}
    if problem.field is not None:
        body["field"] = redact(problem.field)
    return _json(problem.status, body, "application/problem+json")


def _json(status: int, body: Any, content_type: str) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type=content_type, headers=SERVER)
