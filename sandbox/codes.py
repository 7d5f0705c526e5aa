"""The codes the API refuses with: what each says where no record can be named, and where that is written.

What a verb knows better, such as the id of the account, it says itself; these are for faults, and for the request log.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.errors import Conflict, Declined, Refusal


@dataclass(frozen=True, slots=True)
class Code:
    """One code: its status, its sentence, and the place in the reference that speaks of it."""

    status: int
    sentence: str
    reference: str


CODES = {
    "authorization-failed": Code(402, "The processor refused the hold.", "money.md §3.1"),
    "card-declined": Code(402, "R530: Customer call bank.", "money.md §6.5"),
    "funding-destination-declined": Code(402, "The processor refused the transfer.", "money.md §8.5"),
    "authorization-expired": Code(409, "Hold has expired.", "money.md §5.4"),
    "cannot-capture-authorization": Code(409, "Hold already captured or voided.", "money.md §5.4"),
    "cannot-void-authorization": Code(409, "Hold already captured or voided.", "money.md §5.4"),
    "capture-void-attempt": Code(409, "A capture cannot be voided.", "money.md §3.4"),
    "reverse-void-attempt": Code(409, "A void cannot be undone.", "money.md §3.4"),
    "hold-not-associated-account": Code(409, "Hold is not associated with the account.", "money.md §3.4"),
    "hold-not-associated-marketplace": Code(409, "Hold is not associated with the marketplace.", "money.md §3.4"),
    "card-not-associated": Code(409, "Card is not associated with account.", "money.md §5.5"),
    "card-not-valid": Code(409, "Card is not valid.", "entities.md §9.8"),
    "card-not-validated": Code(409, "Card cannot be validated.", "entities.md §9.10"),
    "card-already-funding-src": Code(409, "Card has already been associated with an account.", "entities.md §9.8"),
    "bank-account-not-associated": Code(409, "Bank account is not associated with account.", "money.md §8.5"),
    "bank-account-not-valid": Code(409, "Bank account is not valid.", "entities.md §10.7"),
    "bank-account-already-associated": Code(
        409, "Bank account has already been associated with an account.", "entities.md §10.7"
    ),
    "bank-account-authentication-already-exists": Code(
        409, "Bank account authentication already exists.", "entities.md §11.4"
    ),
    "bank-account-authentication-failed": Code(409, "Authentication amounts do not match.", "entities.md §11.4"),
    "bank-account-authentication-not-pending": Code(
        409, "Bank account authentication is not pending.", "entities.md §11.4"
    ),
    "bank-account-no-account": Code(
        409, "Bank account must be associated with a customer before it can be verified.", "entities.md §11.5"
    ),
    "funding-source-not-associated": Code(409, "Funding source is not associated with account.", "money.md §6.5"),
    "funding-source-already-associated": Code(
        409, "Funding source has already been associated with an account.", "money.md §3.5"
    ),
    "funding-source-not-authorizable": Code(409, "Funding source cannot be authorized.", "money.md §5.4"),
    "funding-source-not-debitable": Code(409, "Funding source cannot be debited.", "money.md §6.5"),
    "funding-source-not-refundable": Code(409, "Funding source cannot be refunded.", "money.md §7.4"),
    "funding-source-not-hold": Code(409, "Funding source cannot be held.", "money.md §3.4"),
    "funding-destination-not-associated": Code(
        409, "Funding destination is not associated with account.", "money.md §8.5"
    ),
    "funding-destination-already-associated": Code(
        409, "Funding destination has already been associated with an account.", "money.md §3.5"
    ),
    "funding-destination-not-creditable": Code(409, "Funding destination cannot be credited.", "money.md §8.5"),
    "funding-destination-cannot-reverse": Code(409, "Funding destination cannot be reversed.", "money.md §9.4"),
    "no-funding-source": Code(409, "Account has no funding source.", "money.md §6.5"),
    "no-funding-destination": Code(409, "Account has no funding destination.", "money.md §8.5"),
    "insufficient-funds": Code(409, "Marketplace has insufficient funds to cover the transfer.", "money.md §13"),
    "refund-insufficient-funds": Code(409, "Marketplace balance insufficient to issue refund.", "money.md §7.4"),
    "debit-already-refunded": Code(409, "Amount must be less than the remaining debit amount.", "money.md §7.4"),
    "credit-already-reversed": Code(409, "Amount must be less than the remaining credit amount.", "money.md §9.4"),
    "account-already-merchant": Code(409, "Account is already a merchant.", "entities.md §8.6"),
    "address-verification-failed": Code(409, "Address verification failed.", "entities.md §3.2"),
    "cannot-associate-bank-account": Code(409, "Bank account belongs to another marketplace.", "entities.md §10.8"),
    "cannot-associate-card": Code(409, "Card belongs to another marketplace.", "entities.md §9.10"),
    "cannot-associate-merchant-with-account": Code(
        409, "Merchant cannot be associated with the account.", "entities.md §3.2"
    ),
    "cannot-underwrite-account": Code(409, "Account cannot be underwritten.", "entities.md §3.2"),
    "duplicate-email-address": Code(409, "Account with this email address already exists.", "entities.md §8.6"),
    "identity-verification-error": Code(409, "Identity could not be verified.", "entities.md §3.2"),
    "business-kyc": Code(409, "Business KYC failed.", "entities.md §8.5"),
    "business-principal-kyc": Code(409, "Business principal failed KYC.", "entities.md §8.5"),
    "person-kyc": Code(409, "Person KYC failed.", "entities.md §8.5"),
    "marketplace-already-created": Code(409, "Marketplace already created.", "entities.md §6.2"),
    "customer-has-activity": Code(409, "Customer has holds, debits or credits.", "decisions.md, Customers"),
}
"""Every banking and logical code (``money.md`` §3)."""

_ELSEWHERE = {
    "authentication-required": "entities.md §2.3",
    "not-authorized": "entities.md §2.3",
    "not-found": "entities.md §2.3",
    "method-not-allowed": "entities.md §2.3",
    "invalid-routing-number": "entities.md §10.4",
    "invalid-bank-account-number": "entities.md §10.8",
    "card-number-not-valid": "entities.md §9.10",
    "refund-invalid-debit-state": "money.md §7.4",
    "cannot-reverse-credit": "money.md §9.4",
    "invalid-reversal-amount": "money.md §9.4",
}

_VALIDATION = ("missing-field", "invalid-field", "unreadable-body", "request")

RULES = (*CODES, *_ELSEWHERE, *_VALIDATION)
"""Every rule that may refuse a request."""


def reference(code: str) -> str:
    """Return the place in the reference that speaks of a code; what has no place of its own is general validation."""
    return CODES[code].reference if code in CODES else _ELSEWHERE.get(code, "entities.md §3.1")


def scripted(code: str) -> Refusal:
    """Return the refusal a fault asks for by its code, one of :data:`CODES`."""
    known = CODES[code]
    if known.status == Declined.status:
        return Declined(known.sentence, code=code)
    return Conflict(code, known.sentence)
