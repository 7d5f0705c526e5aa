"""A small model of money beside the real application: after any steps in any order, the two agree.

The model knows who has which cards and bank accounts, what is held, debited, credited, given back and taken back, and
what is in escrow; no more. ``MODEL_RUNS`` sets how many sequences of steps are tried.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from sandbox import clock, fixtures
from sandbox.bank import settles_at
from sandbox.world import World
from sandbox.worlds import Ground, Worlds
from tests.conformance.direct import Outcome, send
from tests.conformance.setting import BANK_ACCOUNT, CARD, DECLINING_CARD
from tests.conftest import Wall

RUNS = int(os.environ.get("MODEL_RUNS", "100"))
STEPS = 50

HOLDS_LAST = 7 * clock.DAY

CREDITED = {
    "9900000000": "pending",
    "9900000001": "pending",
    "9900000002": "paid",
    "9900000003": "paid",
    "9900000004": "failed",
    "9900000005": "failed",
    "112233445": "paid",
}
"""What becomes of a credit to an account number."""

DEBITED = {**CREDITED, "9900000002": "succeeded", "9900000003": "succeeded", "112233445": "pending"}
"""What becomes of a debit from an account number."""

AMOUNTS = st.integers(50, 2_000)
PERCENT = st.sampled_from((None, 1, 30, 50, 99, 100, 101, 150))
"""How much of what is left: None leaves it to the application, above a hundred is too much."""


@dataclass(eq=False)
class Instrument:
    """A card or a bank account."""

    uri: str
    party: Party
    number: str
    can_debit: bool = False
    is_valid: bool = True


@dataclass(eq=False)
class Party:
    """A customer, and what it was given, the newest last."""

    uri: str
    cards: list[Instrument] = field(default_factory=list)
    bank_accounts: list[Instrument] = field(default_factory=list)
    debitable: list[Instrument] = field(default_factory=list)

    @property
    def source(self) -> Instrument | None:
        """What is debited: the newest valid card, or else the bank account that was verified last."""
        return next((one for one in (*self.cards[::-1], *self.debitable[::-1]) if one.is_valid), None)

    @property
    def card(self) -> Instrument | None:
        return next((one for one in self.cards[::-1] if one.is_valid), None)

    @property
    def destination(self) -> Instrument | None:
        return next((one for one in self.bank_accounts[::-1] if one.is_valid), None)


@dataclass(eq=False)
class Hold:
    uri: str
    party: Party
    amount: int
    expires_at: int
    status: str = "active"


@dataclass(eq=False)
class Moved:
    """A debit or a credit, and what of it was given or taken back."""

    uri: str
    amount: int
    status: str
    settles_at: int
    destination: Instrument | None = None
    back: int = 0

    @property
    def left(self) -> int:
        return self.amount - self.back


class Money(RuleBasedStateMachine):
    """The steps, each with what the model says must come of it."""

    parties = Bundle("parties")
    bank_accounts = Bundle("bank_accounts")
    instruments = Bundle("instruments")
    holds = Bundle("holds")
    debits = Bundle("debits")
    credits = Bundle("credits")

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.folder.mkdir()
        self.wall = Wall()
        self.open()
        fixtures.populate(self.world, [])
        self.escrow = 0
        self.held: list[Hold] = []
        self.debited: list[Moved] = []
        self.credited: list[Moved] = []
        self.refunded = 0
        self.reversed = 0

    def open(self) -> None:
        self.worlds = Worlds(Ground(wall=self.wall, seed="model", folder=self.folder))

    @property
    def world(self) -> World:
        return self.worlds.default

    @property
    def marketplace(self) -> str:
        return self.world.marketplace_uri

    def teardown(self) -> None:
        self.worlds.close()
        shutil.rmtree(self.folder)

    def pass_time(self, microseconds: int) -> None:
        """Move the wall clock, and do in the model what falls due; in the application, the next request does."""
        self.wall.moment += microseconds
        for hold in self.held:
            if hold.status == "active" and hold.expires_at <= self.wall.moment:
                hold.status = "expired"
        for debit in self.debited:
            if debit.status == "pending" and debit.settles_at <= self.wall.moment:
                debit.status = "succeeded"
                self.escrow += debit.amount
        for credit in self.credited:
            if credit.status == "pending" and credit.settles_at <= self.wall.moment:
                credit.status = "paid"

    def post(self, uri: str, body: dict[str, Any] | None = None) -> Outcome:
        self.pass_time(clock.SECOND)
        return send(self.world, "POST", uri, body)

    def put(self, uri: str, body: dict[str, Any]) -> Outcome:
        self.pass_time(clock.SECOND)
        return send(self.world, "PUT", uri, body)

    def get(self, uri: str) -> Any:
        shown = send(self.world, "GET", uri)
        assert shown.status == 200, uri
        return shown.body

    # What there always is, for whichever steps are taken

    @initialize(target=parties)
    def a_customer_with_a_card(self) -> Party:
        party = self.customer()
        self.card(party, CARD)
        return party

    @initialize(target=bank_accounts)
    def a_customer_with_a_bank_account(self) -> Instrument:
        return self.bank_account(self.customer(), "9900000002")

    @initialize(target=debits)
    def money_in_escrow(self) -> Any:
        return self.debit(self.a_customer_with_a_card(), 10_000)

    @initialize(target=holds)
    def money_held(self) -> Any:
        return self.hold(self.a_customer_with_a_card(), 1_000)

    # Who there is, and what they pay and are paid with

    @rule(target=parties)
    def customer(self) -> Party:
        return Party(self.post("/v1/customers").body["uri"])

    @rule(target=instruments, party=parties, card=st.sampled_from((CARD, CARD, CARD, DECLINING_CARD)))
    def card(self, party: Party, card: dict[str, Any]) -> Instrument:
        made = self.post(f"{party.uri}/cards", card)

        assert made.status == 201
        party.cards.append(Instrument(made.body["uri"], party, card["card_number"]))
        return party.cards[-1]

    @rule(target=bank_accounts, party=parties, number=st.sampled_from(sorted(CREDITED)))
    def bank_account(self, party: Party, number: str) -> Instrument:
        made = self.post(f"{party.uri}/bank_accounts", {**BANK_ACCOUNT, "account_number": number})

        assert made.status == 201
        party.bank_accounts.append(Instrument(f"/v1/bank_accounts/{made.body['id']}", party, number))
        return party.bank_accounts[-1]

    @rule(bank_account=bank_accounts)
    def verify(self, bank_account: Instrument) -> None:
        started = self.post(f"{bank_account.uri}/verifications")
        if bank_account.can_debit or not bank_account.is_valid:
            assert started.status == 409
            return
        confirmed = self.put(started.body["uri"], {"amount_1": 1, "amount_2": 1})

        assert confirmed.body["state"] == "verified"
        bank_account.can_debit = True
        bank_account.party.debitable.append(bank_account)

    @rule(instrument=st.one_of(instruments, bank_accounts))
    def invalidate(self, instrument: Instrument) -> None:
        changed = self.put(instrument.uri, {"is_valid": False})

        assert changed.status == 200
        instrument.is_valid = False

    # Holds

    @rule(target=holds, party=parties, amount=AMOUNTS)
    def hold(self, party: Party, amount: int) -> Any:
        made = self.post(f"{party.uri}/holds", {"amount": amount})

        expected = refused_charge(party.card)
        assert (made.status, made.code) == (expected or (201, ""))
        if expected:
            return multiple()
        self.held.append(Hold(made.body["uri"], party, amount, self.wall.moment + HOLDS_LAST))
        return self.held[-1]

    @rule(target=debits, hold=holds, percent=PERCENT)
    def capture(self, hold: Hold, percent: int | None) -> Any:
        amount = max(50, part(hold.amount, percent))
        made = self.post(f"{hold.uri}/debits", {} if percent is None else {"amount": amount})

        expected = self._refused_capture(hold, amount)
        assert (made.status, made.code) == (expected or (201, ""))
        if expected:
            return multiple()
        hold.status = "captured"
        return self._debited(made.body["uri"], amount, "succeeded")

    def _refused_capture(self, hold: Hold, amount: int) -> tuple[int, str] | None:
        if amount > hold.amount:
            return 400, "request"
        code = {"active": "", "expired": "authorization-expired"}.get(hold.status, "cannot-capture-authorization")
        return (409, code) if code else None

    @rule(hold=holds)
    def void(self, hold: Hold) -> None:
        changed = self.put(hold.uri, {"is_void": True})

        if hold.status != "active":
            assert (changed.status, changed.code) == (409, "cannot-void-authorization")
            return
        assert changed.status == 200
        hold.status = "void"

    # Debits and refunds

    @rule(target=debits, party=parties, amount=AMOUNTS)
    def debit(self, party: Party, amount: int) -> Any:
        return self._charge(f"{party.uri}/debits", party.source, amount)

    @rule(target=debits, bank_account=bank_accounts, amount=AMOUNTS)
    def debit_of_a_bank_account(self, bank_account: Instrument, amount: int) -> Any:
        return self._charge(f"{bank_account.uri}/debits", bank_account, amount)

    def _charge(self, uri: str, source: Instrument | None, amount: int) -> Any:
        made = self.post(uri, {"amount": amount})

        expected = refused_charge(source)
        assert (made.status, made.code) == (expected or (201, ""))
        if source is None or expected:
            return multiple()
        if source in source.party.cards:
            self.held.append(Hold(made.body["hold"]["uri"], source.party, amount, 0, "captured"))
        return self._debited(made.body["uri"], amount, DEBITED.get(source.number, "succeeded"))

    def _debited(self, uri: str, amount: int, status: str) -> Moved:
        self.debited.append(Moved(uri, amount, status, settles_at(self.wall.moment)))
        if status == "succeeded":
            self.escrow += amount
        return self.debited[-1]

    @rule(debit=debits, percent=PERCENT)
    def refund(self, debit: Moved, percent: int | None) -> None:
        wanted = part(debit.left, percent)
        made = self.post(f"{debit.uri}/refunds", {} if percent is None else {"amount": wanted})

        expected = self._refused_refund(debit, wanted)
        assert (made.status, made.code) == (expected or (201, ""))
        if expected:
            return
        assert made.body["amount"] == wanted
        debit.back += wanted
        self.escrow -= wanted
        self.refunded += 1

    def _refused_refund(self, debit: Moved, amount: int) -> tuple[int, str] | None:
        if debit.status != "succeeded":
            return 400, "refund-invalid-debit-state"
        if not debit.left:
            return 409, "debit-already-refunded"
        if amount > debit.left:
            return 400, "request"
        return (409, "refund-insufficient-funds") if amount > self.escrow else None

    # Credits and reversals

    @rule(target=credits, party=parties, amount=AMOUNTS)
    def credit(self, party: Party, amount: int) -> Any:
        if party.destination is None:
            made = self.post(f"{party.uri}/credits", {"amount": amount})
            assert (made.status, made.code) == (409, "no-funding-destination")
            return multiple()
        return self._pay(f"{party.uri}/credits", party.destination, party.destination.number, {"amount": amount})

    @rule(target=credits, bank_account=bank_accounts, amount=AMOUNTS)
    def credit_to_a_bank_account(self, bank_account: Instrument, amount: int) -> Any:
        if not bank_account.is_valid:
            made = self.post(f"{bank_account.uri}/credits", {"amount": amount})
            assert (made.status, made.code) == (409, "bank-account-not-valid")
            return multiple()
        return self._pay(f"{bank_account.uri}/credits", bank_account, bank_account.number, {"amount": amount})

    @rule(target=credits, number=st.sampled_from(sorted(CREDITED)), amount=AMOUNTS)
    def credit_to_a_described_bank_account(self, number: str, amount: int) -> Any:
        described = {**BANK_ACCOUNT, "account_number": number}
        return self._pay("/v1/credits", None, number, {"amount": amount, "bank_account": described})

    def _pay(self, uri: str, to: Instrument | None, number: str, body: dict[str, Any]) -> Any:
        made, amount = self.post(uri, body), body["amount"]

        if amount > self.escrow:
            assert (made.status, made.code) == (409, "insufficient-funds")
            return multiple()
        assert made.status == 201
        status = CREDITED[number]
        if status != "failed":
            self.escrow -= amount
        uri = f"/v1/credits/{made.body['id']}"
        self.credited.append(Moved(uri, amount, status, settles_at(self.wall.moment), to))
        return self.credited[-1]

    @rule(credit=credits, percent=PERCENT)
    def reverse(self, credit: Moved, percent: int | None) -> None:
        wanted = part(credit.left, percent)
        made = self.post(f"{credit.uri}/reversals", {} if percent is None else {"amount": wanted})

        expected = self._refused_reversal(credit, wanted)
        assert (made.status, made.code) == (expected or (201, ""))
        if expected:
            return
        assert made.body["amount"] == wanted
        credit.back += wanted
        self.escrow += wanted
        self.reversed += 1

    def _refused_reversal(self, credit: Moved, amount: int) -> tuple[int, str] | None:
        if credit.status != "paid":
            return 400, "cannot-reverse-credit"
        if not credit.left:
            return 409, "credit-already-reversed"
        if amount > credit.left:
            return 400, "invalid-reversal-amount"
        is_closed = credit.destination is not None and not credit.destination.is_valid
        return (409, "funding-destination-cannot-reverse") if is_closed else None

    # Nothing that moves money

    @rule(changed=st.one_of(holds, debits, credits), description=st.text("abc", max_size=3))
    def describe(self, changed: Hold | Moved, description: str) -> None:
        assert self.put(changed.uri, {"description": description}).body["description"] == description

    @rule()
    def restart(self) -> None:
        self.worlds.close()
        self.open()

    @rule(days=st.integers(1, 8))
    def days_pass(self, days: int) -> None:
        self.pass_time(days * clock.DAY)

    # What must be true after every step

    @invariant()
    def escrow_agrees(self) -> None:
        assert self.get(self.marketplace)["in_escrow"] == self.escrow >= 0

    @invariant()
    def the_books_are_double(self) -> None:
        entries = self.world.store.find("entries").documents

        assert sum(entry["amount"] for entry in entries) == 0
        assert sum(entry["amount"] for entry in entries if entry["side"] == "escrow") == self.escrow

    @invariant()
    def holds_agree(self) -> None:
        for hold in self.held:
            shown = self.get(hold.uri)
            is_void = hold.status in ("void", "expired")

            assert (shown["is_void"], shown["debit"] is not None) == (is_void, hold.status == "captured")
            assert self.get(f"{hold.uri}/debits")["total"] == (hold.status == "captured")

    @invariant()
    def debits_agree(self) -> None:
        for debit in self.debited:
            back = sum(refund["amount"] for refund in self.all(f"{debit.uri}/refunds"))

            assert self.get(debit.uri)["status"] == debit.status
            assert back == debit.back <= debit.amount

    @invariant()
    def credits_agree(self) -> None:
        for credit in self.credited:
            back = sum(reversal["amount"] for reversal in self.all(f"{credit.uri}/reversals"))

            assert self.get(credit.uri)["status"] == credit.status
            assert back == credit.back <= credit.amount

    @invariant()
    def totals_agree(self) -> None:
        expected = {
            "hold": len(self.held),
            "debit": len(self.debited),
            "credit": len(self.credited),
            "refund": self.refunded,
        }
        counts = self.get(f"{self.marketplace}/transactions?limit=1")["counts"]

        assert {kind: counts[kind] for kind in expected} == expected
        assert self.get(f"{self.marketplace}/reversals?limit=1")["total"] == self.reversed

    def all(self, uri: str) -> Iterator[Any]:
        """Yield every item of a list."""
        following: str | None = uri
        while following is not None:
            page = self.get(following)
            yield from page["items"]
            following = page["next_uri"]


def part(amount: int, percent: int | None) -> int:
    """Return a part of an amount, at least a cent, and more than it above a hundred."""
    return amount if percent is None else max(1, amount * percent // 100 + (percent > 100))


def refused_charge(source: Instrument | None) -> tuple[int, str] | None:
    """Return how a charge of a source is refused, None when it is not."""
    if source is None:
        return 409, "no-funding-source"
    is_card = source in source.party.cards
    if not source.is_valid:
        return 409, "card-not-valid" if is_card else "bank-account-not-valid"
    if source.number == DECLINING_CARD["card_number"]:
        return 402, "card-declined"
    return None if is_card or source.can_debit else (409, "funding-source-not-debitable")


def test_the_application_agrees_with_the_model_after_every_step(tmp_path: Path) -> None:
    folders: Callable[[], Path] = map(lambda number: tmp_path / str(number), count()).__next__

    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # Hypothesis leaves it untyped
        lambda: Money(folders()),
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
