"""Bank accounts over HTTP: two views, three uri families, and who they belong to."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.worlds import Worlds
from tests.api import Api
from tests.resources.conftest import Untouched
from tests.resources.made import BANK_ACCOUNT, CARD, account, bank_account, customer, event_types, made, shown

ROOT = {
    "_type", "_uris", "account_number", "bank_name", "can_debit", "created_at", "credits_uri", "customer",
    "debits_uri", "fingerprint", "id", "meta", "name", "routing_number", "type", "uri", "verification_uri",
    "verifications_uri",
}  # fmt: skip
NESTED = ROOT | {"account", "bank_code", "is_valid", "last_four"}
TYPED = BANK_ACCOUNT | {"type": "checking"}


# Tokenise


async def test_a_bank_account_is_tokenised(api: Api) -> None:
    answer = await api.post("/v1/bank_accounts", TYPED)

    assert (answer.status, answer.reason) == (201, "CREATED")
    assert answer.body.keys() == ROOT
    uri = f"/v1/bank_accounts/{answer.body['id']}"
    expected = {
        "_type": "bank_account",
        "_uris": {
            "credits_uri": {"_type": "page", "key": "credits"},
            "debits_uri": {"_type": "page", "key": "debits"},
            "verifications_uri": {"_type": "page", "key": "verifications"},
        },
        "account_number": "xxxxxx0001",
        "routing_number": "121000358",
        "bank_name": "BANK OF AMERICA, N.A.",
        "name": "Johann Bernoulli",
        "type": "checking",
        "can_debit": False,
        "customer": None,
        "meta": {},
        "uri": uri,
        "credits_uri": f"{uri}/credits",
        "debits_uri": f"{uri}/debits",
        "verification_uri": None,
        "verifications_uri": f"{uri}/verifications",
    }
    assert {key: answer.body[key] for key in expected} == expected


async def test_under_the_marketplace_more_is_shown(api: Api) -> None:
    token = await made(api, f"{api.marketplace}/bank_accounts", BANK_ACCOUNT | {"type": "savings"})

    assert token.keys() == NESTED
    assert token["uri"] == f"{api.marketplace}/bank_accounts/{token['id']}"
    assert token["credits_uri"] == f"/v1/bank_accounts/{token['id']}/credits"
    assert (token["bank_code"], token["last_four"], token["is_valid"]) == ("121000358", "0001", True)
    assert (token["account"], token["customer"], token["type"]) == (None, None, "savings")


async def test_every_view_follows_the_route(api: Api) -> None:
    token, owner = await bank_account(api), await account(api)
    await api.put(owner["uri"], {"bank_account_uri": token["uri"]})
    nested = f"{owner['uri']}/bank_accounts/{token['id']}"
    by_customer = f"/v1/customers/{owner['id']}/bank_accounts/{token['id']}"

    found = [
        await shown(api, path)
        for path in (token["uri"], f"{api.marketplace}/bank_accounts/{token['id']}", nested, by_customer)
    ]

    assert [one["uri"] for one in found] == [token["uri"], nested, nested, by_customer]
    assert [one.keys() for one in found] == [ROOT, NESTED, NESTED, NESTED - {"account"}]
    assert [one["customer"]["id"] for one in found] == [owner["id"]] * 4


async def test_a_browser_tokenises_without_a_key_and_by_a_form(api: Api) -> None:
    form = "name=Johann+Bernoulli&account_number=9900000001&routing_number=121000358&meta%5Bshop%5D=1"

    answer = await api.with_key("").post(f"{api.marketplace}/bank_accounts", form=form)

    assert answer.status == 201
    assert (answer.body["last_four"], answer.body["type"], answer.body["meta"]) == ("0001", "checking", {"shop": "1"})


async def test_the_flat_route_needs_a_key(api: Api) -> None:
    answer = await api.with_key("").post("/v1/bank_accounts", TYPED)

    sentence = "Not permitted to perform create on bank_accounts."
    assert answer.refusal == (401, "permission", "authentication-required", sentence)


@pytest.mark.parametrize(
    ("number", "masked", "last_four"),
    [
        ("112233a", "xxx233a", "233a"),
        ("12341234", "xxxx1234", "1234"),
        ("1212121-110-019", "xxxxxxxxx0019", "0019"),
        ("123", "xxx", "xxx"),
        (9900000002, "xxxxxx0002", "0002"),
    ],
)
async def test_only_the_last_four_of_a_number_are_shown(api: Api, number: Any, masked: str, last_four: str) -> None:
    token = await made(api, f"{api.marketplace}/bank_accounts", BANK_ACCOUNT | {"account_number": number})

    assert (token["account_number"], token["last_four"]) == (masked, last_four)


async def test_the_number_is_kept_nowhere(worlds: Worlds, api: Api) -> None:
    await bank_account(api)

    store = worlds.default.store
    assert "9900000001" not in str([dict(store.rows(table)) for table in store.tables()])


async def test_the_routing_number_may_be_called_bank_code(api: Api) -> None:
    body = {"name": "Johann", "account_number": "12341234", "bank_code": "321174811", "account_type": "savings"}

    token = await made(api, f"{api.marketplace}/bank_accounts", body)

    assert (token["routing_number"], token["bank_code"], token["type"]) == ("321174811", "321174811", "savings")
    assert token["bank_name"] is None


async def test_the_fingerprint_follows_both_numbers_only(api: Api, stranger: Api) -> None:
    one = await bank_account(api)
    same = await bank_account(stranger, name="Somebody Else", type="savings")
    other_bank = await bank_account(api, routing_number="321174851")

    assert one["fingerprint"] == same["fingerprint"]
    assert one["fingerprint"] != other_bank["fingerprint"]
    assert len(one["fingerprint"]) >= 20


@pytest.mark.parametrize(
    ("number", "suffix"),
    [("9900000000", "_pn"), ("9900000002", "_pd"), ("9900000005", "_fd"), ("12341234", "")],
)
async def test_a_test_number_is_told_by_its_fingerprint(api: Api, number: str, suffix: str) -> None:
    fingerprint = (await bank_account(api, account_number=number))["fingerprint"]

    assert fingerprint[22:] == suffix


@pytest.mark.parametrize(
    ("change", "code", "field", "detail"),
    [
        ({"name": None}, "request", "name", None),
        ({"account_number": None}, "request", "account_number", None),
        ({"routing_number": None}, "request", "routing_number", None),
        ({"type": None}, "request", "type", None),
        ({"name": "J"}, "request", "name", '"J" must have length >= 2'),
        ({"account_number": ""}, "request", "account_number", '"" must have length >= 1'),
        ({"routing_number": "0"}, "request", "routing_number", '"0" must have length >= 9'),
        (
            {"routing_number": "321171184abc"},
            "request",
            "routing_number",
            '"321171184abc" must have length <= 9',
        ),
        ({"type": "gold"}, "request", "type", '"gold" must be one of checking, savings'),
        ({"meta": {"a": []}}, "request", "meta", '"a" must be a string, this is a single level of keys and values'),
    ],
)
async def test_what_is_no_bank_account_is_refused(
    api: Api, untouched: Untouched, change: dict[str, Any], code: str, field: str, detail: str | None
) -> None:
    with untouched():
        answer = await api.post("/v1/bank_accounts", TYPED | change)

    sentence = f"Invalid field [{field}] - {detail}" if detail else f"Missing required field [{field}]"
    assert answer.refusal == (400, "request", code, sentence)
    assert answer.body["extras"] == {field: detail or sentence}


@pytest.mark.parametrize("path", ["/v1/bank_accounts", "{marketplace}/bank_accounts", "{account}/bank_accounts"])
@pytest.mark.parametrize("number", ["100000007", "111111118", "12100035x"])
async def test_a_routing_number_no_bank_has_is_refused(api: Api, untouched: Untouched, path: str, number: str) -> None:
    owner = await account(api)

    with untouched():
        answer = await api.post(
            path.format(marketplace=api.marketplace, account=owner["uri"]), TYPED | {"routing_number": number}
        )

    assert answer.refusal == (400, "request", "invalid-routing-number", "Routing number is invalid.")
    assert answer.body["extras"] == {"routing_number": "Routing number is invalid."}


async def test_a_refused_routing_number_is_named_as_it_was_sent(api: Api) -> None:
    body = {"name": "Johann", "account_number": "12341234", "bank_code": "100000007"}

    answer = await api.post(f"{api.marketplace}/bank_accounts", body)

    assert answer.body["extras"] == {"bank_code": "Routing number is invalid."}


@pytest.mark.parametrize("number", ["99000_0001", "ñandú", "- -"])
async def test_an_account_number_no_bank_has_is_refused(api: Api, untouched: Untouched, number: str) -> None:
    with untouched():
        answer = await api.post("/v1/bank_accounts", TYPED | {"account_number": number})

    sentence = "Bank account number is invalid."
    assert answer.refusal == (400, "request", "invalid-bank-account-number", sentence)
    assert answer.body["extras"] == {"account_number": sentence}


# Associate


@pytest.mark.parametrize("path", ["/v1/bank_accounts/{id}", "{marketplace}/bank_accounts/{id}"])
@pytest.mark.parametrize("field", ["account_uri", "customer_uri"])
async def test_an_update_makes_it_somebodys(api: Api, path: str, field: str) -> None:
    token, owner = await bank_account(api), await account(api)
    uri = owner["uri"] if field == "account_uri" else owner["customer_uri"]

    answer = await api.put(path.format(id=token["id"], marketplace=api.marketplace), {field: uri})

    assert answer.status == 200
    assert answer.body["customer"]["id"] == owner["id"]
    assert (await shown(api, f"{owner['uri']}/bank_accounts"))["total"] == 1


@pytest.mark.parametrize("name", ["uri", "bank_account_uri"])
async def test_it_is_added_under_its_owner_by_uri(api: Api, name: str) -> None:
    token, owner = await bank_account(api), await account(api)

    added = await made(api, f"{owner['uri']}/bank_accounts", {name: token["uri"]})

    assert added["uri"] == f"{owner['uri']}/bank_accounts/{token['id']}"
    assert added["account"]["roles"] == []


async def test_it_is_added_under_its_owner_as_it_is_and_needs_no_type(api: Api) -> None:
    owner = await customer(api)

    added = await made(api, f"{owner['uri']}/bank_accounts", BANK_ACCOUNT)

    assert (added["uri"], added["type"]) == (f"{owner['uri']}/bank_accounts/{added['id']}", "checking")
    assert (await shown(api, f"{owner['uri']}/bank_accounts"))["items"] == [added]


async def test_it_is_associated_once_and_for_all(api: Api, untouched: Untouched) -> None:
    token, first, second = await bank_account(api), await account(api), await account(api)
    await made(api, f"{first['uri']}/bank_accounts", {"bank_account_uri": token["uri"]})
    sentence = "Bank account has already been associated with an account."

    with untouched():
        answers = [
            await api.put(token["uri"], {"account_uri": second["uri"]}),
            await api.put(second["uri"], {"bank_account_uri": token["uri"]}),
            await api.put(first["uri"], {"bank_account_uri": token["uri"]}),
            await api.post(f"{second['uri']}/bank_accounts", {"uri": token["uri"]}),
            await api.post("/v1/customers", {"bank_account_uri": token["uri"]}),
        ]

    assert [answer.refusal for answer in answers] == [(409, "logical", "bank-account-already-associated", sentence)] * 5


async def test_an_invalid_one_is_nobodys(api: Api, untouched: Untouched) -> None:
    token, owner = await bank_account(api), await account(api)
    await api.put(token["uri"], {"is_valid": False})

    with untouched():
        answers = [
            await api.put(owner["uri"], {"bank_account_uri": token["uri"]}),
            await api.put(token["uri"], {"account_uri": owner["uri"]}),
        ]

    sentence = f"Bank account {token['id']} is not valid."
    assert [answer.refusal for answer in answers] == [(409, "logical", "bank-account-not-valid", sentence)] * 2


async def test_what_is_not_there_is_refused(api: Api, stranger: Api, untouched: Untouched) -> None:
    mine, theirs, owner = await bank_account(api), await bank_account(stranger), await account(stranger)

    with untouched():
        bank_account_of_others = await api.post("/v1/customers", {"bank_account_uri": theirs["uri"]})
        owner_of_others = await api.put(mine["uri"], {"account_uri": owner["uri"]})

    sentence = f'Invalid field [bank_account_uri] - "{theirs["uri"]}" does not resolve to bank_account'
    assert bank_account_of_others.refusal == (400, "request", "request", sentence)
    sentence = f'Invalid field [account_uri] - "{owner["uri"]}" does not resolve to account'
    assert owner_of_others.refusal == (400, "request", "request", sentence)


# Update


async def test_an_update_replaces_meta_and_keeps_the_rest(api: Api) -> None:
    token = await bank_account(api, meta={"a": "1"})

    answer = await api.put(token["uri"], form="meta[b]=2")

    assert answer.body == token | {"meta": {"b": "2"}}


@pytest.mark.parametrize("path", ["/v1/bank_accounts/{id}", "{marketplace}/bank_accounts/{id}"])
@pytest.mark.parametrize("associated", [False, True])
async def test_sent_back_whole_it_changes_nothing(api: Api, untouched: Untouched, path: str, associated: bool) -> None:
    token = await bank_account(api, meta={"a": "1"})
    if associated:
        await account(api, bank_account_uri=token["uri"])
    path = path.format(id=token["id"], marketplace=api.marketplace)
    whole = await shown(api, path)

    with untouched():
        answer = await api.put(path, whole | {"created_at": "2013-05-06T17:18:03.439563+00:00Z"})

    assert (answer.status, answer.body) == (200, whole)


async def test_an_invalidated_one_is_shown_and_stays_so(api: Api) -> None:
    path = f"{api.marketplace}/bank_accounts"
    token = await made(api, path, BANK_ACCOUNT)

    answer = await api.put(token["uri"], form="is_valid=False")
    again = await api.put(token["uri"], {"is_valid": True})

    assert answer.body == again.body == token | {"is_valid": False}


# Delete


@pytest.mark.parametrize("family", ["flat", "marketplace", "account", "customer"])
async def test_a_deleted_one_is_gone_by_every_uri(api: Api, family: str) -> None:
    token = await bank_account(api)
    owner = await account(api, bank_account_uri=token["uri"])
    by = {
        "flat": token["uri"],
        "marketplace": f"{api.marketplace}/bank_accounts/{token['id']}",
        "account": f"{owner['uri']}/bank_accounts/{token['id']}",
        "customer": f"/v1/customers/{owner['id']}/bank_accounts/{token['id']}",
    }

    answer = await api.delete(by[family])

    assert (answer.status, answer.reason, answer.raw) == (204, "NO CONTENT", b"")
    assert [(await api.get(path)).status for path in by.values()] == [404] * 4
    assert (await shown(api, f"{owner['uri']}/bank_accounts"))["items"] == []
    assert token["id"] not in [one["id"] for one in (await shown(api, "/v1/bank_accounts"))["items"]]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_what_is_not_there_is_not_found(api: Api, stranger: Api, untouched: Untouched, method: str) -> None:
    token, theirs, other = await bank_account(api), await bank_account(stranger), await account(api)
    await account(api, bank_account_uri=token["uri"])
    paths = (
        "/v1/bank_accounts/BA123",
        theirs["uri"],
        f"{stranger.marketplace}/bank_accounts/{theirs['id']}",
        f"{other['uri']}/bank_accounts/{token['id']}",
    )

    with untouched():
        answers = [await api.send(method, path) for path in paths]

    assert [answer.status for answer in answers] == [404] * 4
    assert answers[0].body.keys().isdisjoint({"additional", "extras"})


# Lists


async def test_the_list_is_newest_first_and_ends_with_the_owners(api: Api) -> None:
    first, second = await bank_account(api), await bank_account(api)

    flat, nested = await shown(api, "/v1/bank_accounts"), await shown(api, f"{api.marketplace}/bank_accounts")

    assert [one["id"] for one in flat["items"]][:2] == [second["id"], first["id"]]
    assert [one["id"] for one in nested["items"]] == [one["id"] for one in flat["items"]]
    assert [one.keys() for one in flat["items"]] == [ROOT] * 3
    assert [one.keys() for one in nested["items"]] == [NESTED] * 3
    owners = flat["items"][-1]
    assert {key: owners[key] for key in ("name", "account_number", "bank_name", "can_debit", "fingerprint")} == {
        "name": "TEST-MERCHANT-BANK-ACCOUNT",
        "account_number": "xxxxxxxxxxx5555",
        "bank_name": "WELLS FARGO BANK NA",
        "can_debit": True,
        "fingerprint": "6ybvaLUrJy07phK2EQ7pVk",
    }


# The default destination, and source of last resort


async def test_the_newest_valid_one_is_the_destination_and_others_follow(api: Api) -> None:
    owner = await customer(api)
    one, two, three = [await made(api, f"{owner['uri']}/bank_accounts", BANK_ACCOUNT) for _ in range(3)]

    async def destination() -> str | None:
        found = (await shown(api, owner["uri"]))["destination_uri"]
        return None if found is None else str(found.rpartition("/")[2])

    assert await destination() == three["id"]
    await api.put(three["uri"], {"is_valid": "false"})
    assert await destination() == two["id"]
    await api.delete(f"/v1/bank_accounts/{two['id']}")
    assert await destination() == one["id"]
    await api.delete(one["uri"])
    assert await destination() is None


async def test_one_that_may_be_debited_is_the_source_only_while_there_is_no_card(api: Api) -> None:
    owner = (await shown(api, f"{api.marketplace}/accounts"))["items"][0]
    before = await shown(api, owner["customer_uri"])
    added = await made(api, f"{owner['uri']}/cards", CARD)
    with_card = await shown(api, owner["customer_uri"])
    await api.put(added["uri"], {"is_valid": False})
    after = await shown(api, owner["customer_uri"])

    assert before["source_uri"] == before["destination_uri"] == after["source_uri"]
    assert before["_uris"]["source_uri"] == {"_type": "bank_account", "key": "source"}
    assert with_card["source_uri"] == added["uri"]
    assert with_card["_uris"]["source_uri"] == {"_type": "card", "key": "source"}


async def test_one_that_may_not_be_debited_is_no_source(api: Api) -> None:
    owner = await customer(api)

    await made(api, f"{owner['uri']}/bank_accounts", BANK_ACCOUNT)

    assert (await shown(api, owner["uri"]))["source_uri"] is None


async def test_the_owner_without_its_bank_account_has_neither(api: Api) -> None:
    owner = (await shown(api, f"{api.marketplace}/accounts"))["items"][0]
    (own,) = (await shown(api, owner["bank_accounts_uri"]))["items"]

    await api.put(own["uri"], {"is_valid": False})

    found = await shown(api, owner["customer_uri"])
    assert (found["source_uri"], found["destination_uri"]) == (None, None)


# Events


async def test_what_happens_to_it_is_written_down(api: Api) -> None:
    before = len(await event_types(api))
    token, owner = await bank_account(api), await account(api)
    await api.put(owner["uri"], {"bank_account_uri": token["uri"]})
    await api.put(token["uri"], {"is_valid": False})
    await api.delete(token["uri"])

    assert (await event_types(api))[before:] == [
        "bank_account.created",
        "account.created",
        "bank_account.updated",
        "bank_account.invalidated",
    ]
