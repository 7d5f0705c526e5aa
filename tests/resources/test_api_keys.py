"""API keys over HTTP: without credentials a world of one's own, with them one more key to it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.worlds import Worlds
from tests.api import Api
from tests.resources.conftest import Untouched
from tests.resources.made import BANK_ACCOUNT, BUSINESS, PERSON, account, made, shown

KEYS = {"_type", "_uris", "created_at", "id", "meta", "uri"}


async def the_merchant(api: Api) -> Any:
    """Return the merchant that holds the key."""
    (merchant,) = (await shown(api, "/v1/merchants"))["items"]
    return merchant


# Without credentials


@pytest.mark.parametrize("how", [{}, {"body": {}}, {"form": ""}])
async def test_anybody_may_have_a_world_of_their_own(api: Api, how: dict[str, Any]) -> None:
    answer = await api.with_key("").send("POST", "/v1/api_keys", **how)

    assert (answer.status, answer.reason) == (201, "CREATED")
    assert answer.body.keys() == KEYS | {"secret", "merchant"}
    assert (answer.body["_type"], answer.body["_uris"], answer.body["meta"]) == ("api_key", {}, {})
    assert answer.body["uri"] == f"/v1/api_keys/{answer.body['id']}"
    assert answer.body["id"].startswith("AK")
    assert re.fullmatch("[0-9a-f]{32}", answer.body["secret"])
    assert answer.body["merchant"]["name"] == "William Henry Cavendish III"
    new = api.with_key(answer.body["secret"])
    assert (await the_merchant(new))["id"] == answer.body["merchant"]["id"]
    assert (await shown(new, "/v1/marketplaces"))["total"] == 0
    assert (await new.post("/v1/marketplaces")).status == 201


async def test_every_such_key_opens_another_world(api: Api) -> None:
    one, two = [await made(api.with_key(""), "/v1/api_keys") for _ in range(2)]

    assert one["merchant"]["id"] != two["merchant"]["id"]
    assert (await api.with_key(one["secret"]).get(two["uri"])).status == 404


async def test_a_world_may_be_opened_for_a_merchant(api: Api) -> None:
    key = await made(api.with_key(""), "/v1/api_keys", {"merchant": BUSINESS, "meta": {"a": 1}})

    assert key["meta"] == {"a": "1"}
    assert {name: key["merchant"][name] for name in ("type", "name", "phone_number", "postal_code")} == {
        "type": "business",
        "name": "Skripts4Kids",
        "phone_number": "+140899188155",
        "postal_code": "91111",
    }


async def test_a_merchant_may_bring_a_bank_account(api: Api) -> None:
    key = await made(api.with_key(""), "/v1/api_keys", {"merchant": PERSON, "bank_account": BANK_ACCOUNT})

    new = api.with_key(key["secret"])
    marketplace = await made(new, "/v1/marketplaces")
    destination = await shown(new, marketplace["owner_customer"]["destination_uri"])
    assert destination["last_four"] == "0001"


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"merchant": PERSON | {"name": None}}, (400, "request", "request", "Missing required field [name]")),
        (
            {"merchant": PERSON | {"phone_number": None}},
            (400, "request", "request", "Missing required field [phone_number]"),
        ),
        ({"bank_account": {"name": "J"}}, (400, "request", "request", None)),
        (
            {"bank_account": BANK_ACCOUNT | {"routing_number": "100000007"}},
            (400, "request", "invalid-routing-number", "Routing number is invalid."),
        ),
        (
            {"merchant": PERSON | {"region": "EX", "postal_code": "99999"}},
            (300, "redirect", "person-kyc", "Person KYC failed."),
        ),
    ],
)
async def test_whoever_is_refused_leaves_no_world_behind(
    api: Api, worlds: Worlds, body: dict[str, Any], refusal: tuple[int, str, str, str | None]
) -> None:
    before = [world.name for world in worlds]

    answer = await api.with_key("").post("/v1/api_keys", body)

    assert answer.refusal[:3] == refusal[:3]
    assert refusal[3] is None or answer.description == refusal[3]
    assert [world.name for world in worlds] == before


async def test_where_there_is_no_marketplace_the_redirect_names_none(api: Api) -> None:
    merchant = PERSON | {"region": "EX", "postal_code": "99999"}

    answer = await api.with_key("").post("/v1/api_keys", {"merchant": merchant})

    assert answer.headers["Location"] == "https://www.balancedpayments.com/marketplaces/kyc"


# With a key


@pytest.mark.parametrize("path", ["/v1/api_keys", "{merchant}/api_keys"])
async def test_one_more_key_opens_the_same_world(api: Api, path: str) -> None:
    merchant = await the_merchant(api)

    key = await made(api, path.format(merchant=merchant["uri"]), {"meta": {"some": "data"}})

    assert key["merchant"]["id"] == merchant["id"]
    assert key["meta"] == {"some": "data"}
    assert await the_merchant(api.with_key(key["secret"])) == merchant


async def test_a_secret_is_shown_once(api: Api) -> None:
    key = await made(api, "/v1/api_keys")

    found = [await shown(api, key["uri"]), *(await shown(api, "/v1/api_keys"))["items"]]

    assert [one.keys() for one in found] == [KEYS] * 3


async def test_keys_are_listed_oldest_first(api: Api) -> None:
    merchant, key = await the_merchant(api), await made(api, "/v1/api_keys")

    flat, nested = await shown(api, "/v1/api_keys"), await shown(api, merchant["api_keys_uri"])

    assert [one["id"] for one in flat["items"]][1:] == [key["id"]]
    assert nested["items"] == flat["items"]


async def test_a_merchant_behind_an_account_has_no_keys(api: Api, worlds: Worlds, untouched: Untouched) -> None:
    await account(api, merchant=PERSON)
    (other,) = worlds.default.store.find("merchants", limit=1).documents
    path = f"/v1/merchants/{other['id']}/api_keys"
    (own,) = (await shown(api, "/v1/api_keys"))["items"]

    with untouched():
        answer = await api.post(path)

    sentence = "Not permitted to perform create on api_keys."
    assert answer.refusal == (403, "permission", "not-authorized", sentence)
    assert (await shown(api, path))["items"] == []
    assert (await api.get(f"{path}/{own['id']}")).status == 404


@pytest.mark.parametrize("path", ["{key}", "{merchant}/api_keys/{id}"])
async def test_an_update_replaces_meta_only(api: Api, path: str) -> None:
    merchant, key = await the_merchant(api), await made(api, "/v1/api_keys", {"meta": {"a": "1"}})
    path = path.format(key=key["uri"], merchant=merchant["uri"], id=key["id"])

    answer = await api.put(path, {"meta": {"b": "2"}, "secret": "0" * 32})
    again = await api.put(path, {})

    assert answer.status == again.status == 200
    assert answer.body == again.body == await shown(api, path)
    assert answer.body["meta"] == {"b": "2"}
    assert (await api.with_key("0" * 32).get("/v1/merchants")).status == 401


async def test_an_update_that_cannot_be_read_is_refused(api: Api, untouched: Untouched) -> None:
    key = await made(api, "/v1/api_keys")

    with untouched():
        answer = await api.put(key["uri"], {"meta": "x"})

    assert answer.refusal == (400, "request", "request", 'Invalid field [meta] - "x" is not a mapping')


@pytest.mark.parametrize("path", ["{key}", "{merchant}/api_keys/{id}"])
async def test_a_deleted_key_opens_nothing(api: Api, path: str) -> None:
    merchant, key = await the_merchant(api), await made(api, "/v1/api_keys")
    used = api.with_key(key["secret"])
    assert (await used.get("/v1/merchants")).status == 200

    answer = await api.delete(path.format(key=key["uri"], merchant=merchant["uri"], id=key["id"]))

    assert (answer.status, answer.reason, answer.raw) == (204, "NO CONTENT", b"")
    refused = await used.get("/v1/merchants")
    sentence = "Not permitted to perform index on merchants."
    assert refused.refusal == (401, "permission", "authentication-required", sentence)
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="Balanced"'
    assert (await api.get(key["uri"])).status == 404


@pytest.mark.parametrize(
    ("method", "path", "sentence"),
    [
        ("GET", "/v1/api_keys", "Not permitted to perform index on api_keys."),
        ("GET", "/v1/customers", "Not permitted to perform index on customers."),
        ("GET", "/v1/customers/CU1", "Not permitted to perform show on customers."),
        ("PUT", "/v1/customers/CU1", "Not permitted to perform update on customers."),
        ("DELETE", "/v1/api_keys/AK1", "Not permitted to perform delete on api_keys."),
        ("POST", "/v1/marketplaces", "Not permitted to perform create on marketplaces."),
    ],
)
@pytest.mark.parametrize("key", ["", "0" * 32])
async def test_without_a_good_key_nothing_is_permitted(
    api: Api, untouched: Untouched, key: str, method: str, path: str, sentence: str
) -> None:
    with untouched():
        answer = await api.with_key(key).send(method, path)

    assert answer.refusal == (401, "permission", "authentication-required", sentence)
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Balanced"'


async def test_a_wrong_key_opens_no_new_world(api: Api) -> None:
    answer = await api.with_key("0" * 32).post("/v1/api_keys")

    assert answer.status == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_key_that_is_not_there_is_not_found(api: Api, stranger: Api, untouched: Untouched, method: str) -> None:
    (theirs,) = (await shown(stranger, "/v1/api_keys"))["items"]
    merchant = await the_merchant(api)

    with untouched():
        answers = [
            await api.send(method, path)
            for path in ("/v1/api_keys/AK123", theirs["uri"], f"{merchant['api_keys_uri']}/{theirs['id']}")
        ]

    assert [answer.status for answer in answers] == [404] * 3


async def test_a_world_may_lose_its_last_key(api: Api, worlds: Worlds) -> None:
    (key,) = (await api.get("/v1/api_keys")).body["items"]

    assert (await api.delete(key["uri"])).status == 204

    assert (await api.get("/v1/customers")).status == 401
    assert worlds.default.api_key == ""
