"""The routes of the API to operations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from sandbox.call import Route, Verb
from sandbox.fields import Form
from sandbox.json_schema import Schema, schema_of, without_null
from sandbox.represent import Listing
from sandbox.resource import KINDS, Record
from sandbox.resources import transactions
from sandbox.resources.refusals import REFUSALS
from sandbox.web import shapes
from sandbox.web.openapi import lists, refusals
from sandbox.web.openapi.records import Shown
from sandbox.web.openapi.types import Components
from sandbox.web.openapi.words import summary

FORM = "application/x-www-form-urlencoded"

KEY: Schema = {"key": []}

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def placeholders(path: str) -> list[str]:
    """Return the names of what a path names, in its order."""
    return _PLACEHOLDER.findall(path)


class Operations:
    """The routes, each as one operation."""

    def __init__(self, components: Components, routes: Sequence[Route]) -> None:
        self._components = components
        self._routes = routes
        self._shown = Shown(components)
        self._names = Counter(route.operation for route in routes)

    def name(self, route: Route) -> str:
        """Return the id of a route's operation: its name, and its path where other routes do the same."""
        if self._names[route.operation] == 1:
            return route.operation
        words = [segment for segment in route.path.split("/")[2:] if not segment.startswith("{")]
        return ".".join((route.operation, *words))

    def of(self, route: Route) -> Schema:
        """Return the operation of a route."""
        operation: Schema = {
            "operationId": self.name(route),
            "summary": summary(route.verb),
            "tags": [route.operation.partition(".")[0]],
            "x-evidence": route.evidence,
            "security": [KEY, {}] if route.open else [KEY],
            "parameters": [
                *self._path(route),
                *self._query(route),
                self._fault(),
            ],
        }
        if route.takes or route.instead:
            operation["requestBody"] = self._body(route)
        operation["responses"] = {str(route.status): self._answer(route)} | refusals.of_operation(
            self._components, route.operation, REFUSALS.get(route.verb, ()), bool(placeholders(route.path))
        )
        return operation

    def _path(self, route: Route) -> list[Schema]:
        return [self._components.parameter(f"path.{name}", _identifier(name)) for name in placeholders(route.path)]

    def _query(self, route: Route) -> list[Schema]:
        kinds = listed(route)
        return (
            [self._components.parameter(f"query.{name}", one) for name, one in lists.asked_of(kinds).items()]
            if kinds
            else []
        )

    def _fault(self) -> Schema:
        fault: Schema = {
            "name": "X-Sandbox-Fault",
            "in": "header",
            "description": "A fault for this request only, as JSON.",
            "content": {refusals.JSON: {"schema": self._components.of(shapes.Rule)}},
        }
        return self._components.parameter("X-Sandbox-Fault", fault)

    def _body(self, route: Route) -> Schema:
        schemas = [schema_of(form) for form in (route.takes, route.instead) if form]
        required = all(_needs(form) for form in (route.takes, route.instead) if form)
        # Where nothing has to be said, null says as much as no body.
        schemas = [without_null(one) if required else one for one in schemas]
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        named = self._components.ref(f"{self.name(route)}.body", schema)
        nested = sorted(name for form in (route.takes, route.instead or {}) for name in _objects(form))
        encoding = {name: {"style": "deepObject", "explode": True} for name in nested}
        return {
            "required": required,
            "content": {
                refusals.JSON: {"schema": named},
                FORM: {"schema": named, **({"encoding": encoding} if encoding else {})},
            },
        }

    def _answer(self, route: Route) -> Schema:
        headers = {"X-Sandbox-Request-Id": {"$ref": "#/components/headers/X-Sandbox-Request-Id"}}
        kinds, made = listed(route), answered(route)
        if not kinds and made is None:
            return {"description": "It is gone.", "headers": headers}
        if made is not None:
            schema, said = self._shown.one(made, route.family), f"{summary(made)}."
        else:
            counts = {"counts": _counts()} if len(kinds) > 1 else None
            schema, said = self._shown.page(kinds, route.family, counts), "A page of them."
        answer: Schema = {"description": said, "headers": headers, "content": {refusals.JSON: {"schema": schema}}}
        if made is not None and route.method == "POST" and (links := self._links(route, made)):
            answer["links"] = links
        return answer

    def _links(self, route: Route, made: type[Record]) -> Schema:
        """Return where to go from what was made: to itself, and to what hangs from it."""
        faces = {kind.shape.kind for kind in KINDS.values() if kind.shape.table == made.shape.table}
        known = {name: f"$request.path.{name}" for name in placeholders(route.path)}
        links = {}
        for other in self._routes:
            names = placeholders(other.path)
            after = other.path.rpartition("}")[2]
            # What is neither itself nor a list of its own, such as its latest verification, need not be there yet.
            is_there = not after or any(listed(one) for one in self._routes if one.path == other.path)
            if names and names[-1] in faces and is_there and all(name in known for name in names[:-1]):
                links[self.name(other)] = {
                    "operationId": self.name(other),
                    "parameters": {name: known.get(name, "$response.body#/id") for name in names},
                }
        return links


def answered(route: Route) -> type[Record] | None:
    """Return the kind a good answer of a route is, None where it is a page or nothing."""
    answer = _answer_of(route.verb)
    kinds = [one for one in (get_args(answer) or (answer,)) if isinstance(one, type) and issubclass(one, Record)]
    return None if listed(route) else next(iter(kinds), None)


def listed(route: Route) -> list[type[Record]]:
    """Return the kinds on a page of a route's list; none where it is no list."""
    answer = _answer_of(route.verb)
    if get_origin(answer) is not Listing:
        return []
    (kinds,) = get_args(answer)
    return list(get_args(kinds)) or [kinds]


@cache
def _answer_of(verb: Verb) -> Any:
    return get_type_hints(verb)["return"]


def _needs(form: Form) -> bool:
    return any(reader.required for reader in form.values())


def _objects(form: Form) -> list[str]:
    """Return the fields of a form that are objects, which urlencoded forms write with brackets."""
    schema: Mapping[str, Schema] = schema_of(form)["properties"]
    return [name for name, one in schema.items() if "object" in one.get("type", ())]


def _identifier(name: str) -> Schema:
    kind = KINDS[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": f"The id of {_with_article(name)}.",
        "schema": {
            "type": "string",
            "pattern": f"^{kind.shape.prefix and '(?:' + '|'.join(_prefixes(kind)) + ')'}[0-9A-Za-z]+$",
        },
    }


def _prefixes(kind: type[Record]) -> list[str]:
    """Return how the ids of a kind begin, those of its other face included."""
    return sorted({other.shape.prefix for other in KINDS.values() if other.shape.table == kind.shape.table})


def _with_article(kind: str) -> str:
    words = kind.replace("_", " ")
    return f"an {words}" if words[0] in "aeio" else f"a {words}"


def _counts() -> Schema:
    return {
        "type": "object",
        "description": "How many there are of each kind.",
        "properties": {kind: {"type": "integer"} for kind in transactions.COUNTED},
        "required": [*transactions.COUNTED],
        "additionalProperties": False,
    }
