"""Merchants over HTTP: the one that holds the key, and those behind accounts."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.worlds import Worlds
from tests.api import Api
from tests.resources.conftest import Untouched
from tests.resources.made import BANK_ACCOUNT, PERSON, account, made, shown

KEYS = {
    "_type", "_uris", "accounts_uri", "api_keys_uri", "balance", "city", "country_code", "created_at",
    "email_address", "id", "marketplace", "meta", "name", "phone_number", "postal_code", "street_address", "type",
    "uri",
}  # fmt: skip


async def the_merchant(api: Api) -> Any:
    """Return the merchant that holds the key."""
    (merchant,) = (await shown(api, "/v1/merchants"))["items"]
    return merchant


async def the_owner(api: Api) -> Any:
    """Return the marketplace's owner as a customer."""
    owner = (await shown(api, api.marketplace))["owner_account"]
    return await shown(api, owner["customer_uri"])


async def fresh(api: Api) -> Api:
    """Return the way into a world that has a merchant and no marketplace."""
    key = await made(api.with_key(""), "/v1/api_keys")
    return api.with_key(key["secret"])


async def test_a_key_belongs_to_one_merchant(api: Api) -> None:
    merchant = await the_merchant(api)

    assert merchant.keys() == KEYS
    expected: dict[str, Any] = {
        "_type": "merchant",
        "type": "person",
        "name": "William Henry Cavendish III",
        "email_address": "whc@example.org",
        "phone_number": "+16505551212",
        "street_address": "123 Fake St",
        "city": None,
        "postal_code": "90210",
        "country_code": "USA",
        "balance": 0,
        "meta": {},
        "uri": f"/v1/merchants/{merchant['id']}",
        "accounts_uri": f"/v1/merchants/{merchant['id']}/accounts",
        "api_keys_uri": f"/v1/merchants/{merchant['id']}/api_keys",
    }
    assert {key: merchant[key] for key in expected} == expected
    assert merchant["id"].startswith("TEST-MR")
    assert await shown(api, merchant["uri"]) == merchant


async def test_a_merchant_shows_its_marketplace_and_that_links_to_the_owner(api: Api) -> None:
    marketplace = (await the_merchant(api))["marketplace"]

    assert marketplace["uri"] == api.marketplace
    assert "owner_account" not in marketplace
    owner = (await shown(api, api.marketplace))["owner_account"]
    assert marketplace["owner_account_uri"] == owner["uri"]
    assert marketplace["_uris"]["owner_account_uri"] == {"_type": "account", "key": "owner_account"}


async def test_there_is_no_marketplace_before_it_is_created(api: Api) -> None:
    merchant = await the_merchant(await fresh(api))

    assert merchant["marketplace"] is None
    assert merchant.keys() == KEYS


async def test_a_merchant_lists_the_accounts_it_is_behind(api: Api) -> None:
    merchant = await the_merchant(api)
    behind = await account(api, merchant_uri=merchant["uri"])
    await account(api, merchant=PERSON)

    page = await shown(api, merchant["accounts_uri"])

    assert [one["id"] for one in page["items"]] == [(await the_owner(api))["id"], behind["id"]]


# Update


async def test_an_update_changes_what_was_sent(api: Api) -> None:
    merchant = await the_merchant(api)
    changes = {"name": "Will", "email_address": "will@example.org", "phone_number": "+14155550000", "meta": {"a": "1"}}

    answer = await api.put(merchant["uri"], {"name": "Will"})
    again = await api.put(merchant["uri"], changes)

    assert answer.body == merchant | {"name": "Will"}
    assert again.body == merchant | changes


async def test_a_new_bank_account_becomes_the_owners_newest(api: Api) -> None:
    merchant, before = await the_merchant(api), await the_owner(api)

    answer = await api.put(merchant["uri"], {"bank_account": BANK_ACCOUNT})

    assert (answer.status, answer.body) == (200, merchant)
    after = await the_owner(api)
    newest = (await shown(api, after["bank_accounts_uri"]))["items"][0]
    assert newest["account_number"] == "xxxxxx0001"
    assert after["destination_uri"] == newest["uri"]
    assert after["source_uri"] == before["source_uri"]  # the new one may not be debited


async def test_a_new_bank_account_of_another_merchant_is_its_accounts(worlds: Worlds, api: Api) -> None:
    created = await account(api, merchant=PERSON)
    (newest,) = worlds.default.store.find("merchants", limit=1).documents  # the account shows no link to it

    await api.put(f"/v1/merchants/{newest['id']}", {"bank_account": BANK_ACCOUNT})

    assert (await shown(api, created["bank_accounts_uri"]))["total"] == 1
    assert (await shown(api, (await the_owner(api))["bank_accounts_uri"]))["total"] == 1


async def test_a_bank_account_waits_for_the_marketplace(api: Api) -> None:
    new = await fresh(api)
    merchant = await the_merchant(new)

    await new.put(merchant["uri"], {"bank_account": BANK_ACCOUNT})

    marketplace = await made(new, "/v1/marketplaces")
    page = await shown(new, marketplace["owner_account"]["bank_accounts_uri"])
    uris = {one["last_four"]: one["uri"] for one in page["items"]}
    assert uris.keys() == {"5555", "0001"}
    owner = marketplace["owner_customer"]
    assert (owner["source_uri"], owner["destination_uri"]) == (uris["5555"], uris["0001"])


async def test_a_merchant_sent_back_whole_changes_nothing(api: Api, untouched: Untouched) -> None:
    merchant = await the_merchant(api)

    with untouched():
        answer = await api.put(merchant["uri"], merchant | {"created_at": "2013-05-06T17:18:03.439563+00:00Z"})

    assert (answer.status, answer.body) == (200, merchant)


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (
            {"email_address": "x"},
            "request",
            'Invalid field [email_address] - "x" must be a valid email address as specified by RFC-2822',
        ),
        (
            {"phone_number": "INCORRECT PHONE NUMBER"},
            "request",
            'Invalid field [phone_number] - "INCORRECT PHONE NUMBER" must have length <= 15',
        ),
        ({"name": "s" * 129}, "request", f'Invalid field [name] - "{"s" * 129}" must have length <= 128'),
        ({"bank_account": {**BANK_ACCOUNT, "name": None}}, "request", "Missing required field [name]"),
        (
            {"bank_account": {**BANK_ACCOUNT, "routing_number": "100000007"}, "name": "Will"},
            "invalid-routing-number",
            "Routing number is invalid.",
        ),
    ],
)
async def test_what_cannot_be_read_is_refused(
    api: Api, untouched: Untouched, body: dict[str, Any], code: str, sentence: str
) -> None:
    merchant = await the_merchant(api)

    with untouched():
        answer = await api.put(merchant["uri"], body)

    assert answer.refusal == (400, "request", code, sentence)


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_merchant_that_is_not_there_is_not_found(
    api: Api, stranger: Api, untouched: Untouched, method: str
) -> None:
    theirs = await the_merchant(stranger)

    with untouched():
        answers = [await api.send(method, path) for path in ("/v1/merchants/TEST-MR123", theirs["uri"])]

    assert [answer.status for answer in answers] == [404, 404]
    assert (await api.get(theirs["accounts_uri"])).status == 404


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_merchants_come_and_go_with_their_keys_only(api: Api, untouched: Untouched, method: str) -> None:
    merchant = await the_merchant(api)

    with untouched():
        answer = await api.send(method, "/v1/merchants" if method == "POST" else merchant["uri"])

    assert answer.refusal[:3] == (405, "request", "method-not-allowed")
