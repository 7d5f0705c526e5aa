"""The application beside a small model of money: after any steps in any order, the two agree.

``BALANCED_SANDBOX_MODEL_RUNS`` sets how many sequences of steps are tried.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from sandbox import clock, fixtures
from sandbox.worlds import Ground, Worlds
from tests.conformance.direct import Outcome, send
from tests.conformance.model import (
    CREDITED,
    DEBITED,
    DECLINING_CARD,
    GOOD_CARD,
    Hold,
    Instrument,
    Model,
    Moved,
    Party,
    Refused,
)
from tests.conformance.setting import BANK_ACCOUNT, CARD
from tests.conftest import Wall

RUNS = int(os.environ.get("BALANCED_SANDBOX_MODEL_RUNS", "100"))
STEPS = 50

CARDS = st.sampled_from((GOOD_CARD, GOOD_CARD, GOOD_CARD, DECLINING_CARD))
NUMBERS = st.sampled_from(sorted(CREDITED))
AMOUNTS = st.integers(50, 2_000)
PERCENT = st.sampled_from((None, 1, 30, 50, 99, 100, 101, 150))
"""How much of what is left: None leaves it to the application, above a hundred is too much."""

NOTHING: Any = multiple()
"""What a refused step adds to those that later steps choose from."""


class Money(RuleBasedStateMachine):
    """The steps, each held against what the model says must come of it."""

    parties = Bundle("parties")
    cards = Bundle("cards")
    bank_accounts = Bundle("bank_accounts")
    holds = Bundle("holds")
    debits = Bundle("debits")
    credits = Bundle("credits")

    root: ClassVar[Path]
    """Where each sequence of steps has its worlds."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp(dir=self.root))
        self.wall = Wall()
        self.model = Model(self.wall())
        self.open()
        fixtures.populate(self.worlds.default, [])
        self.marketplace = self.worlds.default.marketplace_uri

    def open(self) -> None:
        self.worlds = Worlds(Ground(wall=self.wall, seed="model", folder=self.folder))

    def teardown(self) -> None:
        self.worlds.close()
        shutil.rmtree(self.folder)

    def pass_time(self, microseconds: int) -> None:
        self.wall.moment += microseconds
        self.model.pass_time(self.wall())

    def send(self, method: str, uri: str, body: dict[str, Any] | None = None) -> Outcome:
        """Send a request a second after the last one."""
        self.pass_time(clock.SECOND)
        return send(self.worlds.default, method, uri, body)

    def get(self, uri: str) -> Any:
        shown = send(self.worlds.default, "GET", uri)
        assert shown.status == 200, uri
        return shown.body

    # What there is before the first step

    @initialize(target=parties)
    def a_customer_with_a_card(self) -> Any:
        party = self.customer()
        self.card(party, GOOD_CARD)
        return party

    @initialize(target=bank_accounts)
    def a_customer_with_a_bank_account(self) -> Any:
        return self.bank_account(self.customer(), "9900000002")

    @initialize(target=debits)
    def money_in_escrow(self) -> Any:
        return self.debit(self.a_customer_with_a_card(), 10_000)

    @initialize(target=holds)
    def money_on_hold(self) -> Any:
        return self.hold(self.a_customer_with_a_card(), 1_000)

    # Who there is, and what they pay and are paid with

    @rule(target=parties)
    def customer(self) -> Party:
        return Party(self.send("POST", "/v1/customers").body["uri"])

    @rule(target=cards, party=parties, number=CARDS)
    def card(self, party: Party, number: str) -> Instrument:
        made = self.send("POST", f"{party.uri}/cards", {**CARD, "card_number": number})

        party.cards.append(Instrument(made.body["uri"], party, number))
        return party.cards[-1]

    @rule(target=bank_accounts, party=parties, number=NUMBERS)
    def bank_account(self, party: Party, number: str) -> Instrument:
        made = self.send("POST", f"{party.uri}/bank_accounts", {**BANK_ACCOUNT, "account_number": number})

        party.bank_accounts.append(Instrument(f"/v1/bank_accounts/{made.body['id']}", party, number))
        return party.bank_accounts[-1]

    @rule(bank_account=bank_accounts)
    def verify(self, bank_account: Instrument) -> None:
        started = self.send("POST", f"{bank_account.uri}/verifications")

        if agreed(started, bank_account.refused_verification()):
            assert self.send("PUT", started.body["uri"], {"amount_1": 1, "amount_2": 1}).status == 200
            bank_account.can_debit = True
            bank_account.party.verified.append(bank_account)

    @rule(instrument=st.one_of(cards, bank_accounts))
    def invalidate(self, instrument: Instrument) -> None:
        assert self.send("PUT", instrument.uri, {"is_valid": False}).status == 200
        instrument.is_valid = False

    @rule(instrument=st.one_of(consumes(cards), consumes(bank_accounts)))
    def delete(self, instrument: Instrument) -> None:
        assert self.send("DELETE", instrument.uri).status == 204
        instrument.is_valid = False

    # Holds

    @rule(target=holds, party=parties, amount=AMOUNTS)
    def hold(self, party: Party, amount: int) -> Any:
        made = self.send("POST", f"{party.uri}/holds", {"amount": amount})

        if not agreed(made, refused_charge(party.card)):
            return NOTHING
        return self.model.hold(made.body["uri"], amount)

    @rule(target=debits, hold=holds, percent=PERCENT)
    def capture(self, hold: Hold, percent: int | None) -> Any:
        amount = max(50, part(hold.amount, percent))
        made = self.send("POST", f"{hold.uri}/debits", {} if percent is None else {"amount": amount})

        if not agreed(made, hold.refused_capture(amount)):
            return NOTHING
        hold.status = "captured"
        return self.model.debit(made.body["uri"], amount)

    @rule(hold=holds)
    def void(self, hold: Hold) -> None:
        changed = self.send("PUT", hold.uri, {"is_void": True})

        if agreed(changed, hold.refused_void(), status=200):
            hold.status = "void"

    # Debits and refunds

    @rule(target=debits, party=parties, amount=AMOUNTS)
    def debit(self, party: Party, amount: int) -> Any:
        return self._charge(f"{party.uri}/debits", party.source, amount)

    @rule(target=debits, bank_account=bank_accounts, amount=AMOUNTS)
    def debit_of_a_bank_account(self, bank_account: Instrument, amount: int) -> Any:
        return self._charge(f"{bank_account.uri}/debits", bank_account, amount)

    def _charge(self, uri: str, source: Instrument | None, amount: int) -> Any:
        made = self.send("POST", uri, {"amount": amount})

        if not agreed(made, refused_charge(source)) or source is None:
            return NOTHING
        if source.is_card:
            self.model.hold(made.body["hold"]["uri"], amount, "captured")
        return self.model.debit(made.body["uri"], amount, DEBITED[source.number])

    @rule(debit=debits, percent=PERCENT)
    def refund(self, debit: Moved, percent: int | None) -> None:
        amount = part(debit.left, percent)
        made = self.send("POST", f"{debit.uri}/refunds", {} if percent is None else {"amount": amount})

        if agreed(made, self.model.refused_refund(debit, amount)):
            assert made.body["amount"] == amount
            self.model.refund(debit, amount)

    # Credits and reversals

    @rule(target=credits, party=parties, amount=AMOUNTS)
    def credit(self, party: Party, amount: int) -> Any:
        to = party.destination
        made = self.send("POST", f"{party.uri}/credits", {"amount": amount})
        if to is None:
            agreed(made, (409, "no-funding-destination"))
            return NOTHING
        return self._paid(made, amount, to.number, to)

    @rule(target=credits, to=bank_accounts, amount=AMOUNTS)
    def credit_to_a_bank_account(self, to: Instrument, amount: int) -> Any:
        made = self.send("POST", f"{to.uri}/credits", {"amount": amount})
        if not to.is_valid:
            agreed(made, (409, "bank-account-not-valid"))
            return NOTHING
        return self._paid(made, amount, to.number, to)

    @rule(target=credits, number=NUMBERS, amount=AMOUNTS)
    def credit_to_a_described_bank_account(self, number: str, amount: int) -> Any:
        described = {**BANK_ACCOUNT, "account_number": number}
        made = self.send("POST", "/v1/credits", {"amount": amount, "bank_account": described})
        return self._paid(made, amount, number, None)

    def _paid(self, made: Outcome, amount: int, number: str, to: Instrument | None) -> Any:
        if not agreed(made, self.model.refused_credit(amount)):
            return NOTHING
        return self.model.credit(f"/v1/credits/{made.body['id']}", amount, number, to)

    @rule(credit=credits, percent=PERCENT)
    def reverse(self, credit: Moved, percent: int | None) -> None:
        amount = part(credit.left, percent)
        made = self.send("POST", f"{credit.uri}/reversals", {} if percent is None else {"amount": amount})

        if agreed(made, self.model.refused_reversal(credit, amount)):
            assert made.body["amount"] == amount
            self.model.reverse(credit, amount)

    # Nothing that moves money by itself

    @rule(changed=st.one_of(holds, debits, credits), description=st.text("abc", max_size=3))
    def describe(self, changed: Hold | Moved, description: str) -> None:
        assert self.send("PUT", changed.uri, {"description": description}).body["description"] == description

    @rule()
    def restart(self) -> None:
        self.worlds.close()
        self.open()

    @rule(days=st.integers(1, 8))
    def days_pass(self, days: int) -> None:
        self.pass_time(days * clock.DAY)

    # What is true after every step

    @invariant()
    def escrow_agrees(self) -> None:
        assert self.get(self.marketplace)["in_escrow"] == self.model.escrow >= 0

    @invariant()
    def the_books_are_double(self) -> None:
        entries = self.worlds.default.store.find("entries").documents

        assert sum(entry["amount"] for entry in entries) == 0
        assert sum(entry["amount"] for entry in entries if entry["side"] == "escrow") == self.model.escrow

    @invariant()
    def holds_agree_and_are_captured_at_most_once(self) -> None:
        for hold in self.model.holds:
            shown, debits = self.get(hold.uri), self.get(f"{hold.uri}/debits")["total"]

            assert shown["is_void"] == (hold.status in ("void", "expired"))
            assert debits == (shown["debit"] is not None) == (hold.status == "captured")

    @invariant()
    def debits_agree_and_refunds_never_exceed_them(self) -> None:
        for debit in self.model.debits:
            back = sum(refund["amount"] for refund in self.items(f"{debit.uri}/refunds"))

            assert self.get(debit.uri)["status"] == debit.status
            assert back == debit.back <= debit.amount

    @invariant()
    def credits_agree_and_reversals_never_exceed_them(self) -> None:
        for credit in self.model.credits:
            back = sum(reversal["amount"] for reversal in self.items(f"{credit.uri}/reversals"))

            assert self.get(credit.uri)["status"] == credit.status
            assert back == credit.back <= credit.amount

    @invariant()
    def totals_agree(self) -> None:
        model = self.model
        expected = {
            "holds": len(model.holds),
            "debits": len(model.debits),
            "credits": len(model.credits),
            "refunds": model.refunds,
            "reversals": model.reversals,
        }

        assert {plural: self.total(plural) for plural in expected} == expected
        assert self.total("transactions") == sum(expected.values())

    def total(self, plural: str) -> int:
        """Return how many there are by the marketplace's list."""
        return int(self.get(f"{self.marketplace}/{plural}?limit=1")["total"])

    def items(self, uri: str) -> Iterator[Any]:
        """Yield every item of a list."""
        following: str | None = f"{uri}?limit=100"
        while following is not None:
            page = self.get(following)
            yield from page["items"]
            following = page["next_uri"]


def agreed(came: Outcome, refused: Refused | None, *, status: int = 201) -> bool:
    """Return whether a request was granted; the application must have decided as the model did."""
    assert (came.status, came.code) == (refused or (status, ""))
    return refused is None


def refused_charge(source: Instrument | None) -> Refused | None:
    return (409, "no-funding-source") if source is None else source.refused_charge()


def part(amount: int, percent: int | None) -> int:
    """Return a part of an amount, at least a cent, and more than it above a hundred."""
    return amount if percent is None else max(1, amount * percent // 100 + (percent > 100))


def test_the_application_agrees_with_the_model_after_every_step(tmp_path: Path) -> None:
    Money.root = tmp_path

    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,  # a step may come upon a restart, and runs are as long as they are
            suppress_health_check=list(HealthCheck),
        ),
    )
