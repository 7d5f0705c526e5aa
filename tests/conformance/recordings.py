"""What the real service was asked and what it answered, as data: read from beside the checkout, never copied into it.

An answer is held against a recorded one by its forms: every leaf of the body by its path, ids and moments replaced by
what they are. The path begins with the ``_type`` of the body, list items go by their number:
``page.items.0.customer.source_uri`` has the form ``"/v1/customers/<CU>/cards/<CC>"``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from tests.shared import SHARED

LATE = "2013-11-14"
"""The snapshot that decides the fields of everything but customers."""

SEED_WEEK = "2013-05-07"
"""The same operations the day after the seed was written."""

Forms = Mapping[str, str]

_ID = re.compile(
    r"\b(?:TEST-(MP|MR)[0-9A-Za-z]{18,22}|(AC|AK|BA|BZ|CB|CC|CR|CU|HL|RF|RV|WD)[0-9A-Za-z]{18,22}"
    r"|(EV|OHM)[0-9a-f]{32})\b"
)
_FORMS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"), "<moment>"),
    (re.compile(r"(W|CR|RF|RV|HL)\d{3}-\d{3}-\d{4}"), r"<\1 number>"),
    (re.compile(r"[0-9a-f]{64}"), "<64 hex>"),
)
_FORMS_OF = {
    "fingerprint": ((re.compile(r"[0-9A-Za-z]{21,22}(_pn|_pd|_fd|)"), r"<base62>\1"),),
    "occurred_at": ((re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}000Z"), "<moment in milliseconds>"),),
}

# Where the script that recorded noted the parent's uri, or none at all.
_TARGETS = {
    "account_underwrite_business": "{accounts_uri}",
    "account_underwrite_person": "{accounts_uri}",
    "credit_create_existing_bank_account": "/v1/bank_accounts/{id}/credits",
    "credit_show": "/v1/credits/{id}",
    "debit_create": "{debits_uri}",
    "debit_refund": "{refunds_uri}",
    "hold_capture": "{debits_uri}",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to the real service, and its answer."""

    name: str
    method: str
    uri: str | None
    context: Mapping[str, Any]
    asked: Mapping[str, Any] | None
    answered: Any

    @property
    def target(self) -> str:
        """The path and query that were asked."""
        if self.name in _TARGETS:
            return _TARGETS[self.name].format_map(self.context)
        if kind(self.answered) == "page":
            return str(self.answered["uri"])
        assert self.uri is not None
        return self.uri

    @property
    def status(self) -> int:
        """The status of the answer; only errors say theirs, the others follow from the method."""
        if kind(self.answered) == "error":
            return int(self.answered["status_code"])
        return {"POST": 201, "DELETE": 204}.get(self.method, 200)


@cache
def exchanges(date: str) -> Mapping[str, Exchange]:
    """Return what was recorded on a day, by name; nothing where the folder with the recordings is not there."""
    if SHARED is None:
        return {}
    recorded = json.loads((SHARED / "recorded" / f"{date}.json").read_bytes())["exchanges"]
    return {
        one["name"]: Exchange(
            name=one["name"],
            method=one["method"],
            uri=one["uri"],
            context=one["request_context"] or {},
            asked=one["request_body"],
            answered=one["response_body"],
        )
        for one in recorded
    }


def kind(body: Any) -> str:
    """Return the type of a body; errors do not say theirs."""
    return str(body.get("_type", "error")) if isinstance(body, dict) else "nothing"


def leaves(body: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value that contains no other, by its path; the empty object and the empty list are such values."""
    if body is not None:
        yield from _leaves(kind(body), body)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(f"{path}.{number}", inner)
    else:
        yield path, value


def forms(body: Any) -> dict[str, str]:
    """Return the form of every leaf of a body."""
    return {path: form(path, value) for path, value in leaves(body)}


def form(path: str, value: Any) -> str:
    """Return a value as JSON, with ids, moments, numbers and digests replaced by what they are."""
    if not isinstance(value, str):
        return json.dumps(value)
    for pattern, name in (*_FORMS_OF.get(path.rpartition(".")[2], ()), *_FORMS):
        if pattern.fullmatch(value):
            value = pattern.sub(name, value)
    return json.dumps(_ID.sub(lambda found: f"<{_prefix(found)}>", value), ensure_ascii=False)


def ids(value: Any) -> dict[str, list[str]]:
    """Return the ids in a value by their prefix; a party born as an account counts among the customers."""
    found: dict[str, list[str]] = {}
    for match in _ID.finditer(value if isinstance(value, str) else ""):
        prefix = _prefix(match)
        found.setdefault("CU" if prefix == "AC" else prefix, []).append(match[0])
    return found


def recast(value: Any, cast: Mapping[str, str]) -> Any:
    """Return a recorded request with its ids replaced by those of the records that play their parts, by prefix."""
    if isinstance(value, dict):
        return {name: recast(inner, cast) for name, inner in value.items()}
    return _ID.sub(lambda found: cast[_prefix(found)], value) if isinstance(value, str) else value


def _prefix(match: re.Match[str]) -> str:
    return next(prefix for prefix in match.groups() if prefix)


def as_form(body: Mapping[str, Any], inside: str = "") -> str:
    """Write a body the way the recordings were sent: urlencoded, brackets for what is inside."""
    pairs = []
    for name, value in body.items():
        key = f"{inside}[{name}]" if inside else name
        pairs.append(as_form(value, key) if isinstance(value, dict) else f"{quote(key)}={quote(str(value))}")
    return "&".join(pairs)
