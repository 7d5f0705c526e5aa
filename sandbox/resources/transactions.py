"""Transactions: no kind of their own, but a page of holds, debits, credits, refunds and reversals in one order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sandbox.call import Call, Route, Verb
from sandbox.represent import Listing
from sandbox.resource import Family, Record
from sandbox.resources.bank_accounts import BankAccount
from sandbox.resources.cards import Card
from sandbox.resources.credits import Credit
from sandbox.resources.debits import Debit
from sandbox.resources.holds import Hold
from sandbox.resources.parties import Customer
from sandbox.resources.refunds import Refund
from sandbox.resources.reversals import Reversal

Transaction = Hold | Debit | Credit | Refund | Reversal

Fields = Mapping[type[Transaction], str]
"""Kinds, and the field by which each is listed under a parent."""

_KINDS: tuple[type[Transaction], ...] = (Hold, Debit, Credit, Refund, Reversal)

_OF_CUSTOMER: Fields = dict.fromkeys(_KINDS, "customer")
_OF_BANK_ACCOUNT: Fields = {Debit: "source", Credit: "bank_account", Refund: "source", Reversal: "bank_account"}
_OF_CARD: Fields = {Hold: "source", Debit: "source", Refund: "source"}

COUNTED = ("account", "bank_account", "card", *(kind.shape.kind for kind in _KINDS))

FILTERABLE = {"amount": "integer", "created_at": "datetime", "description": "text"}
SORTABLE = ("created_at",)


def index(call: Call) -> Listing[Transaction]:
    """List the marketplace's transactions, newest first."""
    return _page(call, dict.fromkeys(_KINDS))


def index_of_customer(call: Call) -> Listing[Transaction]:
    """List a customer's transactions, newest first."""
    return _page(call, _under(call.parent(Customer), _OF_CUSTOMER))


def index_of_bank_account(call: Call) -> Listing[Transaction]:
    """List what took money from a bank account or brought it there, newest first."""
    return _page(call, _under(call.parent(BankAccount), _OF_BANK_ACCOUNT))


def index_of_card(call: Call) -> Listing[Transaction]:
    """List what took money from a card or brought it back, newest first."""
    return _page(call, _under(call.parent(Card), _OF_CARD))


def _under(parent: Record, fields: Fields) -> dict[type[Transaction], tuple[str, str] | None]:
    return {kind: (field, parent.id) for kind, field in fields.items()}


def _page(call: Call, kinds: Mapping[type[Transaction], tuple[str, str] | None]) -> Listing[Transaction]:
    """Return the page that was asked for; ``counts`` says how many there are of each kind (``money.md`` §10)."""
    # Which kinds are wanted is asked of the kinds, and all else of their records.
    wanted = call.asked({"type": "choice"}, SORTABLE).where
    lists = {kind: under for kind, under in kinds.items() if wanted is None or wanted({"type": kind.shape.kind})}
    listing, counts = call.mixed(lists, call.asked(FILTERABLE, SORTABLE))
    return replace(listing, more=(("counts", dict.fromkeys(COUNTED, 0) | counts),))


def _listed(parent: str, verb: Verb, view: Family | None = None) -> Route:
    return Route("GET", f"{parent}/transactions", verb, "specified", view=view)


_MARKETPLACE = "/v1/marketplaces/{marketplace}"

# The flat routes show everything as the marketplace's do: a flat credit would lack its transaction number.
_FLAT = Family.MARKETPLACE

ROUTES = (
    _listed("/v1", index, _FLAT),
    _listed(_MARKETPLACE, index),
    _listed(f"{_MARKETPLACE}/accounts/{{customer}}", index_of_customer),
    _listed("/v1/customers/{customer}", index_of_customer),
    _listed(f"{_MARKETPLACE}/customers/{{customer}}", index_of_customer),
    _listed("/v1/bank_accounts/{bank_account}", index_of_bank_account, _FLAT),
    _listed(f"{_MARKETPLACE}/bank_accounts/{{bank_account}}", index_of_bank_account),
    _listed("/v1/cards/{card}", index_of_card, _FLAT),
)
