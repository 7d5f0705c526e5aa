"""Accounts: the older face of a party, under its marketplace; blank, a buyer, a merchant, or both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.call import Call, Route
from sandbox.errors import Conflict
from sandbox.fields import Form, Nested, Uri
from sandbox.represent import Listing
from sandbox.resources.customers import LINKS, add_instruments
from sandbox.resources.marketplaces import Marketplace
from sandbox.resources.merchants import MERCHANT_UPDATE, UNDERWRITING, Merchant, underwrite
from sandbox.resources.parties import MASK, Account, Customer, with_role

ACCOUNT: Form = {
    **Account.shape.given,
    **LINKS,
    "merchant_uri": Uri(kind="merchant"),
    "merchant": Nested(form=UNDERWRITING),
}


def create(call: Call) -> Account:
    """Create an account, with a card, a bank account and a merchant behind it where they are sent."""
    given = call.given
    _check_email(call, given.get("email_address"))
    party = Customer(
        **call.born("AC"),
        name=given.get("name"),
        email=given.get("email_address"),
        meta=given.get("meta", {}),
        address={},
        accounts_of=call.parent(Marketplace).id,
    )
    return _extended(call, call.add(party).id, given)


def index(call: Call) -> Listing:
    """List the accounts, oldest first; escrow and fee are not among them."""
    return call.listing(Account, ("accounts_of", call.parent(Marketplace).id))


def retrieve(call: Call) -> Account:
    """Retrieve a party as an account."""
    return call.parent(Account)


def update(call: Call) -> Account:
    """Change what was sent of an account; a card makes it a buyer, a merchant promotes it."""
    account = call.parent(Account)
    given = call.given if account.merchant is None else call.read(_MERCHANT_ACCOUNT)
    if given.get("email_address") != account.email_address:
        _check_email(call, given.get("email_address"))
    changes = {name: value for name, value in given.items() if name in Account.shape.given}
    if "name" in changes:
        changes["account_name"] = None
    return _extended(call, call.change(account, **changes).id, given)


def _extended(call: Call, account: str, given: Mapping[str, Any]) -> Account:
    card = add_instruments(call, account, given)
    if card is not None:
        _name(call, account, card.name)
    if "merchant" in given or "merchant_uri" in given:
        _promote(call, call.fetch(Customer, account), given)
    return call.fetch(Account, account)


def _name(call: Call, account: str, name: str | None) -> None:
    party = call.fetch(Customer, account)
    if party.name is None and name is not None:
        call.change(party, name=name)


def _promote(call: Call, party: Customer, given: Mapping[str, Any]) -> None:
    if party.merchant is not None:
        if "merchant_uri" in given or "type" in given["merchant"]:
            raise Conflict("account-already-merchant", f"Account {party.id} is already a merchant.")
        call.change(call.fetch(Merchant, party.merchant), **given["merchant"])
        return
    roles = with_role(party.roles, "merchant")
    if "merchant_uri" in given:
        merchant, profile = call.fetch(Merchant, given["merchant_uri"]), {}
    else:
        merchant, profile = underwrite(call, given["merchant"]), _profile(given["merchant"])
    known = {"name": merchant.name, "email": merchant.email_address, "phone": merchant.phone_number}
    known |= profile
    blank = {name: value for name, value in known.items() if getattr(party, name) is None}
    call.change(party, **blank, merchant=merchant.id, roles=roles, is_identity_verified=True)


def _profile(merchant: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a customer shows of the person or the business behind it (``entities.md`` §7.6)."""
    if merchant["type"] == "person":
        return {"ein": _tax_id(merchant)}
    principal = merchant.get("person", merchant)
    return {
        "name": principal.get("name"),
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
    Route("PUT", f"{_LIST}/{{account}}", update, "recorded", takes=ACCOUNT),
)
