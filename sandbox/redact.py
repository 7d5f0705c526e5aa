"""What must never be shown, masked: card numbers, credentials and secret fields in any text about to be written."""

from __future__ import annotations

import logging
import re
import traceback

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

# One pattern, so that every piece of text is judged once and what was masked is not judged again.
_SECRET = re.compile(
    rf"""
    # A named field: JSON, repr, header, form, tuple; quotes may be escaped, brackets and quotes percent-encoded.
    (?P<name>
        (?:security_code|card_number|account_number|ssn_last4|secret|authorization)
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
  | (?P<before_key>\bsecret[^0-9A-Za-z]{{1,8}}(?:[a-z]{{1,8}}[ ])?) [0-9a-f]{{32}}\b
  | (?P<scheme>\bbasic(?:\s|\+|%20)+) [A-Za-z0-9+/_-]{{16,}}={{0,2}}
  | (?P<url>://) [^\s/?\#@"']+ (?=@)
  | (?P<key>(?<![0-9A-Za-z])[0-9a-f]{{32}}(?=:))
    # Digits that were masked before, and the digits of a percent escape, belong to no number.
  | (?P<passed>\*{{9}}[0-9]+|%[0-9a-f]{{2}})
  | (?P<digits>[0-9](?:{_GAP}?[0-9]){{12,}})
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return ``text`` in one line without control characters, its secrets masked; masking twice changes nothing."""
    return _SECRET.sub(_mask, _CONTROL.sub(_escape, text))


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
    if match["passed"]:
        return match["passed"]
    if match["digits"]:
        return _mask_card_numbers(match["digits"])
    if match["name"]:
        return match["name"] + _mask_value(match)
    return (match["before_key"] or match["scheme"] or match["url"] or "") + MASK


def _mask_value(match: re.Match[str]) -> str:
    """Mask a field's value, and leave one that gives nothing away."""
    opened = match["open"] or match["open_single"] or match["open_escaped"] or match["open_many"] or ""
    value = next(match[kind] for kind in ("double", "single", "escaped", "many", "bare") if match[kind] is not None)
    return opened + (value if _KEPT.fullmatch(value) else MASK)


def _mask_card_numbers(chain: str) -> str:
    """Mask each card number among groups of digits, which may stand beside other numbers, such as an expiry."""
    parts = _SPLIT_AT_GAP.split(chain)  # digits, gap, digits, gap, …, digits
    shown = []
    start = 0
    while start < len(parts):
        span = _span_of_card_number(parts[start : start + 2 * 19])
        end = start + (span or 1)
        digits = "".join(parts[start:end:2])
        shown.append("*" * (len(digits) - 4) + digits[-4:] if span else digits)
        shown += parts[end : end + 1]
        start = end + 1
    return "".join(shown)


def _span_of_card_number(parts: list[str]) -> int:
    """Return how many of the parts, from the first on, the longest card number takes; 0 when there is none."""
    digits, span = "", 0
    for place in range(0, len(parts), 2):
        digits += parts[place]
        if 13 <= len(digits) <= 19 and _passes_luhn(digits):
            span = place + 1
    return span


def _passes_luhn(digits: str) -> bool:
    plain, doubled = digits[::-2], digits[-2::-2].translate(_DOUBLED)
    return (sum(map(int, plain)) + sum(map(int, doubled))) % 10 == 0


def _redact_lines(text: str | None) -> str | None:
    """Redact line by line, indented: a traceback stays readable and no line of it passes for a record."""
    if text is None:
        return None
    return "\n".join(f"  {redact(line)}" for line in text.splitlines())
