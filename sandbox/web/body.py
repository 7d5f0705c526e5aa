"""The one place that reads a body: deadline, size and declared type; JSON or form; to a plain dict."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
from aiohttp import StreamReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from sandbox.errors import Invalid, RequestTimeout, TooLarge, UnsupportedEncoding, UnsupportedType
from sandbox.redact import redact

DEADLINE = 10.0  # seconds, for the whole body
LIMIT = 256 * 1024  # bytes, after decompression
DEPTH = 64  # containers inside each other
PAIRS = 1000  # in one form

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})  # what aiohttp reads wherever it is installed

# A quote inside a string is written \", so this matches once per key; text in a string can only add matches.
_KEY_END = re.compile(rb'"[ \t\n\r]*:')
# An odd number of backslashes before u0000: an even number is escaped backslashes followed by plain text.
_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_FORM_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]+\])*)")
_UNPRINTABLE = re.compile(r"[^ -~]")


async def read_body(request: web.BaseRequest, limit: int = LIMIT, deadline: float = DEADLINE) -> dict[str, Any]:
    """Return what the request carries as one object, ``{}`` for an empty body; to be called once a request.

    ``limit`` is the most it may have, in bytes after decompression, and ``deadline`` the seconds it may take.

    Raises the refusals of 400, 408, 413 and 415. What they leave unread is no later request's concern: aiohttp reads it
    to its end after the answer, and closes the connection when the end does not come in time.
    """
    if not request.can_read_body:
        return {}
    form = _declares_form(request.headers.get(hdrs.CONTENT_TYPE, ""))
    if hdrs.CONTENT_ENCODING in request.headers:
        _refuse_encodings(request.headers.getall(hdrs.CONTENT_ENCODING))
    raw = await _receive(request, limit, deadline)
    if not raw:
        return {}
    if form is None:
        form = _looks_like_form(raw)
    return parse_form(raw) if form else parse_json(raw)


def parse_json(raw: bytes) -> dict[str, Any]:
    """Read one JSON object, ``null`` as an empty one; refuse what two readers could understand differently."""
    try:
        parsed = orjson.loads(raw)
    except ValueError as error:
        raise Invalid.body(str(error)) from None
    if parsed is None:
        return {}
    if parsed.__class__ is not dict:
        raise Invalid.body("an object is expected at the top")
    keys = _count_keys(parsed, DEPTH)
    # Each key ends in a colon, so as many colons as keys means that no key was lost to a later one of its name.
    # Only colons within strings make the cheap counts too high, and only then is every pair looked at.
    if raw.count(b":") != keys and _count_key_ends(raw) != keys:
        _refuse_duplicates(raw)
    if b"\\u0000" in raw and _NUL_ESCAPE.search(raw):
        raise Invalid.body("a NUL character")
    return parsed


def parse_form(raw: bytes) -> dict[str, Any]:
    """Read an urlencoded form, ``card[name]=…`` as the field ``name`` of the object ``card``."""
    if raw.count(b"&") >= PAIRS:
        raise Invalid.body(f"more than {PAIRS} form fields")
    form: dict[str, Any] = {}
    for pair in raw.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            _nest(form, _decode(name), _decode(value))
    return form


async def _receive(request: web.BaseRequest, limit: int, deadline: float) -> bytes:
    """Return the whole body, decompressed."""
    content = request.content
    try:
        if content.is_eof():  # the usual case: it came with its headers, and no timer need be set
            raw = content.read_nowait()
        else:
            async with asyncio.timeout(deadline):
                raw = await _gather(content, limit)
    except TimeoutError:
        raise RequestTimeout from None
    except (web.RequestPayloadError, HttpProcessingError):
        # Nothing more can be read. Left alone, aiohttp would try after the answer and log this again as a surprise.
        content.feed_eof()
        request.protocol.close()
        raise Invalid.body("its transfer or content encoding is broken") from None
    if len(raw) > limit:
        raise TooLarge(limit)
    return raw


async def _gather(content: StreamReader, limit: int) -> bytes:
    """Read on until the end, or just past the limit."""
    raw = bytearray()
    while len(raw) <= limit and (chunk := await content.readany()):
        raw += chunk
    return bytes(raw)


@lru_cache(maxsize=64)
def _declares_form(content_type: str) -> bool | None:
    """Tell a form from JSON by the declared type, ``None`` when none is declared; raises ``UnsupportedType``."""
    if not content_type:
        return None
    media, *parameters = (part.strip() for part in content_type.lower().split(";"))
    if media not in (JSON, FORM) or not all(map(_keeps_utf8, parameters)):
        # Header values may hold bytes that no answer can be encoded with.
        raise UnsupportedType(redact(_UNPRINTABLE.sub("?", content_type))[:100])
    return media == FORM


def _keeps_utf8(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() != "charset" or value.strip(' "') in ("utf-8", "utf8")


def _refuse_encodings(given: Sequence[str]) -> None:
    """Raise for an encoding that aiohttp leaves on, and for several, of which it takes off the first at most."""
    if len(given) > 1 or given[0].lower() not in _ENCODINGS:
        raise UnsupportedEncoding


def _looks_like_form(raw: bytes) -> bool:
    """Guess at a body without a declared type: a form has an ``=`` and begins like no JSON container."""
    return b"=" in raw and raw.lstrip()[:1] not in (b"{", b"[", b'"')


def _count_keys(container: Any, room: int) -> int:
    """Count the keys at all levels of a parsed tree; refuse one too deep, and numbers beyond 64 bits.

    orjson turns integers beyond 64 bits into floats, which would change them silently.
    """
    if not room:
        raise Invalid.body(f"nested more than {DEPTH} levels deep")
    keys = 0
    if container.__class__ is dict:
        keys = len(container)
        container = container.values()
    for value in container:
        kind = value.__class__
        if kind is str:
            continue
        if kind is dict or kind is list:
            keys += _count_keys(value, room - 1)
        elif kind is float and not -(2.0**63) < value < 2.0**64:
            raise Invalid.body("a number beyond 64 bits")
    return keys


def _count_key_ends(raw: bytes) -> int:
    """Count the quotes that a colon follows: the ends of all keys, and what looks like one within a string."""
    spaced = b" :" in raw or b"\t:" in raw or b"\n:" in raw or b"\r:" in raw
    return len(_KEY_END.findall(raw)) if spaced else raw.count(b'":')


def _refuse_duplicates(raw: bytes) -> None:
    """Raise for an object that gives one key twice; the text is known to be JSON of bounded depth."""
    json.loads(raw, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise Invalid.body(f"the key {key[:100]!r} is given twice")
        seen.add(key)


def _decode(text: bytes) -> str:
    """Undo the form encoding of a name or value.

    A ``%`` that begins no escape stays one: clients of the time posted unescaped forms (``money.md`` §1).
    """
    try:
        decoded = unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise Invalid.body("it is not UTF-8") from None
    if "\0" in decoded:
        raise Invalid.body("a NUL character")
    return decoded


def _nest(form: dict[str, Any], name: str, value: str) -> None:
    """Put a value where its brackets say, and never over another one."""
    match = _FORM_KEY.fullmatch(name)
    if match is None:
        raise Invalid.body(f"the form field {name[:100]!r} has no readable name")
    *outer, last = [match[1], *match[2][1:-1].split("][")] if match[2] else [match[1]]
    if len(outer) >= DEPTH:
        raise Invalid.body(f"nested more than {DEPTH} levels deep")
    for step in outer:
        form = form.setdefault(step, {})
        if not isinstance(form, dict):
            raise Invalid.body(f"the form field {step[:100]!r} is both a value and an object")
    if last in form:
        raise Invalid.body(f"the form field {name[:100]!r} is given twice")
    form[last] = value
