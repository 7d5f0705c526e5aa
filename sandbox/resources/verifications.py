"""Verifications: two small deposits that only the owner of a bank account can see; naming them lets it be debited."""

from __future__ import annotations

from typing import Literal

from sandbox.call import Call, Route
from sandbox.clock import stamp
from sandbox.errors import Conflict, NotFound
from sandbox.fields import Form, Integer
from sandbox.represent import Listing
from sandbox.resource import Place, Record, hidden, resource
from sandbox.resources.bank_accounts import BankAccount
from sandbox.resources.parties import allow_debits

AMOUNTS = (1, 1)
"""The deposits on a test marketplace, in cents (``entities.md`` §11.2)."""

ATTEMPTS = 3


@resource(
    "verification",
    plural="verifications",
    prefix="BZ",
    wire_type="bank_account_authentication",
    listed_under=("bank_account",),
    filterable={"created_at": "datetime"},
    sortable=("created_at",),
    emits="bank_account_verification",
)
class Verification(Record):
    """How often the deposits have been guessed, and how often they still may be."""

    attempts: int = 0
    remaining_attempts: int = ATTEMPTS
    state: Literal["pending", "verified", "failed"] = "pending"
    updated_at: str
    bank_account: str = hidden()

    def uri(self, at: Place) -> str:
        """Return the uri under the bank account's flat one, whatever family was asked."""
        return f"/v1/bank_accounts/{self.bank_account}/verifications/{self.id}"


CONFIRMATION: Form = {"amount_1": Integer(required=True), "amount_2": Integer(required=True)}
"""What is asked of who says to see the deposits, in cents."""


def create(call: Call) -> Verification:
    """Send the deposits, unless others are still to be confirmed or have been."""
    bank_account = call.parent(BankAccount)
    if not bank_account.is_valid:
        raise Conflict("bank-account-not-valid", f"Bank account {bank_account.id} is not valid.")
    latest = _latest(call, bank_account)
    if latest is not None and latest.state != "failed":
        sentence = f"Bank account {bank_account.id} already has an authentication that is {latest.state}."
        raise Conflict("bank-account-authentication-already-exists", sentence)
    born = call.born("BZ")
    verification = call.add(Verification(**born, updated_at=born["created_at"], bank_account=bank_account.id))
    call.change(bank_account, None, verification=verification.id)
    # The deposits arrive at once; the state does not tell, as in the specification's week (``entities.md`` §13).
    return call.change(verification, "deposited")


def index(call: Call) -> Listing[Verification]:
    """List a bank account's verifications, newest first."""
    return call.listing(Verification, ("bank_account", call.parent(BankAccount).id))


def retrieve(call: Call) -> Verification:
    """Retrieve a verification."""
    return call.parent(Verification)


def retrieve_latest(call: Call) -> Verification:
    """Retrieve a bank account's latest verification; raises ``NotFound`` when it never had one."""
    return _the_latest(call)


def confirm(call: Call) -> Verification | Conflict:
    """Name the deposits of a verification."""
    return _confirmed(call, call.parent(Verification))


def confirm_latest(call: Call) -> Verification | Conflict:
    """Name the deposits of a bank account's latest verification; raises ``NotFound`` when it never had one."""
    return _confirmed(call, _the_latest(call))


def _confirmed(call: Call, verification: Verification) -> Verification | Conflict:
    if verification.state != "pending":
        raise Conflict("bank-account-authentication-not-pending", "Bank account authentication is not pending.")
    right = sorted((call.given["amount_1"], call.given["amount_2"])) == sorted(AMOUNTS)
    counted = {
        "attempts": verification.attempts + 1,
        "remaining_attempts": verification.remaining_attempts - 1,
        "updated_at": stamp(call.now),
    }
    if right:
        _let_debit(call, verification.bank_account)
        return call.change(verification, "verified", state="verified", **counted)
    if counted["remaining_attempts"]:
        call.change(verification, **counted)
    else:
        call.change(verification, "failed", state="failed", **counted)
    # Returned, not raised: the attempt counts.
    return Conflict("bank-account-authentication-failed", "Authentication amounts do not match.")


def _let_debit(call: Call, identifier: str) -> None:
    bank_account = call.fetch(BankAccount, identifier)
    call.change(bank_account, can_debit=True)
    if bank_account.customer is not None:
        allow_debits(call, bank_account.customer, bank_account.id)


def _the_latest(call: Call) -> Verification:
    latest = _latest(call, call.parent(BankAccount))
    if latest is None:
        raise NotFound
    return latest


def _latest(call: Call, bank_account: BankAccount) -> Verification | None:
    return None if bank_account.verification is None else call.fetch(Verification, bank_account.verification)


_BANK_ACCOUNT = "/v1/bank_accounts/{bank_account}"
_LISTS = (f"{_BANK_ACCOUNT}/verifications", f"{_BANK_ACCOUNT}/authentications")
_LATEST = f"{_BANK_ACCOUNT}/verification"

ROUTES = (
    *(
        route
        for path in _LISTS
        for route in (
            Route("POST", path, create, "recorded"),
            Route("GET", path, index, "specified"),
            Route("GET", f"{path}/{{verification}}", retrieve, "recorded"),
            Route("PUT", f"{path}/{{verification}}", confirm, "recorded", takes=CONFIRMATION),
        )
    ),
    Route("GET", _LATEST, retrieve_latest, "specified"),
    Route("PUT", _LATEST, confirm_latest, "specified", takes=CONFIRMATION),
)
