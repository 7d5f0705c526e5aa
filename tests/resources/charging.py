"""What holds, debits and refunds are tested with: payers, their cards and their bank accounts."""

from __future__ import annotations

from typing import Any

from tests.api import Answered, Api

GOOD, DECLINING = "4111111111111111", "4444444444444448"
"""Card numbers by what becomes of a charge."""

CARD_OF_CUSTOMER = {
    "_type", "_uris", "brand", "card_type", "country_code", "created_at", "customer_uri", "expiration_month",
    "expiration_year", "hash", "id", "is_valid", "is_verified", "last_four", "meta", "name", "postal_code",
    "postal_code_check", "security_code_check", "street_address", "uri",
}  # fmt: skip
CARD = CARD_OF_CUSTOMER | {"account_uri"}

HOLD_INSIDE_OF_CUSTOMER = {
    "_type", "_uris", "amount", "created_at", "customer_uri", "debit_uri", "description", "events_uri", "expires_at",
    "fee", "id", "is_void", "meta", "source_uri", "transaction_number", "uri",
}  # fmt: skip
HOLD_INSIDE = HOLD_INSIDE_OF_CUSTOMER | {"account_uri"}

DEBIT_INSIDE_OF_CUSTOMER = {
    "_type", "_uris", "amount", "appears_on_statement_as", "available_at", "created_at", "customer_uri",
    "description", "events_uri", "fee", "hold_uri", "id", "meta", "on_behalf_of_uri", "refunds_uri", "source_uri",
    "status", "transaction_number", "uri",
}  # fmt: skip
DEBIT_INSIDE = DEBIT_INSIDE_OF_CUSTOMER | {"account_uri"}


def links(body: Any) -> dict[str, str]:
    """Return what ``_uris`` says of each link: the type it leads to."""
    return {name: link["_type"] for name, link in body["_uris"].items()}


async def made(api: Api, path: str, body: Any = None) -> Any:
    """Return what was created."""
    answer = await api.post(path, body)
    assert answer.status == 201, answer.raw
    return answer.body


async def shown(api: Api, uri: str) -> Any:
    """Return what is there."""
    answer = await api.get(uri)
    assert answer.status == 200, answer.raw
    return answer.body


async def loose_card(api: Api, number: str = GOOD) -> Any:
    """Return a card that is nobody's."""
    body = {"card_number": number, "expiration_month": 12, "expiration_year": 2020, "security_code": "123"}
    return await made(api, f"{api.marketplace}/cards", body)


async def card_of(api: Api, customer: Any, number: str = GOOD) -> Any:
    """Give a customer a card."""
    card = await loose_card(api, number)
    return await made(api, f"{customer['uri']}/cards", {"card_uri": card["uri"]})


async def bank_account_of(api: Api, customer: Any, number: str = "12341234") -> Any:
    """Give a customer a bank account, which is not verified."""
    body = {"name": "Johann Bernoulli", "account_number": number, "routing_number": "121000358", "type": "checking"}
    return await made(api, f"{customer['uri']}/bank_accounts", body)


async def payer(api: Api, number: str = GOOD) -> Any:
    """Return a customer with a card."""
    customer = await made(api, "/v1/customers")
    await card_of(api, customer, number)
    return await shown(api, customer["uri"])


def account_of(api: Api, customer: Any) -> str:
    """Return the uri of a customer's other face."""
    return f"{api.marketplace}/accounts/{customer['id']}"


async def in_escrow(api: Api) -> int:
    """Return the cents in escrow."""
    cents: int = (await shown(api, api.marketplace))["in_escrow"]
    return cents


async def event_types(api: Api, record: Any = None) -> list[str]:
    """Return what happened to a record, or to any, in order."""
    uri = record["events_uri"] if record else "/v1/events"
    return [event["type"] for event in (await shown(api, f"{uri}?limit=100"))["items"]]


def ids(page: Answered) -> list[str]:
    """Return the ids on a page."""
    return [item["id"] for item in page.body["items"]]
