"""Cards: tokenised once, associated once; the number itself is never kept."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from sandbox.call import Call, Route, Verb
from sandbox.errors import BadRequest, Conflict, Invalid
from sandbox.fields import Flag, Form, Integer, Matching, Meta, Text, Uri, quote
from sandbox.represent import Listing
from sandbox.resource import NOT_CUSTOMERS, Family, Place, Record, embeds, given, hidden, resource
from sandbox.resources.parties import OWNER, Customer, attach_card, detach, named_owner

DECLINED = frozenset({"4444444444444448"})
"""Test numbers that can be tokenised and associated, and whose holds and debits are declined."""

REFUSED = frozenset({"4222222222222220"})
"""Test numbers that cannot be tokenised although their check digit is right."""

ACCEPTED = frozenset(
    {
        "4111111111111111",
        "5105105105105100",
        "341111111111111",
        "4444424444444440",
        "4112344112344113",
        "4110144110144115",
        "4114360123456785",
        "4061724061724061",
        "5111005111051128",
        "5112345112345114",
        "5115915115915118",
        "5116601234567894",
        "371144371144376",
        "341134113411347",
        "6011016011016011",
        "6559906559906557",
    }
)
"""Test numbers that succeed (``entities.md`` §9.9)."""

Brand = Literal["Visa", "MasterCard", "American Express", "Discover"]
CardType = Literal["visa", "mastercard", "amex", "discover"]
Check = Literal["passed", "unknown"]

_BRANDS: Mapping[Brand, re.Pattern[str]] = {
    "Visa": re.compile("4[0-9]{12}(?:[0-9]{3})?"),
    "MasterCard": re.compile("5[1-5][0-9]{14}"),
    "American Express": re.compile("3[47][0-9]{13}"),
    "Discover": re.compile("(?:6011|65[0-9]{2})[0-9]{12}"),
}
_TYPES: Mapping[Brand, CardType] = {
    "Visa": "visa",
    "MasterCard": "mastercard",
    "American Express": "amex",
    "Discover": "discover",
}

log = logging.getLogger(__name__)


@resource(
    "card",
    plural="cards",
    prefix="CC",
    listed_under=("customer",),
    filterable={"created_at": "datetime", "hash": "text", "is_valid": "boolean", "meta": "meta"},
    sortable=("created_at", "hash"),
    emits="card",
)
class Card(Record):
    """A card: brand, last four digits, expiry and a keyed hash of the number."""

    brand: Brand
    card_type: CardType
    last_four: str
    expiration_month: int
    expiration_year: int
    hash: str
    name: str | None = given(Text(most=128), default=None)
    street_address: str | None = given(Text(), default=None)
    postal_code: str | None = given(Text(), default=None)
    country_code: str | None = given(Text(), default=None)
    postal_code_check: Check = "unknown"
    security_code_check: Check = "unknown"
    is_valid: bool = True
    is_verified: bool = True
    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    customer: str | None = embeds(
        "customer", default=None, listed=False, account=NOT_CUSTOMERS, account_listed_as="customer"
    )
    behaviour: str | None = hidden(default=None)

    def uri(self, at: Place) -> str:
        """Return the uri under the owner once there is one."""
        if self.customer is None:
            return f"{at.marketplace}/cards/{self.id}"
        if at.family is Family.CUSTOMERS:
            return f"/v1/customers/{self.customer}/cards/{self.id}"
        return f"{at.marketplace}/accounts/{self.customer}/cards/{self.id}"


CARD: Form = {
    "card_number": Text(required=True, secret=True),
    "expiration_month": Integer(required=True, least=1, most=12),
    "expiration_year": Integer(required=True, most=9999),
    "security_code": Matching(pattern=re.compile("[0-9]{3,4}"), should="three or four digits", secret=True),
    "name": Text(most=128),
    "phone_number": Text(most=15),
    "street_address": Text(),
    "postal_code": Text(),
    "city": Text(),
    "region": Text(also=("state",)),
    "country_code": Text(most=3),
    "meta": Meta(),
    "is_valid": Flag(),
}
"""What is asked of a card (``entities.md`` §9.2)."""

_ADD: Form = {"card_uri": Uri(kind="card", also=("uri",))}
_UPDATE: Form = {
    "is_valid": Flag(),
    **OWNER,
    "meta": Meta(),
}


def create(call: Call) -> Card:
    """Tokenise a card."""
    return tokenize(call, call.given)


def index(call: Call) -> Listing[Card]:
    """List the marketplace's cards, newest first."""
    return call.listing(Card)


def add_to_customer(call: Call) -> Card:
    """Give a customer a card: one tokenised before, or a new one."""
    customer = call.parent(Customer).id
    named = call.read(_ADD).get("card_uri")
    card = call.fetch(Card, named) if named else tokenize(call, call.given)
    return associate(call, card, customer)


def index_of_customer(call: Call) -> Listing[Card]:
    """List a customer's cards, newest first."""
    return call.listing(Card, ("customer", call.parent(Customer).id))


def retrieve(call: Call) -> Card:
    """Retrieve a card."""
    return call.parent(Card)


def update(call: Call) -> Card:
    """Associate or invalidate a card, or replace its meta; what was not sent stays."""
    card, given = call.parent(Card), call.given
    owner = named_owner(given)
    # Clients send the whole card back: its own owner is no new association.
    if owner is not None and owner != card.customer:
        card = associate(call, card, owner)
    if "meta" in given:
        card = call.change(card, meta=given["meta"])
    if given.get("is_valid") is False and card.is_valid:
        card = call.change(card, "invalidated", is_valid=False)
        _detach(call, card)
    return card


def delete(call: Call) -> None:
    """Delete a card; what it paid for keeps showing it."""
    card = call.parent(Card)
    _detach(call, card)
    call.drop(card, None)


def tokenize(call: Call, given: Mapping[str, Any], part: str = "") -> Card:
    """Keep what may be kept of a card; raises ``BadRequest`` or ``Conflict`` when it cannot be one."""
    number = _digits(given["card_number"])
    brand = brand_of(number)
    if not passes_luhn(number) or brand is None or number in REFUSED:
        raise Conflict("card-not-validated", "Card cannot be validated.")
    _check_expiry(call, given)
    if "street_address" in given and "postal_code" not in given:
        raise Invalid.missing("postal_code")
    _warn_of(number)
    shown = {name: given[name] for name in ("name", "street_address", "postal_code", "country_code") if name in given}
    return call.add(
        Card(
            **call.born("CC", part),
            brand=brand,
            card_type=_TYPES[brand],
            last_four=number[-4:],
            expiration_month=given["expiration_month"],
            expiration_year=given["expiration_year"],
            hash=_hash(number, given["expiration_month"], given["expiration_year"]),
            postal_code_check="passed" if "postal_code" in given else "unknown",
            security_code_check="passed" if "security_code" in given else "unknown",
            is_valid=given.get("is_valid", True),
            meta=given.get("meta", {}),
            behaviour="declines" if number in DECLINED else None,
            **shown,
        )
    )


def associate(call: Call, card: Card, customer: str) -> Card:
    """Make a card a customer's, once and for all, and its newest source."""
    if card.customer is not None:
        raise Conflict("card-already-funding-src", "Card has already been associated with an account.")
    if not card.is_valid:
        raise Conflict("card-not-valid", f"Card {card.id} is not valid.")
    attach_card(call, customer, card.id)
    return call.change(card, customer=customer)


def brand_of(number: str) -> Brand | None:
    """Return the brand of a card number by its first digits, None for one this API does not take."""
    return next((brand for brand, pattern in _BRANDS.items() if pattern.fullmatch(number)), None)


def passes_luhn(number: str) -> bool:
    """Return whether a number's check digit is right."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return bool(number) and sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _digits(sent: str) -> str:
    number = re.sub("[ -]", "", sent)
    if not re.fullmatch("[0-9]{1,32}", number):
        sentence = "Card number may hold digits, dashes and spaces only."
        raise BadRequest(sentence, code="card-number-not-valid", extras={"card_number": sentence})
    return number


def _check_expiry(call: Call, given: Mapping[str, Any]) -> None:
    year, month = int(call.today[:4]), int(call.today[5:7])
    if given["expiration_year"] < year:
        raise Invalid.field("expiration_year", f"{quote(given['expiration_year'])} must be >= {year}")
    if given["expiration_year"] == year and given["expiration_month"] < month:
        raise Invalid.field("expiration_month", f"{quote(given['expiration_month'])} must be >= {month}")


def _hash(number: str, month: int, year: int) -> str:
    # The key is no secret; it only keeps the hashes of this sandbox from being those of bare numbers.
    return hmac.new(b"balanced-sandbox", f"{number}/{month}/{year}".encode(), "sha256").hexdigest()


@cache
def _warn_of(number: str) -> None:
    if number not in ACCEPTED | DECLINED:
        log.warning("a card ending in %s is no published test number; never send real ones here", number[-4:])


def _detach(call: Call, card: Card) -> None:
    if card.customer is not None:
        detach(call, card.customer, card.id)


_MARKETPLACE = "/v1/marketplaces/{marketplace}"
_OWNERS = (f"{_MARKETPLACE}/accounts/{{customer}}", "/v1/customers/{customer}")


def _members(parent: str, listed: Verb) -> tuple[Route, ...]:
    member = f"{parent}/cards/{{card}}"
    return (
        Route("GET", f"{parent}/cards", listed, "recorded"),
        Route("GET", member, retrieve, "recorded"),
        Route("PUT", member, update, "recorded", takes=_UPDATE),
        Route("DELETE", member, delete, "client"),
    )


ROUTES = (
    Route("POST", f"{_MARKETPLACE}/cards", create, "recorded", takes=CARD, open="marketplace"),
    *_members(_MARKETPLACE, index),
    *(Route("POST", f"{owner}/cards", add_to_customer, "specified", takes=CARD, instead=_ADD) for owner in _OWNERS),
    *(route for owner in _OWNERS for route in _members(owner, index_of_customer)),
)
