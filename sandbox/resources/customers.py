"""Customers: the seed's specification, to the letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.call import Call, Route
from sandbox.errors import Conflict
from sandbox.fields import Form, Nested, Uri
from sandbox.represent import Listing
from sandbox.resource import ABSENT, KINDS
from sandbox.resources import bank_accounts, cards
from sandbox.resources.bank_accounts import BANK_ACCOUNT, BankAccount
from sandbox.resources.cards import CARD, Card
from sandbox.resources.marketplaces import Marketplace
from sandbox.resources.parties import Customer, LastFour, identified

LINKS: Form = {
    "card_uri": Uri(kind="card"),
    "card": Nested(form=CARD),
    "bank_account_uri": Uri(kind="bank_account"),
    "bank_account": Nested(form=BANK_ACCOUNT),
}
"""What a body may name to add an instrument; alone, it leaves the profile as it is."""

_BLANK: Mapping[str, Any] = {**dict.fromkeys(Customer.shape.given), "meta": {}, "address": {}}

ACTIVITY = ("hold", "debit", "credit")
"""The kinds that keep a customer from being deleted (``entities.md`` §7.9)."""


def create(call: Call) -> Customer:
    """Create a customer."""
    call.the(Marketplace)
    profile = _profile(call.given)
    profile["is_identity_verified"] = identified(**_identity(profile))
    customer = call.add(Customer(**call.born("CU"), **profile))
    add_instruments(call, customer.id, call.given)
    return call.fetch(Customer, customer.id)


def index(call: Call) -> Listing[Customer]:
    """List the customers, newest first, accounts among them."""
    return call.listing(Customer)


def retrieve(call: Call) -> Customer:
    """Retrieve a customer."""
    return call.parent(Customer)


def update(call: Call) -> Customer:
    """Replace a customer's profile: what is left out goes back to its default (``entities.md`` §7.4)."""
    customer = call.parent(Customer)
    given = call.given
    if not _names_links_only(call.raw):
        profile = _profile(given)
        if "address" not in given and customer.address in (None, ABSENT):
            # Its default: built-in accounts were born with null, or without any.
            profile["address"] = customer.address
        profile["is_identity_verified"] = customer.is_underwritten or identified(**_identity(profile))
        call.change(customer, **profile)
    add_instruments(call, customer.id, given)
    return call.fetch(Customer, customer.id)


def delete(call: Call) -> None:
    """Delete a customer no money was ever moved for; its cards and bank accounts go with it."""
    customer = call.parent(Customer)
    if any(call.count(KINDS[kind], ("customer", customer.id)) for kind in ACTIVITY):
        # The API refused this too, but nobody recorded how: the code and the sentence are ours.
        raise Conflict("customer-has-activity", f"Customer {customer.id} has had holds, debits or credits.")
    for instrument in (*call.all(Card, ("customer", customer.id)), *call.all(BankAccount, ("customer", customer.id))):
        call.drop(instrument, None)
    call.drop(customer)


def add_instruments(call: Call, party: str, given: Mapping[str, Any]) -> None:
    """Associate the card and the bank account a body names or describes."""
    if "card_uri" in given:
        cards.associate(call, call.fetch(Card, given["card_uri"]), party)
    elif "card" in given:
        cards.associate(call, cards.tokenize(call, given["card"], "card"), party)
    if "bank_account_uri" in given:
        bank_accounts.associate(call, call.fetch(BankAccount, given["bank_account_uri"]), party)
    elif "bank_account" in given:
        bank_accounts.associate(call, bank_accounts.tokenize(call, given["bank_account"], "bank_account"), party)


def _profile(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given.get(name, default) for name, default in _BLANK.items()}


def _identity(profile: Mapping[str, Any]) -> dict[str, Any]:
    return {name: profile[name] for name in ("name", "dob", "address")}


def _names_links_only(raw: Mapping[str, Any]) -> bool:
    known = [name for name in raw if name in Customer.shape.given or name in LINKS]
    return bool(known) and all(name in LINKS for name in known)


_MEMBER = "/v1/customers/{customer}"
_CREATE: Form = {**Customer.shape.given, **LINKS}
_UPDATE: Form = {**_CREATE, "ssn_last4": LastFour(echo=True)}

ROUTES = (
    Route("POST", "/v1/customers", create, "specified", takes=_CREATE),
    Route("GET", "/v1/customers", index, "specified"),
    Route("GET", _MEMBER, retrieve, "specified"),
    Route("PUT", _MEMBER, update, "specified", takes=_UPDATE),
    Route("DELETE", _MEMBER, delete, "specified"),
)
