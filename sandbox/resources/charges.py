"""What holds and debits share: who is to pay, and from which card or bank account."""

from __future__ import annotations

from sandbox.call import Call
from sandbox.errors import Conflict
from sandbox.fields import Form, Meta, Text, Uri
from sandbox.resource import kind_of
from sandbox.resources.bank_accounts import BankAccount
from sandbox.resources.cards import Card
from sandbox.resources.parties import Customer
from sandbox.resources.statements import STATEMENT

LEAST, MOST = 50, 1_000_000_000
"""What a test marketplace lets a charge come to, in cents (``money.md`` §14.1)."""

Source = Card | BankAccount

PAYER: Form = {"account_uri": Uri(kind="account", also=("customer_uri",))}
"""Who pays, where the path does not say."""

TEXTS: Form = {"appears_on_statement_as": STATEMENT, "description": Text(), "meta": Meta()}

CHARGE: Form = {
    **TEXTS,
    "source_uri": Uri(
        kind="card", or_kind="bank_account", word="funding source", also=("card_uri", "bank_account_uri")
    ),
}
"""What a charge takes besides its amount (``money.md`` §5.3, §6.3)."""


def payer(call: Call) -> Customer | None:
    """Return who is to pay by the path or else by the body, None where neither says."""
    if "customer" in call.at:
        return call.parent(Customer)
    return call.fetch(Customer, call.given["account_uri"]) if "account_uri" in call.given else None


def named_source(call: Call) -> Source | None:
    """Return the card or bank account the body names, None where it names none."""
    return fetch_source(call, call.given["source_uri"]) if "source_uri" in call.given else None


def fetch_source(call: Call, identifier: str) -> Source:
    """Return a card or a bank account; its id says which."""
    return call.fetch(Card, identifier) if kind_of(identifier) == "card" else call.fetch(BankAccount, identifier)


def owner(call: Call, source: Source) -> Customer:
    """Return whose source it is; raises ``Conflict`` when it is nobody's."""
    if source.customer is None:
        raise _not_associated(source, "an account")
    return call.fetch(Customer, source.customer)


def check_source(source: Source, customer: Customer) -> None:
    """Refuse a source that is not the payer's, or was invalidated."""
    if source.customer != customer.id:
        raise _not_associated(source, f"account {customer.id}")
    if not source.is_valid:
        raise Conflict(f"{_code(source)}-not-valid", f"{_name(source)} is not valid.")


def no_source(customer: Customer) -> Conflict:
    """Return the refusal for a payer who has nothing to be charged."""
    return Conflict("no-funding-source", f"Account {customer.id} has no funding source.")


def _not_associated(source: Source, account: str) -> Conflict:
    return Conflict(f"{_code(source)}-not-associated", f"{_name(source)} is not associated with {account}.")


def _code(source: Source) -> str:
    return source.shape.kind.replace("_", "-")


def _name(source: Source) -> str:
    return f"{source.shape.kind.replace('_', ' ').capitalize()} {source.id}"
