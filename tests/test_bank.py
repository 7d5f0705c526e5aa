"""The pretend bank: test numbers decide, a script overrides them, and money settles at 15:00 Pacific."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.bank import FAILS, PENDING, SUCCEEDS, Bank, Outcome, settles_at
from sandbox.clock import DAY, Moment, parse, stamp
from sandbox.errors import Declined

PACIFIC = ZoneInfo("America/Los_Angeles")
SATURDAY = 5


@pytest.mark.parametrize("behaviour", [None, "succeeds", "pending"])
def test_a_card_can_be_charged_unless_its_number_declines(behaviour: str | None) -> None:
    Bank().authorize(behaviour)


def test_a_declining_card_cannot_be_charged() -> None:
    with pytest.raises(Declined) as refused:
        Bank().authorize("declines")

    assert refused.value.sentence == "R530: Customer call bank."
    assert refused.value.additional == "Customer call bank."
    assert refused.value.category_code == "card-declined"


@pytest.mark.parametrize(
    ("behaviour", "credit", "debit"),
    [
        ("pending", PENDING, PENDING),
        ("succeeds", SUCCEEDS, SUCCEEDS),
        ("fails", FAILS, FAILS),
        (None, SUCCEEDS, PENDING),
    ],
)
def test_an_account_number_decides_what_becomes_of_money(
    behaviour: str | None, credit: Outcome, debit: Outcome
) -> None:
    assert Bank().credit(behaviour) == credit
    assert Bank().debit(behaviour) == debit


@pytest.mark.parametrize("behaviour", [None, "pending", "succeeds", "fails", "declines"])
@pytest.mark.parametrize("scripted", [PENDING, SUCCEEDS, FAILS])
def test_a_script_decides_instead_of_the_number(behaviour: str | None, scripted: Outcome) -> None:
    bank = Bank(scripted)

    assert bank.credit(behaviour) == scripted
    assert bank.debit(behaviour) == scripted
    if scripted == FAILS:
        with pytest.raises(Declined):
            bank.authorize(behaviour)
    else:
        bank.authorize(behaviour)


@pytest.mark.parametrize(
    ("created", "settled"),
    [
        # In summer 15:00 Pacific is 22:00 UTC.
        ("2013-05-06T17:18:03.439563Z", "2013-05-07T22:00:00.000000Z"),
        # In winter it is 23:00 UTC.
        ("2013-01-07T17:18:03Z", "2013-01-08T23:00:00.000000Z"),
        # On a Thursday, a Friday, a Saturday and a Sunday.
        ("2013-05-09T17:00:00Z", "2013-05-10T22:00:00.000000Z"),
        ("2013-05-10T17:00:00Z", "2013-05-13T22:00:00.000000Z"),
        ("2013-05-11T17:00:00Z", "2013-05-13T22:00:00.000000Z"),
        ("2013-05-12T17:00:00Z", "2013-05-13T22:00:00.000000Z"),
        # It does not matter whether the day's own 15:00 is past.
        ("2013-05-06T21:59:59Z", "2013-05-07T22:00:00.000000Z"),
        ("2013-05-06T22:00:01Z", "2013-05-07T22:00:00.000000Z"),
        # The day is the one in California, and ends at 07:00 UTC in summer, 08:00 UTC in winter.
        ("2013-05-07T06:59:59.999999Z", "2013-05-07T22:00:00.000000Z"),
        ("2013-05-07T07:00:00Z", "2013-05-08T22:00:00.000000Z"),
        ("2013-01-08T07:59:59.999999Z", "2013-01-08T23:00:00.000000Z"),
        ("2013-01-08T08:00:00Z", "2013-01-09T23:00:00.000000Z"),
        ("2013-05-11T06:59:59Z", "2013-05-13T22:00:00.000000Z"),
        ("2013-05-13T06:59:59Z", "2013-05-13T22:00:00.000000Z"),
        # Clocks go forward on Sunday, March 10: created in winter, settled in summer.
        ("2013-03-07T20:00:00Z", "2013-03-08T23:00:00.000000Z"),
        ("2013-03-08T20:00:00Z", "2013-03-11T22:00:00.000000Z"),
        ("2013-03-10T09:59:59Z", "2013-03-11T22:00:00.000000Z"),
        ("2013-03-10T10:00:00Z", "2013-03-11T22:00:00.000000Z"),
        # Clocks go back on Sunday, November 3: created in summer, settled in winter; 01:30 comes twice.
        ("2013-10-31T20:00:00Z", "2013-11-01T22:00:00.000000Z"),
        ("2013-11-01T20:00:00Z", "2013-11-04T23:00:00.000000Z"),
        ("2013-11-03T08:30:00Z", "2013-11-04T23:00:00.000000Z"),
        ("2013-11-03T09:30:00Z", "2013-11-04T23:00:00.000000Z"),
        # A year and a leap day on the way.
        ("2013-12-30T20:00:00Z", "2013-12-31T23:00:00.000000Z"),
        ("2012-02-28T20:00:00Z", "2012-02-29T23:00:00.000000Z"),
    ],
)
def test_money_settles_at_15_00_pacific_on_the_next_business_day(created: str, settled: str) -> None:
    assert stamp(settles_at(parse(created))) == settled


@given(st.integers(parse("1990-01-01"), parse("2100-01-01")))
def test_settlement_is_a_working_afternoon_and_the_first_that_is_not_of_the_same_day(created: Moment) -> None:
    settled = settles_at(created)

    local = datetime.fromisoformat(stamp(settled)).astimezone(PACIFIC)
    begun = datetime.fromisoformat(stamp(created)).astimezone(PACIFIC).date()
    between = [begun + timedelta(days) for days in range(1, (local.date() - begun).days)]
    assert local.time() == time(15)
    assert local.weekday() < SATURDAY
    assert all(day.weekday() >= SATURDAY for day in between)
    assert begun < local.date()
    assert 0 < settled - created < 4 * DAY
