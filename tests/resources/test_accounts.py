"""Accounts over HTTP: blank, buyer, merchant or both, and the one address each has to itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api import Api
from tests.resources.conftest import Untouched
from tests.resources.made import (
    BANK_ACCOUNT,
    BUSINESS,
    CARD,
    PERSON,
    account,
    bank_account,
    card,
    customer,
    event_types,
    made,
    shown,
)

COLLECTIONS = {
    "bank_accounts", "cards", "credits", "debits", "holds", "refunds", "reversals", "transactions",
}  # fmt: skip
KEYS = {"_type", "_uris", "created_at", "customer_uri", "email_address", "id", "meta", "name", "roles", "uri"} | {
    f"{plural}_uri" for plural in COLLECTIONS
}


async def the_merchant(api: Api) -> Any:
    """Return the merchant that holds the key."""
    return (await shown(api, "/v1/merchants"))["items"][0]


# Create


async def test_a_blank_account_is_nobodys(api: Api) -> None:
    answer = await api.post(f"{api.marketplace}/accounts")

    assert (answer.status, answer.reason) == (201, "CREATED")
    assert answer.body.keys() == KEYS
    identifier = answer.body["id"]
    assert identifier.startswith("AC")
    uri = f"{api.marketplace}/accounts/{identifier}"
    collections = {f"{plural}_uri": f"{uri}/{plural}" for plural in COLLECTIONS}
    expected: dict[str, Any] = {
        "_type": "account",
        "name": None,
        "email_address": None,
        "roles": [],
        "meta": {},
        "uri": uri,
        "customer_uri": f"/v1/customers/{identifier}",
        **collections,
        "_uris": {
            "customer_uri": {"_type": "customer", "key": "customer"},
            **{f"{plural}_uri": {"_type": "page", "key": plural} for plural in COLLECTIONS},
        },
    }
    assert {key: answer.body[key] for key in expected} == expected


async def test_every_link_of_an_account_resolves(api: Api) -> None:
    shown_links = await account(api)

    answers = [await api.get(value) for key, value in shown_links.items() if key.endswith("_uri")]

    assert [answer.status for answer in answers] == [200] * len(shown_links["_uris"])


async def test_what_was_given_is_shown(api: Api) -> None:
    given = {"name": "Benny Riemann", "email_address": "benny@example.org", "meta": {"a": "1"}}

    created = await account(api, **given)

    assert {key: created[key] for key in given} == given


async def test_an_account_is_a_customer_too(api: Api) -> None:
    created = await account(api, name="Benny Riemann", email_address="benny@example.org")

    face = await shown(api, created["customer_uri"])

    assert (face["_type"], face["id"], face["uri"]) == ("customer", created["id"], created["customer_uri"])
    assert (face["name"], face["email"], face["address"]) == ("Benny Riemann", "benny@example.org", {})
    assert face["is_identity_verified"] is False
    assert len(face) == 26


async def test_a_customer_is_an_account_too(api: Api) -> None:
    born = await customer(api, name="Henry Ford", email="henry@example.org")

    face = await shown(api, f"{api.marketplace}/accounts/{born['id']}")

    assert face.keys() == KEYS
    assert (face["name"], face["email_address"], face["roles"]) == ("Henry Ford", "henry@example.org", [])
    assert (face["id"], face["customer_uri"]) == (born["id"], born["uri"])


async def test_a_buyer_has_a_card(api: Api) -> None:
    by_uri = await account(api, card_uri=(await card(api))["uri"])
    by_form = await account(api, card=CARD)

    assert [one["roles"] for one in (by_uri, by_form)] == [["buyer"], ["buyer"]]
    assert (await shown(api, by_form["cards_uri"]))["total"] == 1


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"card": CARD | {"name": "Benny Riemann"}}, "Benny Riemann"),
        ({"card": CARD | {"name": "Benny Riemann"}, "name": "Explicit"}, "Explicit"),
        ({"merchant": PERSON}, "Timmy Q. CopyPasta"),
        ({"merchant": PERSON, "name": "Explicit"}, "Explicit"),
        ({"merchant": PERSON, "card": CARD | {"name": "Benny Riemann"}}, "Benny Riemann"),
        ({"merchant": BUSINESS}, "Skripts4Kids"),
        ({"merchant": BUSINESS, "name": "Explicit"}, "Explicit"),
    ],
)
async def test_an_account_is_named_explicitly_or_by_its_card_or_by_its_merchant(
    api: Api, given: dict[str, Any], name: str
) -> None:
    created = await account(api, **given)

    assert created["name"] == name
    assert (await shown(api, created["uri"]))["name"] == name


async def test_a_bank_account_gives_no_role(api: Api) -> None:
    by_uri = await account(api, bank_account_uri=(await bank_account(api))["uri"])
    by_form = await account(api, bank_account=BANK_ACCOUNT)

    assert [one["roles"] for one in (by_uri, by_form)] == [[], []]
    assert (await shown(api, by_form["bank_accounts_uri"]))["total"] == 1


async def test_a_person_is_underwritten(api: Api) -> None:
    created = await account(api, merchant=PERSON | {"tax_id": "393-48-3992", "email_address": "timmy@example.org"})

    assert (created["roles"], created["email_address"]) == (["merchant"], "timmy@example.org")
    face = await shown(api, created["customer_uri"])
    expected: dict[str, Any] = {
        "name": "Timmy Q. CopyPasta",
        "email": "timmy@example.org",
        "phone": "+14089999999",
        "address": {},
        "dob": None,
        "ssn_last4": None,
        "ein": "393483992",
        "business_name": None,
        "is_identity_verified": True,
    }
    assert {key: face[key] for key in expected} == expected


async def test_a_business_is_underwritten_and_its_customer_is_the_principal(api: Api) -> None:
    created = await account(api, merchant=BUSINESS)

    assert (created["roles"], created["name"]) == (["merchant"], "Skripts4Kids")
    face = await shown(api, created["customer_uri"])
    expected: dict[str, Any] = {
        "name": "Timmy Q. CopyPasta",
        "phone": "+140899188155",
        "address": {},
        "dob": "1989-12",
        "ssn_last4": "xxxx",
        "ein": "211111111",
        "business_name": "Skripts4Kids",
        "is_identity_verified": True,
    }
    assert {key: face[key] for key in expected} == expected


async def test_a_business_without_a_principal_is_its_own(api: Api) -> None:
    alone = {key: value for key, value in BUSINESS.items() if key != "person"}

    created = await account(api, merchant=alone)

    assert (await shown(api, created["customer_uri"]))["name"] == created["name"] == "Skripts4Kids"


async def test_one_merchant_may_stand_behind_several_accounts(api: Api) -> None:
    merchant = await the_merchant(api)

    created = [await account(api, merchant_uri=merchant["uri"].lstrip("/")) for _ in range(2)]

    assert [one["roles"] for one in created] == [["merchant"], ["merchant"]]
    assert [one["name"] for one in created] == ["William Henry Cavendish III"] * 2
    page = await shown(api, merchant["accounts_uri"])
    assert [one["id"] for one in page["items"]][1:] == [one["id"] for one in created]


async def test_addresses_may_be_missing_many_times(api: Api) -> None:
    created = [await account(api, email_address=None) for _ in range(2)]

    assert [one["email_address"] for one in created] == [None, None]


async def test_an_address_belongs_to_one_account(api: Api, untouched: Untouched) -> None:
    first = await account(api, email_address="benny@example.org")

    with untouched():
        answer = await api.post(f"{api.marketplace}/accounts", {"email_address": "benny@example.org", "card": CARD})

    sentence = 'Account with email address "benny@example.org" already exists.'
    assert answer.refusal == (409, "logical", "duplicate-email-address", sentence)
    assert answer.body["extras"] == {"account_uri": first["uri"]}
    assert await shown(api, answer.body["extras"]["account_uri"]) == first


async def test_customers_and_other_marketplaces_do_not_take_an_address(api: Api, stranger: Api) -> None:
    await customer(api, email="benny@example.org")
    await account(stranger, email_address="benny@example.org")

    assert (await account(api, email_address="benny@example.org"))["email_address"] == "benny@example.org"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"name": "s" * 129}, f'Invalid field [name] - "{"s" * 129}" must have length <= 128'),
        (
            {"email_address": "invalid_email"},
            'Invalid field [email_address] - "invalid_email" must be a valid email address as specified by RFC-2822',
        ),
        ({"meta": 5}, 'Invalid field [meta] - "5" is not a mapping'),
        (
            {"card_uri": "v1/no/a/card"},
            'Invalid field [card_uri] - "v1/no/a/card" does not resolve to card',
        ),
        (
            {"bank_account_uri": "/v1/bank_accounts/BA123"},
            'Invalid field [bank_account_uri] - "/v1/bank_accounts/BA123" does not resolve to bank_account',
        ),
        (
            {"merchant_uri": "v1/no/a/merchant"},
            'Invalid field [merchant_uri] - "v1/no/a/merchant" does not resolve to merchant',
        ),
        ({"card": {**CARD, "expiration_month": None}}, "Missing required field [expiration_month]"),
        ({"bank_account": {**BANK_ACCOUNT, "name": None}}, "Missing required field [name]"),
        ({"merchant": PERSON | {"type": None}}, "Missing required field [type]"),
        ({"merchant": PERSON | {"type": "club"}}, 'Invalid field [type] - "club" must be one of person, business'),
        ({"merchant": PERSON | {"phone_number": None}}, "Missing required field [phone_number]"),
        (
            {"merchant": PERSON | {"phone_number": "INCORRECT PHONE NUMBER"}},
            'Invalid field [phone_number] - "INCORRECT PHONE NUMBER" must have length <= 15',
        ),
        ({"merchant": PERSON | {"street_address": None}}, "Missing required field [street_address]"),
        ({"merchant": PERSON | {"postal_code": None}}, "Missing required field [postal_code]"),
        ({"merchant": PERSON | {"dob": None}}, "Missing required field [dob]"),
        (
            {"merchant": PERSON | {"dob": "1989"}},
            'Invalid field [dob] - "1989" must be a date of the form YYYY-MM or YYYY-MM-DD',
        ),
        ({"merchant": BUSINESS | {"tax_id": None}}, "Missing required field [tax_id]"),
        ({"merchant": BUSINESS | {"tax_id": "1-2-3"}}, 'Invalid field [tax_id] - "xxx" must have length >= 4'),
        (
            {"merchant": BUSINESS | {"tax_id": "2111111110"}},
            'Invalid field [tax_id] - "xxxxxxxxxx" must have length <= 9',
        ),
        ({"merchant": BUSINESS | {"person": {"name": "T"}}}, "Missing required field [dob]"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_what_cannot_be_read_is_refused(
    api: Api, untouched: Untouched, method: str, body: dict[str, Any], sentence: str
) -> None:
    path = f"{api.marketplace}/accounts" if method == "POST" else (await account(api))["uri"]

    with untouched():
        answer = await api.send(method, path, body)

    assert answer.refusal == (400, "request", "request", sentence)


async def test_what_belongs_to_another_marketplace_is_refused(api: Api, stranger: Api, untouched: Untouched) -> None:
    token, merchant = await card(stranger), await the_merchant(stranger)

    with untouched():
        answers = [
            await api.post(f"{api.marketplace}/accounts", {"card_uri": token["uri"]}),
            await api.post(f"{api.marketplace}/accounts", {"merchant_uri": merchant["uri"]}),
        ]

    assert [answer.refusal[2] for answer in answers] == ["request", "request"]
    assert [next(iter(answer.body["extras"].values())) for answer in answers] == [
        f'"{token["uri"]}" does not resolve to card',
        f'"{merchant["uri"]}" does not resolve to merchant',
    ]


# KYC


@pytest.mark.parametrize(
    ("merchant", "code", "sentence"),
    [
        (PERSON | {"region": "EX", "postal_code": "99999"}, "person-kyc", "Person KYC failed."),
        (PERSON | {"state": "EX", "postal_code": 99999}, "person-kyc", "Person KYC failed."),
        (BUSINESS | {"region": "EX", "postal_code": "99999"}, "business-kyc", "Business KYC failed."),
        (
            BUSINESS | {"person": {**PERSON, "region": "EX", "postal_code": "99999"}},
            "business-principal-kyc",
            "Business principal failed KYC.",
        ),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_whoever_cannot_be_identified_is_sent_elsewhere(
    api: Api, untouched: Untouched, method: str, merchant: dict[str, Any], code: str, sentence: str
) -> None:
    path = f"{api.marketplace}/accounts" if method == "POST" else (await account(api))["uri"]

    with untouched():
        answer = await api.send(method, path, {"merchant": merchant, "card": CARD})

    assert answer.refusal == (300, "redirect", code, sentence)
    assert answer.reason == "MULTIPLE CHOICES"
    location = f"https://www.balancedpayments.com/marketplaces/{api.marketplace.rpartition('/')[2]}/kyc"
    assert answer.headers["Location"] == answer.body["redirect_uri"] == location
    assert location in answer.body["friendly_html"]


@pytest.mark.parametrize("change", [{"region": "EX"}, {"postal_code": "99999"}])
async def test_half_of_the_sign_is_none(api: Api, change: dict[str, str]) -> None:
    assert (await account(api, merchant=PERSON | change))["roles"] == ["merchant"]


# Update


async def test_an_update_leaves_alone_what_was_not_sent(api: Api) -> None:
    created = await account(api, name="Benny Riemann", email_address="benny@example.org", meta={"a": "1"})

    answer = await api.put(created["uri"], {"meta": {"b": "2"}})

    assert answer.body == created | {"meta": {"b": "2"}}


async def test_an_update_shows_on_both_faces(api: Api) -> None:
    created = await account(api)

    await api.put(created["uri"], {"name": "Benny Riemann", "email_address": "benny@example.org"})

    face = await shown(api, created["customer_uri"])
    assert (face["name"], face["email"]) == ("Benny Riemann", "benny@example.org")


async def test_a_renamed_business_has_that_name(api: Api) -> None:
    created = await account(api, merchant=BUSINESS)

    answer = await api.put(created["uri"], {"name": "Skripts4All"})

    assert answer.body["name"] == "Skripts4All"


async def test_an_account_keeps_its_own_address(api: Api) -> None:
    created = await account(api, email_address="benny@example.org")

    answer = await api.put(created["uri"], {"email_address": "benny@example.org", "name": "Benny"})

    assert answer.status == 200


async def test_an_update_takes_no_address_from_another(api: Api, untouched: Untouched) -> None:
    first, second = await account(api, email_address="benny@example.org"), await account(api)

    with untouched():
        answer = await api.put(second["uri"], {"email_address": "benny@example.org", "name": "Benny"})

    assert answer.refusal[2] == "duplicate-email-address"
    assert answer.body["extras"] == {"account_uri": first["uri"]}


@pytest.mark.parametrize("given", [{}, {"merchant": BUSINESS}, {"card": CARD, "name": "Benny", "meta": {"a": "1"}}])
async def test_an_account_sent_back_whole_changes_nothing(
    api: Api, untouched: Untouched, given: dict[str, Any]
) -> None:
    created = await account(api, **given)
    whole = created | {"created_at": "2013-05-06T17:18:03.439563+00:00Z", "card": None, "merchant": None}

    with untouched():
        answer = await api.put(created["uri"], {"meta": {}} | whole)

    assert (answer.status, answer.body) == (200, created)


async def test_an_update_adds_a_card_and_a_bank_account(api: Api) -> None:
    created = await account(api)

    answer = await api.put(created["uri"], {"card": CARD | {"name": "Benny"}, "bank_account": BANK_ACCOUNT})

    assert (answer.body["roles"], answer.body["name"]) == (["buyer"], "Benny")
    face = await shown(api, created["customer_uri"])
    assert "/cards/" in face["source_uri"]
    assert "/bank_accounts/" in face["destination_uri"]


async def test_a_second_card_does_not_rename(api: Api) -> None:
    created = await account(api, card=CARD | {"name": "Benny"})

    answer = await api.put(created["uri"], {"card": CARD | {"name": "Somebody Else"}})

    assert answer.body["name"] == "Benny"


async def test_a_buyer_is_promoted_and_stays_a_buyer(api: Api) -> None:
    created = await account(api, card=CARD, name="Benny Riemann")

    answer = await api.put(created["uri"], {"merchant": PERSON})

    assert answer.status == 200
    assert answer.body == created | {"roles": ["merchant", "buyer"]}
    face = await shown(api, created["customer_uri"])
    assert (face["is_identity_verified"], face["phone"]) == (True, "+14089999999")


async def test_an_account_is_promoted_by_a_merchant_there_is(api: Api) -> None:
    created, merchant = await account(api), await the_merchant(api)

    answer = await api.put(created["uri"], {"merchant_uri": merchant["uri"]})

    assert (answer.body["roles"], answer.body["name"]) == (["merchant"], "William Henry Cavendish III")


async def test_a_merchant_is_not_promoted_again(api: Api, untouched: Untouched) -> None:
    created, merchant = await account(api, merchant=PERSON), await the_merchant(api)
    refusal = (409, "logical", "account-already-merchant", f"Account {created['id']} is already a merchant.")

    with untouched():
        answers = [
            await api.put(created["uri"], {"merchant": PERSON}),
            await api.put(created["uri"], {"merchant": {"type": "person"}}),
            await api.put(created["uri"], {"merchant_uri": merchant["uri"]}),
        ]

    assert [answer.refusal for answer in answers] == [refusal] * 3


async def test_the_merchant_behind_an_account_is_changed_through_it(api: Api) -> None:
    created = await account(api, merchant=PERSON)

    answer = await api.put(created["uri"], {"merchant": {"phone_number": "+14150000000", "bank_account": BANK_ACCOUNT}})

    assert answer.body == created
    assert (await shown(api, created["bank_accounts_uri"]))["total"] == 1


# Find


async def test_accounts_are_listed_oldest_first_beginning_with_the_owner(api: Api) -> None:
    first, second = await account(api, card=CARD), await account(api)
    await customer(api)

    page = await shown(api, f"{api.marketplace}/accounts")

    assert page["items"][1:] == [first, second]
    owner = page["items"][0]
    assert (owner["name"], owner["roles"]) == ("William Henry Cavendish III", ["merchant", "buyer"])
    assert page["total"] == 3


async def test_accounts_are_found_by_address(api: Api) -> None:
    found = await account(api, email_address="benny@example.org")

    for name in ("email_address", "email"):
        page = await shown(api, f"{api.marketplace}/accounts?{name}=benny@example.org")
        assert page["items"] == [found]


async def test_customers_show_every_account(api: Api) -> None:
    created = await account(api)

    page = await shown(api, "/v1/customers")

    assert page["total"] == 4
    assert page["items"][0]["id"] == created["id"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_an_account_that_is_not_there_is_not_found(
    api: Api, stranger: Api, untouched: Untouched, method: str
) -> None:
    theirs = await account(stranger)
    paths = (
        f"{api.marketplace}/accounts/AC123",
        f"{api.marketplace}/accounts/{theirs['id']}",
        theirs["uri"],
        f"{stranger.marketplace}/accounts",
    )

    with untouched():
        answers = [await api.send(method, path, {} if method == "PUT" else None) for path in paths]

    assert [answer.status for answer in answers][:3] == [404] * 3
    assert answers[3].status == (404 if method == "GET" else 405)


async def test_an_account_is_not_deleted(api: Api, untouched: Untouched) -> None:
    created = await account(api)

    with untouched():
        answer = await api.delete(created["uri"])

    assert answer.refusal[:3] == (405, "request", "method-not-allowed")


# Events


async def test_what_happens_to_an_account_is_written_down_once(api: Api) -> None:
    before = len(await event_types(api))
    created = await account(api, merchant=BUSINESS)
    await api.put(created["uri"], {"name": "Skripts4All"})
    promoted = await account(api)
    await api.put(promoted["uri"], {"merchant": PERSON})
    await made(api, f"{created['uri']}/bank_accounts", BANK_ACCOUNT)

    assert (await event_types(api))[before:] == [
        "account.created",
        "account.updated",
        "account.created",
        "account.updated",
        "bank_account.created",
        "bank_account.updated",
    ]
