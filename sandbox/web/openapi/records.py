"""Records to schemas: what an answer shows of a record, by the family of the route and by whether it stands inside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast, get_args, get_type_hints

from sandbox.fields import Choice
from sandbox.json_schema import Schema
from sandbox.resource import KINDS, MISSING, Absent, Family, Field, Place, Record
from sandbox.web.openapi.types import Components, either, or_null
from sandbox.web.openapi.words import summary

SOURCES = ("card", "bank_account")
"""What a relation without a kind of its own may lead to."""

# A view that several have is called by the first of them.
_FAMILIES = (Family.MARKETPLACE, Family.ROOT, Family.ACCOUNTS, Family.CUSTOMERS)

_MARKETPLACE = "/v1/marketplaces/{marketplace}"
_PLACEHOLDER = re.compile(r"\{\w+\}")


class Shown:
    """The schemas of records, each view of a kind described once."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._views: dict[tuple[str, Family, bool], Schema] = {}

    def one(self, kind: type[Record], family: Family, *, inside: bool = False) -> Schema:
        """Return what refers to a kind's view; without a family in its name it is the marketplace's."""
        views = [self._view(kind, one, inside) for one in _FAMILIES]
        mine = self._view(kind, family, inside)
        first = _FAMILIES[views.index(mine)]
        words = [
            kind.__name__,
            *(["inside"] if inside else []),
            *([first.value] if mine != views[0] else []),
        ]
        return self._components.ref(".".join(words), mine)

    def page(self, kinds: Sequence[type[Record]], family: Family, more: Schema | None = None) -> Schema:
        """Return what refers to a page of kinds; ``more`` are properties it has besides."""
        link = {"type": "string", "format": "uri-reference"}
        properties: Schema = {
            "_type": {"const": "page"},
            "_uris": {
                "type": "object",
                "description": "What the other pages are; always the same four.",
                "additionalProperties": self._link(),
            },
            "uri": link,
            "first_uri": link,
            "last_uri": link,
            "next_uri": or_null(link),
            "previous_uri": or_null(link),
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "offset": {"type": "integer", "minimum": 0},
            "total": {"type": "integer", "minimum": 0},
            **(more or {}),
            "items": {"type": "array", "items": either([self.one(kind, family) for kind in kinds])},
        }
        names = [self.one(kind, family)["$ref"].rpartition("/")[2] for kind in kinds]
        suffix = f".{family.value}" if any("." in name for name in names) else ""
        name = f"Transaction{suffix}" if len(names) > 1 else names[0]
        schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
        return self._components.ref(f"Page.{name}", schema)

    def _view(self, kind: type[Record], family: Family, inside: bool) -> Schema:
        name = (kind.shape.kind, family, inside)
        if name not in self._views:
            self._views[name] = self._described_view(kind, family, inside)
        return self._views[name]

    def _described_view(self, kind: type[Record], family: Family, inside: bool) -> Schema:
        """Return the schema of a view, key by key in the order of the answer."""
        shape, at = kind.shape, Place(_MARKETPLACE, family)
        links: dict[str, Schema] = {}
        properties: dict[str, Schema] = {
            "_type": {"const": shape.wire_type},
            "_uris": {},
            "uri": _like(_uris(kind, family)),
        }
        optional: set[str] = set()
        for field in shape.fields:
            hint = hints(kind)[field.attribute]
            if field.role == "hidden" or family not in field.views:
                continue
            if Absent in get_args(hint):
                optional.add(field.name)
            if field.role == "kept":
                properties[field.name] = self._value(field, hint)
            elif field.role == "as_it_was":
                properties[field.name] = self._as_it_was()
            elif field.role == "embeds" and not inside:
                properties[field.name] = self._embedded(field, hint, family)
            else:
                properties[f"{field.name}_uri"] = _pointing(field, hint, family)
                if field.listed:
                    links[f"{field.name}_uri"] = self._link()
        for plural in shape.collections:
            properties[f"{plural}_uri"] = _like([f"{sample(kind).home(at)}/{plural}"])
            links[f"{plural}_uri"] = self._link()
        more = sample(kind).more(at)
        links |= dict.fromkeys(more.get("_uris", ()), self._link())
        properties |= {name: _computed(value) for name, value in more.items() if name != "_uris"}
        properties["_uris"] = {"type": "object", "properties": links, "additionalProperties": False}
        return {
            "type": "object",
            "description": f"{summary(kind)}.",
            "properties": properties,
            "required": [name for name in properties if name not in optional],
            "additionalProperties": False,
        }

    def _value(self, field: Field, hint: Any) -> Schema:
        if isinstance(field.reader, Choice):
            return {"enum": [*field.reader.words]}
        given = [one for one in get_args(hint) if one is not Absent] if Absent in get_args(hint) else [hint]
        schema = either([self._components.of(one) for one in given])
        return schema | {"format": "date-time"} if field.name.endswith("_at") else schema

    def _embedded(self, field: Field, hint: Any, family: Family) -> Schema:
        targets = [KINDS[kind] for kind in ([field.target] if field.target else SOURCES)]
        whole = [self.one(target, family, inside=True) for target in targets]
        if _may_be(hint, Mapping):
            whole += [self._described(target) for target in targets]
        return either(whole + ([{"type": "null"}] if _may_be(hint, type(None)) else []))

    def _described(self, kind: type[Record]) -> Schema:
        """Return the schema of what was never kept as a record of its own: it has no id and no links."""
        whole = self._view(kind, Family.ROOT, True)["properties"]
        kept = {field.name for field in kind.shape.fields if field.role == "kept"} - {"id", "created_at"}
        properties = {name: one for name, one in whole.items() if name in kept or name == "_type"}
        schema: Schema = {
            "type": "object",
            "description": "One that is only described: it was never kept, so it has neither id nor uri.",
            "properties": {**properties, "_uris": {"type": "object", "maxProperties": 0}},
            "required": [*properties, "_uris"],
            "additionalProperties": False,
        }
        return self._components.ref(f"{kind.__name__}.described", schema)

    def _as_it_was(self) -> Schema:
        emitting = [kind for kind in KINDS.values() if kind.shape.emits]
        faces = {kind.shape.emits if kind.shape.emits in KINDS else kind.shape.kind for kind in emitting}
        return either([self.one(KINDS[face], Family.MARKETPLACE, inside=True) for face in sorted(faces)])

    def _link(self) -> Schema:
        link: Schema = {
            "type": "object",
            "description": "What a link of this name leads to.",
            "properties": {"_type": {"type": "string"}, "key": {"type": "string"}},
            "required": ["_type", "key"],
            "additionalProperties": False,
        }
        return self._components.ref("Link", link)


def hints(kind: type[Record]) -> Mapping[str, Any]:
    """Return the types of a record's fields."""
    return _hints(kind.shape.kind)


@cache
def _hints(kind: str) -> Mapping[str, Any]:
    return get_type_hints(KINDS[kind], include_extras=True)


def sample(kind: type[Record], owned: bool = True) -> Record:
    """Return a record whose ids are placeholders, so that its uris are the paths of routes; owned by others or not."""
    values: dict[str, Any] = {"id": f"{{{kind.shape.kind}}}", "created_at": ""}
    for field in kind.shape.fields:
        if field.role in ("points_to", "embeds"):
            owner = f"{{{field.target or SOURCES[0]}}}"
            values[field.attribute] = owner if owned or not _may_be(hints(kind)[field.attribute], type(None)) else None
        elif field.attribute not in values and _default(kind, field.attribute) is MISSING:
            values[field.attribute] = f"{{{field.name}}}"
    return kind(**values)


def _default(kind: type[Record], name: str) -> Any:
    declared = cast(Any, kind).__dataclass_fields__[name]
    return declared.default if declared.default_factory is MISSING else declared.default_factory


def _pointing(field: Field, hint: Any, family: Family) -> Schema:
    kinds = [KINDS[kind] for kind in ([field.target] if field.target else SOURCES)]
    link = _like([uri for kind in kinds for uri in _uris(kind, field.through or family)])
    return or_null(link) if _may_be(hint, type(None)) or _may_be(hint, Mapping) else link


def _uris(kind: type[Record], family: Family) -> list[str]:
    """Return the paths a kind is found at, owned by others or not."""
    return [sample(kind, owned).uri(Place(_MARKETPLACE, family)) for owned in (True, False)]


def _like(paths: Sequence[str]) -> Schema:
    """Return the schema of uris that look like these paths."""
    patterns = sorted({_PLACEHOLDER.sub("[^/]+", path) for path in paths})
    pattern = patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"
    return {"type": "string", "format": "uri-reference", "pattern": f"^{pattern}$"}


def _computed(value: Any) -> Schema:
    """Return the schema of what follows from the rest, by what follows for a sample."""
    if isinstance(value, int):
        return {"type": "integer"}
    return _like([value]) if str(value).startswith("/v1/") else {"type": "string"}


def _may_be(hint: Any, kind: type) -> bool:
    return any(one is kind or getattr(one, "__origin__", None) is kind for one in get_args(hint))
