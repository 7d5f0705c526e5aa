"""What was asked, what was answered and why; bounded, searchable, redacted when read.

An entry is noted on receipt and completed with the answer. Noting keeps references only; whatever costs time, such as
redaction and the curl line, is done when somebody reads.
"""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from sandbox.clock import Moment, stamp
from sandbox.redact import MASK, redact

KEPT = 1000  # entries a world, the oldest go first

FILTERS = ("status", "operation", "method", "rule", "uri")
"""What entries can be asked for by."""

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""What a request without a body says, and what a fault does that there is not."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a request was refused: the rule, the field, what was expected and got, and where that is written."""

    rule: str
    field: str | None = None
    expected: str | None = None
    reference: str | None = None


@dataclass
class Entry:
    """One request, as it came; what is not known yet is filled in later, up to the answer."""

    id: str
    at: Moment
    method: str
    uri: str
    operation: str
    has_key: bool = True
    began: int = 0
    """The last number its world had drawn when it came: whatever it writes bears a higher one."""

    body: Mapping[str, Any] | None = field(default=None, init=False)
    fault: Mapping[str, Any] | None = field(default=None, init=False)
    status: int | None = field(default=None, init=False)
    answer: bytes = field(default=b"", init=False)
    seconds: float | None = field(default=None, init=False)
    why: Why | None = field(default=None, init=False)
    number: int = field(default=0, init=False)
    """Its place among all that were answered in this process, from 1; 0 while it is not."""

    @property
    def milliseconds(self) -> float | None:
        """How long the answer took, None while there is none."""
        return None if self.seconds is None else round(self.seconds * 1000, 3)

    def answers_to(self, wanted: Mapping[str, str]) -> bool:
        """Return whether this is one of those asked for, by any of :data:`FILTERS`."""
        shown = {name: getattr(self, name) for name in FILTERS if name != "rule"}
        shown["rule"] = self.why and self.why.rule
        return all(shown[name] is not None and str(shown[name]) == value for name, value in wanted.items())


class RequestLog:
    """The last requests of one world, oldest first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)

    def note(self, entry: Entry) -> None:
        """Note a request on receipt."""
        self._entries.append(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def since(self, number: int) -> list[Entry]:
        """Return what was answered after the request of a number, in the order of answering."""
        later = [entry for entry in self._entries if entry.number > number]
        return sorted(later, key=lambda entry: entry.number)

    def clear(self) -> None:
        """Forget every request."""
        self._entries.clear()

    def find(self, identifier: str) -> Entry | None:
        """Return the request with this id, the latest where a world that was put back has given it again."""
        return next((entry for entry in reversed(self._entries) if entry.id == identifier), None)


def brief(entry: Entry, world: str) -> dict[str, Any]:
    """Return an entry as it stands in a long list: all but what was sent and what was answered."""
    return {
        "id": entry.id,
        "world": world,
        "at": stamp(entry.at),
        "method": redact(entry.method),
        "uri": redact(entry.uri),
        "operation": entry.operation,
        "status": entry.status,
        "milliseconds": entry.milliseconds,
        "refused": entry.why and {"rule": entry.why.rule, "field": entry.why.field},
        "fault": entry.fault,
    }


def shown(entry: Entry, world: str, url: str) -> dict[str, Any]:
    """Return an entry as JSON-able values, with the name of its world and without a secret in it."""
    why = entry.why
    return {
        **brief(entry, world),
        "body": masked(entry.body),
        "answer": masked(orjson.loads(entry.answer)) if entry.answer else None,
        "refused": why
        and {
            "rule": why.rule,
            "field": why.field,
            "expected": why.expected and redact(why.expected),
            "got": _got(masked(entry.body), why.field),
            "reference": why.reference,
        },
        "curl": curl(entry, url),
    }


def curl(entry: Entry, url: str) -> str:
    """Return a line that asks the same again; secrets are masked, the key is ``$KEY``."""
    # Without --globoff curl reads the brackets of a filter as a range.
    parts = ["curl", "--globoff", *(["-u", '"$KEY:"'] if entry.has_key else [])]
    parts += ["--head"] if entry.method == "HEAD" else ["-X", shlex.quote(redact(entry.method))]
    parts.append(shlex.quote(url + redact(entry.uri)))
    if entry.body:
        parts += ["-H", shlex.quote("Content-Type: application/json")]
        parts += ["-d", shlex.quote(orjson.dumps(masked(entry.body)).decode())]
    return " ".join(parts)


def masked(value: Any, *, secret: bool = False) -> Any:
    """Return JSON-able values without a secret: what a secret field holds, and card numbers and keys in any text."""
    if isinstance(value, Mapping):
        return {redact(name): masked(inner, secret=secret or _is_secret(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, secret=secret) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    if secret:
        return MASK
    shown = _masked_text(str(value))
    return value if shown == str(value) else shown


def _masked_text(text: str) -> str:
    """Mask what is secret in a text, and leave its line breaks as they are."""
    return "\n".join(map(redact, text.split("\n")))


def _is_secret(name: str) -> bool:
    return redact(f"{name}: x").endswith(MASK)


def _got(body: Any, field: str | None) -> Any:
    """Return what was sent in the field that was refused; a nested one is named by its last word."""
    if not isinstance(body, Mapping) or field is None:
        return None
    if field in body:
        return body[field]
    return next((got for inner in body.values() if (got := _got(inner, field)) is not None), None)
