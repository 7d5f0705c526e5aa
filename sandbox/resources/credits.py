"""Credits: escrow's money paid out to a bank account, one that is kept or one that is only described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sandbox.bank import FAILS, PENDING, SUCCEEDS, Outcome, settles_at
from sandbox.call import Call, Duty, Route, Verb
from sandbox.clock import stamp
from sandbox.errors import Conflict, Invalid
from sandbox.fields import Form, Integer, Meta, Nested, Text, Uri
from sandbox.represent import Listing
from sandbox.resource import NOT_CUSTOMERS, NOT_ROOT, Family, Place, Record, embeds, given, kept, kind_of, resource
from sandbox.resources import bank_accounts, book, events
from sandbox.resources.bank_accounts import BANK_ACCOUNT, ROOT_BANK_ACCOUNT, BankAccount
from sandbox.resources.marketplaces import Marketplace
from sandbox.resources.parties import Customer
from sandbox.resources.statements import STATEMENT

AMOUNT = Integer(required=True, least=50, most=1_000_000_000)
"""What a credit may come to, in cents (``money.md`` §14.1)."""

SETTLE = "credits.settle"
"""The duty of a pending credit."""

Described = Mapping[str, Any]
"""What is shown of a bank account that was never kept as one."""

_STATES = {"pending": "pending", "paid": "cleared", "failed": "rejected"}


@resource(
    "credit",
    plural="credits",
    prefix="CR",
    listed_under=("customer", "bank_account"),
    collections=("events", "reversals"),
    filterable={
        "amount": "integer",
        "created_at": "datetime",
        "meta": "meta",
        "status": "choice",
        "transaction_number": "text",
    },
    sortable=("amount", "created_at"),
    emits="credit",
)
class Credit(Record):
    """A payout, in cents; the flat view shows less of it (``money.md`` §8.2)."""

    amount: int = given(AMOUNT)
    appears_on_statement_as: str = given(STATEMENT)
    description: str | None = given(Text(), default=None)
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    status: Literal["pending", "paid", "failed"] = "pending"
    available_at: str | None = kept(default=None, views=NOT_ROOT)
    fee: None = kept(default=None, views=NOT_ROOT)
    transaction_number: str = kept(views=NOT_ROOT)
    bank_account: str | Described = embeds("bank_account")
    destination: str | Described = embeds("bank_account", key="bank_account", listed=False, views=NOT_ROOT)
    customer: str | None = embeds("customer", listed=False, views=NOT_ROOT, account=NOT_CUSTOMERS & NOT_ROOT)

    def uri(self, at: Place) -> str:
        """Return the uri the route's family gives; nested ones need a customer."""
        if at.family is Family.ROOT:
            return f"/v1/credits/{self.id}"
        if at.family is Family.CUSTOMERS:
            return f"/v1/customers/{self.customer}/credits/{self.id}"
        if at.family is Family.ACCOUNTS:
            return f"{at.marketplace}/accounts/{self.customer}/credits/{self.id}"
        return f"{at.marketplace}/credits/{self.id}"

    def home(self, at: Place) -> str:
        """Return the marketplace's uri of it: its reversals hang there, whatever family was asked."""
        return f"{at.marketplace}/credits/{self.id}"

    def more(self, at: Place) -> Mapping[str, Any]:
        """Return where its events are, which is flat, and the older name of its status."""
        shown = {"events_uri": f"/v1/credits/{self.id}/events"}
        return shown if at.family is Family.ROOT else {**shown, "state": _STATES[self.status]}


_TEXTS: Form = {"description": Text(), "appears_on_statement_as": STATEMENT}
_TO_BANK_ACCOUNT: Form = {"amount": AMOUNT, **_TEXTS}
_DESCRIBED: Form = {**_TO_BANK_ACCOUNT, "meta": Meta(), "bank_account": Nested(form=ROOT_BANK_ACCOUNT, required=True)}
_TO_CUSTOMER: Form = {
    **_TO_BANK_ACCOUNT,
    "meta": Meta(),
    "destination_uri": Uri(kind="bank_account", or_kind="card", word="funding destination", also=("bank_account_uri",)),
}
_TO_ANY: Form = {**_TO_CUSTOMER, "bank_account": Nested(form=BANK_ACCOUNT)}
_UPDATE: Form = {"description": Text(), "meta": Meta()}


def create(call: Call) -> Credit:
    """Pay out to a bank account that is named, or described and not kept."""
    given = call.given
    if "destination_uri" in given:
        return _pay_out(call, _creditable(call, given["destination_uri"]))
    if "bank_account" not in given:
        raise Invalid.missing("destination_uri")
    described = bank_accounts.describe(call, given["bank_account"])
    behaviour = described.pop("behaviour")
    return _pay(call, {**described, "can_debit": False}, behaviour)


def create_for_bank_account(call: Call) -> Credit:
    """Pay out to a bank account."""
    return _pay_out(call, _creditable(call, call.parent(BankAccount).id))


def create_for_customer(call: Call) -> Credit:
    """Pay out to a customer: to the bank account that is named, or to its newest one."""
    customer = call.parent(Customer)
    named = call.given.get("destination_uri", customer.destination)
    if named is None:
        raise Conflict("no-funding-destination", f"Account {customer.id} has no funding destination.")
    bank_account = _creditable(call, named)
    if bank_account.customer != customer.id:
        sentence = f"Bank account {bank_account.id} is not associated with account {customer.id}."
        raise Conflict("funding-destination-not-associated", sentence)
    return _pay_out(call, bank_account)


def index(call: Call) -> Listing[Credit]:
    """List the marketplace's credits, newest first."""
    return call.listing(Credit)


def index_of_bank_account(call: Call) -> Listing[Credit]:
    """List the credits of a bank account, newest first."""
    return call.listing(Credit, ("bank_account", call.parent(BankAccount).id))


def index_of_customer(call: Call) -> Listing[Credit]:
    """List a customer's credits, newest first."""
    return call.listing(Credit, ("customer", call.parent(Customer).id))


def retrieve(call: Call) -> Credit:
    """Retrieve a credit."""
    return call.parent(Credit)


def update(call: Call) -> Credit:
    """Change what was sent of a credit's description and meta."""
    credit, changes = call.parent(Credit), dict(call.given)
    if "description" in call.raw:
        changes.setdefault("description", None)  # a null takes it away
    return call.change(credit, **changes) if changes else credit


def settle(call: Call, identifier: str) -> None:
    """Let a pending credit be paid, as its time has come."""
    _conclude(call, call.fetch(Credit, identifier), SUCCEEDS)


def _creditable(call: Call, identifier: str) -> BankAccount:
    """Return a bank account that money can go to; raises ``Conflict`` for a card, or one that is not valid."""
    if kind_of(identifier) != "bank_account":
        raise Conflict("funding-destination-not-creditable", f"Funding destination {identifier} cannot be credited.")
    bank_account = call.fetch(BankAccount, identifier)
    if not bank_account.is_valid:
        raise Conflict("bank-account-not-valid", f"Bank account {identifier} is not valid.")
    return bank_account


def _pay_out(call: Call, to: BankAccount) -> Credit:
    return _pay(call, to.id, to.behaviour, to.customer)


def _pay(call: Call, to: str | Described, behaviour: str | None, customer: str | None = None) -> Credit:
    given, amount = call.given, call.given["amount"]
    _check_escrow(call, amount, to)
    outcome = call.bank.credit(behaviour)
    credit = call.add(
        Credit(
            **call.born("CR"),
            amount=amount,
            appears_on_statement_as=given.get("appears_on_statement_as", call.the(Marketplace).domain_url),
            description=given.get("description"),
            meta=given.get("meta", {}),
            transaction_number=call.new_transaction_number("CR"),
            bank_account=to,
            destination=to,
            customer=customer,
        )
    )
    book.move(call, -amount, credit.id)
    if outcome == PENDING:
        call.schedule.add(SETTLE, credit.id, settles_at(call.now))
        return credit
    return _conclude(call, credit, outcome)


def _check_escrow(call: Call, amount: int, to: str | Described) -> None:
    marketplace = call.the(Marketplace)
    if marketplace.in_escrow < amount:
        # What was never kept has no id that would name it.
        destination = f"destination {to}" if isinstance(to, str) else "destination"
        transfer = f"a transfer of {amount} to {destination}"
        sentence = f"Marketplace {marketplace.id} has insufficient funds to cover {transfer}."
        raise Conflict("insufficient-funds", sentence)


def _conclude(call: Call, credit: Credit, outcome: Outcome) -> Credit:
    """Say what became of a credit; the money of a failed one comes back to escrow (``money.md`` §13)."""
    if outcome == FAILS:
        book.move(call, credit.amount, credit.id)
        return call.change(credit, "failed", status="failed", available_at=stamp(call.now))
    return call.change(credit, "succeeded", status="paid", available_at=stamp(call.now))


_MARKETPLACE = "/v1/marketplaces/{marketplace}"
_BANK_ACCOUNT = "/v1/bank_accounts/{bank_account}"
_OWNERS = (f"{_MARKETPLACE}/accounts/{{customer}}", "/v1/customers/{customer}")


def _routes(parent: str, created: Verb, takes: Form, listed: Verb) -> tuple[Route, ...]:
    member = f"{parent}/credits/{{credit}}"
    return (
        Route("POST", f"{parent}/credits", created, "recorded", takes=takes),
        Route("GET", f"{parent}/credits", listed, "recorded"),
        Route("GET", member, retrieve, "specified"),
        Route("PUT", member, update, "specified", takes=_UPDATE),
    )


ROUTES = (
    *_routes("/v1", create, _DESCRIBED, index),
    *_routes(_BANK_ACCOUNT, create_for_bank_account, _TO_BANK_ACCOUNT, index_of_bank_account),
    *_routes(_MARKETPLACE, create, _TO_ANY, index),
    *(route for owner in _OWNERS for route in _routes(owner, create_for_customer, _TO_CUSTOMER, index_of_customer)),
    *events.routes_of("/v1/credits/{credit}"),
)

DUTIES: Mapping[str, Duty] = {SETTLE: settle}
