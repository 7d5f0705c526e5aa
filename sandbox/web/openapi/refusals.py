"""What an operation may refuse with: a response for each status, with the codes it may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sandbox.codes import CODES, scripted
from sandbox.errors import (
    BadRequest,
    Conflict,
    Declined,
    NotAllowed,
    NotFound,
    Redirect,
    Refusal,
    Scripted,
    envelope,
    phrase,
)
from sandbox.json_schema import Schema
from sandbox.resources.refusals import IDENTITY, Codes
from sandbox.web.openapi.types import Components

Responses = dict[str, Schema]

JSON = "application/json"
PROBLEM = "application/problem+json"

REQUEST_ID = "OHM00000000000000000000000000000000"

_BY_CODE = (Redirect, BadRequest, Declined, Conflict)
_NEVER = (NotAllowed, Scripted)  # of a path and of a fault, not of an operation

ANY: Sequence[type[Refusal]] = [kind for kind in Refusal.__subclasses__() if kind not in (*_BY_CODE, *_NEVER, NotFound)]
"""What any request may be refused with; :class:`NotFound` besides, where a path names something."""

HEADERS: Mapping[str, Schema] = {
    "X-Sandbox-Request-Id": {"description": "The id of the request in its world's log.", "schema": {"type": "string"}},
    "X-Sandbox-Rule": {"description": "The rule that refused.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to say who is asking.", "schema": {"type": "string"}},
    "Location": {"description": "Where the person can be identified.", "schema": {"type": "string", "format": "uri"}},
}

_OWN_HEADERS = {401: "WWW-Authenticate", 300: "Location"}


def status_of(code: str) -> int:
    """Return the status a rule refuses with."""
    if code in IDENTITY:
        return Redirect.status
    return CODES[code].status if code in CODES else BadRequest.status


def of_operation(components: Components, operation: str, codes: Codes, names_something: bool) -> Responses:
    """Return the refusals of an operation by status; what all have in common is described once."""
    error = _error(components)
    general: list[type[Refusal]] = [*ANY, *([NotFound] if names_something else [])]
    responses = {}
    for status in sorted({*(kind.status for kind in general), *map(status_of, codes)}):
        kinds = [kind for kind in general if kind.status == status]
        own = [code for code in codes if status_of(code) == status]
        response = _response(error, status, kinds, own)
        responses[str(status)] = components.response(f"{status}.{operation}" if own else str(status), response)
    return responses


def of_lever(components: Components, problem: Schema, statuses: Iterable[int]) -> Responses:
    """Return the refusals of a lever: problem documents."""
    known = {kind.status for kind in ANY}
    return {
        str(status): components.response(
            f"{status}.problem",
            {
                "description": _says([kind for kind in ANY if kind.status == status]) or f"{phrase(status)}.",
                "content": {PROBLEM: {"schema": {"allOf": [problem], "properties": {"status": {"const": status}}}}},
            },
        )
        for status in sorted({*known, *statuses})
    }


def _response(error: Schema, status: int, kinds: Sequence[type[Refusal]], codes: Codes | list[str]) -> Schema:
    known = dict.fromkeys([*(kind.category_code for kind in kinds), *codes])
    schema: Schema = {
        "allOf": [error],
        "properties": {"status_code": {"const": status}, "category_code": {"enum": [*known]}},
    }
    content: Schema = {"schema": schema}
    if examples := {code: _example(code) for code in codes if code in CODES and code not in IDENTITY}:
        content["examples"] = examples
    headers = ["X-Sandbox-Request-Id", "X-Sandbox-Rule", *([_OWN_HEADERS[status]] if status in _OWN_HEADERS else [])]
    return {
        "description": " ".join(part for part in (_says(kinds), *map(_sentence, codes)) if part),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {JSON: content},
    }


def _says(kinds: Sequence[type[Refusal]]) -> str:
    """Return what refusals' own words say they are, without their status."""
    said = ((kind.__doc__ or "").partition("\n")[0].partition(": ")[2] for kind in kinds)
    return " ".join(words[:1].upper() + words[1:] for words in said).replace("``", "`")


def _sentence(code: str) -> str:
    return f"`{code}`: {CODES[code].sentence}" if code in CODES else f"`{code}`."


def _example(code: str) -> Schema:
    return {"summary": CODES[code].sentence, "value": envelope(scripted(code), REQUEST_ID)}


def _error(components: Components) -> Schema:
    """Return what refers to the envelope of every error; a 404 has neither ``additional`` nor ``extras``."""
    text: Schema = {"type": "string"}
    properties: dict[str, Schema] = {
        "_uris": {"type": "object", "maxProperties": 0},
        "status": text,
        "status_code": {"type": "integer"},
        "category_type": {"enum": sorted({kind.category_type for kind in Refusal.__subclasses__()})},
        "category_code": text,
        "description": text | {"description": "A sentence, and the id of the request."},
        "additional": {"type": ["string", "null"]},
        "extras": {"type": "object", "description": "What is wrong, by field.", "additionalProperties": text},
        "request_id": text | {"pattern": "^OHM"},
        "redirect_uri": text | {"format": "uri"},
        "friendly_html": text,
    }
    optional = ("additional", "extras", "redirect_uri", "friendly_html")
    schema: Schema = {
        "type": "object",
        "description": "The envelope of every error of the API.",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
    return components.ref("Error", schema)
