"""What a list was asked for: limit, offset, filters and sort of a query string (``entities.md`` §4.3, §4.4).

Filters become TinyDB queries. An unknown filter is ignored, because the official clients send some; an unknown sort
field, an operator the field does not have, or a value it cannot have is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from sandbox import clock
from sandbox.errors import Invalid
from sandbox.fields import Fault, Flag, Integer, quote
from sandbox.store import Query
from sandbox.store import QueryInstance as Condition

LIMIT, MOST = 10, 100

_NAMED = re.compile(r"(?P<field>\w+)(?:\.(?P<key>[^\[\]]+))?(?:\[(?P<operator>[^\[\]]+)\])?")
_PAGING = ("limit", "offset")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query string, read."""

    limit: int
    offset: int
    where: Condition | None
    sort: Sequence[tuple[str, bool]]
    parameters: Sequence[tuple[str, str]]
    equal: Mapping[str, str]
    """The stored fields that ``where`` wants to have one text, and which."""


@dataclass(frozen=True, slots=True)
class _Filter:
    """One filter: the stored field, the operator, and the value or values; ``key`` names an entry of the field."""

    field: str
    key: str | None
    operator: str
    wanted: Any

    @property
    def condition(self) -> Condition:
        field = Query()[self.field]
        if self.key is not None:
            field = field.map(lambda entries: entries.get(self.key))
        return _COMPARE[self.operator](field, self.wanted)

    @property
    def text(self) -> str | None:
        """The one text the field has to have, None where others will do."""
        values = {"=": [self.wanted], "in": self.wanted}.get(self.operator, ())
        return values[0] if self.key is None and len(values) == 1 and isinstance(values[0], str) else None


def _held(field: Query, test: Callable[[Any], bool]) -> Condition:
    """Return a condition that no null and no absent value meets."""
    return field.test(lambda kept: kept is not None and test(kept))


def _any_of(field: Query, values: Sequence[Any]) -> Condition:
    return _held(field, lambda kept: any(one in values for one in (kept if isinstance(kept, list) else [kept])))


_COMPARE: Mapping[str, Callable[[Query, Any], Condition]] = {
    "=": lambda field, value: field == value,
    "!=": lambda field, value: ~(field == value),
    "<": lambda field, value: _held(field, lambda kept: kept < value),
    "<=": lambda field, value: _held(field, lambda kept: kept <= value),
    ">": lambda field, value: _held(field, lambda kept: kept > value),
    ">=": lambda field, value: _held(field, lambda kept: kept >= value),
    "in": _any_of,
    "!in": lambda field, values: ~_any_of(field, values),
    "startswith": lambda field, value: _held(field, lambda kept: kept.startswith(value)),
    "endswith": lambda field, value: _held(field, lambda kept: kept.endswith(value)),
    "contains": lambda field, value: _held(field, lambda kept: value in kept),
    "!contains": lambda field, value: ~_held(field, lambda kept: value in kept),
    "ilike": lambda field, value: _held(field, lambda kept: value.lower() in kept.lower()),
    "!ilike": lambda field, value: ~_held(field, lambda kept: value.lower() in kept.lower()),
}

_ORDER = ("=", "!=", "<", "<=", ">", ">=")
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "datetime": _ORDER,
    "integer": (*_ORDER, "in", "!in"),
    "text": ("=", "!=", "startswith", "endswith", "contains", "!contains", "in", "!in", "ilike", "!ilike"),
    "boolean": ("=", "!="),
    "list": ("contains", "!contains", "in", "!in"),
    "choice": ("in", "!in", "=", "!=", "contains", "!contains"),
    "meta": ("contains", "!contains"),
}
"""The operators of a type; the first is the default."""


def _moment(text: str) -> str:
    try:
        return clock.stamp(clock.parse(text))
    except ValueError:
        raise Fault(f"{quote(text)} is not an ISO 8601 date or time") from None


def _number(text: str) -> int:
    return Integer().read(text, lambda kind, identifier: False)


def _flag(text: str) -> bool:
    return Flag().read(text, lambda kind, identifier: False)


_VALUES: Mapping[str, Callable[[str], Any]] = {"datetime": _moment, "integer": _number, "boolean": _flag}


def read(
    parameters: Sequence[tuple[str, str]],
    filterable: Mapping[str, str],
    sortable: Sequence[str],
    names: Mapping[str, str] | None = None,
) -> Asked:
    """Read a query string; ``names`` maps a field of the API to the one that is stored under another name."""
    names = names or {}
    filters: list[_Filter] = []
    sort: list[tuple[str, bool]] = []
    paging = {"limit": LIMIT, "offset": 0}
    parameters = [_split(name, value) for name, value in parameters]
    for name, value in parameters:
        if name in _PAGING:
            paging[name] = _paging(name, value)
        elif name == "sort":
            sort.append(_sort(value, sortable, names))
        elif (asked := _filter(name, value, filterable, names)) is not None:
            filters.append(asked)
    return Asked(
        limit=min(paging["limit"], MOST),
        offset=paging["offset"],
        where=reduce(and_, [one.condition for one in filters]) if filters else None,
        sort=sort,
        parameters=[(name, value) for name, value in parameters if name not in _PAGING],
        equal={one.field: one.text for one in filters if one.text is not None},
    )


def _split(name: str, value: str) -> tuple[str, str]:
    """Undo a split inside an operator: ``email[!=]=x``, not percent-encoded, comes as ``email[!`` and ``]=x``."""
    if "[" in name and "]" not in name and value.startswith("]="):
        return f"{name}=]", value[2:]
    return name, value


def _paging(name: str, value: str) -> int:
    try:
        return Integer(least=1 if name == "limit" else 0, most=2**53).read(value, lambda kind, identifier: False)
    except Fault as fault:
        raise Invalid.field(name, str(fault)) from None


def _sort(value: str, sortable: Sequence[str], names: Mapping[str, str]) -> tuple[str, bool]:
    field, _, direction = value.partition(",")
    if field not in sortable:
        raise Invalid(f"Unable to sort on unknown field {quote(field)}")
    if direction not in ("", "asc", "desc"):
        raise Invalid.field("sort", f"{quote(direction)} must be one of asc, desc")
    return names.get(field, field), direction == "desc"


def _filter(name: str, value: str, filterable: Mapping[str, str], names: Mapping[str, str]) -> _Filter | None:
    match = _NAMED.fullmatch(name)
    if not match or match["field"] not in filterable:
        return None
    field, key, operator = match["field"], match["key"], match["operator"]
    kind = filterable[field]
    if key is not None:
        if kind != "meta":
            return None
        kind = "text"  # an entry is text, whatever it was sent as
    operator = operator or OPERATORS[kind][0]
    if operator not in OPERATORS[kind]:
        raise Invalid.field(name, f"{quote(operator)} must be one of {' '.join(OPERATORS[kind])}")
    convert = _VALUES.get(kind, str)
    try:
        wanted = [convert(part) for part in value.split(",")] if operator in ("in", "!in") else convert(value)
    except Fault as fault:
        raise Invalid.field(name, str(fault)) from None
    return _Filter(names.get(field, field), key, operator, wanted)
