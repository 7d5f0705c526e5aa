"""What must never be shown or kept, masked: card numbers, credentials and secret fields.

Two rules, as two mistakes are possible. What is about to be written for people, :func:`redact` masks when it may be a
secret. What is about to be kept, :func:`conceal` masks only when it can be little else, as a client wants back what it
sent.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

MASK = "***"

_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# Besides the ASCII and C1 controls: line separators, marks that reverse the direction of what follows, and lone
# surrogates, which most streams cannot encode.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_GAP = r"(?:[ +-]|%20|%2[Dd])"
_SPLIT_AT_GAP = re.compile(f"({_GAP})")
_KEPT = re.compile(r"[xX*]{3,}[0-9]{0,4}|null|None|")  # tells nothing, or was masked before
_DOUBLED = str.maketrans("0123456789", "0246813579")  # twice the digit, its own digits added up
_WORD = r"""[^\s,;&"'\\\])}]"""

_ALONE = r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{2}))"  # the digits of a percent escape belong to no word
_NUMBERS = rf"""
    security[ _-]?code | card[ _-]?number | account[ _-]?number
  | {_ALONE} (?:cvv2?|cvc2?|csc|ssn(?:_?last_?4)?)
"""
"""The names of fields whose value nobody needs to have back."""

# One pattern, so that every piece of text is judged once and what was masked is not judged again.
_SECRET = re.compile(
    rf"""
    # A named field: JSON, repr, header, form, tuple; quotes may be escaped, brackets and quotes percent-encoded.
    (?P<name>
        (?:{_NUMBERS} | tax_id | secret | authorization)
        (?:
            (?:\\*["']|\]|%22|%27|%5D)* \s* (?:=>|[:=]|%3A|%3D) (?:\s|\\[nrt])*
          | \\*["'] \s* , \s* (?=b?\\*["'])
        )
    )
    (?:
        (?P<open>b?") (?P<double>(?:[^"\\]|\\.)*)
      | (?P<open_single>b?') (?P<single>(?:[^'\\]|\\.)*)
      | (?P<open_escaped>b?\\+["']) (?P<escaped>[^"'\\]*)
      | (?P<open_many>[\[{{(]) (?P<many>[^\]}})]*)
      | (?P<bare>(?:(?:basic|bearer|digest|token)(?:\s|\+|%20)+)? {_WORD}+ (?:[ ][0-9]{_WORD}*)*)
    )
    # Credentials without a field name.
  | (?P<scheme>\bbasic(?:\s|\+|%20)+) [A-Za-z0-9+/_-]{{16,}}={{0,2}}
  | (?P<url>://) [^\s/?\#@"']+ (?=@)
  | {_ALONE} (?P<key>[0-9a-f]{{32}}) (?![0-9A-Za-z])
    # Digits that were masked before belong to no number; those of a percent escape to none or to the one it begins.
  | (?P<passed>\*{{9}}[0-9]+)
  | % (?P<after_percent>[0-9](?:{_GAP}?[0-9]){{12,}})
  | (?P<escape>%[0-9a-f]{{2}})
  | (?P<digits>[0-9](?:{_GAP}?[0-9]){{12,}})
    """,
    re.VERBOSE | re.IGNORECASE,
)


_ANY_BRAND = re.compile("[0-9]*")
_CARD_NUMBER = re.compile(
    """
    4[0-9]{15}(?:[0-9]{3})? | 3[47][0-9]{13} | 5[1-5][0-9]{14} | 35(?:2[89]|[3-8][0-9])[0-9]{12} | 62[0-9]{14,17}
  | 2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12} | 6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}
    """,
    re.VERBOSE,
)
# Standing alone: no part of a longer word, of a UUID, or of a telephone number.
_PASTED = re.compile(
    r"(?<![\w+])(?<!\w-)(?:(?P<key>[0-9a-f]{32})(?!-?\w)|(?P<digits>[0-9](?:[ -]?[0-9]){14,})(?!-?\w))"
)
SHORTEST = 15
"""The length of the shortest text in which :func:`conceal` masks anything."""

_LEAST = 10 ** (SHORTEST - 1)  # the least number that has so many digits
_RUN = re.compile(f"[0-9a-f -]{{{SHORTEST}}}")
_NUMBER_NAME = re.compile(rf"(?<![0-9a-z_])(?:{_NUMBERS})(?![0-9a-z_])", re.VERBOSE | re.IGNORECASE)


def redact(text: str) -> str:
    """Return ``text`` in one line without control characters, its secrets masked; masking twice changes nothing."""
    return _SECRET.sub(_mask, _CONTROL.sub(_escape, text))


def conceal(value: Any, is_key: Callable[[str], bool]) -> Any:
    """Return JSON-able values without the card numbers and keys that were pasted into them, the rest as it is.

    A card number is one by its brand and its check digit; ``is_key`` tells the API keys among 32 hexadecimal digits.
    What stands under the name of a number that is no free text is masked whatever it is.
    """
    return _conceal(value, is_key) if is_suspect(value) else value


def is_suspect(value: Any) -> bool:
    """Return whether :func:`conceal` has to look closer, which is seldom: every value of every request comes here."""
    kind = value.__class__
    if kind is str:
        return len(value) >= SHORTEST and _RUN.search(value) is not None
    if kind is dict:
        for name, inner in value.items():
            if _is_suspect_name(name):
                return True
            if (inner.__class__ is not str or len(inner) >= SHORTEST) and is_suspect(inner):
                return True
        return False
    if kind is list:
        return any(map(is_suspect, value))
    if isinstance(value, (int, float)):
        return bool(abs(value) >= _LEAST)  # the digits of a fraction are no card number
    return value is not None


class RedactingFilter(logging.Filter):
    """Redacts a record in place: its message, its traceback and its stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, redacted; one that cannot be formatted says so instead of raising."""
        try:
            record.msg = redact(record.getMessage())
            if record.exc_info and not record.exc_text:
                record.exc_text = "".join(traceback.format_exception(*record.exc_info))
            record.exc_text = _redact_lines(record.exc_text)
            record.stack_info = _redact_lines(record.stack_info)
        except Exception:
            record.msg = "A log record could not be formatted."
            record.exc_text = record.stack_info = None
        record.args = None
        # A formatter prefers exc_text, but other handlers would print the exception itself.
        record.exc_info = None
        return True


def install() -> None:
    """Redact whatever the root logger's handlers write.

    A filter on a logger sees only the records logged to that very logger, not those of its children such as
    ``aiohttp.server``; a filter on a handler sees all that reach it. So the handlers get it, the one Python falls
    back to when there are none included.
    """
    handlers = [*logging.getLogger().handlers, *([logging.lastResort] if logging.lastResort else [])]
    for handler in handlers:
        if not any(isinstance(known, RedactingFilter) for known in handler.filters):
            handler.addFilter(RedactingFilter())


def _escape(control: re.Match[str]) -> str:
    return _ESCAPES.get(control[0], "")


def _mask(match: re.Match[str]) -> str:
    if match["passed"] or match["escape"]:
        return match[0]
    if match["digits"]:
        return _mask_card_numbers(match["digits"])
    if match["after_percent"]:
        digits = match["after_percent"]
        shown = _mask_card_numbers(digits)
        return f"%{digits[:2]}{_mask_card_numbers(digits[2:])}" if shown == digits else f"%{shown}"
    if match["name"]:
        return match["name"] + _mask_value(match)
    return (match["scheme"] or match["url"] or "") + MASK


def _mask_value(match: re.Match[str]) -> str:
    """Mask a field's value, and leave one that gives nothing away."""
    opened = match["open"] or match["open_single"] or match["open_escaped"] or match["open_many"] or ""
    value = next(match[kind] for kind in ("double", "single", "escaped", "many", "bare") if match[kind] is not None)
    return opened + (value if _KEPT.fullmatch(value) else MASK)


def _conceal(value: Any, is_key: Callable[[str], bool]) -> Any:
    if isinstance(value, list):
        return [_conceal(inner, is_key) for inner in value]
    if not isinstance(value, str) and isinstance(value, Mapping):
        return {
            _conceal(name, is_key): MASK if _is_number(name, inner) else _conceal(inner, is_key)
            for name, inner in value.items()
        }
    if not is_suspect(value):
        return value
    written = str(value)
    concealed = _conceal_text(written, is_key)
    return value if concealed == written else concealed


def _conceal_text(text: str, is_key: Callable[[str], bool]) -> str:
    def mask(match: re.Match[str]) -> str:
        if match["digits"]:
            return _mask_card_numbers(match["digits"], _CARD_NUMBER)
        return MASK if is_key(match["key"]) else match["key"]

    return _PASTED.sub(mask, text)


def _is_number(name: str, value: Any) -> bool:
    return _names_a_number(name) and not _KEPT.fullmatch(str(value))


@lru_cache(256)  # clients send the same few names
def _is_suspect_name(name: str) -> bool:
    return _names_a_number(name) or is_suspect(name)


@lru_cache(256)
def _names_a_number(name: str) -> bool:
    return _NUMBER_NAME.search(name) is not None


def _mask_card_numbers(chain: str, brands: re.Pattern[str] = _ANY_BRAND) -> str:
    """Mask each card number among groups of digits, which may stand beside other numbers, such as an expiry."""
    parts = _SPLIT_AT_GAP.split(chain)  # digits, gap, digits, gap, …, digits
    digits = "".join(parts[::2])
    bounds = [0, *accumulate(map(len, parts[::2]))]  # of the groups, within the digits
    sums = _luhn_sums(digits)

    def last_of_number(first: int) -> int:
        """Return the last group of the longest card number from a group on; -1 when there is none."""
        begin, last = bounds[first], -1
        for group in range(first, len(bounds) - 1):
            end = bounds[group + 1]
            if end - begin > 19:
                break
            doubled = sums[end % 2]
            if end - begin >= 13 and (doubled[end] - doubled[begin]) % 10 == 0 and brands.fullmatch(digits, begin, end):
                last = group
        return last

    shown = []
    group = 0
    while group < len(bounds) - 1:
        last = last_of_number(group)
        end = max(group, last) + 1
        number = digits[bounds[group] : bounds[end]]
        shown.append(number if last < 0 else "*" * (len(number) - 4) + number[-4:])
        shown += parts[2 * end - 1 : 2 * end]
        group = end
    return "".join(shown)


def _luhn_sums(digits: str) -> Sequence[Sequence[int]]:
    """Return the sums up to every place with each other digit doubled: from the first on, and from the second on.

    In a number that ends before an even place the digits at even places are the doubled ones, and so for odd ones.
    """
    doubled = digits.translate(_DOUBLED)
    rows = []
    for place in (0, 1):
        mixed = [*map(int, digits)]
        mixed[place::2] = map(int, doubled[place::2])
        rows.append([*accumulate(mixed, initial=0)])
    return rows


def _redact_lines(text: str | None) -> str | None:
    """Redact line by line, indented: a traceback stays readable and no line of it passes for a record."""
    if text is None:
        return None
    return "\n".join(f"  {redact(line)}" for line in text.splitlines())
