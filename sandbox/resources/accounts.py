"""Accounts: the older face of a party, under its marketplace; blank, a buyer, a merchant, or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.call import Call, Route
from sandbox.errors import Conflict
from sandbox.fields import Form, Nested, Uri
from sandbox.represent import Listing
from sandbox.resources.cards import Card
from sandbox.resources.customers import LINKS, add_instruments
from sandbox.resources.marketplaces import Marketplace
from sandbox.resources.merchants import MERCHANT_UPDATE, UNDERWRITING, Merchant, revise, underwrite
from sandbox.resources.parties import MASK, Account, Customer, with_role

ACCOUNT: Form = {
    **Account.shape.given,
    **LINKS,
    "merchant_uri": Uri(kind="merchant"),
    "merchant": Nested(form=UNDERWRITING),
}
"""What is asked of an account (``entities.md`` §8.2)."""

_FACE = {"name": "name", "email_address": "email", "meta": "meta"}


def create(call: Call) -> Account:
    """Create an account, with a card, a bank account and a merchant behind it where they are sent."""
    given = call.given
    _check_email(call, given.get("email_address"))
    party = Customer(
        **call.born("AC"),
        name=given.get("name", _card_name(call, given)),
        email=given.get("email_address"),
        meta=given.get("meta", {}),
        address={},
        accounts_of=call.parent(Marketplace).id,
    )
    party = call.add(replace(party, **_backing(call, party, given)))
    add_instruments(call, party.id, given)
    return call.fetch(Account, party.id)


def index(call: Call) -> Listing[Account]:
    """List the accounts, oldest first; escrow and fee are not among them."""
    return call.listing(Account, ("accounts_of", call.parent(Marketplace).id))


def retrieve(call: Call) -> Account:
    """Retrieve a party as an account."""
    return call.parent(Account)


def update(call: Call) -> Account:
    """Change what was sent of an account; a card makes it a buyer, a merchant promotes it."""
    party = call.fetch(Customer, call.parent(Account).id)
    given = call.given if party.merchant is None else _given_of_merchant(call, party)
    if given.get("email_address") != party.email:
        _check_email(call, given.get("email_address"))
    changes = {stored: given[name] for name, stored in _FACE.items() if name in given}
    if "name" in changes and changes["name"] == party.account_name:
        del changes["name"]  # the business's, sent back as it is shown
    elif "name" in changes:
        changes["account_name"] = None
    elif party.name is None:
        changes["name"] = _card_name(call, given)
    if party.merchant is None:
        changes |= _backing(call, replace(party, **changes), given)
    elif "merchant" in given:
        revise(call, call.fetch(Merchant, party.merchant), given["merchant"], party.id)
    call.change(party, **changes)
    add_instruments(call, party.id, given)
    return call.fetch(Account, party.id)


def _card_name(call: Call, given: Mapping[str, Any]) -> str | None:
    """Return the name on the card a body brings, which is the account's where none is given."""
    if "card_uri" in given:
        return call.fetch(Card, given["card_uri"]).name
    name: str | None = given.get("card", {}).get("name")
    return name


def _given_of_merchant(call: Call, party: Customer) -> dict[str, Any]:
    """Return what was sent for an account that has a merchant behind it, which can be changed but not replaced."""
    merchant = call.raw.get("merchant")
    if call.raw.get("merchant_uri") is not None or (isinstance(merchant, Mapping) and "type" in merchant):
        raise Conflict("account-already-merchant", f"Account {party.id} is already a merchant.")
    return call.read(_MERCHANT_ACCOUNT)


def _backing(call: Call, party: Customer, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the merchant that is sent or named makes of a party; nothing where there is none."""
    if "merchant_uri" in given:
        merchant, profile = call.fetch(Merchant, given["merchant_uri"]), {}
    elif "merchant" in given:
        merchant, profile = underwrite(call, given["merchant"]), _profile(given["merchant"])
    else:
        return {}
    if party.name is not None:
        profile.pop("account_name", None)
    known = {"name": merchant.name, "email": merchant.email_address, "phone": merchant.phone_number} | profile
    blank = {name: value for name, value in known.items() if getattr(party, name) is None}
    return {**blank, "merchant": merchant.id, "roles": with_role(party.roles, "merchant"), "is_identity_verified": True}


def _profile(merchant: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a customer shows of the person or the business behind it (``entities.md`` §7.6)."""
    if merchant["type"] == "person":
        return {"ein": _tax_id(merchant)}
    principal = merchant.get("person", merchant)
    return {
        "name": principal.get("name", merchant.get("name")),
        "account_name": merchant.get("name"),
        "business_name": merchant.get("name"),
        "ein": _tax_id(merchant),
        "dob": principal.get("dob"),
        "ssn_last4": MASK,
    }


def _tax_id(merchant: Mapping[str, Any]) -> str | None:
    return merchant["tax_id"].replace("-", "") if "tax_id" in merchant else None


def _check_email(call: Call, email: str | None) -> None:
    if email is None:
        return
    for taken in call.all(Account, ("email", email)):
        if taken.accounts_of is not None:
            raise Conflict(
                "duplicate-email-address",
                f'Account with email address "{email}" already exists.',
                extras={"account_uri": call.uri_of(taken)},
            )


_LIST = "/v1/marketplaces/{marketplace}/accounts"
_MERCHANT_ACCOUNT: Form = {**ACCOUNT, "merchant": Nested(form=MERCHANT_UPDATE)}

ROUTES = (
    Route("POST", _LIST, create, "recorded", takes=ACCOUNT),
    Route("GET", _LIST, index, "specified"),
    Route("GET", f"{_LIST}/{{account}}", retrieve, "specified"),
    Route("PUT", f"{_LIST}/{{account}}", update, "recorded", takes=ACCOUNT, instead=_MERCHANT_ACCOUNT),
)
