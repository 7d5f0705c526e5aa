"""Holds: money reserved on a card for seven days, until it is captured, voided, or lapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox import clock
from sandbox.call import Born, Call, Duty, Evidence, Route, Verb
from sandbox.errors import Conflict, Invalid
from sandbox.fields import Flag, Form, Integer, Meta, Text
from sandbox.represent import Listing
from sandbox.resource import NOT_CUSTOMERS, Family, Place, Record, embeds, given, hidden, kept, resource
from sandbox.resources import charges, events
from sandbox.resources.cards import Card
from sandbox.resources.charges import CHARGE, LEAST, MOST, PAYER, TEXTS, Source
from sandbox.resources.parties import Customer

LASTS = 7 * clock.DAY
"""How long the money stays reserved, in microseconds (``money.md`` §5.2)."""

EXPIRE = "holds.expire"
"""The duty of a hold that is neither captured nor voided."""


@resource(
    "hold",
    plural="holds",
    prefix="HL",
    listed_under=("customer", "source"),
    collections=("events",),
    filterable={
        "amount": "integer",
        "created_at": "datetime",
        "expires_at": "datetime",
        "is_void": "boolean",
        "meta": "meta",
        "transaction_number": "text",
    },
    sortable=("amount", "created_at", "expires_at"),
    emits="hold",
)
class Hold(Record):
    """An amount reserved on a card, in cents; once captured it names its debit."""

    amount: int = given(Integer(required=True, least=LEAST, most=MOST))
    description: str | None = given(Text(), default=None)
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    fee: None = None
    transaction_number: str = kept()
    expires_at: str = kept()
    is_void: bool = False
    is_expired: bool = hidden(default=False)
    customer: str = embeds("customer", listed=False, account=NOT_CUSTOMERS)
    source: str = embeds("card", through=Family.ACCOUNTS)
    debit: str | None = embeds("debit", default=None)

    def uri(self, at: Place) -> str:
        """Return the uri under the marketplace, whatever family was asked (``money.md`` §16)."""
        return f"{at.marketplace}/holds/{self.id}"

    def home(self, at: Place) -> str:
        """Return the flat uri: its events hang there."""
        return f"/v1/holds/{self.id}"


def create(call: Call) -> Hold:
    """Reserve an amount on a card: the one that is named, or the payer's newest."""
    given, named = call.given, charges.named_source(call)
    customer = charges.payer(call) or _owner(call, named)
    card = _card(call, customer, named)
    call.bank.authorize(card.behaviour)
    texts = {name: given[name] for name in ("description", "meta") if name in given}
    hold = reserve(call, call.born("HL"), given["amount"], customer.id, card.id, **texts)
    call.schedule.add(EXPIRE, hold.id, call.now + LASTS)
    return hold


def index(call: Call) -> Listing[Hold]:
    """List the marketplace's holds, newest first; those of card debits are among them."""
    return call.listing(Hold)


def index_of_customer(call: Call) -> Listing[Hold]:
    """List a customer's holds, newest first."""
    return call.listing(Hold, ("customer", call.parent(Customer).id))


def retrieve(call: Call) -> Hold:
    """Retrieve a hold."""
    return call.parent(Hold)


def update(call: Call) -> Hold:
    """Void a hold, or change what was sent of its description and meta.

    Clients send the whole hold back: an ``is_void`` that is still false changes nothing (``money.md`` §5.4).
    """
    hold, given = call.parent(Hold), call.given
    changes: dict[str, Any] = {name: given[name] for name in ("description", "meta") if name in given}
    if "description" in call.raw:
        changes.setdefault("description", None)  # a null takes it away
    if given.get("is_void"):
        return _void(call, hold, changes)
    if "is_void" in given and hold.is_void:
        raise Conflict("reverse-void-attempt", "A void cannot be undone.")
    return call.change(hold, **changes) if changes else hold


def expire(call: Call, identifier: str) -> None:
    """Let a hold lapse; the API has no event for it (``money.md`` §11.3)."""
    call.change(call.fetch(Hold, identifier), None, is_void=True, is_expired=True)


def reserve(call: Call, born: Born, amount: int, customer: str, card: str, **texts: Any) -> Hold:
    """Keep a hold that the bank has authorized."""
    return call.add(
        Hold(
            **born,
            amount=amount,
            transaction_number=call.new_transaction_number("HL"),
            expires_at=clock.stamp(call.now + LASTS),
            customer=customer,
            source=card,
            **texts,
        )
    )


def check_capturable(hold: Hold) -> None:
    """Refuse to take money from a hold that has none reserved any more."""
    if hold.is_expired:
        raise Conflict("authorization-expired", f"Hold {hold.id} has expired.")
    if hold.is_void or hold.debit:
        raise Conflict("cannot-capture-authorization", "Hold already captured or voided.")


def capture(call: Call, hold: Hold, debit: str) -> None:
    """Turn a hold into its debit; what the debit leaves of it is released."""
    call.schedule.cancel(EXPIRE, hold.id)
    call.change(hold, "captured", debit=debit)


def _void(call: Call, hold: Hold, changes: Mapping[str, Any]) -> Hold:
    if hold.is_void or hold.debit:
        raise Conflict("cannot-void-authorization", "Hold already captured or voided.")
    call.schedule.cancel(EXPIRE, hold.id)
    return call.change(hold, "voided", is_void=True, **changes)


def _owner(call: Call, named: Source | None) -> Customer:
    if named is None:
        raise Invalid.missing("account_uri")
    return charges.owner(call, named)


def _card(call: Call, customer: Customer, named: Source | None) -> Card:
    if named is None:
        if not customer.cards:
            raise charges.no_source(customer)
        return call.fetch(Card, customer.cards[-1])
    if not isinstance(named, Card):
        raise Conflict("funding-source-not-authorizable", f"Funding source {named.id} cannot be authorized.")
    charges.check_source(named, customer)
    return named


_MARKETPLACE = "/v1/marketplaces/{marketplace}"
_OWNERS = (f"{_MARKETPLACE}/accounts/{{customer}}", "/v1/customers/{customer}")

_OF_CUSTOMER: Form = {"amount": Hold.shape.given["amount"], **CHARGE}
_CREATE: Form = {**_OF_CUSTOMER, **PAYER}
_UPDATE: Form = {**TEXTS, "is_void": Flag()}


def _routes(
    parent: str, takes: Form, listed: Verb, evidence: Evidence, view: Family | None = None
) -> tuple[Route, ...]:
    member = f"{parent}/holds/{{hold}}"
    return (
        Route("POST", f"{parent}/holds", create, evidence, takes=takes, view=view),
        Route("GET", f"{parent}/holds", listed, evidence, view=view),
        Route("GET", member, retrieve, evidence, view=view),
        Route("PUT", member, update, evidence, takes=_UPDATE, view=view),
    )


ROUTES = (
    *_routes(_MARKETPLACE, _CREATE, index, "recorded"),
    *(route for owner in _OWNERS for route in _routes(owner, _OF_CUSTOMER, index_of_customer, "specified")),
    # There is no flat view of a hold: the flat routes show what the marketplace's do.
    *_routes("/v1", _CREATE, index, "specified", Family.MARKETPLACE),
    *events.routes_of("/v1/holds/{hold}"),
)

DUTIES: Mapping[str, Duty] = {EXPIRE: expire}
