"""Debits: money brought into escrow, from a card at once, from a bank account when the bank has settled it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sandbox.bank import FAILS, PENDING, settles_at
from sandbox.call import Call, Duty, Evidence, Route, Verb
from sandbox.clock import stamp
from sandbox.errors import Conflict, Invalid
from sandbox.fields import Form, Integer, Meta, Text, Uri
from sandbox.represent import Listing
from sandbox.resource import NOT_CUSTOMERS, Family, Place, Record, embeds, given, kept, kind_of, resource
from sandbox.resources import book, charges, events, holds
from sandbox.resources.bank_accounts import BankAccount
from sandbox.resources.cards import Card
from sandbox.resources.charges import CHARGE, LEAST, MOST, PAYER, TEXTS, Source
from sandbox.resources.holds import Hold
from sandbox.resources.marketplaces import Marketplace
from sandbox.resources.parties import Customer
from sandbox.resources.statements import STATEMENT

SETTLE = "debits.settle"
"""The duty of a pending debit."""


@resource(
    "debit",
    plural="debits",
    prefix="WD",
    listed_under=("customer", "source", "hold"),
    collections=("events", "refunds"),
    filterable={"amount": "integer", "created_at": "datetime", "meta": "meta", "transaction_number": "text"},
    sortable=("amount", "created_at"),
    emits="debit",
)
class Debit(Record):
    """A charge, in cents; one of a card has a hold."""

    amount: int = given(Integer(least=LEAST, most=MOST))
    appears_on_statement_as: str = given(STATEMENT)
    description: str | None = given(Text(), default=None)
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    fee: None = None
    status: Literal["pending", "succeeded", "failed"] = "pending"
    available_at: str | None = None
    transaction_number: str = kept()
    customer: str = embeds("customer", listed=False, account=NOT_CUSTOMERS)
    source: str = embeds(listed=False, through=Family.ACCOUNTS)
    hold: str | None = embeds("hold", default=None)
    on_behalf_of: str | None = embeds("account", default=None, listed=False)

    @property
    def bank_account(self) -> str | None:
        """The id of the bank account that was charged, None for a card."""
        return self.source if kind_of(self.source) == "bank_account" else None

    def uri(self, at: Place) -> str:
        """Return the uri under the marketplace, whatever family was asked (``money.md`` §16)."""
        return f"{at.marketplace}/debits/{self.id}"

    def more(self, at: Place) -> Mapping[str, Any]:
        """Return where its events are, which is flat."""
        return {"events_uri": f"/v1/debits/{self.id}/events"}


_SELLER: Form = {"on_behalf_of_uri": Uri(kind="account", also=("merchant_uri",))}
_OF_BANK_ACCOUNT: Form = {**TEXTS, **_SELLER, "amount": Integer(required=True, least=LEAST, most=MOST)}
_CAPTURE: Form = {**CHARGE, **_SELLER, "amount": Debit.shape.given["amount"]}
_OF_CUSTOMER: Form = {**_CAPTURE, "hold_uri": Uri(kind="hold")}
_UPDATE: Form = {**_SELLER, "description": Text(), "meta": Meta()}


def create(call: Call) -> Debit:
    """Charge a payer: capture the hold that is named, or else take from a card or bank account at once."""
    given = call.given
    if "hold_uri" in given:
        return _capture(call, call.fetch(Hold, given["hold_uri"]))
    if "amount" not in given:
        raise Invalid.missing("amount")
    customer, named = charges.payer(call), charges.named_source(call)
    if customer is None:
        raise Invalid.missing("account_uri")
    return _charge(call, customer, _source(call, customer, named))


def create_for_hold(call: Call) -> Debit:
    """Capture a hold, for all of it or less."""
    return _capture(call, call.parent(Hold))


def create_for_bank_account(call: Call) -> Debit:
    """Charge a bank account."""
    bank_account = call.parent(BankAccount)
    customer = charges.owner(call, bank_account)
    return _charge(call, customer, _source(call, customer, bank_account))


def index(call: Call) -> Listing[Debit]:
    """List the marketplace's debits, newest first."""
    return call.listing(Debit)


def index_of_customer(call: Call) -> Listing[Debit]:
    """List a customer's debits, newest first."""
    return call.listing(Debit, ("customer", call.parent(Customer).id))


def index_of_hold(call: Call) -> Listing[Debit]:
    """List the debit a hold was captured with, if it was."""
    return call.listing(Debit, ("hold", call.parent(Hold).id))


def index_of_bank_account(call: Call) -> Listing[Debit]:
    """List the debits of a bank account, newest first."""
    return call.listing(Debit, ("source", call.parent(BankAccount).id))


def retrieve(call: Call) -> Debit:
    """Retrieve a debit."""
    return call.parent(Debit)


def update(call: Call) -> Debit:
    """Change what was sent of a debit's description and meta, and for whom it was."""
    debit, changes = call.parent(Debit), dict(call.given)
    if "description" in call.raw:
        changes.setdefault("description", None)  # a null takes it away
    if changes.pop("on_behalf_of_uri", None):
        changes["on_behalf_of"] = _seller(call, debit.customer)
    return call.change(debit, **changes) if changes else debit


def settle(call: Call, identifier: str) -> None:
    """Let the money of a pending debit arrive, as its time has come."""
    _succeed(call, call.fetch(Debit, identifier))


def _capture(call: Call, hold: Hold) -> Debit:
    given, customer, seller = call.given, charges.payer(call), _seller(call, hold.customer)
    if customer is not None and customer.id != hold.customer:
        raise Invalid.field("account_uri", f"Hold {hold.id} is not associated with account {customer.id}")
    if given.get("source_uri", hold.source) != hold.source:
        raise Invalid.field("source_uri", f"Hold {hold.id} is not associated with source {given['source_uri']}")
    bounded: Form = {"amount": Integer(least=LEAST, most=hold.amount)}
    amount = call.read(bounded).get("amount", hold.amount)
    holds.check_capturable(hold)
    debit = _succeed(call, _open(call, amount, hold.customer, hold.source, seller, hold.id))
    holds.capture(call, hold, debit.id)
    return debit


def _charge(call: Call, customer: Customer, source: Source) -> Debit:
    amount, seller = call.given["amount"], _seller(call, customer.id)
    if not isinstance(source, Card):
        return _collect(call, _open(call, amount, customer.id, source.id, seller), source)
    call.bank.authorize(source.behaviour)
    # The API makes a hold for every debit of a card, and captures it at once (``money.md`` §6.4).
    born = call.born("HL", "hold")
    debit = _open(call, amount, customer.id, source.id, seller, born["id"])
    hold = holds.reserve(call, born, amount, customer.id, source.id, description=debit.description)
    debit = _succeed(call, debit)
    holds.capture(call, hold, debit.id)
    return debit


def _collect(call: Call, debit: Debit, bank_account: BankAccount) -> Debit:
    """Let the bank say what becomes of a debit of a bank account (``money.md`` §14.3)."""
    outcome = call.bank.debit(bank_account.behaviour)
    if outcome == FAILS:
        return call.change(debit, "failed", status="failed")
    if outcome == PENDING:
        call.schedule.add(SETTLE, debit.id, settles_at(call.now))
        return debit
    return _succeed(call, debit)


def _open(call: Call, amount: int, customer: str, source: str, seller: str | None, hold: str | None = None) -> Debit:
    """Keep a debit whose money has not moved yet."""
    given = call.given
    return call.add(
        Debit(
            **call.born("WD"),
            amount=amount,
            appears_on_statement_as=given.get("appears_on_statement_as", call.the(Marketplace).domain_url),
            description=given.get("description"),
            meta=given.get("meta", {}),
            transaction_number=call.new_transaction_number("W"),
            customer=customer,
            source=source,
            hold=hold,
            on_behalf_of=seller,
        )
    )


def _succeed(call: Call, debit: Debit) -> Debit:
    """Bring a debit's money into escrow."""
    book.move(call, debit.amount, debit.id)
    return call.change(debit, "succeeded", status="succeeded", available_at=stamp(call.now))


def _seller(call: Call, customer: str) -> str | None:
    """Return whom a debit is for, None for nobody but the marketplace; raises ``Invalid`` when that is who pays."""
    seller: str | None = call.given.get("on_behalf_of_uri")
    if seller == customer:
        raise Invalid.field("on_behalf_of_uri", f"Account {seller} is the one that is debited")
    return seller


def _source(call: Call, customer: Customer, named: Source | None) -> Source:
    """Return what is charged: what is named, or the payer's newest; raises ``Conflict`` when it cannot be."""
    if named is None:
        if customer.source is None:
            raise charges.no_source(customer)
        return charges.fetch_source(call, customer.source)
    charges.check_source(named, customer)
    if isinstance(named, BankAccount) and not named.can_debit:
        raise Conflict("funding-source-not-debitable", f"Funding source {named.id} cannot be debited.")
    return named


_MARKETPLACE = "/v1/marketplaces/{marketplace}"
_ACCOUNT = f"{_MARKETPLACE}/accounts/{{customer}}"
_CUSTOMER = "/v1/customers/{customer}"
_HOLD = f"{_MARKETPLACE}/holds/{{hold}}"
_BANK_ACCOUNT = "/v1/bank_accounts/{bank_account}"

_OF_MARKETPLACE: Form = {**_OF_CUSTOMER, **PAYER}
_OF_HOLD: Form = {**_CAPTURE, **PAYER}

# There is no flat view of a debit: the flat routes show what the marketplace's do.
_FLAT = Family.MARKETPLACE


def _routes(
    parent: str, created: Verb, takes: Form, listed: Verb, evidence: Evidence, view: Family | None = None
) -> tuple[Route, ...]:
    member = f"{parent}/debits/{{debit}}"
    return (
        Route("POST", f"{parent}/debits", created, evidence, takes=takes, view=view),
        Route("GET", f"{parent}/debits", listed, evidence, view=view),
        Route("GET", member, retrieve, evidence, view=view),
        Route("PUT", member, update, evidence, takes=_UPDATE, view=view),
    )


ROUTES = (
    *_routes(_MARKETPLACE, create, _OF_MARKETPLACE, index, "recorded"),
    *_routes(_ACCOUNT, create, _OF_CUSTOMER, index_of_customer, "specified"),
    *_routes(_CUSTOMER, create, _OF_CUSTOMER, index_of_customer, "recorded"),
    *_routes(_HOLD, create_for_hold, _OF_HOLD, index_of_hold, "specified"),
    *_routes(_BANK_ACCOUNT, create_for_bank_account, _OF_BANK_ACCOUNT, index_of_bank_account, "specified", _FLAT),
    *events.routes_of("/v1/debits/{debit}"),
)

DUTIES: Mapping[str, Duty] = {SETTLE: settle}
