"""Readers: what was sent becomes what is kept, or the API's own words for why not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Invalid
from sandbox.fields import (
    Address,
    Choice,
    Email,
    Fault,
    Faults,
    Flag,
    Form,
    Integer,
    Matching,
    Meta,
    Month,
    Nested,
    Reader,
    Text,
    Uri,
    as_text,
    quote,
    read,
)

NUMBER = "4111111111111111"
LONG = "x" * 256

CODE = Matching(pattern=re.compile("[0-9]{3,4}"), should="three or four digits", secret=True)
CARD: Form = {"number": Text(required=True, secret=True), "code": CODE}


def find(kind: str, identifier: str) -> bool:
    """A world with one card and one bank account in it."""
    return (kind, identifier) in (("card", "CC1"), ("bank_account", "BA1"))


def sentence(reader: Reader, raw: Any) -> str:
    """Why a reader refuses a value."""
    with pytest.raises(Fault) as refused:
        reader.read(raw, find)
    return str(refused.value)


@pytest.mark.parametrize(
    ("reader", "raw", "value"),
    [
        (Text(), "Zoë", "Zoë"),
        (Text(), "", ""),
        (Text(), "x" * 255, "x" * 255),
        (Text(), 48120, "48120"),
        (Text(), 54.8, "54.8"),
        (Text(), True, "True"),
        (Text(secret=True), int(NUMBER), NUMBER),
        (Text(least=2), "ab", "ab"),
        (Text(most=2), "ab", "ab"),
        (CODE, "123", "123"),
        (CODE, 1234, "1234"),
        (Integer(), 5000, 5000),
        (Integer(), "5000", 5000),
        (Integer(), "-52", -52),
        (Integer(), "+52", 52),
        (Integer(least=50, most=50), "50", 50),
        (Flag(), True, True),
        (Flag(), False, False),
        (Flag(), "true", True),
        (Flag(), "True", True),
        (Flag(), "false", False),
        (Flag(), "False", False),
        (Flag(), "1", True),
        (Flag(), "0", False),
        (Flag(), 1, True),
        (Flag(), 0, False),
        (Choice(words=("person", "business")), "person", "person"),
        (Email(), "whc@example.org", "whc@example.org"),
        (Email(), "whc+b.c_d@mail-1.example.org", "whc+b.c_d@mail-1.example.org"),
        (Month(), "1842-10", "1842-10"),
        (Month(), "1842-10-01", "1842-10"),
        (Month(), "1842-10-31", "1842-10"),
        (Meta(), {}, {}),
        (Meta(), {"a.b": "c"}, {"a.b": "c"}),
        (Meta(), {"float": 54.8, "int": 1, "bool": True}, {"float": "54.8", "int": "1", "bool": "True"}),
        (Meta(), {"k" * 255: "v" * 255}, {"k" * 255: "v" * 255}),
        (Address(parts=("line1", "city")), {}, {}),
        (Address(parts=("line1", "city")), {"city": "Rome", "planet": "Earth"}, {"city": "Rome"}),
        (Address(parts=("line1", "city")), {"line1": 1, "city": None}, {"line1": "1"}),
        (Nested(form=CARD), {"number": NUMBER, "other": 1}, {"number": NUMBER}),
        (Uri(kind="card"), "/v1/cards/CC1", "CC1"),
        (Uri(kind="card"), "v1/cards/CC1", "CC1"),
        (Uri(kind="card"), "https://api.example.com/v1/marketplaces/TEST-MP1/cards/CC1", "CC1"),
        (Uri(kind="card", or_kind="bank_account"), "/v1/bank_accounts/BA1", "BA1"),
        (Uri(kind="card", or_kind="bank_account"), "/v1/cards/CC1", "CC1"),
    ],
)
def test_a_good_value_is_read(reader: Reader, raw: Any, value: Any) -> None:
    read = reader.read(raw, find)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("reader", "raw", "why"),
    [
        (Text(), {}, '"{}" is not a string'),
        (Text(), ["a"], "\"['a']\" is not a string"),
        (Text(least=2), "a", '"a" must have length >= 2'),
        (Text(least=1), "", '"" must have length >= 1'),
        (Text(most=9), "321171184abc", '"321171184abc" must have length <= 9'),
        (Text(most=3), 1234, '"1234" must have length <= 3'),
        (Matching(pattern=re.compile("[a-z]+"), should="lower case"), "ABC", '"ABC" must be lower case'),
        (Matching(pattern=re.compile("[a-z]+"), should="lower case"), "abc\n", '"abc\n" must be lower case'),
        (Matching(pattern=re.compile("[a-z]+"), should="lower case"), [], '"[]" is not a string'),
        (Integer(), "52.12", '"52.12" is not an integer'),
        (Integer(), 52.0, '"52.0" is not an integer'),
        (Integer(), "", '"" is not an integer'),
        (Integer(), " 5", '" 5" is not an integer'),
        (Integer(), "5_0", '"5_0" is not an integer'),
        (Integer(), "٨", '"٨" is not an integer'),
        (Integer(), "1e3", '"1e3" is not an integer'),
        (Integer(), "0x10", '"0x10" is not an integer'),
        (Integer(), True, '"True" is not an integer'),
        (Integer(), [5], '"[5]" is not an integer'),
        (Integer(), {}, '"{}" is not an integer'),
        (Integer(), "9" * 31, f'"{"9" * 31}" is not an integer'),
        (Integer(least=50), -100, '"-100" must be >= 50'),
        (Integer(least=50), "49", '"49" must be >= 50'),
        (Integer(most=1_000_000_000), 1_000_000_001, '"1000000001" must be <= 1000000000'),
        (Integer(most=1_000_000_000), "9" * 30, f'"{"9" * 30}" must be <= 1000000000'),
        (Flag(), "yes", '"yes" is not a boolean'),
        (Flag(), "", '"" is not a boolean'),
        (Flag(), 2, '"2" is not a boolean'),
        (Flag(), 1.0, '"1.0" is not a boolean'),
        (Flag(), [], '"[]" is not a boolean'),
        (Choice(words=("checking", "savings")), "CHECKING", '"CHECKING" must be one of checking, savings'),
        (Choice(words=("checking", "savings")), {}, '"{}" must be one of checking, savings'),
        (Email(), "", '"" must be a valid email address as specified by RFC-2822'),
        (Email(), "dsfsa", '"dsfsa" must be a valid email address as specified by RFC-2822'),
        (Email(), "a@b@c", '"a@b@c" must be a valid email address as specified by RFC-2822'),
        (Email(), "a b@c", '"a b@c" must be a valid email address as specified by RFC-2822'),
        (Email(), "a@c\n", '"a@c\n" must be a valid email address as specified by RFC-2822'),
        (Email(), "a@-c", '"a@-c" must be a valid email address as specified by RFC-2822'),
        (Email(), "a@c-", '"a@c-" must be a valid email address as specified by RFC-2822'),
        (Email(), {}, '"{}" is not a string'),
        (Month(), "1842", '"1842" must be a date of the form YYYY-MM or YYYY-MM-DD'),
        (Month(), "1842-13", '"1842-13" must be a date of the form YYYY-MM or YYYY-MM-DD'),
        (Month(), "1842-1", '"1842-1" must be a date of the form YYYY-MM or YYYY-MM-DD'),
        (Month(), "1842-10-32", '"1842-10-32" must be a date of the form YYYY-MM or YYYY-MM-DD'),
        (Month(), "1842-10-00", '"1842-10-00" must be a date of the form YYYY-MM or YYYY-MM-DD'),
        (Month(), [], '"[]" must be a date of the form YYYY-MM or YYYY-MM-DD'),
        (Meta(), "text", '"text" is not a mapping'),
        (Meta(), [], '"[]" is not a mapping'),
        (Meta(), {"a": {}}, '"a" must be a string, this is a single level of keys and values'),
        (Meta(), {"a": [1]}, '"a" must be a string, this is a single level of keys and values'),
        (Meta(), {LONG: "v"}, f'"{LONG}" must have length <= 255'),
        (Meta(), {"k": LONG}, f'"{LONG}" must have length <= 255'),
        (Address(parts=("city",)), "Rome", '"Rome" is not a mapping'),
        (Address(parts=("city",)), {"city": []}, '"city" must be a string, this is a single level of keys and values'),
        (Nested(form=CARD), "text", "must be a mapping"),
        (Nested(form=CARD), [{}], "must be a mapping"),
        (Uri(kind="merchant"), "v1/no/a/merchant", '"v1/no/a/merchant" does not resolve to merchant'),
        (Uri(kind="card", word="source"), "CC1", '"CC1" does not resolve to source'),
        (Uri(kind="card"), "", '"" does not resolve to card'),
        (Uri(kind="card"), "/v1/cards/CC1/", '"/v1/cards/CC1/" does not resolve to card'),
        (Uri(kind="card"), "/v1/cards/CC2", '"/v1/cards/CC2" does not resolve to card'),
        (Uri(kind="card"), "/v1/bank_accounts/BA1", '"/v1/bank_accounts/BA1" does not resolve to card'),
        (Uri(kind="card"), "/v2/cards/CC1", '"/v2/cards/CC1" does not resolve to card'),
        (Uri(kind="card"), {}, '"{}" is not a string'),
        (Uri(kind="card"), "v1/" + LONG, f'"v1/{"x" * 253}…" must have length <= 255'),
    ],
)
def test_a_bad_value_is_refused_in_the_words_of_the_api(reader: Reader, raw: Any, why: str) -> None:
    assert sentence(reader, raw) == why


@pytest.mark.parametrize(
    ("reader", "raw"),
    [
        (Text(secret=True, most=9), NUMBER),
        (Text(secret=True, least=20), NUMBER),
        (Text(secret=True), {"number": NUMBER}),
        (Text(secret=True), [NUMBER]),
        (CODE, NUMBER),
        (CODE, int(NUMBER)),
        (CODE, [NUMBER]),
        (Nested(form=CARD), NUMBER),
        (Nested(form=CARD), [{"number": NUMBER}]),
    ],
)
def test_a_secret_is_never_quoted(reader: Reader, raw: Any) -> None:
    assert NUMBER not in sentence(reader, raw)


def test_a_secret_inside_is_never_quoted() -> None:
    with pytest.raises(Faults) as refused:
        Nested(form=CARD).read({"number": {"is": NUMBER}, "code": NUMBER}, find)

    assert NUMBER not in str(refused.value.by_name)


def test_a_refused_secret_is_shown_as_so_many_x() -> None:
    assert sentence(Text(secret=True, most=9), "321171184abc") == '"xxxxxxxxxxxx" must have length <= 9'
    assert sentence(CODE, "12") == '"xx" must be three or four digits'


def test_a_long_refused_value_is_cut() -> None:
    assert quote("x" * 256) == f'"{"x" * 256}"'
    assert quote("x" * 257) == f'"{"x" * 256}…"'


@given(st.none() | st.booleans() | st.integers() | st.floats())
def test_scalars_are_written_the_way_python_prints_them(raw: Any) -> None:
    assert as_text(raw) == str(raw)


# What a form does with what its readers say.

SIGNUP: Form = {
    "name": Text(required=True, most=5),
    "amount": Integer(least=50, also=("cents", "sum")),
    "card": Nested(form={"number": Text(required=True), "month": Integer(required=True)}),
}


def test_only_what_was_sent_is_read() -> None:
    assert read(SIGNUP, {"name": "Zoë"}, find) == {"name": "Zoë"}
    assert read({}, {"name": "Zoë"}, find) == {}


def test_unknown_fields_are_ignored() -> None:
    assert read(SIGNUP, {"name": "Zoë", "_uris": {}, "created_at": []}, find) == {"name": "Zoë"}


@pytest.mark.parametrize("reader", [Text(), Integer(least=50), Flag(), Meta(), Email(), Month(), Uri(kind="card")])
def test_null_means_not_sent(reader: Reader) -> None:
    assert read({"field": reader}, {"field": None}, find) == {}


def test_null_for_a_required_field_means_missing() -> None:
    with pytest.raises(Invalid) as refused:
        read(SIGNUP, {"name": None}, find)

    assert refused.value.sentence == "Missing required field [name]"


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        ({"amount": 51}, 51),
        ({"cents": 52}, 52),
        ({"sum": 53}, 53),
        ({"amount": 51, "cents": 1}, 51),
        ({"amount": None, "cents": None, "sum": 53}, 53),
        ({"cents": 52, "sum": 1}, 52),
    ],
)
def test_another_name_counts_where_the_first_was_not_sent(sent: dict[str, Any], amount: int) -> None:
    assert read(SIGNUP, {"name": "Zoë", **sent}, find)["amount"] == amount


@pytest.mark.parametrize("name", ["amount", "cents", "sum"])
def test_a_fault_is_named_by_what_was_sent(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(SIGNUP, {"name": "Zoë", name: 1}, find)

    assert refused.value.extras == {name: '"1" must be >= 50'}
    assert refused.value.sentence == f'Invalid field [{name}] - "1" must be >= 50'


def test_a_missing_field_is_named_by_its_first_name() -> None:
    with pytest.raises(Invalid) as refused:
        read({"amount": Integer(required=True, also=("cents",))}, {}, find)

    assert refused.value.sentence == "Missing required field [amount]"


def test_every_fault_is_named_in_the_order_of_the_form_and_inner_ones_by_their_last_word() -> None:
    with pytest.raises(Invalid) as refused:
        read(SIGNUP, {"card": {"month": "May"}, "amount": 1, "name": "too long"}, find)

    assert refused.value.sentence == 'Invalid field [name] - "too long" must have length <= 5'
    assert list(refused.value.extras.items()) == [
        ("name", '"too long" must have length <= 5'),
        ("amount", '"1" must be >= 50'),
        ("number", "Missing required field [number]"),
        ("month", '"May" is not an integer'),
    ]


# Whatever JSON or a form can hold, a reader has an answer to it.

READERS: list[Reader] = [
    Text(),
    Text(least=3, most=5, secret=True),
    Matching(pattern=re.compile("[a-z]+"), should="lower case"),
    CODE,
    Integer(),
    Integer(least=-5, most=5),
    Flag(),
    Choice(words=("a", "b")),
    Email(),
    Month(),
    Meta(),
    Address(parts=("line1", "city")),
    Nested(form=CARD),
    Uri(kind="card", or_kind="bank_account"),
]

text = st.text() | st.from_regex("[+-]?[0-9]{1,40}") | st.from_regex("[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
text |= st.sampled_from(["true", "False", "1", "/v1/cards/CC1", "v1/", "a@b", "line1", "number"])
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False) | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=4))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: type(reader).__name__)
@given(raw=values)
def test_a_reader_reads_or_faults_and_nothing_else(reader: Reader, raw: Any) -> None:
    try:
        value = reader.read(raw, find)
    except (Fault, Faults):
        return

    assert type(value) in (str, int, bool, dict)


@given(raw=st.dictionaries(st.sampled_from([*map(str, range(len(READERS))), "?"]), values))
def test_a_form_is_read_or_refused_naming_what_is_wrong(raw: dict[str, Any]) -> None:
    form = {str(number): reader for number, reader in enumerate(READERS)}
    try:
        found = read(form, raw, find)
    except Invalid as refused:
        named = set(refused.extras)
    else:
        named = set()
        assert found.keys() == {name for name in form if raw.get(name) is not None}

    assert named <= (raw.keys() & form.keys()) | {"number", "code"}


@given(raw=values)
def test_whatever_is_sent_for_a_number_is_a_number_of_64_bits_or_refused_where_it_is_bounded(raw: Any) -> None:
    try:
        number = Integer(least=-(2**63), most=2**63 - 1).read(raw, find)
    except Fault:
        return

    assert -(2**63) <= number < 2**63
