"""Marketplaces: one a merchant, with its owner, its escrow and its fee account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.call import Call, Route
from sandbox.errors import Conflict
from sandbox.fields import Email, Meta, Nested, Reader, Text
from sandbox.represent import Listing
from sandbox.resource import ABSENT, Place, Record, embeds, given, resource
from sandbox.resources.bank_accounts import OWNER_BANK_ACCOUNT, BankAccount, associate
from sandbox.resources.merchants import Merchant
from sandbox.resources.parties import Customer, attach_bank_account


@resource(
    "marketplace",
    plural="marketplaces",
    prefix="TEST-MP",
    collections=(
        "accounts",
        "bank_accounts",
        "callbacks",
        "cards",
        "credits",
        "customers",
        "debits",
        "events",
        "holds",
        "refunds",
        "reversals",
        "transactions",
    ),
    filterable={"meta": "meta", "name": "text"},
    sortable=("name",),
    newest_first=False,
)
class Marketplace(Record):
    """A marketplace; ``in_escrow`` is cents."""

    name: str = given(Text(most=128), default="Test Marketplace")
    support_email_address: str = given(Email(), default="support@example.com")
    support_phone_number: str = given(Text(most=15), default="+16505551234")
    domain_url: str = given(Text(), default="example.com")
    in_escrow: int = 0
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    owner_account: str = embeds("account")
    owner_customer: str = embeds("customer", key="owner_account")

    def more(self, at: Place) -> Mapping[str, Any]:
        """Return where those collections are that do not hang from the marketplace."""
        return {"customers_uri": "/v1/customers", "events_uri": "/v1/events"}


_OWNER: dict[str, Reader] = {"name": Text(most=128), "email_address": Email()}
_CREATE: dict[str, Reader] = {**Marketplace.shape.given, "owner_account": Nested(form=_OWNER)}


def create(call: Call) -> Marketplace:
    """Create the merchant's marketplace, with the accounts and bank accounts it starts with."""
    given = dict(call.given)
    merchant = call.the(Merchant)
    if merchant.marketplace:
        raise Conflict("marketplace-already-created", "Marketplace already created.")
    born = call.born("TEST-MP")
    owner = _owner(call, born["id"], merchant, given.pop("owner_account", {}))
    _escrow(call)
    _fee(call)
    _owner_bank_account(call, owner)
    if merchant.bank_account is not None:
        associate(call, call.fetch(BankAccount, merchant.bank_account), owner)
    call.change(merchant, marketplace=born["id"])
    return call.add(Marketplace(**born, owner_account=owner, owner_customer=owner, **given))


def index(call: Call) -> Listing[Marketplace]:
    """List the one marketplace, or none before it is created."""
    return call.listing(Marketplace)


def retrieve(call: Call) -> Marketplace:
    """Retrieve the marketplace."""
    return call.parent(Marketplace)


def update(call: Call) -> Marketplace:
    """Change what was sent of the marketplace."""
    return call.change(call.parent(Marketplace), **call.given)


def _owner(call: Call, marketplace: str, merchant: Merchant, given: Mapping[str, str]) -> str:
    owner = Customer(
        **call.born("AC", "owner_account"),
        name=given.get("name", merchant.name),
        email=given.get("email_address", merchant.email_address),
        phone=merchant.phone_number,
        address=ABSENT,
        is_identity_verified=True,
        roles=("merchant", "buyer"),
        merchant=merchant.id,
        accounts_of=marketplace,
    )
    return call.add(owner).id


def _escrow(call: Call) -> None:
    account = Customer(
        **call.born("AC", "escrow_account"),
        email="escrow@poundpay.com",
        address=None,
        part="escrow",
    )
    call.add(account, None)


def _fee(call: Call) -> None:
    account = Customer(
        **call.born("AC", "fee_account"),
        email="fee@poundpay.com",
        phone="+16505551212",
        address=ABSENT,
        is_identity_verified=True,
        part="fee",
    )
    call.add(account, None)


def _owner_bank_account(call: Call, owner: str) -> None:
    account = BankAccount(**call.born("BA", "owner_bank_account"), customer=owner, **OWNER_BANK_ACCOUNT)
    call.add(account)
    attach_bank_account(call, owner, account.id, can_debit=True)


_MEMBER = "/v1/marketplaces/{marketplace}"

ROUTES = (
    Route("POST", "/v1/marketplaces", create, "specified", takes=_CREATE),
    Route("GET", "/v1/marketplaces", index, "specified"),
    Route("GET", _MEMBER, retrieve, "specified"),
    Route("PUT", _MEMBER, update, "specified", takes=Marketplace.shape.given),
)
