"""Merchants: whoever holds the keys of a world, and those whose accounts were underwritten in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.call import Call, Route
from sandbox.errors import Invalid, Redirect
from sandbox.fields import Choice, Email, Find, Flag, Meta, Month, Nested, Reader, Text, as_text
from sandbox.json_schema import SCALARS, Schema, describe
from sandbox.represent import Listing
from sandbox.resource import Record, embeds, given, hidden, resource
from sandbox.resources import bank_accounts
from sandbox.resources.bank_accounts import BANK_ACCOUNT
from sandbox.resources.parties import Account, Customer

PHONE = Text(most=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxId:
    """A tax id, four to nine characters once its dashes are gone."""

    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> str:
        return Text(least=4, most=9, secret=True).read(as_text(raw).replace("-", ""), find)


@describe.register
def _(reader: TaxId) -> Schema:
    return {"type": SCALARS, "pattern": "^-*(?:[^-]-*){4,9}$"}


_ADDRESS: dict[str, Reader] = {
    "street_address": Text(required=True),
    "postal_code": Text(required=True),
    "city": Text(),
    "region": Text(also=("state",)),
    "country_code": Text(),
}

KEY_HOLDER = "key holder"
"""The part of the merchant that the world's keys belong to."""

TEST_MERCHANT: Mapping[str, Any] = {
    "type": "person",
    "dob": "1980-01",
    "name": "William Henry Cavendish III",
    "email_address": "whc@example.org",
    "phone_number": "+16505551212",
    "street_address": "123 Fake St",
    "postal_code": "90210",
    "country_code": "USA",
}
"""Who a key opened without naming a merchant belongs to (``entities.md`` §6.1)."""


KYC_FAILS = ("EX", "99999")
"""The region and postal code of a merchant whose identity cannot be verified (``entities.md`` §8.5)."""

_KYC = {
    "person": ("person-kyc", "Person KYC failed."),
    "business": ("business-kyc", "Business KYC failed."),
    "principal": ("business-principal-kyc", "Business principal failed KYC."),
}


@resource(
    "merchant",
    plural="merchants",
    prefix="TEST-MR",
    listed_under=("part",),
    collections=("accounts", "api_keys"),
    filterable={"email_address": "text", "meta": "meta", "name": "text"},
    sortable=("email_address", "name"),
    newest_first=False,
)
class Merchant(Record):
    """A person or a business; amounts are cents."""

    type: str = given(Choice(words=("person", "business")), default="person")
    name: str | None = given(Text(most=128), default=None)
    email_address: str | None = given(Email(), default=None)
    phone_number: str | None = given(PHONE, default=None)
    street_address: str | None = given(Text(), default=None)
    city: str | None = given(Text(), default=None)
    postal_code: str | None = given(Text(), default=None)
    country_code: str | None = given(Text(), default=None)
    balance: int = 0
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    marketplace: str | None = embeds("marketplace", default=None)
    part: str | None = hidden(default=None)
    bank_account: str | None = hidden(default=None)


UNDERWRITING: dict[str, Reader] = {
    "type": Choice(words=("person", "business"), required=True),
    "phone_number": Text(required=True, most=15),
    "name": Text(most=128),
    "email_address": Email(),
    "tax_id": TaxId(),
    "dob": Month(),
    "ssn_last_4": Text(secret=True),
    **_ADDRESS,
    "person": Nested(form={"name": Text(required=True, most=128), "dob": Month(required=True), **_ADDRESS}),
    "meta": Meta(),
    "production": Flag(),
}
"""What is asked of a merchant (``entities.md`` §8.2)."""

OPENING: dict[str, Reader] = {**UNDERWRITING, "name": Text(required=True, most=128)}
"""What is asked of the merchant a fresh world is opened for (``entities.md`` §5)."""

MERCHANT_UPDATE: dict[str, Reader] = {
    "name": Text(most=128),
    "email_address": Email(),
    "phone_number": PHONE,
    "meta": Meta(),
    "bank_account": Nested(form=BANK_ACCOUNT),
}
"""What may be changed of a merchant (``entities.md`` §6.1)."""


def underwrite(call: Call, given: Mapping[str, Any], *, part: str | None = None) -> Merchant:
    """Keep a merchant; raises ``Invalid`` for what its type requires, ``Redirect`` when it cannot be identified."""
    required = {"business": "tax_id", "person": "dob"}[given["type"]]
    if required not in given:
        raise Invalid.missing(required)
    _check_identity(call, given)
    shown = {name: value for name, value in given.items() if name in Merchant.shape.given}
    shown.setdefault("country_code", "USA")
    return call.add(Merchant(**call.born("TEST-MR", "merchant"), part=part, **shown))


def revise(call: Call, merchant: Merchant, given: Mapping[str, Any], account: str | None = None) -> Merchant:
    """Change what was sent of a merchant; a bank account becomes the newest of the account it is behind.

    While there is no account the bank account waits for the marketplace, which brings one.
    """
    changes = dict(given)
    if "bank_account" in changes:
        bank_account = bank_accounts.tokenize(call, changes.pop("bank_account"), "bank_account")
        if account is None:
            changes["bank_account"] = bank_account.id
        else:
            bank_accounts.associate(call, bank_account, account)
    return call.change(merchant, **changes)


def index(call: Call) -> Listing[Merchant]:
    """List the one merchant the key belongs to."""
    return call.listing(Merchant, ("part", KEY_HOLDER))


def retrieve(call: Call) -> Merchant:
    """Retrieve a merchant."""
    return call.parent(Merchant)


def update(call: Call) -> Merchant:
    """Change what was sent of a merchant, or add a bank account."""
    merchant = call.parent(Merchant)
    account = call.first(Customer, ("merchant", merchant.id))
    return revise(call, merchant, call.given, account.id if account else None)


def accounts(call: Call) -> Listing[Account]:
    """List the accounts that were underwritten with a merchant."""
    return call.listing(Account, ("merchant", call.parent(Merchant).id))


def _check_identity(call: Call, given: Mapping[str, Any]) -> None:
    whose = given["type"] if _fails(given) else "principal" if _fails(given.get("person", {})) else None
    if whose is not None:
        code, sentence = _KYC[whose]
        marketplace = f"/{call.marketplace}" if call.marketplace else ""
        raise Redirect(code, sentence, f"https://www.balancedpayments.com/marketplaces{marketplace}/kyc")


def _fails(identity: Mapping[str, Any]) -> bool:
    return (identity.get("region"), identity.get("postal_code")) == KYC_FAILS


ROUTES = (
    Route("GET", "/v1/merchants", index, "client"),
    Route("GET", "/v1/merchants/{merchant}", retrieve, "specified"),
    Route("PUT", "/v1/merchants/{merchant}", update, "specified", takes=MERCHANT_UPDATE),
    Route("GET", "/v1/merchants/{merchant}/accounts", accounts, "specified"),
)
