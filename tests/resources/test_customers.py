"""Customers over HTTP: what the specification and the decisions say, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import clock
from sandbox.resources.parties import identified
from sandbox.store.found import scan
from sandbox.store.shelf import Document, Key, Shelf
from tests.api import Api
from tests.conftest import Wall

FULL = {
    "name": "John Lee Hooker",
    "email": "user@example.org",
    "phone": "(904) 555-1796",
    "meta": {"github": "https://github.com/balanced"},
    "ssn_last4": "3209",
    "business_name": "Balanced",
    "address": {"line1": "965 Mission St", "city": "San Francisco", "postal_code": "94103"},
    "dob": "1917-08",
    "ein": "123456789",
    "facebook": "https://facebook.com/balanced",
    "twitter": "@balanced",
}
CARD = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}
BANK_ACCOUNT = {"name": "Johann", "account_number": "9900000002", "routing_number": "121000358", "type": "checking"}


async def created(api: Api, **body: Any) -> Any:
    """Return a new customer."""
    answer = await api.post("/v1/customers", body)
    assert answer.status == 201, answer.raw
    return answer.body


# Create


async def test_an_empty_body_makes_a_customer_of_defaults(api: Api) -> None:
    answer = await api.post("/v1/customers")

    assert (answer.status, answer.reason) == (201, "CREATED")
    nulls = {key for key, value in answer.body.items() if value is None}
    assert nulls == {
        "name", "email", "phone", "business_name", "ein", "dob", "ssn_last4", "facebook", "twitter",
        "source_uri", "destination_uri",
    }  # fmt: skip
    assert answer.body["meta"] == {}
    assert answer.body["address"] == {}
    assert len(answer.body) == 26


async def test_what_was_given_is_shown(api: Api) -> None:
    shown = await created(api, **FULL)

    assert {key: shown[key] for key in FULL} == {**FULL, "ssn_last4": "xxxx"}


async def test_only_set_links_are_in_uris(api: Api) -> None:
    shown = await created(api)

    links = {key for key, value in shown.items() if key.endswith("_uri") and value is not None}
    assert set(shown["_uris"]) == links
    assert "source_uri" not in links
    assert all(link == {"_type": "page", "key": key.removesuffix("_uri")} for key, link in shown["_uris"].items())


async def test_links_hang_from_the_account_in_the_marketplace(api: Api) -> None:
    shown = await created(api)

    assert shown["uri"] == f"/v1/customers/{shown['id']}"
    assert shown["cards_uri"] == f"{api.marketplace}/accounts/{shown['id']}/cards"


async def test_every_collection_of_a_customer_answers(api: Api) -> None:
    shown = await created(api)

    for name in shown["_uris"]:
        page = await api.get(shown[name])
        assert (page.status, page.body["_type"], page.body["total"]) == (200, "page", 0), name
        assert (await api.get(f"{shown['uri']}/{name.removesuffix('_uri')}")).status == 200, name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (54.8, "54.8"),
        (1, "1"),
        (True, "True"),
        (False, "False"),
        (None, "None"),
        ("", ""),
        ("ünï", "ünï"),
    ],
)
async def test_meta_values_become_the_text_python_prints(api: Api, sent: object, kept: str) -> None:
    assert (await created(api, meta={"key": sent}))["meta"] == {"key": kept}


async def test_only_known_parts_of_an_address_are_kept(api: Api) -> None:
    shown = await created(api, address={"line1": "1 Main St", "default": "x", "planet": "Mars", "city": None})

    assert shown["address"] == {"line1": "1 Main St"}


async def test_a_full_date_of_birth_is_kept_as_its_month(api: Api) -> None:
    assert (await created(api, dob="1963-07-30"))["dob"] == "1963-07"


async def test_numbers_are_taken_for_text(api: Api) -> None:
    assert (await created(api, ein=123456789, phone=5551796))["ein"] == "123456789"


async def test_unknown_and_read_only_keys_are_ignored(api: Api) -> None:
    shown = await created(api, id=None, uri="/v1/customers/CUx", is_identity_verified=True, illegal={})

    assert shown["id"].startswith("CU")
    assert shown["is_identity_verified"] is False


async def test_two_customers_may_share_an_address(api: Api) -> None:
    await created(api, email="same@example.org")

    assert (await created(api, email="same@example.org"))["email"] == "same@example.org"


async def test_a_form_says_the_same_as_json(api: Api) -> None:
    form = "name=Richie&meta%5Bteam%5D=Canterbury&address[postal_code]=8011&address[city]=Christchurch&dob=1980-12"

    answer = await api.post("/v1/customers", form=form)

    assert answer.status == 201
    assert answer.body["meta"] == {"team": "Canterbury"}
    assert answer.body["address"] == {"postal_code": "8011", "city": "Christchurch"}
    assert answer.body["is_identity_verified"] is True


REFUSED = [
    ({"email": "nobody"}, "email", '"nobody" must be a valid email address as specified by RFC-2822'),
    ({"email": ""}, "email", '"" must be a valid email address as specified by RFC-2822'),
    ({"name": "x" * 129}, "name", f'"{"x" * 129}" must have length <= 128'),
    ({"name": {"first": "x"}}, "name", "\"{'first': 'x'}\" is not a string"),
    ({"dob": "1980"}, "dob", '"1980" must be a date of the form YYYY-MM or YYYY-MM-DD'),
    ({"dob": "1980-13"}, "dob", '"1980-13" must be a date of the form YYYY-MM or YYYY-MM-DD'),
    ({"ssn_last4": "12345"}, "ssn_last4", '"xxxx" must be four digits'),
    ({"ssn_last4": "xxxx"}, "ssn_last4", '"xxxx" must be four digits'),
    ({"meta": "text"}, "meta", '"text" is not a mapping'),
    ({"meta": {"a": {"b": 1}}}, "meta", '"a" must be a string, this is a single level of keys and values'),
    ({"meta": {"a": [1]}}, "meta", '"a" must be a string, this is a single level of keys and values'),
    ({"meta": {"a": "x" * 256}}, "meta", f'"{"x" * 256}" must have length <= 255'),
    ({"address": "1 Main St"}, "address", '"1 Main St" is not a mapping'),
    ({"card_uri": "/v1/cards/CCnone"}, "card_uri", '"/v1/cards/CCnone" does not resolve to card'),
    ({"bank_account_uri": "x"}, "bank_account_uri", '"x" does not resolve to bank_account'),
]


@pytest.mark.parametrize(("body", "field", "detail"), REFUSED)
async def test_a_bad_field_is_refused_by_name(api: Api, body: dict[str, Any], field: str, detail: str) -> None:
    before = (await api.get("/v1/customers")).body["total"]

    answer = await api.post("/v1/customers", body)

    assert answer.refusal == (400, "request", "request", f"Invalid field [{field}] - {detail}")
    assert answer.body["extras"] == {field: detail}
    assert answer.description == f"Invalid field [{field}] - {detail}"
    assert (await api.get("/v1/customers")).body["total"] == before


async def test_every_bad_field_is_named(api: Api) -> None:
    answer = await api.post("/v1/customers", {"email": "x", "dob": "y"})

    assert set(answer.body["extras"]) == {"email", "dob"}
    assert answer.description.startswith("Invalid field [email]")


# Retrieve and list


async def test_a_customer_is_retrieved_as_it_was_created(api: Api) -> None:
    made = await api.post("/v1/customers", FULL)

    assert (await api.get(made.body["uri"])).raw == made.raw


async def test_an_account_is_a_customer_too(api: Api) -> None:
    account = (await api.post(f"{api.marketplace}/accounts", {"name": "Benny Riemann"})).body

    customer = await api.get(f"/v1/customers/{account['id']}")

    assert customer.body["_type"] == "customer"
    assert customer.body["name"] == "Benny Riemann"
    assert (await api.get(f"{api.marketplace}/accounts/{customer.body['id']}")).body == account


async def test_a_customer_is_an_account_too(api: Api) -> None:
    customer = await created(api, name="Mata Hari", email="mata@example.org")

    account = await api.get(f"{api.marketplace}/accounts/{customer['id']}")

    assert account.status == 200
    assert account.body["email_address"] == "mata@example.org"
    assert account.body["customer_uri"] == customer["uri"]


async def test_the_list_is_newest_first_and_begins_with_the_built_in_accounts(api: Api) -> None:
    one, two = await created(api, name="one"), await created(api, name="two")

    items = (await api.get("/v1/customers")).body["items"]

    assert [item["id"] for item in items[:2]] == [two["id"], one["id"]]
    assert [item["email"] for item in items[2:]] == ["fee@poundpay.com", "escrow@poundpay.com", "whc@example.org"]


async def test_the_address_of_a_built_in_account_is_null_or_absent(api: Api) -> None:
    fee, escrow, owner = (await api.get("/v1/customers")).body["items"]

    assert "address" not in fee
    assert escrow["address"] is None
    assert "address" not in owner
    assert [item["is_identity_verified"] for item in (fee, escrow, owner)] == [True, False, True]


async def test_pages_link_to_each_other(api: Api) -> None:
    for number in range(4):
        await created(api, name=str(number))

    page = (await api.get("/v1/customers?limit=3&offset=3")).body

    assert (page["total"], page["limit"], page["offset"], len(page["items"])) == (7, 3, 3, 3)
    assert page["uri"] == "/v1/customers?limit=3&offset=3"
    assert page["first_uri"] == "/v1/customers?limit=3&offset=0"
    assert page["previous_uri"] == "/v1/customers?limit=3&offset=0"
    assert page["next_uri"] == "/v1/customers?limit=3&offset=6"
    assert page["last_uri"] == "/v1/customers?limit=3&offset=6"
    assert set(page["_uris"]) == {"first_uri", "previous_uri", "next_uri", "last_uri"}


@pytest.mark.parametrize(
    ("collection", "name", "filtered_by"),
    [
        ("/v1/customers", "email", "email"),
        ("/v1/customers", "email", "email[in]"),
        ("{}/accounts", "email_address", "email_address"),
    ],
)
async def test_who_is_asked_for_by_email_is_found_without_looking_at_anyone_else(
    api: Api, monkeypatch: pytest.MonkeyPatch, collection: str, name: str, filtered_by: str
) -> None:
    uri = collection.format(api.marketplace)
    for number in range(20):
        await api.post(uri, {name: f"{number}@example.com"})
    looked_at: list[int] = []

    def spying(shelf: Shelf, keys: Sequence[Key], *how: Any) -> list[Document]:
        looked_at.append(len(keys))
        return scan(shelf, keys, *how)

    monkeypatch.setattr("sandbox.store.store.scan", spying)

    page = (await api.get(f"{uri}?{filtered_by}=7@example.com")).body

    assert [item[name] for item in page["items"]] == ["7@example.com"]
    assert page["total"] == 1
    assert looked_at == [1]


async def test_an_index_and_other_filters_narrow_each_other(api: Api) -> None:
    for number in range(3):
        await api.post("/v1/customers", {"email": "whc@example.org", "meta": {"number": str(number)}})

    page = (await api.get("/v1/customers?email=whc@example.org&meta.number=1")).body

    assert [item["meta"] for item in page["items"]] == [{"number": "1"}]


async def test_following_next_visits_everyone_once(api: Api) -> None:
    for number in range(5):
        await created(api, name=str(number))

    seen, uri = [], "/v1/customers?limit=3"
    while uri:
        page = (await api.get(uri)).body
        seen += [item["id"] for item in page["items"]]
        uri = page["next_uri"]

    assert len(seen) == len(set(seen)) == 8


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        ("limit=0", "limit", '"0" must be >= 1'),
        ("limit=x", "limit", '"x" is not an integer'),
        ("limit=1.5", "limit", '"1.5" is not an integer'),
        ("limit=", "limit", '"" is not an integer'),
        ("offset=-1", "offset", '"-1" must be >= 0'),
        ("created_at[>]=yesterday", "created_at[>]", '"yesterday" is not an ISO 8601 date or time'),
        ("created_at[like]=2013", "created_at[like]", '"like" must be one of = != < <= > >='),
    ],
)
async def test_a_bad_question_is_refused_by_name(api: Api, query: str, field: str, detail: str) -> None:
    answer = await api.get(f"/v1/customers?{query}")

    assert answer.refusal == (400, "request", "request", f"Invalid field [{field}] - {detail}")


async def test_a_limit_above_a_hundred_is_a_hundred(api: Api) -> None:
    assert (await api.get("/v1/customers?limit=101")).body["limit"] == 100


async def test_an_unknown_sort_is_refused(api: Api) -> None:
    answer = await api.get("/v1/customers?sort=shoe_size,asc")

    assert answer.refusal == (400, "request", "request", 'Unable to sort on unknown field "shoe_size"')


async def test_filters_and_sort(api: Api, wall: Wall) -> None:
    wall.moment += clock.DAY
    abe = await created(api, email="abe@example.org", meta={"tag": 1})
    wall.moment += clock.DAY
    zoe = await created(api, email="zoe@example.org", meta={"other": "x"})

    async def found(query: str) -> list[str]:
        return [item["id"] for item in (await api.get(f"/v1/customers?{query}")).body["items"]]

    assert await found("email=abe@example.org") == [abe["id"]]
    assert await found("email[startswith]=z") == [zoe["id"]]
    assert await found("meta.tag=1") == [abe["id"]]
    assert await found("meta[contains]=other") == [zoe["id"]]
    assert await found(f"created_at[<]={zoe['created_at']}&created_at[>=]={abe['created_at']}") == [abe["id"]]
    assert await found("email[in]=abe@example.org,zoe@example.org&sort=email,desc") == [zoe["id"], abe["id"]]
    assert len(await found("is_active=true")) == 5


async def test_filters_stay_in_the_links_of_a_page(api: Api) -> None:
    page = (await api.get("/v1/customers?limit=1&sort=created_at,desc&email[!=]=x")).body

    assert page["next_uri"] == "/v1/customers?sort=created_at%2Cdesc&email%5B%21%3D%5D=x&limit=1&offset=1"
    assert (await api.get(page["next_uri"])).body["offset"] == 1


# Update


async def test_what_an_update_leaves_out_goes_back_to_its_default(api: Api) -> None:
    customer = await created(api, **FULL)

    answer = await api.put(customer["uri"], {"name": "Richie McCaw"})

    assert answer.status == 200
    assert answer.body == {**(await created(api, name="Richie McCaw")), **_identity(customer, answer.body)}


def _identity(customer: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    """Return the keys that tell a customer from every other."""
    return {key: shown[key] for key in shown if key in ("id", "uri", "created_at") or key.endswith("s_uri")} | {
        "id": customer["id"]
    }


async def test_null_in_an_update_is_the_default(api: Api) -> None:
    customer = await created(api, **FULL)

    answer = await api.put(customer["uri"], {key: None for key in FULL})

    assert answer.status == 200
    assert [answer.body[key] for key in ("name", "meta", "address")] == [None, {}, {}]


async def test_a_client_may_send_the_whole_customer_back(api: Api) -> None:
    customer = await created(api, **FULL)

    answer = await api.put(customer["uri"], {**customer, "created_at": "2013-05-06T17:18:03.439563+00:00Z"})

    assert answer.status == 200
    # A mask is no value: it is the one thing that does not survive.
    assert answer.body == {**customer, "ssn_last4": None}


@pytest.mark.parametrize("part", ["owner", "escrow", "fee"])
async def test_the_built_in_accounts_survive_being_sent_back(api: Api, part: str) -> None:
    items = (await api.get("/v1/customers")).body["items"]
    shown = items[{"fee": 0, "escrow": 1, "owner": 2}[part]]

    answer = await api.put(shown["uri"], shown)

    assert answer.body == shown


async def test_naming_only_a_card_leaves_the_profile(api: Api) -> None:
    customer = await created(api, **FULL)
    card = (await api.post(f"{api.marketplace}/cards", CARD)).body

    answer = await api.put(customer["uri"], {"card_uri": card["uri"]})

    assert {key: answer.body[key] for key in FULL} == {key: customer[key] for key in FULL}
    assert answer.body["source_uri"] == f"{api.marketplace}/accounts/{customer['id']}/cards/{card['id']}"
    assert answer.body["_uris"]["source_uri"] == {"_type": "card", "key": "source"}


async def test_a_card_and_a_profile_in_one_body_do_both(api: Api) -> None:
    customer = await created(api, **FULL)

    answer = await api.put(customer["uri"], {"name": "New", "card": CARD})

    assert answer.body["name"] == "New"
    assert answer.body["email"] is None
    assert answer.body["source_uri"] is not None


async def test_a_customer_is_created_with_card_and_bank_account(api: Api) -> None:
    customer = await created(api, card=CARD, bank_account=BANK_ACCOUNT)

    assert (await api.get(customer["source_uri"])).body["last_four"] == "1111"
    assert (await api.get(customer["destination_uri"])).body["last_four"] == "0002"
    assert (await api.get(customer["cards_uri"])).body["total"] == 1


async def test_links_are_taken_without_slash_and_with_host(api: Api) -> None:
    for written in ("{0}", "http://localhost{0}", "v1{1}"):
        card = (await api.post(f"{api.marketplace}/cards", CARD)).body["uri"]
        uri = written.format(card, card.removeprefix("/v1"))
        assert (await created(api, card_uri=uri))["source_uri"] is not None


async def test_nothing_is_kept_of_a_refused_update(api: Api) -> None:
    customer = await created(api, **FULL)

    answer = await api.put(customer["uri"], {"name": "New", "card": {**CARD, "card_number": "4222222222222220"}})

    assert answer.refusal == (409, "logical", "card-not-validated", "Card cannot be validated.")
    assert (await api.get(customer["uri"])).body == customer


async def test_identity_is_verified_by_name_birth_and_postal_code(api: Api) -> None:
    henry = {"name": "Henry Ford", "dob": "1863-07", "address": {"postal_code": "48120"}}

    customer = await created(api, **henry)
    assert customer["is_identity_verified"] is True

    assert (await api.put(customer["uri"], {**henry, "name": ""})).body["is_identity_verified"] is False


@given(
    name=st.none() | st.text(),
    dob=st.none() | st.just("1863-07"),
    address=st.none() | st.dictionaries(st.sampled_from(["postal_code", "city"]), st.text()),
)
def test_identity_needs_all_three(name: str | None, dob: str | None, address: dict[str, str] | None) -> None:
    assert identified(name, dob, address) == bool(name and dob and (address or {}).get("postal_code"))


# Delete


async def test_a_deleted_customer_is_gone_with_its_instruments(api: Api) -> None:
    customer = await created(api, card=CARD, bank_account=BANK_ACCOUNT)

    answer = await api.delete(customer["uri"])

    assert (answer.status, answer.reason, answer.raw) == (204, "NO CONTENT", b"")
    assert "Content-Type" not in answer.headers
    for uri in (customer["uri"], customer["source_uri"], customer["destination_uri"], customer["cards_uri"]):
        assert (await api.get(uri)).status == 404
    assert (await api.get("/v1/customers")).body["total"] == 3
    assert (await api.delete(customer["uri"])).status == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_an_unknown_customer_is_not_found(api: Api, method: str) -> None:
    assert (await api.send(method, "/v1/customers/CU75sp5yGSxBGHksti1E7j3j")).status == 404
