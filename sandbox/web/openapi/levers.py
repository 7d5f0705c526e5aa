"""The levers to operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin, is_typeddict

from sandbox.json_schema import Schema
from sandbox.web import shapes
from sandbox.web.answers import Created, Lines
from sandbox.web.lever import NAMED, Lever
from sandbox.web.openapi import refusals
from sandbox.web.openapi.operations import KEY, placeholders
from sandbox.web.openapi.types import Components, either, or_null
from sandbox.web.openapi.words import summary
from sandbox.web.stream import Stream

CONTROL: Schema = {"control": []}

TAG = "levers"

TEXTS: Mapping[Any, str] = {Lines: "text/plain", Stream: "text/event-stream"}
"""What is answered as text, and of which type it is."""

_WORLD: Schema = {
    "name": NAMED,
    "in": "query",
    "description": "The world that is meant, where it is not the one of the key.",
    "schema": {"type": "string", "minLength": 1},
}
_WORLD_OR_ALL: Schema = _WORLD | {
    "description": "The world that is meant, where it is not the one of the key; or `all`."
}


def name_of(lever: Lever) -> str:
    """Return the id of a lever's operation: ``sandbox.POST.clock.advance``."""
    words = lever.path.replace(".", "_").replace("{", "").replace("}", "")
    return ".".join(["sandbox", lever.method, *words.split("/")])


def of(lever: Lever, levers: Sequence[Lever], components: Components) -> Schema:
    """Return the operation of a lever; it may lead to others."""
    keys = [KEY, {}] if lever.method == "GET" else [CONTROL, CONTROL | KEY]
    operation: Schema = {
        "operationId": name_of(lever),
        "summary": summary(lever.pull),
        "tags": [TAG],
        "x-evidence": "ours",
        "security": keys,
        "parameters": [*map(_named, placeholders(lever.path)), *_asked(lever, components)],
    }
    if lever.takes:
        operation["requestBody"] = _body(lever, components)
    problem = components.of(shapes.Problem)
    operation["responses"] = _answers(lever, levers, components) | refusals.of_lever(
        components, problem, (404, *lever.refuses)
    )
    return operation


def _named(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _asked(lever: Lever, components: Components) -> list[Schema]:
    asked: list[Schema] = [
        {"name": name, "in": "query", "schema": components.of(hint)}
        for name, hint in lever.asks.items()
        if name != NAMED
    ]
    return [
        *asked,
        components.parameter("world.or_all", _WORLD_OR_ALL)
        if NAMED in lever.asks
        else components.parameter("world", _WORLD),
    ]


def _body(lever: Lever, components: Components) -> Schema:
    takes: Any = lever.takes
    if is_typeddict(takes):
        schema = components.of(takes)
    else:
        properties = {name: components.of(hint) for name, hint in takes.items()}
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
    required = "required" in (components.schemas[takes.__name__] if is_typeddict(takes) else schema)
    # Where nothing has to be said, null says as much as no body.
    return {"required": required, "content": {refusals.JSON: {"schema": schema if required else or_null(schema)}}}


def _answers(lever: Lever, levers: Sequence[Lever], components: Components) -> Schema:
    """Return the good answers of a lever by status."""
    if lever.answers is None:
        return {"204": {"description": "It is done."}}
    made = get_origin(lever.answers) is Created
    answer = get_args(lever.answers)[0] if made else lever.answers
    hints = get_args(answer) if any(hint in TEXTS for hint in get_args(answer)) else (answer,)
    schemas = [components.of(hint) for hint in hints if hint not in TEXTS]
    content: Schema = {refusals.JSON: {"schema": either(schemas)}} if schemas else {}
    content |= {TEXTS[hint]: {"schema": {"type": "string"}} for hint in hints if hint in TEXTS}
    good: Schema = {"description": "What is asked for.", "content": content}
    links = {name_of(one): _link(one, made) for one in levers if _leads_to(lever, one, made)}
    return {"201" if made else "200": {**good, "links": links} if links else good}


def _leads_to(lever: Lever, other: Lever, made: bool) -> bool:
    """Return whether one lever names another what it is about: what it has made, or kept under a name."""
    if made:
        return other.path.startswith(f"{lever.path}/{{")
    kept = lever.method == "PUT" and lever.path.endswith("}")
    return kept and other is not lever and other.path.startswith(lever.path)


def _link(lever: Lever, made: bool) -> Schema:
    known = "$response.body#/id" if made else None
    parameters = {name: known or f"$request.path.{name}" for name in placeholders(lever.path)}
    return {"operationId": name_of(lever), "parameters": parameters}
