"""What was asked, what was answered and why; bounded, searchable, redacted when read.

An entry is noted on receipt and completed with the answer. Noting keeps references only; whatever costs time, such as
redaction and the curl line, is done when somebody reads.
"""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.clock import Moment, stamp
from sandbox.redact import redact

KEPT = 1000  # entries a world, the oldest go first


@dataclass(frozen=True, slots=True)
class Why:
    """Why a request was refused: the rule, the field, what was expected and got, and where that is written."""

    rule: str
    field: str | None = None
    expected: str | None = None
    reference: str | None = None


@dataclass(slots=True)
class Entry:
    """One request; what follows ``body`` is filled in when it is answered."""

    id: str
    at: Moment
    method: str
    uri: str
    operation: str
    body: Mapping[str, Any] | None = None
    status: int | None = None
    answer: bytes = b""
    milliseconds: float | None = None
    why: Why | None = None
    fault: Mapping[str, Any] = field(default_factory=dict)


class RequestLog:
    """The last requests of one world, oldest first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)

    def note(self, entry: Entry) -> None:
        """Note a request on receipt."""
        self._entries.append(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def clear(self) -> None:
        """Forget every request."""
        self._entries.clear()

    def find(self, identifier: str) -> Entry | None:
        """Return the request with this id, the latest where a world that was put back has given it again."""
        return next((entry for entry in reversed(self._entries) if entry.id == identifier), None)


def shown(entry: Entry, url: str) -> dict[str, Any]:
    """Return an entry as JSON-able values, without a secret in it."""
    why = entry.why
    return {
        "id": entry.id,
        "at": stamp(entry.at),
        "method": entry.method,
        "uri": redact(entry.uri),
        "operation": entry.operation,
        "body": _redacted(entry.body),
        "status": entry.status,
        "milliseconds": entry.milliseconds,
        "answer": _redacted(orjson.loads(entry.answer)) if entry.answer else None,
        "refused": why
        and {
            "rule": why.rule,
            "field": why.field,
            "expected": why.expected,
            "got": _redacted({why.field: _got(entry.body, why.field)})[why.field] if why.field else None,
            "reference": why.reference,
        },
        "fault": entry.fault or None,
        "curl": curl(entry, url),
    }


def curl(entry: Entry, url: str) -> str:
    """Return a line that asks the same again; secrets are masked, the key is ``$KEY``."""
    parts = ["curl", "-u", '"$KEY:"', "-X", entry.method, shlex.quote(url + redact(entry.uri))]
    if entry.body:
        parts += ["-H", shlex.quote("Content-Type: application/json")]
        parts += ["-d", shlex.quote(orjson.dumps(_redacted(entry.body)).decode())]
    return " ".join(parts)


def _redacted(value: Any) -> Any:
    return None if value is None else orjson.loads(_masked(value))


def _masked(value: Any) -> bytes:
    # Masking works on text, so that a secret is found wherever in the object it is.
    text = redact(orjson.dumps(value).decode())
    try:
        orjson.loads(text)
    except ValueError:
        return orjson.dumps(text)
    return text.encode()


def _got(body: Mapping[str, Any] | None, name: str | None) -> Any:
    return None if body is None or name is None else body.get(name)
