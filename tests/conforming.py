"""Holds what a client asks and is answered against the OpenAPI document; whatever it does not say fails the test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import orjson
from aiohttp import ClientResponse, TraceConfig
from jsonschema_rs import Draft202012, Draft202012Validator, Registry

from sandbox.resources import ROUTES
from sandbox.web import openapi, page
from sandbox.web.body import parse_form
from sandbox.web.control import LEVERS
from sandbox.worlds import Worlds

DOCUMENT = openapi.document(ROUTES, LEVERS)
"""What the sandbox says of itself."""

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_PLACEHOLDER = re.compile(r"\{\w+\}")


class Nonconforming(AssertionError):
    """Something was asked or answered that the document does not say."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document, and where in it that stands."""

    id: str
    at: str
    responses: Mapping[str, str]
    """Where the response of each status stands."""
    takes: str | None
    """Where the schema of the body stands."""


@cache
def _registry() -> Registry:
    return Registry([("urn:sandbox", DOCUMENT)], draft=Draft202012)


@cache
def validator(pointer: str) -> Draft202012Validator:
    """Return what validates by the schema at a place of the document."""
    return Draft202012Validator({"$ref": f"urn:sandbox{quote(pointer, safe='#/~')}"}, registry=_registry())


def faults(pointer: str, value: Any) -> list[str]:
    """Return what is wrong with a value, each with its JSON path."""
    errors = validator(pointer).iter_errors(value)
    return [f"${''.join(f'[{step!r}]' for step in one.instance_path)}: {one.message}" for one in errors]


def resolve(pointer: str) -> Any:
    """Return what stands at a place of the document, a reference followed."""
    found: Any = DOCUMENT
    for step in pointer.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def operations() -> Iterator[tuple[str, str, Operation]]:
    """Yield every operation with its method and its path."""
    for path, methods in DOCUMENT["paths"].items():
        for method, declared in methods.items():
            at = f"#/paths/{path.replace('/', '~1')}/{method}"
            responses = {
                status: response.get("$ref", f"{at}/responses/{status}")
                for status, response in declared["responses"].items()
            }
            body = f"{at}/requestBody/content/application~1json/schema" if "requestBody" in declared else None
            yield method.upper(), path, Operation(declared["operationId"], at, responses, body)


@cache
def _table() -> list[tuple[str, re.Pattern[str], Operation]]:
    # A path that is written out goes before one with a placeholder in that place.
    known = sorted(operations(), key=lambda one: one[1].count("{"))
    return [(method, re.compile(_PLACEHOLDER.sub("[^/]+", path)), one) for method, path, one in known]


def operation(method: str, path: str) -> Operation | None:
    """Return the operation that a request is; a HEAD is the GET it is."""
    asked = "GET" if method == "HEAD" else method
    return next((one for known, pattern, one in _table() if known == asked and pattern.fullmatch(path)), None)


class Conforming:
    """What looks over the shoulder of one client."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds

    def trace(self) -> TraceConfig:
        """Return what an aiohttp session is given to be looked at."""
        trace = TraceConfig(SimpleNamespace)
        trace.on_request_start.append(self._begin)
        trace.on_request_chunk_sent.append(self._send)
        trace.on_request_end.append(self._answer)
        trace.on_response_chunk_received.append(self._read)
        return trace

    async def _begin(self, session: Any, seen: SimpleNamespace, asked: Any) -> None:
        seen.sent = b""

    async def _send(self, session: Any, seen: SimpleNamespace, asked: Any) -> None:
        seen.sent += asked.chunk

    async def _answer(self, session: Any, seen: SimpleNamespace, asked: Any) -> None:
        seen.answer = asked.response

    async def _read(self, session: Any, seen: SimpleNamespace, asked: Any) -> None:
        if (answer := getattr(seen, "answer", None)) is not None:
            self.check(answer, seen.sent, asked.chunk)

    def check(self, answer: ClientResponse, sent: bytes, received: bytes) -> None:
        """Raise :class:`Nonconforming` when the document does not say this of the operation that was asked."""
        method, path = answer.method, answer.url.raw_path
        asked = operation(method, path)
        if asked is None:
            if answer.status < 300 and method not in ("OPTIONS",) and path not in page.paths():
                raise Nonconforming(f"{method} {path} answered {answer.status}, and is no operation of the document")
            return
        for fault in self._faults(asked, answer, sent, received):
            raise Nonconforming(f"{asked.id} ({method} {path}), {answer.status}: {fault}")

    def _faults(self, asked: Operation, answer: ClientResponse, sent: bytes, received: bytes) -> Iterator[str]:
        status, is_head = str(answer.status), answer.method == "HEAD"
        if self._is_scripted(answer):
            # A fault has any operation answer anything, in the envelope of an error.
            if answer.status >= 400 and not is_head and asked.id.partition(".")[0] != "sandbox":
                yield from faults("#/components/schemas/Error", orjson.loads(received))
            return
        if status not in asked.responses:
            yield f"the document knows {', '.join(asked.responses)} only"
            return
        content = resolve(asked.responses[status]).get("content", {})
        declared = answer.headers.get("Content-Type", "").partition(";")[0]
        if not content:
            yield from ["has a body"] if received else []
        elif declared not in content and not (is_head and not declared):
            yield f"is {declared or 'of no type'}, not {' or '.join(content)}"
        elif "json" in declared and not is_head:
            pointer = f"{asked.responses[status]}/content/{declared.replace('/', '~1')}/schema"
            yield from faults(pointer, orjson.loads(received))
        if answer.status < 300 and sent and asked.takes is not None:
            yield from (f"was accepted, but the body {fault}" for fault in self._of_body(asked.takes, answer, sent))

    def _of_body(self, pointer: str, answer: ClientResponse, sent: bytes) -> list[str]:
        headers = answer.request_info.headers
        if headers.get("Content-Encoding"):
            return []
        form = headers.get("Content-Type", "").startswith(FORM) or sent.lstrip()[:1] not in (b"{", b"n")
        body = parse_form(sent) if form else orjson.loads(sent)
        return [] if body is None else faults(pointer, body)

    def _is_scripted(self, answer: ClientResponse) -> bool:
        identifier = answer.headers.get("X-Sandbox-Request-Id", "")
        found = (world.requests.find(identifier) for world in self._worlds)
        return any(entry.fault for entry in found if entry is not None)
