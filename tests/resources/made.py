"""What the tests of resources have made before they begin."""

from __future__ import annotations

from typing import Any

from tests.api import Api

CARD = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}
BANK_ACCOUNT = {"name": "Johann Bernoulli", "account_number": "9900000001", "routing_number": "121000358"}
ADDRESS = {"street_address": "121 Skriptkid Row", "postal_code": "94110"}
PERSON = {
    "type": "person",
    "name": "Timmy Q. CopyPasta",
    "dob": "1989-12",
    "phone_number": "+14089999999",
    **ADDRESS,
}
BUSINESS = {
    "type": "business",
    "name": "Skripts4Kids",
    "tax_id": "211111111",
    "phone_number": "+140899188155",
    "postal_code": "91111",
    "street_address": "555 VoidMain Road",
    "person": {"name": "Timmy Q. CopyPasta", "dob": "1989-12-05", **ADDRESS},
}


async def made(api: Api, path: str, body: Any = None) -> Any:
    """Return what was created."""
    answer = await api.post(path, body)
    assert answer.status == 201, answer.raw
    return answer.body


async def shown(api: Api, path: str) -> Any:
    """Return what is shown at a uri."""
    answer = await api.get(path)
    assert answer.status == 200, answer.raw
    return answer.body


async def card(api: Api, **body: Any) -> Any:
    """Return a new card, nobody's yet."""
    return await made(api, f"{api.marketplace}/cards", CARD | body)


async def bank_account(api: Api, **body: Any) -> Any:
    """Return a new bank account, nobody's yet."""
    return await made(api, "/v1/bank_accounts", BANK_ACCOUNT | {"type": "checking"} | body)


async def account(api: Api, **body: Any) -> Any:
    """Return a new account."""
    return await made(api, f"{api.marketplace}/accounts", body)


async def customer(api: Api, **body: Any) -> Any:
    """Return a new customer."""
    return await made(api, "/v1/customers", body)


async def event_types(api: Api) -> list[str]:
    """Return the types of all that has happened, oldest first."""
    page = await shown(api, "/v1/events?limit=100")
    return [event["type"] for event in page["items"]]
