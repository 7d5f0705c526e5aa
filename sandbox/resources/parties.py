"""A party is stored once and has two faces: a customer, and an account.

Born by ``POST /v1/customers`` its id is ``CU…``, born by ``POST …/accounts`` it is ``AC…``; either way it answers under
both uri families.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.call import Call
from sandbox.fields import Address, Email, Fault, Find, Form, Meta, Month, Nested, Text, Uri, as_text
from sandbox.json_schema import Schema, describe
from sandbox.resource import ABSENT, Absent, Family, Place, Record, given, hidden, points_to, resource

ADDRESS_PARTS = ("line1", "line2", "city", "state", "postal_code", "country_code")
MASK = "xxxx"

_COLLECTIONS = ("bank_accounts", "cards", "credits", "debits", "holds", "refunds", "transactions")
_FOUR_DIGITS = re.compile(r"[0-9]{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFour:
    """The last four digits of a Social Security Number; only that there are some is kept."""

    required: bool = False
    echo: bool = False
    """Whether the mask may come back, as clients send whole objects; it is no value then."""
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> str | None:
        if self.echo and raw == MASK:
            return None
        if not _FOUR_DIGITS.fullmatch(as_text(raw)):
            raise Fault(f'"{MASK}" must be four digits')
        return MASK


@describe.register
def _(reader: LastFour) -> Schema:
    pattern = f"^(?:[0-9]{{4}}|{MASK})$" if reader.echo else "^[0-9]{4}$"
    return {"type": ["string", "integer", "null"], "pattern": pattern, "minimum": 1000, "maximum": 9999}


@resource(
    "customer",
    plural="customers",
    prefix="CU",
    listed_under=("accounts_of", "merchant", "email"),
    collections=_COLLECTIONS,
    filterable={"created_at": "datetime", "email": "text", "meta": "meta"},
    sortable=("created_at", "email"),
    emits="account",
)
class Customer(Record):
    """The face of a party at ``/v1/customers/<id>``: the seed's 26 keys."""

    name: str | None = given(Text(most=128), default=None)
    email: str | None = given(Email(), default=None)
    phone: str | None = given(Text(), default=None)
    address: Mapping[str, str] | Absent | None = given(Address(parts=ADDRESS_PARTS), default=ABSENT)
    business_name: str | None = given(Text(most=128), default=None)
    ein: str | None = given(Text(), default=None)
    dob: str | None = given(Month(), default=None)
    ssn_last4: str | None = given(LastFour(), default=None)
    facebook: str | None = given(Text(), default=None)
    twitter: str | None = given(Text(), default=None)
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    is_identity_verified: bool = False
    source: str | None = points_to(default=None, through=Family.ACCOUNTS)
    destination: str | None = points_to("bank_account", default=None, through=Family.ACCOUNTS)

    # The other face, and what neither shows.
    roles: Sequence[str] = hidden(default_factory=tuple)
    merchant: str | None = hidden(default=None)
    part: str | None = hidden(default=None)
    account_name: str | None = hidden(default=None)
    accounts_of: str | None = hidden(default=None)
    cards: Sequence[str] = hidden(default_factory=tuple)
    bank_accounts: Sequence[str] = hidden(default_factory=tuple)
    debitable: Sequence[str] = hidden(default_factory=tuple)

    @property
    def is_underwritten(self) -> bool:
        """Whether a merchant stands behind the party, so that its identity is known."""
        return self.merchant is not None or self.part == "fee"

    def home(self, at: Place) -> str:
        """Return the account's uri: the seed's links hang from it, whatever family was asked."""
        return f"{at.marketplace}/accounts/{self.id}"


@resource(
    "account",
    plural="accounts",
    prefix="AC",
    table="customers",
    collections=(*_COLLECTIONS, "reversals"),
    filterable={
        "created_at": "datetime",
        "email_address": "text",
        "email": "text",
        "meta": "meta",
        "roles": "list",
    },
    sortable=("created_at", "email_address", "email"),
    newest_first=False,
    emits="account",
)
class Account(Record):
    """The face of a party at ``/v1/marketplaces/<id>/accounts/<id>``."""

    name: str | None = given(Text(most=128), default=None)
    email_address: str | None = given(Email(), key="email", default=None)
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    roles: Sequence[str] = ()
    customer: str = points_to("customer", key="id")
    merchant: str | None = hidden(default=None)
    account_name: str | None = hidden(default=None)
    accounts_of: str | None = hidden(default=None)

    def more(self, at: Place) -> Mapping[str, Any]:
        """Return the business's name where the customer shows its principal's."""
        return {} if self.account_name is None else {"name": self.account_name}

    def uri(self, at: Place) -> str:
        """Return the uri under the marketplace."""
        return f"{at.marketplace}/accounts/{self.id}"


Party = Customer | Account

OWNER: Form = {
    "customer_uri": Uri(kind="customer"),
    "account_uri": Uri(kind="account"),
    "customer": Nested(form={"uri": Uri(kind="customer")}),
    "account": Nested(form={"uri": Uri(kind="account")}),
}
"""Whose an instrument is to become: by its uri or, as clients send whole objects, in what is shown of its owner."""


def named_owner(given: Mapping[str, Any]) -> str | None:
    """Return the id of whom an update names as owner, None for nobody."""
    uris = (given.get("customer_uri"), given.get("account_uri"))
    whole = (given.get(face, {}).get("uri") for face in ("customer", "account"))
    return next((named for named in (*uris, *whole) if named is not None), None)


def identified(name: str | None, dob: str | None, address: Mapping[str, str] | Absent | None) -> bool:
    """Return whether an identity counts as verified: name, dob and postal code are there (``entities.md`` §7.7)."""
    return bool(name and dob and address and address is not ABSENT and address.get("postal_code"))


def attach_card(call: Call, party: str, card: str) -> None:
    """Make a card a party's newest source, and the party a buyer."""
    customer = call.fetch(Customer, party)
    _settle(call, customer, cards=[*customer.cards, card], roles=with_role(customer.roles, "buyer"))


def attach_bank_account(call: Call, party: str, bank_account: str, *, can_debit: bool = False) -> None:
    """Make a bank account a party's newest destination, and a source of last resort where it can be debited."""
    customer = call.fetch(Customer, party)
    debitable = [*customer.debitable, bank_account] if can_debit else customer.debitable
    _settle(call, customer, bank_accounts=[*customer.bank_accounts, bank_account], debitable=debitable)


def allow_debits(call: Call, party: str, bank_account: str) -> None:
    """Let a verified bank account be a party's source when there is no card."""
    customer = call.fetch(Customer, party)
    if bank_account in customer.bank_accounts:
        _settle(call, customer, debitable=[*customer.debitable, bank_account])


def detach(call: Call, party: str, instrument: str) -> None:
    """Let a party fall back to its other instruments."""
    customer = call.fetch(Customer, party)
    _settle(
        call,
        customer,
        cards=[one for one in customer.cards if one != instrument],
        bank_accounts=[one for one in customer.bank_accounts if one != instrument],
        debitable=[one for one in customer.debitable if one != instrument],
    )


def with_role(roles: Sequence[str], role: str) -> list[str]:
    """Return the roles with one more; a merchant is named before a buyer."""
    return [one for one in ("merchant", "buyer") if one == role or one in roles]


def _settle(call: Call, customer: Customer, **changes: Sequence[str]) -> None:
    cards = changes.get("cards", customer.cards)
    bank_accounts = changes.get("bank_accounts", customer.bank_accounts)
    debitable = changes.get("debitable", customer.debitable)
    sources = cards or debitable
    call.change(
        customer,
        None,
        **changes,
        source=sources[-1] if sources else None,
        destination=bank_accounts[-1] if bank_accounts else None,
    )
