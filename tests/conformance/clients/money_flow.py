"""Move money with the official Python client: ``python money_flow.py URL``, in an environment of its own.

Each function is a short program as a merchant would have written it; what its own test suite relied on is asserted.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

balanced: Any = importlib.import_module("balanced")

# What no translation of syntax can carry over from Python 2: object.__new__ took and ignored arguments there, and a
# str was what an address is made of; here the client's own encoder gets bytes and refuses them.
balanced.resources.object = SimpleNamespace(__new__=lambda cls, **_: builtins.object.__new__(cls))
balanced.resources.url_encode = partial(urlencode, doseq=True)

VISA = "4111111111111111"
DECLINED = "4444444444444448"
PERSON = {
    "type": "person",
    "name": "William James",
    "phone_number": "+16505551234",
    "dob": "1842-01",
    "street_address": "167 West 74th Street",
    "postal_code": "10023",
}


def open_a_marketplace() -> None:
    key = balanced.APIKey().save()
    balanced.configure(key.secret)

    marketplace = balanced.Marketplace().save()

    assert marketplace.id.startswith("TEST-MP")
    assert marketplace.in_escrow == 0
    assert key.merchant.id == balanced.Merchant.me.id
    assert _refusal(balanced.Marketplace().save).category_code == "marketplace-already-created"


def save_a_customer() -> None:
    customer = balanced.Customer(name="Henry Ford", meta={"likes": "cars"}).save()

    customer.address = {"line1": "1 River Rouge", "postal_code": "48120"}
    customer.save()

    found = balanced.Customer.find(customer.uri)
    assert (found.name, found.meta, found.address["postal_code"]) == ("Henry Ford", {"likes": "cars"}, "48120")
    assert found.created_at == customer.created_at
    customer.delete()
    assert _refusal(lambda: balanced.Customer.find(customer.uri)).status_code == 404


def debit_a_card_and_refund_it() -> None:
    customer = _customer_with_card()
    before = _in_escrow()

    debit = customer.debit(5000, appears_on_statement_as="PARTS", description="a wheel")
    part = debit.refund(amount=1500)
    rest = debit.refund()

    assert debit.id.startswith("WD")
    assert debit.source.id == customer.active_card.id
    assert (part.amount, rest.amount) == (1500, 3500)
    assert [refund.id for refund in debit.refunds] == [rest.id, part.id]
    assert _refusal(debit.refund).category_code == "debit-already-refunded"
    assert _in_escrow() == before


def save_a_debit() -> None:
    debit = _customer_with_card().debit(5000)

    debit.description, debit.meta = "a wheel", {"order": "1908"}
    debit.save()

    found = balanced.Debit.find(debit.uri)
    assert (found.description, found.meta, found.amount) == ("a wheel", {"order": "1908"}, 5000)


def capture_a_hold_and_void_another() -> None:
    card = _customer_with_card().active_card
    captured, voided = card.hold(10000), card.hold(2000)

    debit = captured.capture(amount=9800)
    voided.void()

    assert (debit.amount, debit.hold.id) == (9800, captured.id)
    assert balanced.Hold.find(captured.uri).debit.id == debit.id
    assert voided.is_void
    assert _refusal(voided.capture).category_code == "cannot-capture-authorization"


def be_declined() -> None:
    customer = _customer_with_card(DECLINED)

    refusal = _refusal(lambda: customer.debit(5000))

    assert (refusal.status_code, refusal.category_code) == (402, "card-declined")


def verify_a_bank_account_and_debit_it() -> None:
    bank_account = _bank_account("9900000001").save()
    customer = balanced.Customer().save()
    customer.add_bank_account(bank_account)
    verification = bank_account.verify()

    assert isinstance(_refusal(lambda: verification.confirm(1, 2)), balanced.exc.BankAccountVerificationFailure)
    verification = balanced.BankAccountVerification.find(verification.uri).confirm(1, 1)

    assert (verification.state, verification.attempts, verification.remaining_attempts) == ("verified", 2, 1)
    assert balanced.BankAccount.find(bank_account.uri).can_debit
    debit = customer.debit(4000)
    assert debit.source.id == bank_account.id


def credit_a_bank_account_and_reverse_it() -> None:
    _customer_with_card().debit(9000)
    customer = balanced.Customer().save()
    customer.add_bank_account(_bank_account("9900000002").save())
    before = _in_escrow()

    credit = customer.credit(7000, description="for a wheel")
    reversal = credit.reverse(amount=2000)

    assert (credit.status, credit.destination.id) == ("paid", credit.bank_account.id)
    assert credit.bank_account.id == customer.active_bank_account.id
    assert reversal.amount == 2000
    assert _in_escrow() == before - 5000
    assert _refusal(lambda: customer.credit(_in_escrow() + 1)).category_code == "insufficient-funds"


def credit_a_bank_account_without_owner() -> None:
    _customer_with_card().debit(1000)
    bank_account = _bank_account("9900000003").save()

    credit = bank_account.credit(500)

    assert [found.id for found in balanced.BankAccount.find(bank_account.uri).credits] == [credit.id]
    bank_account.delete()
    assert _refusal(lambda: balanced.BankAccount.find(bank_account.uri)).status_code == 404
    assert balanced.Credit.find(credit.uri).amount == 500


def use_up_the_attempts_to_verify() -> None:
    verification = _bank_account("9900000004").save().verify()

    for amounts in ((2, 2), (3, 3), (4, 4), (1, 1)):
        found = balanced.BankAccountVerification.find(verification.uri)
        refusal = _refusal(lambda found=found, amounts=amounts: found.confirm(*amounts))
        assert isinstance(refusal, balanced.exc.BankAccountVerificationFailure)

    assert balanced.BankAccountVerification.find(verification.uri).state == "failed"


def move_money_from_and_to_the_owner() -> None:
    _customer_with_card().debit(5000)
    owner = balanced.Marketplace.find(_mine().uri).owner_account

    debit = owner.debit(600)
    credit = owner.credit(700)

    (bank_account,) = owner.bank_accounts
    assert (debit.source.id, credit.bank_account.id) == (bank_account.id, bank_account.id)


def promote_a_buyer_to_merchant() -> None:
    buyer = _mine().create_buyer("william@example.com", _card().uri)
    uri = buyer.uri

    buyer.promote_to_merchant(PERSON)

    assert (buyer.uri, set(buyer.roles)) == (uri, {"buyer", "merchant"})
    again = _refusal(lambda: _mine().create_buyer("william@example.com", _card().uri))
    assert (again.category_code, again.extras["account_uri"]) == ("duplicate-email-address", uri)


def be_sent_to_say_who_one_is() -> None:
    unknown = {**PERSON, "region": "EX", "postal_code": "99999"}

    refusal = _refusal(lambda: _mine().create_merchant("unknown@example.com", unknown))

    assert isinstance(refusal, balanced.exc.MoreInformationRequiredError)
    assert refusal.redirect_uri.endswith(_mine().id + "/kyc")


def page_through_customers() -> None:
    made = [balanced.Customer(name=str(number), meta={"page": "turner"}).save().id for number in range(12)]
    turners = partial(balanced.Customer.query.filter, **{"meta.page": "turner"})

    assert turners().count() == 12
    assert [customer.id for customer in turners()] == made[::-1]
    assert [customer.id for customer in turners().sort(balanced.Customer.f.created_at.asc())] == made
    assert [customer.id for customer in turners()[3:5]] == [made[-4], made[-5]]


def list_transactions() -> None:
    customer = _customer_with_card()
    debit = customer.debit(2500)

    kinds = {type(transaction).__name__ for transaction in _mine().transactions.filter(limit=100)}

    assert kinds == {"Credit", "Debit", "Hold", "Refund", "Reversal"}
    assert [found.id for found in customer.debits] == [debit.id]


def read_events() -> None:
    debit = _customer_with_card().debit(3000)

    events = balanced.Event.query.filter(limit=100).all()

    ours = [event for event in events if event.type == "debit.succeeded" and event.entity.id == debit.id]
    assert len(ours) == 1
    assert balanced.Event.find(ours[0].uri).entity.amount == 3000
    assert ours[0].callbacks.count() == 0


def register_a_callback() -> None:
    callback = balanced.Callback(url="http://127.0.0.1:9/events").save()

    assert [found.id for found in _mine().callbacks] == [callback.id]
    callback.delete()
    assert _mine().callbacks.count() == 0


PROGRAMS: list[Callable[[], None]] = [
    open_a_marketplace,
    save_a_customer,
    debit_a_card_and_refund_it,
    save_a_debit,
    capture_a_hold_and_void_another,
    be_declined,
    verify_a_bank_account_and_debit_it,
    credit_a_bank_account_and_reverse_it,
    credit_a_bank_account_without_owner,
    use_up_the_attempts_to_verify,
    move_money_from_and_to_the_owner,
    promote_a_buyer_to_merchant,
    be_sent_to_say_who_one_is,
    page_through_customers,
    list_transactions,
    read_events,
    register_a_callback,
]


def main(url: str) -> None:
    balanced.config.root_uri = url
    for program in PROGRAMS:
        program()
        print(program.__name__)
    print(len(PROGRAMS), "passed")


def _mine() -> Any:
    return balanced.Marketplace.my_marketplace


def _in_escrow() -> int:
    in_escrow: int = balanced.Marketplace.find(_mine().uri).in_escrow
    return in_escrow


def _card(number: str = VISA) -> Any:
    return _mine().create_card("Henry Ford", number, 12, 2016, security_code="123")


def _bank_account(number: str) -> Any:
    return balanced.BankAccount(name="Henry Ford", account_number=number, routing_number="321174851", type="checking")


def _customer_with_card(number: str = VISA) -> Any:
    customer = balanced.Customer(name="Henry Ford").save()
    customer.add_card(_card(number))
    return customer


def _refusal(ask: Callable[..., object]) -> Any:
    """Return the error the client raises."""
    try:
        ask()
    except balanced.exc.HTTPError as refusal:
        return refusal
    raise AssertionError("was not refused")


if __name__ == "__main__":
    main(sys.argv[1])
