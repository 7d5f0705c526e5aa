"""Scripted trouble, waiting for a matching request.

A rule says ``on`` what it fires, ``do`` what it does then, how many ``times`` at most, and with which ``probability``::

    {
        "on": {"operation": "debits.create", "amount": {">=": 5000}, "nth": 2},
        "do": {"decline": "card-declined"},
        "times": 1
    }

Rules are asked in the order they were given; the first that fires is the one. They are rows of the store, so a
checkpoint brings back how often each has fired.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sandbox.ids import Ids
from sandbox.store import Document, Store

TABLE = "faults"

ASKED = ("operation", "method", "path", "nth")
"""What ``on`` may ask besides fields of the body."""

_METHODS = ("GET", "POST", "PUT", "DELETE")  # a HEAD counts as the GET it is
_LONGEST_PATH = 200  # characters
_PLACEHOLDER = re.compile(r"\{\w+\}")
_SEGMENT = "\0"  # stands for what is in the place of a placeholder, which has no slash
_LONGEST_DELAY = 60_000  # milliseconds
_OUTCOMES = ("pending", "succeeds", "fails")
_DROPS = ("before", "after")

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda sent, wanted: _plain(sent) == _plain(wanted),
    "!=": lambda sent, wanted: _plain(sent) != _plain(wanted),
    "<": lambda sent, wanted: _number(sent) < _number(wanted),
    "<=": lambda sent, wanted: _number(sent) <= _number(wanted),
    ">": lambda sent, wanted: _number(sent) > _number(wanted),
    ">=": lambda sent, wanted: _number(sent) >= _number(wanted),
    "contains": lambda sent, wanted: str(wanted) in str(sent),
}


class BadFault(ValueError):
    """A rule that is malformed or can never match; ``field`` names the place."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be asked for: the name of it, its method and its path with placeholders."""

    name: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule, read."""

    on: Mapping[str, Any]
    do: Mapping[str, Any]
    times: int | None = None
    probability: float = 1.0

    def matches(self, operation: Operation, path: str, body: Mapping[str, Any]) -> bool:
        """Return whether a request is one the rule is about; ``nth`` and ``probability`` are not asked here."""
        on = self.on
        if "operation" in on and on["operation"] != operation.name:
            return False
        if "method" in on and on["method"] != operation.method:
            return False
        if "path" in on and not _like(on["path"]).fullmatch(path):
            return False
        return all(_holds(_field(body, name), wanted) for name, wanted in on.items() if name not in ASKED)


def read(raw: object, operations: Sequence[Operation], codes: Sequence[str]) -> Fault:
    """Return a rule; raises :class:`BadFault` naming the field that is wrong."""
    if not isinstance(raw, Mapping):
        raise BadFault("", "a rule is an object with on and do")
    _known(raw, ("on", "do", "times", "probability"), "")
    on = raw.get("on", {})
    _check_on(on, operations)
    times, probability = raw.get("times"), raw.get("probability", 1.0)
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise BadFault("times", "is a whole number from 1")
    if isinstance(probability, bool) or not isinstance(probability, (int, float)) or not 0 < probability <= 1:
        raise BadFault("probability", "is a number above 0, at most 1")
    return Fault(dict(on), dict(_check_do(raw.get("do"), codes)), times, float(probability))


class Faults:
    """The rules of one world."""

    def __init__(self, store: Store, ids: Ids) -> None:
        self._store = store
        self._ids = ids

    def add(self, fault: Fault, created_at: str) -> Document:
        """Keep a rule after the ones there are, and return it as it is kept."""
        document = {
            "id": f"fault-{self._store.draw()}",
            "created_at": created_at,
            "on": fault.on,
            "do": fault.do,
            "times": fault.times,
            "probability": fault.probability,
            "matched": 0,
            "fired": 0,
        }
        self._store.put(TABLE, document)
        return document

    def all(self) -> Sequence[Document]:
        """Return the rules in their order."""
        return self._store.find(TABLE, newest_first=False).documents

    def clear(self, identifier: str | None = None) -> None:
        """Forget one rule, or every one; raises ``KeyError`` for one that is not there."""
        for document in [{"id": identifier}] if identifier else list(self.all()):
            self._store.drop(TABLE, str(document["id"]))

    def fire(
        self, operation: Operation, path: str, body: Mapping[str, Any], own: Sequence[Fault] = ()
    ) -> Mapping[str, Any]:
        """Return what the first rule that fires does, ``{}`` when none does; what each rule has seen is kept.

        ``own`` are rules for this request only, asked before the others.
        """
        for fault in own:
            if fault.matches(operation, path, body) and self._fires(fault, 1, 0):
                return fault.do
        for document in self.all():
            fault = Fault(document["on"], document["do"], document["times"], document["probability"])
            if not fault.matches(operation, path, body):
                continue
            matched = document["matched"] + 1
            fires = self._fires(fault, matched, document["fired"])
            self._store.put(TABLE, {**document, "matched": matched, "fired": document["fired"] + fires})
            if fires:
                return fault.do
        return {}

    def _fires(self, fault: Fault, matched: int, fired: int) -> bool:
        if fault.times is not None and fired >= fault.times:
            return False
        if "nth" in fault.on and matched != fault.on["nth"]:
            return False
        return fault.probability == 1 or self._ids.chance(self._store.draw()) < fault.probability


def _check_on(on: object, operations: Sequence[Operation]) -> None:
    if not isinstance(on, Mapping):
        raise BadFault("on", "is an object")
    possible = list(operations)
    if "operation" in on:
        possible = [one for one in possible if one.name == on["operation"]]
        if not possible:
            raise BadFault("on.operation", f"there is no operation {on['operation']!r}; see balanced-sandbox routes")
    if "method" in on:
        if on["method"] not in _METHODS:
            raise BadFault("on.method", f"is one of {', '.join(_METHODS)}")
        possible = [one for one in possible if one.method == on["method"]]
        if not possible:
            raise BadFault("on.method", f"{on.get('operation')} is never asked with {on['method']}")
    if "path" in on:
        _check_path(on["path"], possible)
    if "nth" in on and (isinstance(on["nth"], bool) or not isinstance(on["nth"], int) or on["nth"] < 1):
        raise BadFault("on.nth", "is a whole number from 1")
    asked = [name for name in on if name not in ASKED]
    if asked and all(one.method in ("GET", "DELETE") for one in possible):
        raise BadFault(f"on.{asked[0]}", "such a request has no body to look into")
    for name in asked:
        _check_wanted(f"on.{name}", on[name])


def _check_path(path: object, possible: Sequence[Operation]) -> None:
    if not isinstance(path, str) or not path.startswith("/") or len(path) > _LONGEST_PATH:
        raise BadFault("on.path", f"begins with /, has at most {_LONGEST_PATH} characters, and * stands for anything")
    if not any(_can_be_at(path, _PLACEHOLDER.sub(_SEGMENT, one.path)) for one in possible):
        raise BadFault("on.path", "nothing is ever asked there")


def _check_wanted(field: str, wanted: object) -> None:
    if not isinstance(wanted, Mapping):
        return
    _known(wanted, tuple(_COMPARE), field + ".")
    for operator, value in wanted.items():
        if value is None:
            raise BadFault(f"{field}.{operator}", "is compared with something; null alone means that it was not sent")
        if operator[0] in "<>" and _number(value) != _number(value):
            raise BadFault(f"{field}.{operator}", "is compared with a number")
    lower = max((_number(wanted[name]) for name in (">", ">=") if name in wanted), default=float("-inf"))
    upper = min((_number(wanted[name]) for name in ("<", "<=") if name in wanted), default=float("inf"))
    only = int(lower) if lower == upper and lower.is_integer() else lower
    if lower > upper or (lower == upper and not _holds(only, wanted)):
        raise BadFault(field, "no number is both")
    if "=" in wanted and not _holds(wanted["="], wanted):
        raise BadFault(field, "no value is both")


def _check_do(do: object, codes: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(do, Mapping) or not do:
        raise BadFault("do", "is an object that says what happens")
    _known(do, tuple(_DOES), "do.")
    for name, value in do.items():
        _DOES[name](f"do.{name}", value, codes)
    if len([name for name in do if name not in ("delay_ms", "duplicate_delivery", "bank")]) > 1:
        raise BadFault("do", "a request has one end; only delay_ms, bank and duplicate_delivery go with another")
    return do


def _known(raw: Mapping[str, Any], names: Sequence[str], within: str) -> None:
    for name in raw:
        if name not in names:
            raise BadFault(f"{within}{name}", f"is none of {', '.join(names)}")


def _code(field: str, value: object, codes: Sequence[str]) -> None:
    if value not in codes:
        raise BadFault(field, f"there is no banking or logical code {value!r}")


def _status(field: str, value: object, codes: Sequence[str]) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 400 <= value <= 599:
        raise BadFault(field, "is a status from 400 to 599")


def _delay(field: str, value: object, codes: Sequence[str]) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LONGEST_DELAY:
        raise BadFault(field, f"is a number of milliseconds up to {_LONGEST_DELAY}")


def _one_of(words: Sequence[str]) -> Callable[[str, object, Sequence[str]], None]:
    def check(field: str, value: object, codes: Sequence[str]) -> None:
        if value not in words:
            raise BadFault(field, f"is one of {', '.join(words)}")

    return check


def _yes(field: str, value: object, codes: Sequence[str]) -> None:
    if value is not True:
        raise BadFault(field, "is true, or left out")


_DOES: Mapping[str, Callable[[str, object, Sequence[str]], None]] = {
    "decline": _code,
    "status": _status,
    "status_after_commit": _status,
    "delay_ms": _delay,
    "drop": _one_of(_DROPS),
    "bank": _one_of(_OUTCOMES),
    "duplicate_delivery": _yes,
}


def _field(body: Mapping[str, Any], name: str) -> Any:
    """Return the field a dotted name means, None where it was not sent."""
    value: Any = body
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _holds(sent: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return _plain(sent) == _plain(wanted)
    return sent is not None and all(_COMPARE[operator](sent, value) for operator, value in wanted.items())


def _plain(value: Any) -> str | None:
    # A form sends every scalar as text.
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


@cache
def _like(path: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, path.split("*"))), re.DOTALL)


def _can_be_at(wanted: str, path: str) -> bool:
    """Return whether a request to a path with placeholders can be one that a pattern with stars means."""

    @cache
    def can(here: int, there: int) -> bool:
        star, segment = wanted[here : here + 1] == "*", path[there : there + 1] == _SEGMENT
        if star and can(here + 1, there):
            return True
        if segment and can(here, there + 1):
            return True
        if here == len(wanted) or there == len(path):
            return here == len(wanted) and there == len(path)
        if star:
            return can(here, there + 1)
        if segment:
            return wanted[here] != "/" and can(here + 1, there)
        return wanted[here] == path[there] and can(here + 1, there + 1)

    return can(0, 0)
