"""What the query string of a list may ask, as parameters: pages, order, and a filter for each field and operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sandbox.json_schema import Schema
from sandbox.queries import LIMIT, MOST, OPERATORS
from sandbox.resource import Record
from sandbox.resources import transactions

Parameters = dict[str, Schema]

PAGING: Mapping[str, Schema] = {
    "limit": {
        "name": "limit",
        "in": "query",
        "description": f"How many are on a page; more than {MOST} are {MOST}.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 2**53, "default": LIMIT},
    },
    "offset": {
        "name": "offset",
        "in": "query",
        "description": "How many come before the page.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 2**53, "default": 0},
    },
}

_MEANS = {
    "=": ("is", "is"),
    "!=": ("is_not", "is not"),
    "<": ("before", "is less than"),
    "<=": ("up_to", "is at most"),
    ">": ("after", "is more than"),
    ">=": ("from", "is at least"),
    "in": ("in", "is one of, separated by commas"),
    "!in": ("not_in", "is none of, separated by commas"),
    "startswith": ("startswith", "begins with"),
    "endswith": ("endswith", "ends in"),
    "contains": ("contains", "contains"),
    "!contains": ("contains_not", "does not contain"),
    "ilike": ("ilike", "contains, upper or lower case,"),
    "!ilike": ("ilike_not", "does not contain, upper or lower case,"),
}

_VALUES: Mapping[str, Schema] = {
    "datetime": {"type": "string", "format": "date-time"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
}


def asked_of(kinds: Sequence[type[Record]]) -> Parameters:
    """Return the parameters of a list by their names in the document."""
    if len(kinds) > 1:
        filterable: Mapping[str, str] = {**transactions.FILTERABLE, "type": "choice"}
        sortable: Sequence[str] = transactions.SORTABLE
    else:
        filterable, sortable = kinds[0].shape.filterable, kinds[0].shape.sortable
    parameters = dict(PAGING)
    if sortable:
        parameters[f"sort.{'.'.join(sortable)}"] = _sort(sortable)
    for field, kind in filterable.items():
        parameters |= dict(_filters(field, kind))
    return parameters


def _sort(sortable: Sequence[str]) -> Schema:
    words = [f"{field}{direction}" for field in sortable for direction in ("", ",asc", ",desc")]
    return {
        "name": "sort",
        "in": "query",
        "description": "The order; given again, it decides between what the first leaves equal.",
        "schema": {"type": "array", "items": {"enum": words}},
    }


def _filters(field: str, kind: str) -> Iterator[tuple[str, Schema]]:
    for operator in OPERATORS[kind]:
        name, means = _MEANS[operator]
        first = operator == OPERATORS[kind][0]
        value = _VALUES.get(kind, {"type": "string"})
        several = operator in ("in", "!in")
        said = f"Only what has a `{field}` that {means} this."
        if kind == "meta":
            said = (
                f"Only what has an entry in `{field}` whose key {means} this; `{field}.key` asks for that entry's text."
            )
        yield (
            f"{field}.{kind}.{name}",
            {
                "name": field if first else f"{field}[{operator}]",
                "in": "query",
                "description": f"{said} The same as `{field}[{operator}]`." if first else said,
                "schema": {"type": "array", "items": value} if several else value,
                **({"style": "form", "explode": False} if several else {}),
            },
        )
