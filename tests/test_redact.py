"""Redaction: nothing that must stay secret is in what is written, and what is written is one line."""

import io
import logging
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.fields import Form, Nested
from sandbox.redact import RedactingFilter, conceal, install, redact
from sandbox.resources import ROUTES

CARD = "4111111111111111"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("paid with 4111111111111111", "paid with ************1111"),
        ("4111 1111 1111 1111", "************1111"),
        ("4111-1111-1111-1111", "************1111"),
        ("4111%201111%201111%201111", "************1111"),
        ("4111+1111+1111+1111", "************1111"),
        ("378282246310005", "***********0005"),
        ("4222222222222", "*********2222"),
        ("n4111111111111111x", "n************1111x"),
        ("**4111111111111111**", "**************1111**"),
    ],
)
def test_a_card_number_is_masked_down_to_its_last_four(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("beside", [" 12/2015", " 2015", " 123", "-12-2015"])
def test_numbers_beside_a_card_number_do_not_hide_it(beside: str) -> None:
    assert redact(CARD + beside) == f"************1111{beside}"
    assert redact(f"12 {CARD}") == "12 ************1111"


def test_the_digits_of_a_percent_escape_are_not_part_of_a_card_number() -> None:
    assert redact("%224111111111111111%22") == "%22************1111%22"


@pytest.mark.parametrize(
    "text", ["4111111111111112", "41111111 1111  1111", "123456789012", "4" * 20, "CU4111aaaa1111"]
)
def test_digits_that_are_no_card_number_stay(text: str) -> None:
    assert redact(text) == text


FIELDS = ["security_code", "card_number", "account_number", "ssn_last4", "secret", "Authorization"]


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize(
    "shape",
    [
        '{"NAME": "VALUE", "amount": 1}',
        '{"NAME":VALUE,"amount":1}',
        "{'NAME': 'VALUE', 'amount': 1}",
        "Card(NAME='VALUE', amount=1)",
        "Card(NAME=VALUE, amount=1)",
        "('NAME', 'VALUE')",
        "(b'NAME', b'VALUE')",
        r"NAME: VALUE\r\nHost: localhost",
        "NAME=VALUE&amount=1",
        "card[NAME]=VALUE&amount=1",
        "card%5BNAME%5D=VALUE&amount=1",
        r'"{\"NAME\": \"VALUE\", \"amount\": 1}"',
        '"NAME" => "VALUE"',
        '{"NAME": [VALUE], "amount": 1}',
    ],
)
def test_the_value_of_a_secret_field_is_masked_in_every_shape(name: str, shape: str) -> None:
    shaped = shape.replace("NAME", name)

    assert redact(shaped.replace("VALUE", "987")) == shaped.replace("VALUE", "***")


@pytest.mark.parametrize("value", ['["987", "654"]', '{"number": "987"}', "(987, 654)"])
def test_a_secret_field_hides_whatever_container_it_holds(value: str) -> None:
    shown = redact(f'{{"secret": {value}}}')

    assert "987" not in shown
    assert "654" not in shown


def test_a_quote_inside_a_secret_does_not_end_it() -> None:
    assert redact(r'{"security_code": "12\"34", "n": 1}') == '{"security_code": "***", "n": 1}'


def test_a_secret_cut_off_before_its_closing_quote_is_masked() -> None:
    assert redact('{"security_code": "123') == '{"security_code": "***'


def test_a_secret_on_the_line_after_its_name_is_masked() -> None:
    assert redact('"security_code":\n  "123"') == r'"security_code":\n  "***"'


@pytest.mark.parametrize("value", ["null", "None", '""', '"xxxxxxxxxxxx1111"'])
def test_a_value_that_gives_nothing_away_stays(value: str) -> None:
    assert redact(f'{{"account_number": {value}}}') == f'{{"account_number": {value}}}'


@pytest.mark.parametrize("text", ['{"security_code_check": "passed"}', "Missing required field [card_number]"])
def test_a_field_that_only_sounds_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Basic Zm9vOg==", "Authorization: ***"),
        ("sent Basic MDEyMzQ1Njc4OWFiY2RlZjAxMjM6 to it", "sent Basic *** to it"),
        (f"the secret is {KEY}", "the secret is ***"),
        (f"curl -u {KEY}: http://localhost/", "curl -u ***: http://localhost/"),
        (f"http://{KEY}:@localhost:8642/v1", "http://***@localhost:8642/v1"),
        ("http://user:pass@localhost/", "http://***@localhost/"),
    ],
)
def test_credentials_are_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize("text", ["Basic authentication", f"OHM{KEY}", "http://localhost/v1/customers/CU1?a=b@c"])
def test_what_only_looks_like_credentials_stays(text: str) -> None:
    assert redact(text) == text


def test_control_characters_cannot_forge_a_line_or_drive_a_terminal() -> None:
    assert redact("a\r\nb\tc\x1b[31m\x00\x85\u2028\u202e\ud800d") == r"a\r\nb\tc[31md"


PUNCTUATION = [
    "\\",
    '"',
    '\\"',
    "'",
    ":",
    "=",
    "=>",
    ",",
    "&",
    "-",
    "+",
    "*",
    "[",
    "]",
    "{",
    "}",
    "://",
    "@",
    "%5D",
    "%22",
    "%20",
]
WORDS = ["b", "is ", "1", "12", "1111", "4111 ", "Basic ", " ", "\n", "\x00", "null", "xxxx", "***", "*********"]
PIECES = st.sampled_from([*FIELDS, CARD, KEY, *PUNCTUATION, *WORDS])


@given(st.lists(PIECES | st.text(max_size=5) | st.text("0123456789 -%*", max_size=20), max_size=12).map("".join))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text)

    assert redact(once) == once
    assert len(once.splitlines()) <= 1


@given(st.text("abc \"':=[]{},.", max_size=20), st.text("abc \"':=[]{},.", max_size=20))
def test_a_card_number_never_survives_its_surroundings(before: str, after: str) -> None:
    assert CARD not in redact(before + CARD + after)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the root logger's only handler writes."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(stream)])
        patched.setattr(logging, "lastResort", logging.StreamHandler(stream))
        install()
        yield stream


def test_records_of_child_loggers_are_redacted(written: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").warning("Bad header %r from %s", b"Authorization: Basic Zm9v", f"card {CARD}")

    assert written.getvalue() == "Bad header b'Authorization: ***' from card ************1111\n"


def test_tracebacks_and_stacks_are_redacted_and_stay_readable(written: io.StringIO) -> None:
    try:
        raise ValueError(f"declined {CARD}\nERROR forged line")
    except ValueError:
        logging.getLogger("sandbox").exception("failed", stack_info=True)

    lines = written.getvalue().splitlines()
    assert CARD not in written.getvalue()
    assert "  ValueError: declined ************1111" in lines
    assert [line for line in lines if not line.startswith("  ")] == ["failed"]


def test_a_record_that_cannot_be_formatted_is_replaced(written: io.StringIO) -> None:
    logging.getLogger("sandbox").warning("%d", "no number")

    assert written.getvalue() == "A log record could not be formatted.\n"


def test_the_handler_python_falls_back_to_is_redacted(written: io.StringIO) -> None:
    logging.getLogger().handlers.clear()

    logging.getLogger("sandbox").warning(CARD)

    assert written.getvalue() == "************1111\n"


def test_installing_twice_filters_once(written: io.StringIO) -> None:
    install()

    assert [type(known) for known in logging.getLogger().handlers[0].filters] == [RedactingFilter]


# In time that grows with the text.

LONG = 16_384  # characters; a body may have sixteen times as many

ADVERSARIES = [
    "1",
    "1 ",
    "12-",
    "4111 ",
    "1%20",
    "44444444444444444444 ",
    "secret=",
    "card_number",
    'card_number"',
    "\\",
]
ADVERSARIES += ['secret: "', "secret: [", "secret ", "basic ", "basic+", "://", "://a", "a", "*", "%20", "cvv"]


def steps(text: str) -> int:
    """Return how many functions it takes to redact a text, those of the interpreter included."""
    taken = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal taken
        taken += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        redact(text)
    finally:
        sys.setprofile(before)
    return taken


@pytest.mark.parametrize("piece", ADVERSARIES)
def test_twice_the_text_is_at_most_twice_the_work(piece: str) -> None:
    once, twice = (piece * (length // len(piece)) for length in (LONG, 2 * LONG))

    assert steps(twice) <= 2.1 * steps(once) + 100


def luhn(digits: str) -> bool:
    values = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in values) % 10 == 0


@given(st.text("0123456789", min_size=12, max_size=20))
def test_thirteen_to_nineteen_digits_are_masked_when_their_check_digit_is_right(digits: str) -> None:
    masked = 13 <= len(digits) <= 19 and luhn(digits)

    assert redact(digits) == ("*" * (len(digits) - 4) + digits[-4:] if masked else digits)


# What is kept.


def kept(value: Any) -> Any:
    return conceal(value, lambda secret: secret == KEY)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (CARD, "************1111"),
        (f"paid with {CARD}, thanks", "paid with ************1111, thanks"),
        ("4111-1111-1111-1111 12/20", "************1111 12/20"),
        ("341111111111111", "***********1111"),
        (f"{CARD}@example.com", "************1111@example.com"),
        (f"http://localhost/{CARD}?a", "http://localhost/************1111?a"),
        (KEY, "***"),
        (int(CARD), "************1111"),
        (float(CARD), "************1111.0"),
        (-int(CARD), "-************1111"),
        ({CARD: [CARD, {"a": CARD}]}, {"************1111": ["************1111", {"a": "************1111"}]}),
        (
            {"security_code": "123", "my cvv": 1, "card[ssn]": "1"},
            {"security_code": "***", "my cvv": "***", "card[ssn]": "***"},
        ),
    ],
)
def test_a_number_that_was_pasted_into_what_is_kept_is_masked(text: Any, shown: Any) -> None:
    assert kept(text) == shown
    assert kept(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # its check digit is wrong
        "1367860683439563",  # a time in microseconds, whose check digit is right in one of ten
        "9999999999999995",  # of no brand
        "4222222222222",  # as long as a telephone number
        "+4539578763621486",
        f"order_{CARD}",
        f"CC{CARD}",
        f"{CARD}a",
        "41111111-1111-4111-8111-11111111111a",
        "0123456789abcdef0123456789abcdee",  # opens nothing
        "security_code: 123\r\nAuthorization: Basic Zm9vOg==",
        True,
        None,
        1.5,
        0.2574054133931807,  # the check digit of its fraction is right, and so is the brand
        {"account_number": "xxxxx5555", "security_code": None, "security_code_check": "passed"},
    ],
)
def test_what_may_be_anything_else_is_kept_as_it_is(text: Any) -> None:
    assert kept(text) == text


@given(st.text("ab \n:='\"é", max_size=40) | st.integers(-(10**9), 10**9) | st.floats(-1, 1))
def test_whatever_has_few_digits_is_kept_as_it_is(value: Any) -> None:
    assert kept(value) == value


pasted = st.sampled_from([CARD, KEY, f"x {CARD} x", "1" * 15, "a-" * 15, "", "name", "cvv", "ssn_last4", "4" * 14])
pasted |= st.from_regex("[0-9a-f -]{12,20}")
numbers = st.sampled_from([int(CARD), -int(CARD), float(CARD), 10**14, 2**64]) | st.integers()
numbers |= st.floats(allow_nan=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | pasted,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(pasted, inner, max_size=3),
)


@given(anything)
def test_what_is_pasted_is_masked_as_deep_as_it_may_be(value: Any) -> None:
    shown = kept(value)

    assert kept([{"name": [value]}]) == [{"name": [shown]}]
    assert kept(shown) == shown
    assert CARD not in repr(shown)
    assert KEY not in repr(shown)


def test_every_field_that_asks_for_a_secret_is_masked_by_its_name_in_a_log() -> None:
    secret = {name for route in ROUTES for name in secret_fields(route.takes)}

    assert secret >= {"card_number", "security_code", "account_number", "ssn_last_4"}
    assert [name for name in (*secret, "ssn_last4", "tax_id") if redact(f"{name}: 987") != f"{name}: ***"] == []


def secret_fields(form: Form) -> Iterator[str]:
    for name, reader in form.items():
        if isinstance(reader, Nested):
            yield from secret_fields(reader.form)
        elif getattr(reader, "secret", False):
            yield from (name, *reader.also)
