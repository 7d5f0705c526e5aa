"""Ids: a version-1 UUID that tells when, from a seed that tells which; never the same one twice."""

from __future__ import annotations

import re
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock import Moment, parse
from sandbox.ids import Ids, base62
from tests.conftest import NOW

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
LARGEST = 2**128 - 1
MOST = 2**38  # numbers before they repeat; a world that draws a thousand a second takes eight years

# As decoded in entities.md §1.1, times rounded to microseconds; the first three are the seed's own.
DECODED = [
    ("AC", "749LgQpQRtRBWBHYDVzmfL", "e83383ee-b670-11e2-b7a1-10ddb1bbaf41", "2013-05-06T17:18:02.281880Z"),
    ("AC", "74gTtDFW7IhLIC7gEOMaFb", "e8431f4a-b670-11e2-9db3-10ddb1bbaf41", "2013-05-06T17:18:02.384161Z"),
    ("CU", "75sp5yGSxBGHksti1E7j3j", "e8e3f991-b670-11e2-9880-10ddb1bbaf41", "2013-05-06T17:18:03.438325Z"),
    ("BZ", "2MXbudtSARAQAn7o2hhgjU", "5ba83c1c-b767-11e2-a1ad-026ba7cac9da", "2013-05-07T22:42:12.180278Z"),
]

ids = Ids("a seed")
moments = st.integers(parse("1900-01-01"), parse("2200-01-01"))
numbers = st.integers(0, MOST - 1)


def decoded(digits: str) -> UUID:
    value = 0
    for digit in digits:
        value = value * 62 + ALPHABET.index(digit)
    return UUID(int=value)


def moment_of(uuid: UUID) -> Moment:
    """When a version-1 UUID was made; it counts in steps of 100 ns from when the calendar was reformed."""
    return (uuid.time + 5) // 10 + parse("1582-10-15")


@pytest.mark.parametrize(("prefix", "digits", "uuid", "made"), DECODED)
def test_the_recorded_ids_are_read_and_written_alike(prefix: str, digits: str, uuid: str, made: str) -> None:
    assert decoded(digits) == UUID(uuid)
    assert base62(UUID(uuid).int) == digits
    assert moment_of(UUID(uuid)) == parse(made)


@pytest.mark.parametrize(
    ("value", "digits"),
    [(0, "0"), (9, "9"), (10, "a"), (35, "z"), (36, "A"), (61, "Z"), (62, "10"), (LARGEST, "7N42dgm5tFLK9N8MT7fHC7")],
)
def test_base_62_is_digits_then_lower_then_upper_case_without_padding(value: int, digits: str) -> None:
    assert base62(value) == digits


@given(st.integers(0, LARGEST))
def test_base_62_loses_nothing(value: int) -> None:
    assert decoded(base62(value)).int == value


@given(moments, numbers)
def test_an_id_is_its_prefix_and_a_version_1_uuid_that_tells_when(at: Moment, number: int) -> None:
    identifier = ids.record("CU", at, number)

    uuid = decoded(identifier.removeprefix("CU"))
    assert re.fullmatch("CU[0-9A-Za-z]{1,22}", identifier)
    assert (uuid.version, uuid.variant) == (1, RFC_4122)
    assert moment_of(uuid) == at
    assert f"{uuid.node:012x}".startswith("026ba7")


@pytest.mark.parametrize("prefix", ["TEST-MP", "TEST-MR", "AK"])
def test_a_prefix_may_be_of_any_length(prefix: str) -> None:
    assert decoded(ids.record(prefix, NOW, 1).removeprefix(prefix)) == decoded(ids.record("CU", NOW, 1)[2:])


@given(moments, moments, numbers, numbers)
def test_two_numbers_never_give_the_same_id(one: Moment, other: Moment, number: int, another: int) -> None:
    same = ids.record("CU", one, number) == ids.record("CU", other, another)

    assert same == ((one, number) == (other, another))


@given(st.sets(numbers, min_size=2, max_size=200))
def test_ids_are_distinct_while_the_clock_stands_still(drawn: set[int]) -> None:
    assert len({ids.record("CU", NOW, number) for number in drawn}) == len(drawn)
    assert len({ids.event(NOW, number) for number in drawn}) == len(drawn)
    assert len({ids.request(NOW, number) for number in drawn}) == len(drawn)
    assert len({ids.secret(number) for number in drawn}) == len(drawn)


@given(moments, numbers)
def test_events_and_requests_are_named_by_the_hex_digits_of_their_uuid(at: Moment, number: int) -> None:
    event, request = ids.event(at, number), ids.request(at, number)

    assert re.fullmatch("EV[0-9a-f]{32}", event)
    assert re.fullmatch("OHM[0-9a-f]{32}", request)
    for digits in (event[2:], request[3:]):
        assert UUID(digits).version == 1
        assert moment_of(UUID(digits)) == at


@given(numbers)
def test_a_secret_is_32_hex_digits(number: int) -> None:
    assert re.fullmatch("[0-9a-f]{32}", ids.secret(number))


@given(numbers)
def test_a_transaction_number_is_ten_digits_in_three_groups(number: int) -> None:
    assert re.fullmatch(r"W\d{3}-\d{3}-\d{4}", ids.transaction_number("W", number))


@given(numbers)
def test_chance_is_at_least_0_and_less_than_1(number: int) -> None:
    assert 0 <= ids.chance(number) < 1


def test_chance_is_evenly_spread() -> None:
    drawn = [ids.chance(number) for number in range(4000)]

    for tenth in range(10):
        assert 320 < sum(tenth / 10 <= one < (tenth + 1) / 10 for one in drawn) < 480


@given(st.text(), moments, numbers)
def test_the_same_seed_gives_the_same_names(seed: str, at: Moment, number: int) -> None:
    assert _all(Ids(seed), at, number) == _all(Ids(seed), at, number)


def test_another_seed_gives_other_names() -> None:
    one, other = _all(Ids("one"), NOW, 1), _all(Ids("other"), NOW, 1)

    assert not set(one) & set(other)


def test_two_worlds_of_one_seed_have_the_same_records_and_keys_of_their_own() -> None:
    one, other = Ids("a seed", "one"), Ids("a seed", "other")

    assert one.record("CU", NOW, 1) == other.record("CU", NOW, 1)
    assert one.secret(1) != other.secret(1)


def test_what_is_drawn_for_one_purpose_tells_nothing_of_another() -> None:
    assert ids.secret(1) != ids.seed(1)


def _all(source: Ids, at: Moment, number: int) -> list[object]:
    return [
        source.record("CU", at, number),
        source.event(at, number),
        source.request(at, number),
        source.secret(number),
        source.transaction_number("W", number),
        source.chance(number),
        source.seed(number),
    ]
