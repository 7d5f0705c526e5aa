"""Bank accounts: two views by route, and only ever the last four digits of a number."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any

from sandbox.call import Call, Route, Verb
from sandbox.errors import BadRequest, Conflict
from sandbox.fields import Choice, Flag, Form, Meta, Text, Uri
from sandbox.ids import base62
from sandbox.represent import Listing
from sandbox.resource import (
    NOT_CUSTOMERS,
    NOT_ROOT,
    Family,
    Place,
    Record,
    embeds,
    given,
    hidden,
    kept,
    points_to,
    resource,
)
from sandbox.resources.parties import OWNER, Customer, attach_bank_account, detach, named_owner

TYPES = Choice(words=("checking", "savings"))

BAD_ROUTING_NUMBERS = frozenset({"100000007", "111111118"})
"""Routing numbers that are refused although they look right (``entities.md`` §10.4)."""

BEHAVIOURS = {
    "9900000000": "pending",
    "9900000001": "pending",
    "9900000002": "succeeds",
    "9900000003": "succeeds",
    "9900000004": "fails",
    "9900000005": "fails",
}
"""What becomes of credits and debits of the test account numbers (``entities.md`` §10.5)."""

_SUFFIXES = {"pending": "_pn", "succeeds": "_pd", "fails": "_fd", None: ""}

BANKS = {
    "121000358": "BANK OF AMERICA, N.A.",
    "121042882": "WELLS FARGO BANK NA",
    "321174851": "SAN MATEO CREDIT UNION",
    "322271627": "J.P. MORGAN CHASE BANK, N.A.",
    "325182797": "Banko De Ismus",
}

OWNER_BANK_ACCOUNT: Mapping[str, Any] = {
    "name": "TEST-MERCHANT-BANK-ACCOUNT",
    "account_number": "xxxxxxxxxxx5555",
    "routing_number": "121042882",
    "bank_name": "WELLS FARGO BANK NA",
    "type": "checking",
    "fingerprint": "6ybvaLUrJy07phK2EQ7pVk",
    "can_debit": True,
}
"""The bank account every marketplace's owner has from the start (``entities.md`` §6.2)."""


@resource(
    "bank_account",
    plural="bank_accounts",
    prefix="BA",
    listed_under=("customer",),
    collections=("credits", "debits", "verifications"),
    filterable={"created_at": "datetime", "is_valid": "boolean", "meta": "meta"},
    sortable=("created_at",),
    emits="bank_account",
)
class BankAccount(Record):
    """A bank account; the number is kept masked."""

    name: str = given(Text(required=True, least=2))
    account_number: str = kept()
    routing_number: str = kept()
    bank_name: str | None = None
    type: str = given(Choice(words=("checking", "savings")), default="checking")
    fingerprint: str = kept()
    can_debit: bool = False
    is_valid: bool = kept(default=True, views=NOT_ROOT)
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    customer: str | None = embeds(
        "customer", default=None, listed=False, account=NOT_CUSTOMERS & NOT_ROOT, account_listed_as="customer"
    )
    verification: str | None = points_to("verification", default=None)
    behaviour: str | None = hidden(default=None)

    def uri(self, at: Place) -> str:
        """Return the uri the route's family gives; nested ones need an owner."""
        if at.family is Family.ROOT:
            return f"/v1/bank_accounts/{self.id}"
        if self.customer is None:
            return f"{at.marketplace}/bank_accounts/{self.id}"
        if at.family is Family.CUSTOMERS:
            return f"/v1/customers/{self.customer}/bank_accounts/{self.id}"
        return f"{at.marketplace}/accounts/{self.customer}/bank_accounts/{self.id}"

    def home(self, at: Place) -> str:
        """Return the flat uri: what hangs from a bank account hangs there, whatever family was asked."""
        return f"/v1/bank_accounts/{self.id}"

    def more(self, at: Place) -> Mapping[str, Any]:
        """Return what the nested views repeat of the numbers."""
        if at.family is Family.ROOT:
            return {}
        return {"bank_code": self.routing_number, "last_four": self.account_number[-4:]}


BANK_ACCOUNT: Form = {
    "name": Text(required=True, least=2),
    "account_number": Text(required=True, least=1, secret=True),
    "routing_number": Text(required=True, least=9, most=9, also=("bank_code",)),
    "type": Choice(words=TYPES.words, also=("account_type",)),
    "meta": Meta(),
}
"""What is asked of a bank account (``entities.md`` §10.2)."""

ROOT_BANK_ACCOUNT: Form = {**BANK_ACCOUNT, "type": Choice(words=TYPES.words, required=True, also=("account_type",))}
"""What the flat routes ask of one: its type too."""

_ADD: Form = {"bank_account_uri": Uri(kind="bank_account", also=("uri",))}
_UPDATE: Form = {
    "is_valid": Flag(),
    **OWNER,
    "meta": Meta(),
}


def create(call: Call) -> BankAccount:
    """Tokenise a bank account."""
    return tokenize(call, call.given)


def index(call: Call) -> Listing[BankAccount]:
    """List the marketplace's bank accounts, newest first."""
    return call.listing(BankAccount)


def add_to_customer(call: Call) -> BankAccount:
    """Give a customer a bank account: one tokenised before, or a new one."""
    customer = call.parent(Customer).id
    named = call.read(_ADD).get("bank_account_uri")
    bank_account = call.fetch(BankAccount, named) if named else tokenize(call, call.given)
    return associate(call, bank_account, customer)


def index_of_customer(call: Call) -> Listing[BankAccount]:
    """List a customer's bank accounts, newest first."""
    return call.listing(BankAccount, ("customer", call.parent(Customer).id))


def retrieve(call: Call) -> BankAccount:
    """Retrieve a bank account."""
    return call.parent(BankAccount)


def update(call: Call) -> BankAccount:
    """Associate or invalidate a bank account, or replace its meta; what was not sent stays."""
    bank_account, given = call.parent(BankAccount), call.given
    owner = named_owner(given)
    # Clients send the whole bank account back: its own owner is no new association.
    if owner is not None and owner != bank_account.customer:
        bank_account = associate(call, bank_account, owner)
    if "meta" in given:
        bank_account = call.change(bank_account, meta=given["meta"])
    if given.get("is_valid") is False and bank_account.is_valid:
        bank_account = call.change(bank_account, "invalidated", is_valid=False)
        _detach(call, bank_account)
    return bank_account


def delete(call: Call) -> None:
    """Delete a bank account; what went through it keeps showing it."""
    bank_account = call.parent(BankAccount)
    _detach(call, bank_account)
    call.drop(bank_account, None)


def tokenize(call: Call, given: Mapping[str, Any], part: str = "") -> BankAccount:
    """Keep what may be kept of a bank account; raises ``BadRequest`` for numbers no bank has."""
    return call.add(BankAccount(**call.born("BA", part), **describe(call, given)))


def describe(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept and shown of a bank account; raises ``BadRequest`` for numbers no bank has."""
    number = re.sub("[^0-9A-Za-z]", "", given["account_number"])
    routing_number = given["routing_number"]
    if not number or not re.fullmatch("[0-9A-Za-z -]+", given["account_number"]):
        raise _bad("account_number", "invalid-bank-account-number", "Bank account number is invalid.")
    if routing_number in BAD_ROUTING_NUMBERS or not re.fullmatch("[0-9]{9}", routing_number):
        raise _bad(_routing_field(call), "invalid-routing-number", "Routing number is invalid.")
    behaviour = BEHAVIOURS.get(number)
    return {
        "name": given["name"],
        # Of a number that has no more than its last four, none is kept.
        "account_number": "x" * (len(number) - 4) + number[-4:] if len(number) > 4 else "x" * len(number),
        "routing_number": routing_number,
        "bank_name": BANKS.get(routing_number),
        "type": given.get("type", "checking"),
        "fingerprint": _fingerprint(number, routing_number) + _SUFFIXES[behaviour],
        "meta": given.get("meta", {}),
        "behaviour": behaviour,
    }


def associate(call: Call, bank_account: BankAccount, customer: str) -> BankAccount:
    """Make a bank account a customer's, once and for all, and its newest destination."""
    if bank_account.customer is not None:
        sentence = "Bank account has already been associated with an account."
        raise Conflict("bank-account-already-associated", sentence)
    if not bank_account.is_valid:
        raise Conflict("bank-account-not-valid", f"Bank account {bank_account.id} is not valid.")
    attach_bank_account(call, customer, bank_account.id, can_debit=bank_account.can_debit)
    return call.change(bank_account, customer=customer)


def _routing_field(call: Call) -> str:
    """Return the name the routing number was sent under, in the body or in the bank account it describes."""
    inside = call.raw.get("bank_account")
    sent = inside if isinstance(inside, Mapping) else call.raw
    return "bank_code" if sent.get("routing_number") is None and "bank_code" in sent else "routing_number"


def _bad(field: str, code: str, sentence: str) -> BadRequest:
    return BadRequest(sentence, code=code, extras={field: sentence})


def _fingerprint(number: str, routing_number: str) -> str:
    digest = hmac.new(b"balanced-sandbox", f"{number}/{routing_number}".encode(), "sha256").digest()
    return base62(int.from_bytes(digest[:16], "big")).rjust(22, "0")


def _detach(call: Call, bank_account: BankAccount) -> None:
    if bank_account.customer is not None:
        detach(call, bank_account.customer, bank_account.id)


_MARKETPLACE = "/v1/marketplaces/{marketplace}"
_OWNERS = (f"{_MARKETPLACE}/accounts/{{customer}}", "/v1/customers/{customer}")


def _members(parent: str, listed: Verb) -> tuple[Route, ...]:
    member = f"{parent}/bank_accounts/{{bank_account}}"
    return (
        Route("GET", f"{parent}/bank_accounts", listed, "recorded"),
        Route("GET", member, retrieve, "recorded"),
        Route("PUT", member, update, "specified", takes=_UPDATE),
        Route("DELETE", member, delete, "recorded"),
    )


ROUTES = (
    Route("POST", "/v1/bank_accounts", create, "recorded", takes=ROOT_BANK_ACCOUNT),
    *_members("/v1", index),
    Route("POST", f"{_MARKETPLACE}/bank_accounts", create, "recorded", takes=BANK_ACCOUNT, open="marketplace"),
    *_members(_MARKETPLACE, index),
    *(
        Route("POST", f"{owner}/bank_accounts", add_to_customer, "specified", takes=BANK_ACCOUNT, instead=_ADD)
        for owner in _OWNERS
    ),
    *(route for owner in _OWNERS for route in _members(owner, index_of_customer)),
)
