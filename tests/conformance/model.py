"""A small model of money: who can pay with what, what is held and moved, and what is in escrow; no uris but names.

What it refuses is told as the status and the code of the refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox import clock
from sandbox.bank import settles_at

Refused = tuple[int, str]

GOOD_CARD, DECLINING_CARD = "4111111111111111", "4444444444444448"

CREDITED = {
    "9900000000": "pending",
    "9900000001": "pending",
    "9900000002": "paid",
    "9900000003": "paid",
    "9900000004": "failed",
    "9900000005": "failed",
    "112233445": "paid",
}
"""What becomes of a credit, by account number."""

DEBITED = {
    **CREDITED,
    "9900000002": "succeeded",
    "9900000003": "succeeded",
    "112233445": "pending",
    GOOD_CARD: "succeeded",
}
"""What becomes of a debit, by account or card number."""


@dataclass(eq=False)
class Instrument:
    """A card or a bank account."""

    uri: str
    party: Party
    number: str
    can_debit: bool = False
    is_valid: bool = True

    @property
    def is_card(self) -> bool:
        return self.number in (GOOD_CARD, DECLINING_CARD)

    def refused_charge(self) -> Refused | None:
        """Return how a charge of it is refused, None when it is not."""
        if not self.is_valid:
            return 409, "card-not-valid" if self.is_card else "bank-account-not-valid"
        if self.number == DECLINING_CARD:
            return 402, "card-declined"
        return None if self.is_card or self.can_debit else (409, "funding-source-not-debitable")

    def refused_verification(self) -> Refused | None:
        if not self.is_valid:
            return 409, "bank-account-not-valid"
        return (409, "bank-account-authentication-already-exists") if self.can_debit else None


@dataclass(eq=False)
class Party:
    """A customer, and what it was given, the newest last."""

    uri: str
    cards: list[Instrument] = field(default_factory=list)
    bank_accounts: list[Instrument] = field(default_factory=list)
    verified: list[Instrument] = field(default_factory=list)

    @property
    def card(self) -> Instrument | None:
        return _newest(self.cards)

    @property
    def source(self) -> Instrument | None:
        """What is debited: the newest card, or else the bank account that was verified last."""
        return self.card or _newest(self.verified)

    @property
    def destination(self) -> Instrument | None:
        return _newest(self.bank_accounts)


@dataclass(eq=False)
class Hold:
    """Money reserved: active until it is captured, void or expired."""

    uri: str
    amount: int
    expires_at: int
    status: str = "active"

    def refused_capture(self, amount: int) -> Refused | None:
        if amount > self.amount:
            return 400, "request"
        if self.status == "expired":
            return 409, "authorization-expired"
        return None if self.status == "active" else (409, "cannot-capture-authorization")

    def refused_void(self) -> Refused | None:
        return None if self.status == "active" else (409, "cannot-void-authorization")


@dataclass(eq=False)
class Moved:
    """A debit or a credit, and how much of it was given or taken back."""

    uri: str
    amount: int
    status: str
    settles_at: int
    destination: Instrument | None = None
    back: int = 0

    @property
    def left(self) -> int:
        return self.amount - self.back


@dataclass
class Model:
    """All of it, in cents and microseconds."""

    now: int
    escrow: int = 0
    holds: list[Hold] = field(default_factory=list)
    debits: list[Moved] = field(default_factory=list)
    credits: list[Moved] = field(default_factory=list)
    refunds: int = 0
    reversals: int = 0

    def pass_time(self, now: int) -> None:
        """Let what falls due until then happen."""
        self.now = now
        for hold in self.holds:
            if hold.status == "active" and hold.expires_at <= now:
                hold.status = "expired"
        for debit in self.debits:
            if debit.status == "pending" and debit.settles_at <= now:
                debit.status = "succeeded"
                self.escrow += debit.amount
        for credit in self.credits:
            if credit.status == "pending" and credit.settles_at <= now:
                credit.status = "paid"

    def hold(self, uri: str, amount: int, status: str = "active") -> Hold:
        self.holds.append(Hold(uri, amount, self.now + 7 * clock.DAY, status))
        return self.holds[-1]

    def debit(self, uri: str, amount: int, status: str = "succeeded") -> Moved:
        self.debits.append(Moved(uri, amount, status, settles_at(self.now)))
        self.escrow += amount if status == "succeeded" else 0
        return self.debits[-1]

    def refused_refund(self, debit: Moved, amount: int) -> Refused | None:
        if debit.status != "succeeded":
            return 400, "refund-invalid-debit-state"
        if not debit.left:
            return 409, "debit-already-refunded"
        if amount > debit.left:
            return 400, "request"
        return (409, "refund-insufficient-funds") if amount > self.escrow else None

    def refund(self, debit: Moved, amount: int) -> None:
        debit.back += amount
        self.escrow -= amount
        self.refunds += 1

    def refused_credit(self, amount: int) -> Refused | None:
        return (409, "insufficient-funds") if amount > self.escrow else None

    def credit(self, uri: str, amount: int, number: str, to: Instrument | None) -> Moved:
        status = CREDITED[number]
        self.credits.append(Moved(uri, amount, status, settles_at(self.now), to))
        self.escrow -= 0 if status == "failed" else amount
        return self.credits[-1]

    def refused_reversal(self, credit: Moved, amount: int) -> Refused | None:
        if credit.status != "paid":
            return 400, "cannot-reverse-credit"
        if not credit.left:
            return 409, "credit-already-reversed"
        if amount > credit.left:
            return 400, "invalid-reversal-amount"
        is_closed = credit.destination is not None and not credit.destination.is_valid
        return (409, "funding-destination-cannot-reverse") if is_closed else None

    def reverse(self, credit: Moved, amount: int) -> None:
        credit.back += amount
        self.escrow += amount
        self.reversals += 1


def _newest(instruments: list[Instrument]) -> Instrument | None:
    return next((one for one in reversed(instruments) if one.is_valid), None)
