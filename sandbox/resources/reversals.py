"""Reversals: a paid credit taken back into escrow, whole or in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sandbox.call import Call, Route, Verb
from sandbox.errors import BadRequest, Conflict
from sandbox.fields import Form, Integer, Meta, Text, quote
from sandbox.represent import Listing
from sandbox.resource import NOT_CUSTOMERS, Family, Place, Record, embeds, given, hidden, resource
from sandbox.resources import book, events
from sandbox.resources.bank_accounts import BankAccount
from sandbox.resources.credits import Credit
from sandbox.resources.parties import Customer


@resource(
    "reversal",
    plural="reversals",
    prefix="RV",
    listed_under=("credit", "customer", "bank_account"),
    filterable={"amount": "integer", "created_at": "datetime", "transaction_number": "text"},
    sortable=("amount", "created_at"),
    emits="reversal",
)
class Reversal(Record):
    """Money of a credit taken back, in cents."""

    amount: int = given(Integer(least=1))
    appears_on_statement_as: str
    description: str | None = given(Text(), default=None)
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    status: Literal["pending", "succeeded"] = "pending"
    fee: None = None
    transaction_number: str
    credit: str = embeds("credit")
    customer: str | None = embeds("customer", listed=False, account=NOT_CUSTOMERS)
    bank_account: str | None = hidden()

    def uri(self, at: Place) -> str:
        """Return the uri under the marketplace, whatever family was asked (``money.md`` §16)."""
        return f"{at.marketplace}/reversals/{self.id}"

    def more(self, at: Place) -> Mapping[str, Any]:
        """Return where its events are; ``_uris`` does not list them."""
        return {"events_uri": f"/v1/reversals/{self.id}/events"}


_UPDATE: Form = {"description": Text(), "meta": Meta()}


def create(call: Call) -> Reversal:
    """Take back a credit, or the part of it that is named; it succeeds at once (``money.md`` §9.4)."""
    credit, given = call.parent(Credit), call.given
    left = _left(call, credit)
    amount = given.get("amount", left)
    _check(call, credit, amount, left)
    reversal = call.add(
        Reversal(
            **call.born("RV"),
            amount=amount,
            appears_on_statement_as=credit.appears_on_statement_as,
            description=given.get("description"),
            meta=given.get("meta", {}),
            transaction_number=call.new_transaction_number("RV"),
            credit=credit.id,
            customer=credit.customer,
            bank_account=credit.bank_account if isinstance(credit.bank_account, str) else None,
        )
    )
    book.move(call, amount, reversal.id)
    return call.change(reversal, "succeeded", status="succeeded")


def index(call: Call) -> Listing[Reversal]:
    """List the marketplace's reversals, newest first."""
    return call.listing(Reversal)


def index_of_credit(call: Call) -> Listing[Reversal]:
    """List the reversals of a credit, newest first."""
    return call.listing(Reversal, ("credit", call.parent(Credit).id))


def index_of_customer(call: Call) -> Listing[Reversal]:
    """List a customer's reversals, newest first."""
    return call.listing(Reversal, ("customer", call.parent(Customer).id))


def retrieve(call: Call) -> Reversal:
    """Retrieve a reversal."""
    return call.parent(Reversal)


def update(call: Call) -> Reversal:
    """Change what was sent of a reversal's description and meta; there is no event for it (``money.md`` §11.3)."""
    changes = dict(call.given)
    if "description" in call.raw:
        changes.setdefault("description", None)  # a null takes it away
    return call.change(call.parent(Reversal), None, **changes)


def _left(call: Call, credit: Credit) -> int:
    return credit.amount - sum(reversal.amount for reversal in call.all(Reversal, ("credit", credit.id)))


def _check(call: Call, credit: Credit, amount: int, left: int) -> None:
    if credit.status != "paid":
        raise BadRequest('State of credit to reverse must be "paid".', code="cannot-reverse-credit")
    if not left:
        raise Conflict("credit-already-reversed", f"Credit {credit.id} has already been reversed.")
    if amount > left:
        detail = f"{quote(amount)} must be <= {left}"
        sentence = f"Invalid field [amount] - {detail}"
        raise BadRequest(sentence, code="invalid-reversal-amount", extras={"amount": detail})
    if isinstance(credit.bank_account, str):
        _check_destination(call, credit.bank_account)


def _check_destination(call: Call, identifier: str) -> None:
    # Ours: no source says which destinations cannot be reversed. One that is closed gives nothing back.
    bank_account = call.find(BankAccount, identifier)
    if bank_account is None or not bank_account.is_valid:
        sentence = f"Credits to destination {identifier} cannot be reversed."
        raise Conflict("funding-destination-cannot-reverse", sentence)


_MARKETPLACE = "/v1/marketplaces/{marketplace}"
_ACCOUNT = f"{_MARKETPLACE}/accounts/{{customer}}"
_CUSTOMER = "/v1/customers/{customer}"
_CREATE = Reversal.shape.given


def _created(parent: str, view: Family | None = None) -> Route:
    return Route("POST", f"{parent}/reversals", create, "specified", takes=_CREATE, view=view)


def _listed(parent: str, listed: Verb, view: Family | None = None) -> tuple[Route, ...]:
    member = f"{parent}/reversals/{{reversal}}"
    return (
        Route("GET", f"{parent}/reversals", listed, "specified", view=view),
        Route("GET", member, retrieve, "specified", view=view),
        Route("PUT", member, update, "specified", takes=_UPDATE, view=view),
    )


# There is no flat view of a reversal: the flat routes show what the marketplace's do.
_FLAT = Family.MARKETPLACE

ROUTES = (
    _created("/v1/credits/{credit}", _FLAT),
    *_listed("/v1/credits/{credit}", index_of_credit, _FLAT),
    _created(f"{_MARKETPLACE}/credits/{{credit}}"),
    *_listed(f"{_MARKETPLACE}/credits/{{credit}}", index_of_credit),
    _created(f"{_CUSTOMER}/credits/{{credit}}"),
    *_listed("/v1", index, _FLAT),
    *_listed(_MARKETPLACE, index),
    *_listed(_ACCOUNT, index_of_customer),
    *_listed(_CUSTOMER, index_of_customer),
    *events.routes_of("/v1/reversals/{reversal}"),
)
