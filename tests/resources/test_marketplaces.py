"""Marketplaces over HTTP: one a merchant, and what it starts with."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api import Api
from tests.resources.conftest import Fund, Untouched
from tests.resources.made import account, made, shown

COLLECTIONS = {
    "accounts", "bank_accounts", "callbacks", "cards", "credits", "debits", "holds", "refunds", "reversals",
    "transactions",
}  # fmt: skip
ELSEWHERE = {"customers_uri": "/v1/customers", "events_uri": "/v1/events"}
KEYS = {
    "_type", "_uris", "created_at", "domain_url", "id", "in_escrow", "meta", "name", "owner_account", "owner_customer",
    "support_email_address", "support_phone_number", "uri",
} | {f"{plural}_uri" for plural in COLLECTIONS} | ELSEWHERE.keys()  # fmt: skip


async def fresh(api: Api) -> Api:
    """Return the way into a world that has a merchant and no marketplace."""
    key = await made(api.with_key(""), "/v1/api_keys")
    return api.with_key(key["secret"])


# Create


async def test_a_marketplace_is_made_of_defaults(api: Api) -> None:
    answer = await (await fresh(api)).post("/v1/marketplaces")

    assert (answer.status, answer.reason) == (201, "CREATED")
    assert answer.body.keys() == KEYS
    uri = f"/v1/marketplaces/{answer.body['id']}"
    expected = {
        "_type": "marketplace",
        "name": "Test Marketplace",
        "support_email_address": "support@example.com",
        "support_phone_number": "+16505551234",
        "domain_url": "example.com",
        "in_escrow": 0,
        "meta": {},
        "uri": uri,
        **{f"{plural}_uri": f"{uri}/{plural}" for plural in COLLECTIONS},
        **ELSEWHERE,
    }
    assert {key: answer.body[key] for key in expected} == expected
    assert answer.body["id"].startswith("TEST-MP")
    pages = {f"{plural}_uri": {"_type": "page", "key": plural} for plural in (*COLLECTIONS, "customers", "events")}
    assert answer.body["_uris"] == pages


async def test_every_link_of_a_marketplace_resolves(api: Api) -> None:
    marketplace = await shown(api, api.marketplace)

    answers = {key: await api.get(value) for key, value in marketplace.items() if key.endswith("_uri")}

    assert {key: answer.status for key, answer in answers.items()} == dict.fromkeys(marketplace["_uris"], 200)


async def test_what_was_given_is_shown(api: Api) -> None:
    given = {
        "name": "Seller of things",
        "support_email_address": "help@example.org",
        "support_phone_number": "805-705-2440",
        "domain_url": "shop.example.org",
        "meta": {"my-useful-data": "abc123"},
    }

    marketplace = await made(await fresh(api), "/v1/marketplaces", given)

    assert {key: marketplace[key] for key in given} == given


async def test_the_owner_is_the_merchant_with_both_roles(api: Api) -> None:
    marketplace = await shown(api, api.marketplace)

    owner = marketplace["owner_account"]
    assert owner == await shown(api, owner["uri"])
    assert marketplace["owner_customer"] == await shown(api, owner["customer_uri"])
    assert (owner["name"], owner["email_address"]) == ("William Henry Cavendish III", "whc@example.org")
    assert owner["roles"] == ["merchant", "buyer"]
    face = marketplace["owner_customer"]
    assert (face["phone"], face["is_identity_verified"]) == ("+16505551212", True)
    assert "address" not in face
    (own,) = (await shown(api, owner["bank_accounts_uri"]))["items"]
    assert face["source_uri"] == face["destination_uri"] == own["uri"]


async def test_the_owner_may_be_called_otherwise(api: Api) -> None:
    called = {"name": "The Owner", "email_address": "owner@example.org"}

    marketplace = await made(await fresh(api), "/v1/marketplaces", {"owner_account": called})

    assert {key: marketplace["owner_account"][key] for key in called} == called


async def test_nulls_for_the_owner_are_the_merchants(api: Api) -> None:
    nulls = {"owner_account": {"name": None, "email_address": None}}

    marketplace = await made(await fresh(api), "/v1/marketplaces", nulls)

    assert marketplace["owner_account"]["name"] == "William Henry Cavendish III"


async def test_escrow_and_fee_are_customers_and_no_accounts(api: Api) -> None:
    accounts, customers = await shown(api, f"{api.marketplace}/accounts"), await shown(api, "/v1/customers")

    assert [one["email_address"] for one in accounts["items"]] == ["whc@example.org"]
    emails = [one["email"] for one in customers["items"]]
    assert emails == ["fee@poundpay.com", "escrow@poundpay.com", "whc@example.org"]


async def test_there_is_no_second_marketplace(api: Api, untouched: Untouched) -> None:
    with untouched():
        answer = await api.post("/v1/marketplaces", {"name": "Another"})

    assert answer.refusal == (409, "logical", "marketplace-already-created", "Marketplace already created.")


WRONG = [
    (
        {"support_email_address": "dsfsa"},
        'Invalid field [support_email_address] - "dsfsa" must be a valid email address as specified by RFC-2822',
    ),
    (
        {"support_phone_number": "INCORRECT PHONE NUMBER"},
        'Invalid field [support_phone_number] - "INCORRECT PHONE NUMBER" must have length <= 15',
    ),
    ({"meta": []}, 'Invalid field [meta] - "[]" is not a mapping'),
]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        *WRONG,
        (
            {"owner_account": {"email_address": "x"}},
            'Invalid field [email_address] - "x" must be a valid email address as specified by RFC-2822',
        ),
    ],
)
async def test_what_is_no_marketplace_is_refused(api: Api, body: dict[str, Any], sentence: str) -> None:
    new = await fresh(api)

    answer = await new.post("/v1/marketplaces", body)

    assert answer.refusal == (400, "request", "request", sentence)
    assert (await shown(new, "/v1/marketplaces"))["total"] == 0


# Find


async def test_there_is_one_marketplace_a_key_or_none(api: Api) -> None:
    mine, none = await shown(api, "/v1/marketplaces"), await shown(await fresh(api), "/v1/marketplaces")

    assert mine["items"] == [await shown(api, api.marketplace)]
    assert (none["items"], none["total"], none["limit"], none["offset"]) == ([], 0, 10, 0)


async def test_without_a_marketplace_there_is_nothing_to_do(api: Api) -> None:
    answer = await (await fresh(api)).post("/v1/customers")

    sentence = "Not permitted to perform create on customers."
    assert answer.refusal == (403, "permission", "not-authorized", sentence)


async def test_escrow_is_live(api: Api, fund: Fund) -> None:
    fund(12_345)

    assert (await shown(api, api.marketplace))["in_escrow"] == 12_345


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_marketplace_that_is_not_there_is_not_found(
    api: Api, stranger: Api, untouched: Untouched, method: str
) -> None:
    with untouched():
        answers = [await api.send(method, path) for path in ("/v1/marketplaces/TEST-MP123", stranger.marketplace)]

    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].body.keys().isdisjoint({"additional", "extras"})


# Update


async def test_an_update_changes_what_was_sent(api: Api) -> None:
    before = await shown(api, api.marketplace)

    answer = await api.put(api.marketplace, {"name": "Seller of things", "meta": {"a": 1}})

    assert answer.body == before | {"name": "Seller of things", "meta": {"a": "1"}}


async def test_a_marketplace_sent_back_whole_changes_nothing(api: Api, fund: Fund, untouched: Untouched) -> None:
    before = await shown(api, api.marketplace)
    whole = before | {"created_at": "2013-05-06T17:18:03.439563+00:00Z", "in_escrow": 1_000_000}

    with untouched():
        answer = await api.put(api.marketplace, whole)

    assert (answer.status, answer.body) == (200, before)


@pytest.mark.parametrize(("body", "sentence"), WRONG)
async def test_an_update_that_cannot_be_read_is_refused(
    api: Api, untouched: Untouched, body: dict[str, Any], sentence: str
) -> None:
    with untouched():
        answer = await api.put(api.marketplace, body)

    assert answer.refusal == (400, "request", "request", sentence)


async def test_the_address_of_the_owner_is_taken(api: Api, untouched: Untouched) -> None:
    with untouched():
        answer = await api.post(f"{api.marketplace}/accounts", {"email_address": "whc@example.org"})

    assert answer.refusal[2] == "duplicate-email-address"
    assert (await account(api, email_address="other@example.org"))["roles"] == []
