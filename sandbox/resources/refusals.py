"""What each verb may refuse with, besides what any request can: the codes of its rules and of its bank."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.call import Verb
from sandbox.resources import (
    accounts,
    api_keys,
    bank_accounts,
    cards,
    credits,
    customers,
    debits,
    holds,
    marketplaces,
    merchants,
    refunds,
    reversals,
    verifications,
)

Codes = tuple[str, ...]

IDENTITY: Codes = ("person-kyc", "business-kyc", "business-principal-kyc")
"""Those of a merchant who cannot be identified; they send the person elsewhere, with 300."""

_NUMBER: Codes = ("card-number-not-valid", "card-not-validated")
_NUMBERS: Codes = ("invalid-routing-number", "invalid-bank-account-number")
_OWN_CARD: Codes = ("card-already-funding-src", "card-not-valid")
_OWN_BANK_ACCOUNT: Codes = ("bank-account-already-associated", "bank-account-not-valid")
_INSTRUMENTS: Codes = (*_NUMBER, *_OWN_CARD, *_NUMBERS, *_OWN_BANK_ACCOUNT)

_NOT_THEIRS: Codes = ("card-not-associated", "bank-account-not-associated")
_SOURCE: Codes = (*_NOT_THEIRS, "card-not-valid", "bank-account-not-valid", "no-funding-source")
_CAPTURE: Codes = ("authorization-expired", "cannot-capture-authorization")
_DESTINATION: Codes = ("funding-destination-not-creditable", "bank-account-not-valid", "insufficient-funds")

REFUSALS: Mapping[Verb, Codes] = {
    api_keys.create: (*IDENTITY, *_NUMBERS),
    api_keys.create_for_merchant: (*IDENTITY, *_NUMBERS),
    merchants.update: (*_NUMBERS, *_OWN_BANK_ACCOUNT),
    marketplaces.create: ("marketplace-already-created",),
    customers.create: _INSTRUMENTS,
    customers.update: _INSTRUMENTS,
    customers.delete: ("customer-has-activity",),
    accounts.create: (*_INSTRUMENTS, *IDENTITY, "duplicate-email-address"),
    accounts.update: (*_INSTRUMENTS, *IDENTITY, "duplicate-email-address", "account-already-merchant"),
    cards.create: _NUMBER,
    cards.add_to_customer: (*_NUMBER, *_OWN_CARD),
    cards.update: _OWN_CARD,
    bank_accounts.create: _NUMBERS,
    bank_accounts.add_to_customer: (*_NUMBERS, *_OWN_BANK_ACCOUNT),
    bank_accounts.update: _OWN_BANK_ACCOUNT,
    verifications.create: ("bank-account-not-valid", "bank-account-authentication-already-exists"),
    verifications.confirm: ("bank-account-authentication-not-pending", "bank-account-authentication-failed"),
    verifications.confirm_latest: ("bank-account-authentication-not-pending", "bank-account-authentication-failed"),
    holds.create: (*_SOURCE, "funding-source-not-authorizable", "card-declined"),
    holds.update: ("cannot-void-authorization", "reverse-void-attempt"),
    debits.create: (*_SOURCE, *_CAPTURE, "funding-source-not-debitable", "card-declined"),
    debits.create_for_hold: _CAPTURE,
    debits.create_for_bank_account: (*_SOURCE, "funding-source-not-debitable"),
    credits.create: (*_NUMBERS, *_DESTINATION),
    credits.create_for_bank_account: _DESTINATION,
    credits.create_for_customer: (
        *_DESTINATION,
        "no-funding-destination",
        "funding-destination-not-associated",
    ),
    refunds.create: ("refund-invalid-debit-state", "debit-already-refunded", "refund-insufficient-funds"),
    reversals.create: (
        "cannot-reverse-credit",
        "credit-already-reversed",
        "invalid-reversal-amount",
        "funding-destination-cannot-reverse",
    ),
}
