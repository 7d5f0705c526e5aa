"""The pretend bank: it approves, unless a test number says no; and it keeps the hours of the real one."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from sandbox.clock import Moment, parse, stamp
from sandbox.errors import Declined

Outcome = Literal["pending", "succeeds", "fails"]

PENDING: Outcome = "pending"
SUCCEEDS: Outcome = "succeeds"
FAILS: Outcome = "fails"

SCRIPTED_TO_FAIL = "a fault told the bank to refuse it"
"""Why something failed that would not have."""

WHY_IT_FAILS = {
    FAILS: "the bank refuses the test number of {}",
    "declines": "the bank declines the test number of {}",
}
"""Why something failed, by the behaviour of what was charged or paid, which is to be named."""

REFUSED = "the bank refuses some test numbers, and what a fault tells it to"
"""Why something failed of which no more is known."""

_PACIFIC = ZoneInfo("America/Los_Angeles")
_CUT_OFF = time(15)
_SATURDAY = 5


class Bank:
    """Decides what becomes of a charge or a payout by the behaviour an instrument was tokenised with.

    ``scripted`` is what it says instead, whatever the instrument.
    """

    def __init__(self, scripted: Outcome | None = None) -> None:
        self._scripted = scripted

    def authorize(self, behaviour: str | None) -> None:
        """Let a card be charged; raises ``Declined``."""
        if (self._scripted or behaviour) in ("declines", FAILS):
            raise Declined("R530: Customer call bank.", additional="Customer call bank.")

    def credit(self, behaviour: str | None) -> Outcome:
        """Return what becomes of a payout to a bank account (``money.md`` §14.3)."""
        return {"pending": PENDING, "fails": FAILS}.get(self._scripted or behaviour or "", SUCCEEDS)

    def debit(self, behaviour: str | None) -> Outcome:
        """Return what becomes of a charge to a bank account; without a test number it stays pending first."""
        return {"succeeds": SUCCEEDS, "fails": FAILS}.get(self._scripted or behaviour or "", PENDING)


def settles_at(created: Moment) -> Moment:
    """Return when what was created is settled: 15:00 Pacific on the business day after."""
    local = datetime.fromisoformat(stamp(created)).astimezone(_PACIFIC)
    day = local.date() + timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return parse(datetime.combine(day, _CUT_OFF, _PACIFIC).astimezone(UTC).isoformat())
