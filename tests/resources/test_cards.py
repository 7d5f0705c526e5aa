"""Cards over HTTP: tokenised once, associated once, and never more than the last four digits of them."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.resources.cards import ACCEPTED, DECLINED, brand_of, passes_luhn
from sandbox.worlds import Worlds
from tests.api import Api
from tests.resources.conftest import Untouched
from tests.resources.made import CARD, account, card, customer, event_types, made, shown

KEYS = {
    "_type", "_uris", "account", "brand", "card_type", "country_code", "created_at", "customer", "expiration_month",
    "expiration_year", "hash", "id", "is_valid", "is_verified", "last_four", "meta", "name", "postal_code",
    "postal_code_check", "security_code_check", "street_address", "uri",
}  # fmt: skip


# Tokenise


async def test_a_card_is_tokenised(api: Api) -> None:
    number = {"card_number": "5105105105105100", "security_code": "123"}

    answer = await api.post(f"{api.marketplace}/cards", CARD | number)

    assert (answer.status, answer.reason) == (201, "CREATED")
    assert answer.body.keys() == KEYS
    expected: dict[str, Any] = {
        "_type": "card",
        "_uris": {},
        "account": None,
        "customer": None,
        "brand": "MasterCard",
        "card_type": "mastercard",
        "last_four": "5100",
        "expiration_month": 12,
        "expiration_year": 2020,
        "is_valid": True,
        "is_verified": True,
        "meta": {},
        "name": None,
        "street_address": None,
        "postal_code": None,
        "country_code": None,
        "postal_code_check": "unknown",
        "security_code_check": "passed",
        "uri": f"{api.marketplace}/cards/{answer.body['id']}",
    }
    assert {key: answer.body[key] for key in expected} == expected


async def test_what_was_given_of_the_holder_is_shown(api: Api) -> None:
    holder = {
        "name": "Benny Riemann",
        "street_address": "167 West 74th Street",
        "postal_code": "10023",
        "country_code": "USA",
        "meta": {"twitter.id": "1234987650"},
    }

    made = await card(api, **holder, city="New York", region="NY", phone_number="+16505551212")

    assert {key: made[key] for key in holder} == holder
    assert made["postal_code_check"] == "passed"
    assert made["security_code_check"] == "unknown"
    assert made.keys() == KEYS


async def test_a_browser_tokenises_without_a_key_and_by_a_form(api: Api) -> None:
    form = "card_number=5105105105105100&expiration_month=12&expiration_year=2020&security_code=123&meta[shop]=1"

    answer = await api.with_key("").post(f"{api.marketplace}/cards", form=form)

    assert answer.status == 201
    assert (answer.body["last_four"], answer.body["expiration_month"], answer.body["meta"]) == (
        "5100",
        12,
        {"shop": "1"},
    )
    assert (await api.get(answer.body["uri"])).status == 200


async def test_without_a_key_nothing_but_tokenising_is_allowed(api: Api) -> None:
    made = await card(api)

    answers = [await api.with_key("").get(path) for path in (made["uri"], f"{api.marketplace}/cards")]

    assert [answer.status for answer in answers] == [401, 401]


async def test_a_wrong_key_does_not_tokenise(api: Api) -> None:
    answer = await api.with_key("0" * 32).post(f"{api.marketplace}/cards", CARD)

    sentence = "Not permitted to perform create on cards."
    assert answer.refusal == (401, "permission", "authentication-required", sentence)


async def test_a_browser_that_names_no_marketplace_finds_nothing(api: Api) -> None:
    answer = await api.with_key("").post("/v1/marketplaces/TEST-MP123/cards", CARD)

    assert answer.status == 404


@pytest.mark.parametrize("number", ["5105 1051 0510 5100", "5105-1051-0510-5100", 5105105105105100])
async def test_a_number_may_be_spaced_dashed_or_a_number(api: Api, number: Any) -> None:
    assert (await card(api, card_number=number))["last_four"] == "5100"


async def test_the_number_and_the_code_are_kept_nowhere(worlds: Worlds, api: Api) -> None:
    await card(api, card_number="5105105105105100", security_code="987")

    store = worlds.default.store
    kept = str([dict(store.rows(table)) for table in store.tables()])
    assert "5105105105105100" not in kept
    assert "987'" not in kept


async def test_the_hash_follows_number_and_expiry_only(api: Api, stranger: Api) -> None:
    one = await card(api)
    same = await card(api, name="Somebody Else", security_code="123")
    elsewhere = await card(stranger)
    other_month = await card(api, expiration_month=11)

    assert one["hash"] == same["hash"] == elsewhere["hash"]
    assert len(one["hash"]) == 64
    assert one["hash"] != other_month["hash"]


@pytest.mark.parametrize(
    ("number", "brand", "card_type"),
    [
        ("4111111111111111", "Visa", "visa"),
        ("5105105105105100", "MasterCard", "mastercard"),
        ("341111111111111", "American Express", "amex"),
        ("6011016011016011", "Discover", "discover"),
        ("6559906559906557", "Discover", "discover"),
    ],
)
async def test_the_brand_follows_the_first_digits(api: Api, number: str, brand: str, card_type: str) -> None:
    made = await card(api, card_number=number)

    assert (made["brand"], made["card_type"]) == (brand, card_type)


@pytest.mark.parametrize("number", sorted(ACCEPTED | DECLINED))
async def test_every_published_test_number_is_tokenised(api: Api, number: str) -> None:
    assert (await card(api, card_number=number))["is_valid"] is True


async def test_a_card_may_be_born_invalid(api: Api) -> None:
    assert (await card(api, is_valid=False))["is_valid"] is False


@pytest.mark.parametrize(
    ("change", "status", "code", "sentence"),
    [
        ({"card_number": None}, 400, "request", "Missing required field [card_number]"),
        ({"expiration_month": None}, 400, "request", "Missing required field [expiration_month]"),
        ({"expiration_year": None}, 400, "request", "Missing required field [expiration_year]"),
        ({"expiration_month": 13}, 400, "request", 'Invalid field [expiration_month] - "13" must be <= 12'),
        ({"expiration_month": 0}, 400, "request", 'Invalid field [expiration_month] - "0" must be >= 1'),
        ({"expiration_month": "May"}, 400, "request", 'Invalid field [expiration_month] - "May" is not an integer'),
        ({"expiration_year": 2012}, 400, "request", 'Invalid field [expiration_year] - "2012" must be >= 2013'),
        ({"expiration_year": 10000}, 400, "request", 'Invalid field [expiration_year] - "10000" must be <= 9999'),
        (
            {"expiration_year": 2013, "expiration_month": 4},
            400,
            "request",
            'Invalid field [expiration_month] - "4" must be >= 5',
        ),
        (
            {"security_code": "12"},
            400,
            "request",
            'Invalid field [security_code] - "xx" must be three or four digits',
        ),
        ({"name": "s" * 129}, 400, "request", f'Invalid field [name] - "{"s" * 129}" must have length <= 128'),
        (
            {"phone_number": "+16505551212345678"},
            400,
            "request",
            'Invalid field [phone_number] - "+16505551212345678" must have length <= 15',
        ),
        ({"country_code": "Japan"}, 400, "request", 'Invalid field [country_code] - "Japan" must have length <= 3'),
        ({"street_address": "167 West 74th Street"}, 400, "request", "Missing required field [postal_code]"),
        ({"meta": "abc"}, 400, "request", 'Invalid field [meta] - "abc" is not a mapping'),
        ({"is_valid": "maybe"}, 400, "request", 'Invalid field [is_valid] - "maybe" is not a boolean'),
        (
            {"card_number": "4111x1111111111"},
            400,
            "card-number-not-valid",
            "Card number may hold digits, dashes and spaces only.",
        ),
        ({"card_number": "4111111111111112"}, 409, "card-not-validated", "Card cannot be validated."),
        ({"card_number": "4222222222222220"}, 409, "card-not-validated", "Card cannot be validated."),
        ({"card_number": "30569309025904"}, 409, "card-not-validated", "Card cannot be validated."),
    ],
)
async def test_what_is_no_card_is_refused(
    api: Api, untouched: Untouched, change: dict[str, Any], status: int, code: str, sentence: str
) -> None:
    with untouched():
        answer = await api.post(f"{api.marketplace}/cards", CARD | change)

    assert answer.refusal == (status, "request" if status == 400 else "logical", code, sentence)


async def test_a_refused_number_is_never_repeated(api: Api) -> None:
    answer = await api.post(f"{api.marketplace}/cards", CARD | {"card_number": ["4111111111111111"]})

    assert answer.status == 400
    assert b"4111" not in answer.raw


async def test_every_missing_field_is_named_in_the_extras(api: Api) -> None:
    answer = await api.post(f"{api.marketplace}/cards")

    assert answer.body["extras"].keys() == {"card_number", "expiration_month", "expiration_year"}


async def test_a_number_that_might_be_real_is_warned_of(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    await card(api, card_number="4242424242424242")

    assert "a card ending in 4242 is no published test number" in caplog.text
    assert "424242" not in caplog.text


@pytest.mark.parametrize("number", ["", "0", "42", "79927398713"])
def test_the_check_digit_decides(number: str) -> None:
    assert passes_luhn(number) is (number in ("0", "42", "79927398713"))


def test_a_number_too_long_for_its_brand_has_none() -> None:
    assert brand_of("41111111111111111") is None


# Associate


async def test_an_associated_card_moves_under_its_account(api: Api) -> None:
    token, owner = await card(api), await account(api)

    answer = await api.put(token["uri"], {"account_uri": owner["uri"]})

    assert answer.status == 200
    assert answer.body["uri"] == f"{owner['uri']}/cards/{token['id']}"
    assert answer.body["account"]["uri"] == owner["uri"]
    assert answer.body["customer"]["uri"] == f"/v1/customers/{owner['id']}"
    assert answer.body["account"]["roles"] == ["buyer"]
    assert answer.body["_uris"] == {}


async def test_every_uri_of_an_associated_card_resolves(api: Api) -> None:
    token, owner = await card(api), await account(api)
    await api.put(token["uri"], {"account_uri": owner["uri"]})
    nested, by_customer = f"{owner['uri']}/cards/{token['id']}", f"/v1/customers/{owner['id']}/cards/{token['id']}"

    found = {path: await shown(api, path) for path in (token["uri"], nested, by_customer)}

    assert [one["id"] for one in found.values()] == [token["id"]] * 3
    assert [one["uri"] for one in found.values()] == [nested, nested, by_customer]
    assert "account" not in found[by_customer]


@pytest.mark.parametrize("family", ["account", "customer"])
@pytest.mark.parametrize("named", ["whole", "uri"])
async def test_an_update_names_the_owner_by_uri_or_whole(api: Api, family: str, named: str) -> None:
    token, owner = await card(api), await account(api)
    uri = owner["uri"] if family == "account" else owner["customer_uri"]

    answer = await api.put(token["uri"], {f"{family}_uri": uri} if named == "uri" else {family: {"uri": uri}})

    assert (await shown(api, owner["customer_uri"]))["source_uri"] == answer.body["uri"]


@pytest.mark.parametrize("form", ["{uri}", "/{uri}", "http://127.0.0.1:5000/{uri}"])
async def test_a_uri_comes_with_or_without_slash_and_host(api: Api, form: str) -> None:
    token, owner = await card(api), await account(api)

    answer = await api.put(owner["uri"], {"card_uri": form.format(uri=token["uri"].lstrip("/"))})

    assert answer.body["roles"] == ["buyer"]


@pytest.mark.parametrize("name", ["uri", "card_uri"])
async def test_a_card_is_added_under_its_owner_by_uri(api: Api, name: str) -> None:
    token, owner = await card(api), await account(api)

    added = await made(api, f"{owner['uri']}/cards", {name: token["uri"]})

    assert added["id"] == token["id"]
    assert added["account"]["id"] == owner["id"]


async def test_a_card_is_added_under_its_owner_as_it_is(api: Api) -> None:
    owner = await customer(api)

    added = await made(api, f"{owner['uri']}/cards", CARD)

    assert added["uri"] == f"{owner['uri']}/cards/{added['id']}"
    assert (await shown(api, f"{owner['uri']}/cards"))["items"] == [added]


async def test_a_card_is_associated_once_and_for_all(api: Api, untouched: Untouched) -> None:
    token, first, second = await card(api), await account(api), await account(api)
    added = await made(api, f"{first['uri']}/cards", {"card_uri": token["uri"]})
    refusal = (409, "logical", "card-already-funding-src", "Card has already been associated with an account.")

    with untouched():
        answers = [
            await api.put(added["uri"], {"account_uri": second["uri"]}),
            await api.put(second["uri"], {"card_uri": token["uri"]}),
            await api.put(first["uri"], {"card_uri": token["uri"]}),
            await api.post(f"{second['uri']}/cards", {"card_uri": added["uri"]}),
            await api.post(f"{api.marketplace}/accounts", {"card_uri": token["uri"]}),
            await api.post("/v1/customers", {"card_uri": token["uri"]}),
        ]

    assert [answer.refusal for answer in answers] == [refusal] * 6


async def test_an_invalid_card_is_nobodys(api: Api, untouched: Untouched) -> None:
    token, owner = await card(api, is_valid=False), await account(api)

    with untouched():
        answers = [
            await api.put(owner["uri"], {"card_uri": token["uri"]}),
            await api.put(token["uri"], {"account_uri": owner["uri"]}),
            await api.post(f"{api.marketplace}/accounts", {"card_uri": token["uri"]}),
        ]

    assert [answer.refusal for answer in answers] == [
        (409, "logical", "card-not-valid", f"Card {token['id']} is not valid.")
    ] * 3


async def test_an_owner_that_is_not_there_is_refused(api: Api, stranger: Api, untouched: Untouched) -> None:
    token, theirs = await card(api), await account(stranger)

    with untouched():
        answers = [
            await api.put(token["uri"], {"account_uri": theirs["uri"]}),
            await api.put(token["uri"], {"customer_uri": "v1/no/a/customer"}),
            await api.put(token["uri"], {"account": {"uri": "/v1/customers/CU123"}}),
            await api.put(token["uri"], {"account_uri": token["uri"]}),
        ]

    assert [answer.refusal for answer in answers] == [
        (400, "request", "request", f'Invalid field [account_uri] - "{theirs["uri"]}" does not resolve to account'),
        (400, "request", "request", 'Invalid field [customer_uri] - "v1/no/a/customer" does not resolve to customer'),
        (400, "request", "request", 'Invalid field [uri] - "/v1/customers/CU123" does not resolve to account'),
        (400, "request", "request", f'Invalid field [account_uri] - "{token["uri"]}" does not resolve to account'),
    ]


async def test_a_card_that_is_not_there_is_refused(api: Api, stranger: Api, untouched: Untouched) -> None:
    theirs, owner = await card(stranger), await account(api)

    with untouched():
        foreign = await api.put(owner["uri"], {"card_uri": theirs["uri"]})
        unknown = await api.post(f"{owner['uri']}/cards", {"uri": "/v1/marketplaces/TEST-MP1/cards/CC1"})

    sentence = f'Invalid field [card_uri] - "{theirs["uri"]}" does not resolve to card'
    assert foreign.refusal == (400, "request", "request", sentence)
    sentence = 'Invalid field [uri] - "/v1/marketplaces/TEST-MP1/cards/CC1" does not resolve to card'
    assert unknown.refusal == (400, "request", "request", sentence)


# Update


async def test_an_update_replaces_meta_and_keeps_the_rest(api: Api) -> None:
    token = await card(api, meta={"a": "1", "b": "2"})

    answer = await api.put(token["uri"], {"meta": {"facebook.user_id": "0192837465"}})

    assert answer.body == token | {"meta": {"facebook.user_id": "0192837465"}}


async def test_an_invalidated_card_is_shown_whole_and_stays_so(api: Api) -> None:
    token = await card(api, meta={"my-own-customer-id": "12345"})

    answer = await api.put(token["uri"], form="is_valid=false")
    again = await api.put(token["uri"], {"is_valid": True})

    assert answer.body == token | {"is_valid": False}
    assert again.body == answer.body
    assert await shown(api, token["uri"]) == answer.body


@pytest.mark.parametrize("associated", [False, True])
async def test_a_card_sent_back_whole_changes_nothing(api: Api, untouched: Untouched, associated: bool) -> None:
    token = await card(api, name="Benny Riemann", meta={"a": "1"})
    if associated:
        owner = await account(api)
        token = await made(api, f"{owner['uri']}/cards", {"card_uri": token["uri"]})

    with untouched():
        # As the official Python client writes moments.
        answer = await api.put(token["uri"], token | {"created_at": "2013-05-06T17:18:03.439563+00:00Z"})

    assert (answer.status, answer.body) == (200, token)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"meta": {"a": {"b": "c"}}}, '"a" must be a string, this is a single level of keys and values'),
        ({"is_valid": "no"}, '"no" is not a boolean'),
    ],
)
async def test_an_update_that_cannot_be_read_is_refused(
    api: Api, untouched: Untouched, body: dict[str, Any], sentence: str
) -> None:
    token = await card(api)

    with untouched():
        answer = await api.put(token["uri"], body)

    (field,) = body
    assert answer.refusal == (400, "request", "request", f"Invalid field [{field}] - {sentence}")


# Delete


@pytest.mark.parametrize("family", ["token", "account", "customer"])
async def test_a_deleted_card_is_gone_by_every_uri(api: Api, family: str) -> None:
    token, owner = await card(api), await account(api)
    nested = (await api.put(token["uri"], {"account_uri": owner["uri"]})).body["uri"]
    by = {"token": token["uri"], "account": nested, "customer": f"/v1/customers/{owner['id']}/cards/{token['id']}"}

    answer = await api.delete(by[family])

    assert (answer.status, answer.reason, answer.raw) == (204, "NO CONTENT", b"")
    assert [(await api.get(path)).status for path in by.values()] == [404, 404, 404]
    assert (await shown(api, f"{owner['uri']}/cards"))["items"] == []
    assert (await shown(api, f"{api.marketplace}/cards"))["items"] == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_card_that_is_not_there_is_not_found(
    api: Api, stranger: Api, untouched: Untouched, method: str
) -> None:
    token, theirs, mine, other = await card(api), await card(stranger), await account(api), await account(api)
    await api.put(mine["uri"], {"card_uri": token["uri"]})
    paths = (
        f"{api.marketplace}/cards/CC123",
        f"{api.marketplace}/cards/{theirs['id']}",
        theirs["uri"],
        f"{other['uri']}/cards/{token['id']}",
        f"{api.marketplace}/cards/{mine['id']}",
    )

    with untouched():
        answers = [await api.send(method, path) for path in paths]

    assert [answer.status for answer in answers] == [404] * 5
    assert answers[0].body.keys().isdisjoint({"additional", "extras"})
    assert answers[0].body["category_code"] == "not-found"


# The default source


async def test_the_newest_valid_card_is_the_source_and_others_follow(api: Api) -> None:
    owner = await customer(api)
    uris = [(await made(api, f"{owner['uri']}/cards", CARD))["id"] for _ in range(3)]

    async def source() -> str | None:
        found = (await shown(api, owner["uri"]))["source_uri"]
        return None if found is None else str(found.rpartition("/")[2])

    assert await source() == uris[2]
    await api.put(f"{owner['uri']}/cards/{uris[2]}", {"is_valid": False})
    assert await source() == uris[1]
    await api.delete(f"{owner['uri']}/cards/{uris[0]}")
    assert await source() == uris[1]
    await api.delete(f"{owner['uri']}/cards/{uris[1]}")
    assert await source() is None


async def test_the_source_is_the_card_associated_last_not_tokenised_last(api: Api) -> None:
    owner, older, newer = await customer(api), await card(api), await card(api)

    for token in (newer, older):
        await api.put(owner["uri"], {"card_uri": token["uri"]})

    source = (await shown(api, owner["uri"]))["source_uri"]
    assert source == f"{api.marketplace}/accounts/{owner['id']}/cards/{older['id']}"


# Lists and events


async def test_the_marketplace_lists_every_card_newest_first(api: Api) -> None:
    owner = await account(api)
    first = await card(api)
    second = await made(api, f"{owner['uri']}/cards", CARD)
    invalid = await card(api, is_valid=False)

    page = await shown(api, f"{api.marketplace}/cards")

    assert [one["id"] for one in page["items"]] == [invalid["id"], second["id"], first["id"]]
    assert page["total"] == 3


async def test_what_happens_to_a_card_is_written_down(api: Api) -> None:
    before = len(await event_types(api))
    token, owner = await card(api), await account(api)
    await api.put(owner["uri"], {"card_uri": token["uri"]})
    await api.put(token["uri"], {"is_valid": False})
    await api.delete(token["uri"])

    assert (await event_types(api))[before:] == ["card.created", "account.created", "card.updated", "card.invalidated"]
