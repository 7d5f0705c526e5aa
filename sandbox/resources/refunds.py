"""Refunds: a debit given back out of escrow, whole or in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sandbox.call import Call, Evidence, Route, Verb
from sandbox.errors import BadRequest, Conflict, Invalid
from sandbox.fields import Form, Integer, Meta, Text, Uri
from sandbox.represent import Listing
from sandbox.resource import NOT_CUSTOMERS, Family, Place, Record, embeds, given, hidden, kept, resource
from sandbox.resources import book, events
from sandbox.resources.debits import Debit
from sandbox.resources.parties import Customer

LEAST = 1
"""The least a refund may come to, in cents (``money.md`` §14.1)."""


@resource(
    "refund",
    plural="refunds",
    prefix="RF",
    listed_under=("customer", "debit", "source"),
    filterable={"amount": "integer", "created_at": "datetime", "meta": "meta", "transaction_number": "text"},
    sortable=("amount", "created_at"),
    emits="refund",
)
class Refund(Record):
    """Money of a debit given back, in cents."""

    amount: int = given(Integer(least=LEAST))
    appears_on_statement_as: str = kept()
    description: str | None = given(Text(), default=None)
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    fee: None = None
    status: Literal["pending", "succeeded"] = "pending"
    transaction_number: str = kept()
    debit: str = embeds("debit")
    customer: str = embeds("customer", listed=False, account=NOT_CUSTOMERS)
    source: str = hidden()

    def uri(self, at: Place) -> str:
        """Return the uri under the customer where that was asked, else under the marketplace (``money.md`` §7.2)."""
        if at.family is Family.CUSTOMERS:
            return f"/v1/customers/{self.customer}/refunds/{self.id}"
        return f"{at.marketplace}/refunds/{self.id}"

    def more(self, at: Place) -> Mapping[str, Any]:
        """Return where its events are; ``_uris`` does not list them."""
        return {"events_uri": f"/v1/refunds/{self.id}/events"}


def create(call: Call) -> Refund:
    """Give back what is named of a debit, or all that remains; it succeeds at once (``money.md`` §7.4)."""
    debit, given = _debit(call), call.given
    amount = _amount(call, debit)
    refund = call.add(
        Refund(
            **call.born("RF"),
            amount=amount,
            appears_on_statement_as=debit.appears_on_statement_as,
            description=given.get("description", debit.description),
            meta=given.get("meta", {}),
            transaction_number=call.new_transaction_number("RF"),
            debit=debit.id,
            customer=debit.customer,
            source=debit.source,
        )
    )
    book.move(call, -amount, refund.id)
    return call.change(refund, "succeeded", status="succeeded")


def index(call: Call) -> Listing[Refund]:
    """List the marketplace's refunds, newest first."""
    return call.listing(Refund)


def index_of_customer(call: Call) -> Listing[Refund]:
    """List a customer's refunds, newest first."""
    return call.listing(Refund, ("customer", call.parent(Customer).id))


def index_of_debit(call: Call) -> Listing[Refund]:
    """List the refunds of a debit, newest first."""
    return call.listing(Refund, ("debit", call.parent(Debit).id))


def retrieve(call: Call) -> Refund:
    """Retrieve a refund."""
    return call.parent(Refund)


def update(call: Call) -> Refund:
    """Change what was sent of a refund's description and meta."""
    refund, changes = call.parent(Refund), dict(call.given)
    if "description" in call.raw:
        changes.setdefault("description", None)  # a null takes it away
    return call.change(refund, **changes) if changes else refund


def _debit(call: Call) -> Debit:
    """Return the debit that the path or else the body names."""
    if "debit" in call.at:
        return call.parent(Debit)
    debit = call.fetch(Debit, call.given["debit_uri"])
    customer = call.at.get("customer")
    if customer is not None and customer.id != debit.customer:
        raise Invalid.field("debit_uri", f"Debit {debit.id} is not associated with account {customer.id}")
    return debit


def _amount(call: Call, debit: Debit) -> int:
    """Return how much is given back; the bound shrinks with every refund, and escrow has to have it."""
    if debit.status != "succeeded":
        raise BadRequest('State of debit to refund must be "succeeded".', code="refund-invalid-debit-state")
    remaining = debit.amount - sum(refund.amount for refund in call.all(Refund, ("debit", debit.id)))
    if not remaining:
        raise Conflict("debit-already-refunded", "Amount must be less than the remaining debit amount.")
    amount: int = call.read({"amount": Integer(least=LEAST, most=remaining)}).get("amount", remaining)
    if amount > book.escrow(call):
        raise Conflict("refund-insufficient-funds", "Escrow balance insufficient to issue refund.")
    return amount


_MARKETPLACE = "/v1/marketplaces/{marketplace}"
_ACCOUNT = f"{_MARKETPLACE}/accounts/{{customer}}"
_CUSTOMER = "/v1/customers/{customer}"
_DEBIT = f"{_MARKETPLACE}/debits/{{debit}}"

_OF_DEBIT: Form = Refund.shape.given
_CREATE: Form = {**_OF_DEBIT, "debit_uri": Uri(kind="debit", required=True)}
_UPDATE: Form = {"description": Text(), "meta": Meta()}


def _routes(parent: str, takes: Form, listed: Verb, evidence: Evidence) -> tuple[Route, ...]:
    member = f"{parent}/refunds/{{refund}}"
    # A customer's collection has the customer's view, but its members the marketplace's (``money.md`` §16).
    return (
        Route("POST", f"{parent}/refunds", create, evidence, takes=takes),
        Route("GET", f"{parent}/refunds", listed, evidence),
        Route("GET", member, retrieve, evidence, view=Family.MARKETPLACE),
        Route("PUT", member, update, evidence, takes=_UPDATE, view=Family.MARKETPLACE),
    )


ROUTES = (
    *_routes(_MARKETPLACE, _CREATE, index, "specified"),
    *_routes(_ACCOUNT, _CREATE, index_of_customer, "specified"),
    *_routes(_CUSTOMER, _CREATE, index_of_customer, "recorded"),
    *_routes(_DEBIT, _OF_DEBIT, index_of_debit, "recorded"),
    *events.routes_of("/v1/refunds/{refund}"),
)
