"""A raw value to ours, or the API's own words for why not.

A form is a mapping from field names to readers. JSON and bracket forms arrive as the same plain values, so every reader
takes strings for numbers and flags too (``entities.md`` §2.1). ``null`` means "not sent".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sandbox.errors import Invalid
from sandbox.redact import SHORTEST, conceal, is_suspect

Find = Callable[[str, str], bool]
"""Whether a record of this kind has this id."""

_EMAIL = re.compile(r"[^\s@<>(),;:\"\\\[\]]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_MONTH = re.compile(r"([0-9]{4}-(?:0[1-9]|1[0-2]))(?:-([0-9]{2}))?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_LONGEST = 255  # characters of a text for which nothing else is said
_QUOTED = 256  # characters of a refused value that are repeated


class Fault(Exception):
    """Why a value cannot be read, in the API's words and without the field's name."""


class Reader(Protocol):
    """Turns what was sent for one field into what is kept; ``also`` lists other names for the field."""

    @property
    def required(self) -> bool: ...

    @property
    def also(self) -> tuple[str, ...]: ...

    def read(self, raw: Any, find: Find) -> Any:
        """Return the value; raises :class:`Fault` or, for what it contains, :class:`Faults`."""


class Faults(Exception):
    """The faults inside an object, by the name of the inner field; ``None`` for one that is missing."""

    def __init__(self, by_name: Mapping[str, str | None]) -> None:
        self.by_name = by_name


Form = Mapping[str, Reader]


def read(form: Form, raw: Mapping[str, Any], find: Find) -> dict[str, Any]:
    """Return the fields of ``form`` that were sent, read; raises :class:`Invalid` naming every fault."""
    try:
        return _read(form, raw, find)
    except Faults as faults:
        raise Invalid.fields(faults.by_name) from None


def _read(form: Form, raw: Mapping[str, Any], find: Find) -> dict[str, Any]:
    values: dict[str, Any] = {}
    faults: dict[str, str | None] = {}
    for name, reader in form.items():
        sent = name
        value = raw.get(name)
        if value is None and reader.also:
            sent = next((other for other in reader.also if raw.get(other) is not None), name)
            value = raw.get(sent)
        if value is None:
            if reader.required:
                faults[name] = None
            continue
        try:
            values[name] = reader.read(value, find)
        except Fault as fault:
            faults[sent] = str(fault)
        except Faults as inner:
            faults.update(inner.by_name)
    if faults:
        raise Faults(faults)
    return values


def concealed(form: Form, raw: Mapping[str, Any], is_key: Callable[[str], bool]) -> Mapping[str, Any]:
    """Return a body whose card numbers and API keys stand only where ``form`` asks for a secret."""
    # Most values are short text, for which not even the question is worth a call.
    suspect = [
        name
        for name, value in raw.items()
        if (value.__class__ is not str or len(value) >= SHORTEST) and is_suspect(value)
    ]
    return {**raw, **{name: _concealed(form.get(name), raw[name], is_key) for name in suspect}} if suspect else raw


def _concealed(reader: Reader | None, value: Any, is_key: Callable[[str], bool]) -> Any:
    if isinstance(reader, Nested) and isinstance(value, dict):
        return concealed(reader.form, value, is_key)
    return value if getattr(reader, "secret", False) else conceal(value, is_key)


def quote(raw: Any) -> str:
    """Repeat a refused value as the API does, in double quotes; long ones are cut."""
    text = as_text(raw)
    return f'"{text[:_QUOTED]}…"' if len(text) > _QUOTED else f'"{text}"'


def as_text(raw: Any) -> str:
    """Write a value as the API stores it: strings as they are, others the way Python prints them."""
    return raw if isinstance(raw, str) else str(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string; numbers are taken as their digits."""

    required: bool = False
    least: int = 0
    most: int = _LONGEST
    secret: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> str:
        if raw.__class__ is str and self.least <= len(raw) <= self.most:
            return raw
        if isinstance(raw, (dict, list)):
            raise Fault(f"{self._quote(raw)} is not a string")
        text = as_text(raw)
        if self.least <= len(text) <= self.most:
            return text
        if len(text) < self.least:
            raise Fault(f"{self._quote(raw)} must have length >= {self.least}")
        raise Fault(f"{self._quote(raw)} must have length <= {self.most}")

    def _quote(self, raw: Any) -> str:
        return quote("x" * min(len(as_text(raw)), 32)) if self.secret else quote(raw)


_TEXT = Text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """A string of one form; what it should look like is part of the refusal."""

    pattern: re.Pattern[str]
    should: str
    required: bool = False
    secret: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> str:
        text = Text(secret=self.secret).read(raw, find)
        if not self.pattern.fullmatch(text):
            raise Fault(f"{quote('x' * len(text)) if self.secret else quote(text)} must be {self.should}")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    """A whole number, within bounds where they are given."""

    required: bool = False
    least: int | None = None
    most: int | None = None
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> int:
        if isinstance(raw, bool) or not _WHOLE.fullmatch(as_text(raw)):
            raise Fault(f"{quote(raw)} is not an integer")
        number = int(raw)
        if self.least is not None and number < self.least:
            raise Fault(f"{quote(raw)} must be >= {self.least}")
        if self.most is not None and number > self.most:
            raise Fault(f"{quote(raw)} must be <= {self.most}")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """True or false, in any spelling the official clients send."""

    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> bool:
        spelled = as_text(raw).lower()
        if spelled in ("true", "1"):
            return True
        if spelled in ("false", "0"):
            return False
        raise Fault(f"{quote(raw)} is not a boolean")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]
    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> str:
        word = as_text(raw)
        if word not in self.words:
            raise Fault(f"{quote(raw)} must be one of {', '.join(self.words)}")
        return word


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """An address such as ``whc@example.org``; the empty string is none."""

    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> str:
        text = _TEXT.read(raw, find)
        if not _EMAIL.fullmatch(text):
            raise Fault(f"{quote(text)} must be a valid email address as specified by RFC-2822")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A date of birth, ``YYYY-MM`` or ``YYYY-MM-DD``, kept as ``YYYY-MM``."""

    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> str:
        text = as_text(raw)
        match = _MONTH.fullmatch(text)
        if not match or not 1 <= int(match[2] or 1) <= 31:
            raise Fault(f"{quote(text)} must be a date of the form YYYY-MM or YYYY-MM-DD")
        return match[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """A single level of keys and values; values that are no strings become the text Python prints for them."""

    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> dict[str, str]:
        return {
            # Most are what _entry would give back.
            key: value
            if value.__class__ is str and len(value) <= _LONGEST and len(key) <= _LONGEST
            else _entry(key, value)
            for key, value in _mapping(raw).items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The parts of a postal address that were given; unknown ones are dropped."""

    parts: tuple[str, ...]
    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> dict[str, str]:
        return {
            part: value if value.__class__ is str and len(value) <= _LONGEST else _entry(part, value)
            for part, value in _mapping(raw).items()
            if part in self.parts and value is not None
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """An object with a form of its own; its faults are named by the inner field."""

    form: Form
    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> dict[str, Any]:
        if not isinstance(raw, dict):
            # Not quoted: where a card is expected, what came in its place may be its number.
            raise Fault("must be a mapping")
        return _read(self.form, raw, find)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uri:
    """The uri of a record, with or without host and leading slash; read to the record's id.

    ``or_kind`` is the other kind it may be of; ``word`` what the refusal calls it.
    """

    kind: str
    or_kind: str = ""
    word: str = ""
    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> str:
        text = _TEXT.read(raw, find)
        _, version, path = text.partition("v1/")
        identifier = path.rpartition("/")[2]
        kinds = [kind for kind in (self.kind, self.or_kind) if kind]
        if not version or not identifier or not any(find(kind, identifier) for kind in kinds):
            raise Fault(f"{quote(text)} does not resolve to {self.word or self.kind}")
        return identifier


def _mapping(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise Fault(f"{quote(raw)} is not a mapping")
    return raw


def _entry(key: str, value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise Fault(f"{quote(key)} must be a string, this is a single level of keys and values")
    text = as_text(value)
    for long in (key, text):
        if len(long) > _LONGEST:
            raise Fault(f"{quote(long)} must have length <= {_LONGEST}")
    return text
