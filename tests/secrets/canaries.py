"""Secrets unlike anything else, bodies that carry them in every field, and a search that finds what is left of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.fields import Address, Choice, Email, Flag, Form, Integer, Matching, Meta, Month, Nested, Reader, Text, Uri
from sandbox.resources.parties import LastFour
from sandbox.resources.statements import Statement

CARD = "4539578763621486"
MISTYPED = "4539578763621487"  # its check digit is wrong, so only the name of its field tells what it is
CODE = "9173"
ACCOUNT = "736251840923"
SSN = "8264"

VALUES = (CARD, MISTYPED, CODE, ACCOUNT, SSN)

NUMBERS: Mapping[str, str] = {
    "card_number": CARD,
    "security_code": CODE,
    "account_number": ACCOUNT,
    "ssn_last4": SSN,
    "ssn_last_4": SSN,
    "cvv": CODE,
    "ssn": SSN,
}
"""What each name of a secret field gives away, those of the API and what others call them."""

# A short one is looked for as a whole word: four digits are in many a time and id. Longer ones in any spelling.
_LEFT = re.compile(
    "|".join(
        rf"(?<![0-9A-Za-z]){value}(?![0-9A-Za-z])" if len(value) == 4 else r"[ -]?".join(value) for value in VALUES
    )
)


def found(text: str) -> list[str]:
    """Return every secret in a text, with what stands around it."""
    return [text[max(0, one.start() - 60) : one.end() + 20] for one in _LEFT.finditer(text)]


def full(form: Form, text: str = CARD) -> dict[str, Any]:
    """Return a body that a form takes, with a secret in every field that can hold one, ``text`` in the free ones."""
    return {name: _value(name, reader, text) for name, reader in form.items() if not isinstance(reader, Uri)}


def _value(name: str, reader: Reader, text: str) -> Any:
    if name in NUMBERS and isinstance(reader, (LastFour, Matching, Text)):
        return NUMBERS[name]
    match reader:
        case Nested():
            return full(reader.form, text)
        case Meta():
            return {**NUMBERS, "note": f"paid with {CARD[:4]}-{CARD[4:8]} {CARD[8:]}", "number": int(CARD), text: text}
        case Address():
            return dict.fromkeys(reader.parts, text)
        case Email():
            return f"{text}@example.com"
        case Text() | Statement() if getattr(reader, "most", 22) >= len(text):
            return text
    return _plain(name, reader)


def _plain(name: str, reader: Reader) -> Any:
    """Return a value for a field that has no room for a secret, or that has to be right for the rest to be kept."""
    match reader:
        case Integer():
            return {"expiration_month": 12, "expiration_year": 2030}.get(name, 50)
        case Flag():
            return name == "is_valid"
        case Choice():
            return reader.words[0]
        case Month():
            return "1980-01"
        case Matching():
            return f"http://127.0.0.1:9/{CARD}?card_number={CARD}"
    return {"routing_number": "121000358", "country_code": "USA", "tax_id": "211111111"}.get(name, "+15550100")


def mistaken(form: Form) -> Iterator[dict[str, Any]]:
    """Yield bodies whose every field is of a wrong type or has a secret that belongs elsewhere."""
    names = [*form, "somewhere_else", *NUMBERS]
    own = {name: NUMBERS.get(name, CARD) for name in names}
    yield own
    yield {name: int(value) for name, value in own.items()}
    yield {name: float(value) for name, value in own.items()}
    yield {name: [value, {name: value}] for name, value in own.items()}
    yield {name: {"number": CARD, CARD: CARD, **NUMBERS} for name in own}
    yield own | {"card_number": MISTYPED, "card": {"card_number": MISTYPED}}
    yield own | {"account_number": f"{ACCOUNT}!", "security_code": f"{CODE}x", "ssn_last4": f"{SSN} "}
