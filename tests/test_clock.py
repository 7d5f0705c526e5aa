"""A world's clock: it runs, stands still or jumps, and it never goes back."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sandbox.clock import DAY, SECOND, Clock, Moment, parse, stamp
from tests.conftest import NOW, Wall

LAST = parse("9999-12-31T23:59:59.999999Z")
LATEST = parse("9998-12-31T23:59:59.999999Z")
FIRST = parse("0001-01-01T00:00:00Z")

moments = st.integers(FIRST, LAST)


def test_time_passes_with_the_wall_clock(wall: Wall) -> None:
    clock = Clock(wall)

    wall.moment += 5 * SECOND

    assert clock.running
    assert clock.now() == NOW + 5 * SECOND


def test_a_wall_clock_that_goes_back_does_not_take_the_clock_with_it(wall: Wall) -> None:
    clock = Clock(wall)
    before = clock.now()

    wall.moment -= DAY
    assert clock.now() == before

    wall.moment += DAY + 1
    assert clock.now() == before + 1


def test_a_frozen_clock_stands_still(wall: Wall) -> None:
    clock = Clock(wall)
    clock.freeze()

    wall.moment += DAY

    assert not clock.running
    assert clock.now() == NOW


def test_a_clock_that_runs_again_goes_on_from_where_it_stood(wall: Wall) -> None:
    clock = Clock(wall, stands_at=NOW - DAY)
    wall.moment += DAY

    clock.run()
    clock.run()  # it runs already
    assert clock.now() == NOW - DAY

    wall.moment += SECOND
    assert clock.now() == NOW - DAY + SECOND


@pytest.mark.parametrize("frozen", [True, False])
def test_a_jump_leads_to_the_moment_named_and_leaves_the_pace_alone(wall: Wall, frozen: bool) -> None:
    clock = Clock(wall)
    if frozen:
        clock.freeze()

    clock.set(NOW + 7 * DAY)
    assert clock.now() == NOW + 7 * DAY

    wall.moment += SECOND
    assert clock.now() == NOW + 7 * DAY + (0 if frozen else SECOND)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_jump_into_the_past_is_refused(wall: Wall, frozen: bool) -> None:
    clock = Clock(wall)
    if frozen:
        clock.freeze()

    with pytest.raises(ValueError, match=r"2013-05-06T17:18:03\.439562Z is before 2013-05-06T17:18:03\.439563Z"):
        clock.set(NOW - 1)

    assert clock.now() == NOW


def test_a_jump_beyond_what_can_be_written_is_refused(wall: Wall) -> None:
    clock = Clock(wall)

    with pytest.raises(ValueError, match="beyond the year 9998"):
        clock.set(LATEST + 1)
    with pytest.raises(ValueError, match="beyond the year 9998"):
        clock.advance(LATEST - NOW + 1)

    clock.advance(LATEST - NOW)
    assert stamp(clock.now()) == "9998-12-31T23:59:59.999999Z"


def test_a_running_clock_can_be_advanced_by_nothing_while_time_passes() -> None:
    ticking = count(NOW)
    clock = Clock(lambda: next(ticking))

    clock.advance(0)

    assert NOW <= clock.now() < NOW + SECOND


@pytest.mark.parametrize("frozen", [True, False])
def test_a_clock_goes_on_after_a_restart(wall: Wall, frozen: bool) -> None:
    clock = Clock(wall)
    clock.set(NOW + DAY)
    if frozen:
        clock.freeze()
    state = clock.state()

    wall.moment += SECOND
    again = Clock(wall).restored(state)

    assert again.running is not frozen
    assert again.now() == NOW + DAY + (0 if frozen else SECOND)


def test_a_clock_does_not_go_back_over_a_restart(wall: Wall) -> None:
    clock = Clock(wall)
    clock.now()
    state = clock.state()

    wall.moment -= DAY

    assert Clock(wall).restored(state).now() == NOW


class ClockModel(RuleBasedStateMachine):
    """Whatever is done to a clock and to the wall clock behind it, its time never goes back."""

    def __init__(self) -> None:
        super().__init__()
        self.wall = Wall()
        self.clock = Clock(self.wall)
        self.seen = NOW

    @rule(by=st.integers(-DAY, DAY))
    def the_wall_clock_is_moved(self, by: Moment) -> None:
        self.wall.moment += by

    @rule()
    def freeze(self) -> None:
        self.clock.freeze()

    @rule()
    def run_on(self) -> None:
        self.clock.run()

    @rule(by=st.integers(0, DAY))
    def jump(self, by: Moment) -> None:
        wanted = self.clock.now() + by

        self.clock.set(wanted)

        assert self.clock.now() == wanted

    @rule()
    def restart(self) -> None:
        self.clock = Clock(self.wall).restored(self.clock.state())

    @invariant()
    def never_goes_back(self) -> None:
        now = self.clock.now()
        assert now >= self.seen
        self.seen = now


TestClockModel = ClockModel.TestCase


@given(moments)
def test_a_moment_is_written_in_27_characters_and_read_back(moment: Moment) -> None:
    written = stamp(moment)

    assert len(written) == len("2013-05-06T17:18:03.439563Z")
    assert parse(written) == moment


@given(moments, moments)
def test_written_moments_are_in_the_order_of_the_moments(one: Moment, other: Moment) -> None:
    assert (stamp(one) < stamp(other)) == (one < other)


@given(moments)
def test_a_moment_is_microseconds_since_1970(moment: Moment) -> None:
    read = datetime.fromisoformat(stamp(moment)) - datetime(1970, 1, 1, tzinfo=UTC)

    assert (read.days * 86_400 + read.seconds) * SECOND + read.microseconds == moment


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2013-05-06", "2013-05-06T00:00:00.000000Z"),
        ("2013-05-06T17:18", "2013-05-06T17:18:00.000000Z"),
        ("2013-05-06T17:18:03", "2013-05-06T17:18:03.000000Z"),
        ("2013-05-06 17:18:03.5", "2013-05-06T17:18:03.500000Z"),
        ("2013-05-06T17:18:03.439563", "2013-05-06T17:18:03.439563Z"),
        ("2013-05-06T10:18:03-07:00", "2013-05-06T17:18:03.000000Z"),
        ("2013-05-07T02:48:03+0930", "2013-05-06T17:18:03.000000Z"),
        # What the official Python client makes of a time it was sent.
        ("2013-05-06T17:18:03.439563+00:00Z", "2013-05-06T17:18:03.439563Z"),
        ("2013-05-06T17:18:03.439563+0000Z", "2013-05-06T17:18:03.439563Z"),
    ],
)
def test_a_date_or_a_time_is_read_as_utc_unless_it_names_an_offset(text: str, same: str) -> None:
    assert stamp(parse(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1367860683",
        "2013-13-01",
        "2013-02-29",
        "2013-05-06T25:00:00Z",
        "2013-05-06T17:18:03ZZ",
        "2013-05-06T17:18:03.439563+00:00Z\n",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@given(st.text() | st.text("0123456789-+:.TZW "))
def test_reading_raises_nothing_but_value_error(text: str) -> None:
    try:
        moment = parse(text)
    except ValueError:
        return

    assert FIRST <= moment <= LAST
