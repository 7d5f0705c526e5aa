"""A Python type to JSON Schema: what is annotated on records and levers is what the document says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from sandbox.json_schema import Known, Schema
from sandbox.web.openapi.words import summary

PLAIN: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    None: "null",
}


class Components:
    """What the document names, each described once."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}
        self.responses: dict[str, Schema] = {}
        self.parameters: dict[str, Schema] = {}

    def ref(self, name: str, schema: Schema) -> Schema:
        """Keep a schema under its name and return what refers to it; two of one name are the same one."""
        return _kept(self.schemas, "schemas", name, schema)

    def response(self, name: str, response: Schema) -> Schema:
        """Keep a response under its name and return what refers to it."""
        return _kept(self.responses, "responses", name, response)

    def parameter(self, name: str, parameter: Schema) -> Schema:
        """Keep a parameter under its name and return what refers to it."""
        return _kept(self.parameters, "parameters", name, parameter)

    def of(self, hint: Any) -> Schema:
        """Return the schema of a type; raises ``TypeError`` for one that JSON has no word for."""
        origin, inner = get_origin(hint), get_args(hint)
        if hint is Any:
            return {}
        if hint in PLAIN:
            return {"type": PLAIN[hint]}
        if origin is Annotated:
            known = self._object(inner[0]) if is_typeddict(inner[0]) else self.of(inner[0])
            return known | {
                word: value for one in inner[1:] if isinstance(one, Known) for word, value in one.words.items()
            }
        if origin in (NotRequired, Required):
            return self.of(inner[0])
        if origin is Literal:
            return {"enum": list(inner)}
        if origin in (Union, UnionType):
            return either([self.of(one) for one in inner])
        if is_typeddict(origin):
            return self._object(hint)
        if is_typeddict(hint):
            return self.ref(hint.__name__.lstrip("_"), self._object(hint))
        if origin in (list, tuple, Sequence):
            return {"type": "array", "items": self.of(inner[0])}
        if origin in (dict, Mapping):
            names = self.of(inner[0])
            known = {"propertyNames": names} if "enum" in names else {}
            return {"type": "object", **known, "additionalProperties": self.of(inner[1])}
        raise TypeError(f"JSON has no word for {hint}")

    def _object(self, hint: Any) -> Schema:
        """Return an object with exactly the keys of a ``TypedDict``."""
        declared = get_origin(hint) or hint
        hints = get_type_hints(declared, include_extras=True)
        meant = dict(zip(getattr(declared, "__parameters__", ()), get_args(hint), strict=False))
        # Where annotations are postponed, __required_keys__ does not know which were marked.
        needed = [name for name, one in hints.items() if _is_required(one, name in declared.__required_keys__)]
        return {
            "type": "object",
            "description": f"{summary(declared)}.",
            "properties": {name: self.of(_filled(one, meant)) for name, one in hints.items()},
            **({"required": needed} if needed else {}),
            "additionalProperties": False,
        }


def _kept(those: dict[str, Schema], kind: str, name: str, one: Schema) -> Schema:
    if those.setdefault(name, one) != one:
        raise ValueError(f"two {kind} are called {name}")
    return {"$ref": f"#/components/{kind}/{name}"}


def _is_required(hint: Any, otherwise: bool) -> bool:
    return {Required: True, NotRequired: False}.get(get_origin(hint), otherwise)


def _filled(hint: Any, meant: Mapping[Any, Any]) -> Any:
    """Return a type with the variables of a generic one filled in."""
    inner = getattr(hint, "__parameters__", ())
    return meant.get(hint) or (hint[tuple(meant[one] for one in inner)] if inner else hint)


def either(schemas: Sequence[Schema]) -> Schema:
    """Return the schema of one or the other; plain types become one list of them."""
    different = [one for number, one in enumerate(schemas) if one not in schemas[:number]]
    if len(different) == 1:
        return different[0]
    if all(one.keys() == {"type"} and isinstance(one["type"], str) for one in different):
        return {"type": [one["type"] for one in different]}
    if len(different) == 2 and {"type": "null"} in different:
        (other,) = (one for one in different if one != {"type": "null"})
        return or_null(other)
    return {"anyOf": different}


def or_null(schema: Schema) -> Schema:
    """Return a schema that takes null too."""
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    if isinstance(schema.get("type"), str):
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
