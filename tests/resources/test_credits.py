"""Credits over HTTP: four views, three outcomes, and an escrow that has to cover them."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import clock
from tests.api import Api
from tests.conftest import Wall
from tests.resources.charging import bank_account_of, card_of, event_types, ids, in_escrow, made
from tests.resources.conftest import Fund, Untouched

PENDING, PAID, FAILED, OTHER = "9900000000", "9900000002", "9900000004", "12341234"
"""Account numbers by what becomes of a credit to them."""

FLAT = {
    "_type", "_uris", "amount", "appears_on_statement_as", "bank_account", "created_at", "description", "events_uri",
    "id", "meta", "reversals_uri", "status", "uri",
}  # fmt: skip
FULL = FLAT | {"available_at", "customer", "destination", "fee", "state", "transaction_number"}

DESCRIBED_BANK_ACCOUNT = {
    "_type", "_uris", "account_number", "bank_name", "can_debit", "fingerprint", "meta", "name", "routing_number",
    "type",
}  # fmt: skip
FLAT_BANK_ACCOUNT = DESCRIBED_BANK_ACCOUNT | {
    "created_at", "credits_uri", "customer_uri", "debits_uri", "id", "uri", "verification_uri", "verifications_uri",
}  # fmt: skip
FULL_BANK_ACCOUNT = FLAT_BANK_ACCOUNT | {"bank_code", "is_valid", "last_four"}


@pytest.fixture(autouse=True)
def funded(fund: Fund) -> None:
    fund(100_000)


def described(number: str = OTHER) -> dict[str, str]:
    """Return what is said of a bank account."""
    return {"name": "Johann Bernoulli", "account_number": number, "routing_number": "121000358", "type": "checking"}


async def payee(api: Api, number: str = OTHER) -> Any:
    """Return a customer that money can be paid to."""
    customer = await made(api, "/v1/customers")
    await bank_account_of(api, customer, number)
    return customer


# Views


async def test_a_flat_credit_shows_less(api: Api) -> None:
    credit = await made(api, "/v1/credits", {"amount": 10000, "bank_account": described()})

    assert set(credit) == FLAT
    assert credit["uri"] == f"/v1/credits/{credit['id']}"
    assert (credit["amount"], credit["status"], credit["description"], credit["meta"]) == (10000, "paid", None, {})


async def test_the_marketplace_shows_all_of_it(api: Api) -> None:
    credit = await made(api, f"{api.marketplace}/credits", {"amount": 10000, "bank_account": described()})

    assert set(credit) == FULL | {"account"}
    assert credit["uri"] == f"{api.marketplace}/credits/{credit['id']}"
    assert (credit["account"], credit["customer"], credit["fee"]) == (None, None, None)
    assert credit["transaction_number"].startswith("CR")


async def test_an_account_shows_itself_twice(api: Api) -> None:
    customer = await payee(api)

    credit = await made(api, f"{api.marketplace}/accounts/{customer['id']}/credits", {"amount": 100})

    assert set(credit) == FULL | {"account"}
    assert credit["uri"] == f"{api.marketplace}/accounts/{customer['id']}/credits/{credit['id']}"
    assert (credit["account"]["_type"], credit["account"]["id"]) == ("account", customer["id"])
    assert (credit["customer"]["_type"], credit["customer"]["id"]) == ("customer", customer["id"])


async def test_a_customer_shows_no_account(api: Api) -> None:
    customer = await payee(api)

    credit = await made(api, f"{customer['uri']}/credits", {"amount": 100})

    assert set(credit) == FULL
    assert credit["uri"] == f"{customer['uri']}/credits/{credit['id']}"
    assert credit["customer"]["id"] == customer["id"]


async def test_one_credit_has_a_view_for_every_route(api: Api) -> None:
    customer = await payee(api)
    credit = await made(api, f"{customer['uri']}/credits", {"amount": 5000})
    flat, marketplace = f"/v1/credits/{credit['id']}", f"{api.marketplace}/credits/{credit['id']}"
    account = f"{api.marketplace}/accounts/{customer['id']}/credits/{credit['id']}"

    shown = {uri: (await api.get(uri)).body for uri in (flat, marketplace, account, credit["uri"])}

    assert {uri: set(body) for uri, body in shown.items()} == {
        flat: FLAT,
        marketplace: FULL | {"account"},
        account: FULL | {"account"},
        credit["uri"]: FULL,
    }
    assert all(body["uri"] == uri for uri, body in shown.items())


async def test_through_its_bank_account_a_credit_is_flat(api: Api) -> None:
    bank_account = await made(api, "/v1/bank_accounts", described())

    credit = await made(api, bank_account["credits_uri"], {"amount": 10000})

    assert set(credit) == FLAT
    assert credit["uri"] == f"/v1/credits/{credit['id']}"
    assert (await api.get(f"{bank_account['credits_uri']}/{credit['id']}")).body == credit


@pytest.mark.parametrize("flat", [True, False])
async def test_its_links_hang_where_they_always_do_and_resolve(api: Api, flat: bool) -> None:
    path = "/v1/credits" if flat else f"{api.marketplace}/credits"
    credit = await made(api, path, {"amount": 10000, "bank_account": described()})

    assert credit["reversals_uri"] == f"{api.marketplace}/credits/{credit['id']}/reversals"
    assert credit["events_uri"] == f"/v1/credits/{credit['id']}/events"
    assert credit["_uris"] == {
        "reversals_uri": {"_type": "page", "key": "reversals"},
        "events_uri": {"_type": "page", "key": "events"},
    }
    for uri in (credit["reversals_uri"], credit["events_uri"]):
        assert (await api.get(uri)).body["_type"] == "page"


# The bank account inside


@pytest.mark.parametrize("flat", [True, False])
async def test_a_described_bank_account_is_shown_and_not_kept(api: Api, flat: bool) -> None:
    path = "/v1/credits" if flat else f"{api.marketplace}/credits"
    before = (await api.get("/v1/bank_accounts")).body["total"]

    credit = await made(api, path, {"amount": 10000, "bank_account": {**described(PENDING), "meta": {"a": "b"}}})

    shown = credit["bank_account"]
    assert set(shown) == DESCRIBED_BANK_ACCOUNT
    assert (shown["_uris"], shown["can_debit"], shown["meta"]) == ({}, False, {"a": "b"})
    assert (shown["account_number"], shown["bank_name"]) == ("xxxxxx0000", "BANK OF AMERICA, N.A.")
    assert credit.get("destination", shown) == shown
    assert (await api.get("/v1/bank_accounts")).body["total"] == before


async def test_a_described_bank_account_has_no_link(api: Api) -> None:
    credit = await made(api, "/v1/credits", {"amount": 10000, "bank_account": described()})

    entity = (await api.get(credit["events_uri"])).body["items"][0]["entity"]

    assert (entity["bank_account_uri"], entity["destination_uri"], entity["account_uri"]) == (None, None, None)
    assert set(entity["_uris"]) == {"events_uri", "reversals_uri"}


async def test_a_kept_bank_account_inside_a_flat_credit_is_flat(api: Api) -> None:
    bank_account = await made(api, "/v1/bank_accounts", described())

    shown = (await made(api, bank_account["credits_uri"], {"amount": 10000}))["bank_account"]

    assert set(shown) == FLAT_BANK_ACCOUNT
    assert (shown["uri"], shown["customer_uri"]) == (bank_account["uri"], None)
    assert set(shown["_uris"]) == {"credits_uri", "debits_uri", "verifications_uri"}


async def test_a_customers_bank_account_inside_its_credit_hangs_from_the_customer(api: Api) -> None:
    customer = await payee(api)

    credit = await made(api, f"{customer['uri']}/credits", {"amount": 100})

    shown = credit["bank_account"]
    assert credit["destination"] == shown
    assert set(shown) == FULL_BANK_ACCOUNT
    assert shown["uri"] == f"{customer['uri']}/bank_accounts/{shown['id']}"
    assert shown["customer_uri"] == customer["uri"]
    assert shown["credits_uri"] == f"/v1/bank_accounts/{shown['id']}/credits"


async def test_an_accounts_bank_account_inside_its_credit_names_the_account(api: Api) -> None:
    customer = await payee(api)
    account = f"{api.marketplace}/accounts/{customer['id']}"

    shown = (await made(api, f"{account}/credits", {"amount": 100}))["bank_account"]

    assert set(shown) == FULL_BANK_ACCOUNT | {"account_uri"}
    assert (shown["account_uri"], shown["uri"]) == (account, f"{account}/bank_accounts/{shown['id']}")
    assert shown["_uris"]["account_uri"] == {"_type": "customer", "key": "account"}


@pytest.mark.parametrize("how", ["deleted", "invalidated"])
async def test_a_bank_account_that_is_gone_is_still_shown_in_its_credits(api: Api, how: str) -> None:
    customer = await payee(api)
    credit = await made(api, f"{customer['uri']}/credits", {"amount": 100})
    uri = credit["bank_account"]["uri"]

    await (api.delete(uri) if how == "deleted" else api.put(uri, {"is_valid": False}))

    page = await api.get(f"{customer['uri']}/credits")
    assert ids(page) == [credit["id"]]
    assert page.body["items"][0]["bank_account"]["id"] == credit["bank_account"]["id"]


# Outcomes


@pytest.mark.parametrize(
    ("number", "status", "state", "happened", "taken"),
    [
        (PENDING, "pending", "pending", ["credit.created"], 10000),
        ("9900000001", "pending", "pending", ["credit.created"], 10000),
        (PAID, "paid", "cleared", ["credit.created", "credit.succeeded"], 10000),
        ("9900000003", "paid", "cleared", ["credit.created", "credit.succeeded"], 10000),
        (FAILED, "failed", "rejected", ["credit.created", "credit.failed"], 0),
        ("9900000005", "failed", "rejected", ["credit.created", "credit.failed"], 0),
        (OTHER, "paid", "cleared", ["credit.created", "credit.succeeded"], 10000),
    ],
)
@pytest.mark.parametrize("stored", [True, False])
async def test_the_account_number_says_what_becomes_of_a_credit(
    api: Api, number: str, status: str, state: str, happened: list[str], taken: int, stored: bool
) -> None:
    body: dict[str, Any] = {"amount": 10000, "bank_account": described(number)}
    if stored:
        body = {"amount": 10000, "destination_uri": (await made(api, "/v1/bank_accounts", described(number)))["uri"]}

    credit = await made(api, f"{api.marketplace}/credits", body)

    assert (credit["status"], credit["state"]) == (status, state)
    assert credit["available_at"] == (None if status == "pending" else credit["created_at"])
    assert await event_types(api, credit) == happened
    assert await in_escrow(api) == 100_000 - taken


async def test_a_pending_credit_is_paid_at_three_on_the_next_business_day(api: Api, wall: Wall) -> None:
    credit = await made(api, f"{api.marketplace}/credits", {"amount": 10000, "bank_account": described(PENDING)})

    wall.moment = clock.parse("2013-05-07T21:59:59Z")
    still = (await api.get(credit["uri"])).body
    wall.moment = clock.parse("2013-05-07T22:00:01Z")
    settled = (await api.get(credit["uri"])).body

    assert still["status"] == "pending"
    assert (settled["status"], settled["state"]) == ("paid", "cleared")
    assert settled["available_at"] == "2013-05-07T22:00:00.000000Z"
    assert await event_types(api, credit) == ["credit.created", "credit.succeeded"]
    assert await in_escrow(api) == 90_000


async def test_a_credit_may_take_all_of_escrow(api: Api) -> None:
    await made(api, "/v1/credits", {"amount": 100_000, "bank_account": described()})

    assert await in_escrow(api) == 0


# Where it goes


async def test_a_customer_is_paid_to_its_newest_bank_account(api: Api) -> None:
    customer = await payee(api)
    newest = await bank_account_of(api, customer)

    credit = await made(api, f"{customer['uri']}/credits", {"amount": 100})

    assert credit["bank_account"]["id"] == newest["id"]


async def test_an_invalidated_bank_account_is_not_paid_to_by_default(api: Api) -> None:
    customer = await made(api, "/v1/customers")
    first, newest = await bank_account_of(api, customer), await bank_account_of(api, customer)
    await api.put(newest["uri"], {"is_valid": False})

    credit = await made(api, f"{customer['uri']}/credits", {"amount": 100})

    assert credit["bank_account"]["id"] == first["id"]


@pytest.mark.parametrize("field", ["destination_uri", "bank_account_uri"])
@pytest.mark.parametrize(
    "form", ["/v1/bank_accounts/{0}", "{1}/bank_accounts/{0}", "v1/customers/{2}/bank_accounts/{0}"]
)
async def test_a_destination_may_be_named_by_any_of_its_uris(api: Api, field: str, form: str) -> None:
    customer = await made(api, "/v1/customers")
    first, _ = await bank_account_of(api, customer), await bank_account_of(api, customer)
    named = form.format(first["id"], api.marketplace, customer["id"])

    credit = await made(api, f"{customer['uri']}/credits", {"amount": 100, field: named})

    assert credit["bank_account"]["id"] == first["id"]


async def test_a_named_bank_account_says_whose_credit_it_is(api: Api) -> None:
    customer = await made(api, "/v1/customers")
    bank_account = await bank_account_of(api, customer)

    credit = await made(api, f"{api.marketplace}/credits", {"amount": 100, "destination_uri": bank_account["uri"]})

    assert credit["customer"]["id"] == credit["account"]["id"] == customer["id"]
    assert ids(await api.get(f"{customer['uri']}/credits")) == [credit["id"]]


async def test_the_marketplaces_owner_can_be_paid(api: Api) -> None:
    owner = (await api.get(api.marketplace)).body["owner_account"]

    credit = await made(api, owner["credits_uri"], {"amount": 100})

    assert credit["bank_account"]["name"] == "TEST-MERCHANT-BANK-ACCOUNT"


# What it says


async def test_the_statement_names_the_marketplaces_domain_unless_told_otherwise(api: Api) -> None:
    plain = await made(api, "/v1/credits", {"amount": 100, "bank_account": described()})
    told = await made(
        api, "/v1/credits", {"amount": 100, "bank_account": described(), "appears_on_statement_as": "BOBS BURGERS"}
    )

    assert plain["appears_on_statement_as"] == "example.com"
    assert told["appears_on_statement_as"] == "BOBS BURGERS"


async def test_what_was_given_is_shown(api: Api) -> None:
    customer = await payee(api)
    body = {"amount": "5000", "description": "A drôle payout", "meta": {"paid": True}, "debit_uri": "/v1/no/matter"}

    credit = await made(api, f"{customer['uri']}/credits", body)

    assert (credit["amount"], credit["description"], credit["meta"]) == (5000, "A drôle payout", {"paid": "True"})


async def test_a_credit_through_its_bank_account_takes_no_meta(api: Api) -> None:
    bank_account = await made(api, "/v1/bank_accounts", described())

    credit = await made(api, bank_account["credits_uri"], {"amount": 100, "meta": {"a": "b"}, "description": None})

    assert (credit["meta"], credit["description"]) == ({}, None)


async def test_a_form_says_the_same_as_json(api: Api) -> None:
    form = (
        "amount=10000&bank_account[name]=Johann+Bernoulli&bank_account[account_number]=9900000003"
        "&bank_account[bank_code]=121000358&bank_account[type]=savings"
    )

    answer = await api.post("/v1/credits", form=form)

    assert (answer.status, answer.body["status"], answer.body["bank_account"]["type"]) == (201, "paid", "savings")


# Refusals


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (None, "Missing required field [amount]"),
        (0, 'Invalid field [amount] - "0" must be >= 50'),
        (49, 'Invalid field [amount] - "49" must be >= 50'),
        (-52, 'Invalid field [amount] - "-52" must be >= 50'),
        (52.12, 'Invalid field [amount] - "52.12" is not an integer'),
        (1_000_000_001, 'Invalid field [amount] - "1000000001" must be <= 1000000000'),
    ],
)
async def test_an_amount_out_of_bounds_is_refused(
    api: Api, untouched: Untouched, amount: object, sentence: str
) -> None:
    customer = await payee(api)
    bank_account = await made(api, "/v1/bank_accounts", described())
    requests = {
        "/v1/credits": {"bank_account": described()},
        f"{api.marketplace}/credits": {"bank_account": described()},
        f"{customer['uri']}/credits": {},
        bank_account["credits_uri"]: {},
    }

    with untouched():
        answers = [await api.post(path, {**body, "amount": amount}) for path, body in requests.items()]

    assert [answer.refusal for answer in answers] == [(400, "request", "request", sentence)] * 4
    assert all(list(answer.body["extras"]) == ["amount"] for answer in answers)


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("name", "/v1/credits"),
        ("account_number", "/v1/credits"),
        ("routing_number", "/v1/credits"),
        ("type", "/v1/credits"),
        ("account_number", "{marketplace}/credits"),
    ],
)
async def test_an_incomplete_bank_account_is_refused(api: Api, untouched: Untouched, field: str, path: str) -> None:
    incomplete = {name: value for name, value in described().items() if name != field}

    with untouched():
        answer = await api.post(path.format(marketplace=api.marketplace), {"amount": 10000, "bank_account": incomplete})

    assert answer.refusal == (400, "request", "request", f"Missing required field [{field}]")
    assert answer.body["extras"] == {field: f"Missing required field [{field}]"}


@pytest.mark.parametrize(
    ("path", "missing"), [("/v1/credits", "bank_account"), ("{marketplace}/credits", "destination_uri")]
)
async def test_a_credit_without_any_destination_is_refused(
    api: Api, untouched: Untouched, path: str, missing: str
) -> None:
    with untouched():
        answer = await api.post(path.format(marketplace=api.marketplace), {"amount": 10000})

    assert answer.refusal == (400, "request", "request", f"Missing required field [{missing}]")


@pytest.mark.parametrize("number", ["100000007", "111111118"])
@pytest.mark.parametrize("field", ["routing_number", "bank_code"])
async def test_a_routing_number_of_no_bank_is_refused(api: Api, untouched: Untouched, number: str, field: str) -> None:
    body = {"amount": 10000, "bank_account": {**described(), "routing_number": None, field: number}}

    with untouched():
        answer = await api.post("/v1/credits", body)

    assert answer.refusal == (400, "request", "invalid-routing-number", "Routing number is invalid.")
    assert answer.body["extras"] == {field: "Routing number is invalid."}


async def test_a_text_no_statement_can_print_is_refused(api: Api, untouched: Untouched) -> None:
    body = {"amount": 10000, "bank_account": described(), "appears_on_statement_as": "Käse"}

    with untouched():
        answer = await api.post("/v1/credits", body)

    assert answer.refusal[:3] == (400, "request", "request")
    assert list(answer.body["extras"]) == ["appears_on_statement_as"]


async def test_one_cent_more_than_escrow_is_refused(api: Api, untouched: Untouched) -> None:
    customer = await made(api, "/v1/customers")
    bank_account = await bank_account_of(api, customer)

    with untouched():
        answer = await api.post(f"{customer['uri']}/credits", {"amount": 100_001})

    assert answer.refusal == (
        409,
        "logical",
        "insufficient-funds",
        f"Marketplace {api.marketplace.rpartition('/')[2]} has insufficient funds to cover a transfer of 100001 "
        f"to destination {bank_account['id']}.",
    )


@pytest.mark.parametrize("number", [PENDING, PAID, FAILED])
async def test_escrow_has_to_cover_whatever_becomes_of_a_credit(api: Api, untouched: Untouched, number: str) -> None:
    with untouched():
        answer = await api.post("/v1/credits", {"amount": 100_001, "bank_account": described(number)})

    # What is only described has no id that could be named.
    assert answer.refusal[:3] == (409, "logical", "insufficient-funds")
    assert answer.description.endswith("has insufficient funds to cover a transfer of 100001 to destination.")


async def test_a_customer_without_a_bank_account_cannot_be_paid_whatever_is_in_escrow(
    api: Api, untouched: Untouched
) -> None:
    customer = await made(api, "/v1/customers")

    with untouched():
        answers = [await api.post(f"{customer['uri']}/credits", {"amount": amount}) for amount in (100, 100_001)]

    sentence = f"Account {customer['id']} has no funding destination."
    assert [answer.refusal for answer in answers] == [(409, "logical", "no-funding-destination", sentence)] * 2


async def test_someone_elses_bank_account_is_refused(api: Api, untouched: Untouched) -> None:
    customer, other = await payee(api), await made(api, "/v1/customers")
    foreign = await bank_account_of(api, other)
    loose = await made(api, "/v1/bank_accounts", described())

    with untouched():
        answers = {
            one["id"]: await api.post(f"{customer['uri']}/credits", {"amount": amount, "destination_uri": one["uri"]})
            for one in (foreign, loose)
            for amount in (100, 100_001)
        }

    for identifier, answer in answers.items():
        sentence = f"Bank account {identifier} is not associated with account {customer['id']}."
        assert answer.refusal == (409, "logical", "funding-destination-not-associated", sentence)


async def test_an_invalidated_bank_account_is_refused(api: Api, untouched: Untouched) -> None:
    customer = await payee(api)
    closed = await bank_account_of(api, customer)
    await api.put(closed["uri"], {"is_valid": False})
    requests = (f"{customer['uri']}/credits", f"{api.marketplace}/credits", closed["credits_uri"])

    with untouched():
        answers = [await api.post(path, {"amount": 100, "destination_uri": closed["uri"]}) for path in requests]

    sentence = f"Bank account {closed['id']} is not valid."
    assert [answer.refusal for answer in answers] == [(409, "logical", "bank-account-not-valid", sentence)] * 3


async def test_a_card_cannot_be_paid_to(api: Api, untouched: Untouched) -> None:
    customer = await payee(api)
    card = await card_of(api, customer)

    with untouched():
        answer = await api.post(f"{customer['uri']}/credits", {"amount": 100, "destination_uri": card["uri"]})

    sentence = f"Funding destination {card['id']} cannot be credited."
    assert answer.refusal == (409, "logical", "funding-destination-not-creditable", sentence)


async def test_a_destination_that_is_nowhere_is_refused(api: Api, untouched: Untouched) -> None:
    customer = await made(api, "/v1/customers")
    gone = await bank_account_of(api, customer)
    await api.delete(gone["uri"])

    with untouched():
        answer = await api.post(f"{customer['uri']}/credits", {"amount": 100, "destination_uri": gone["uri"]})

    sentence = f'Invalid field [destination_uri] - "{gone["uri"]}" does not resolve to funding destination'
    assert answer.refusal == (400, "request", "request", sentence)


async def test_credits_are_not_found_under_another_parent(api: Api) -> None:
    customer, other = await payee(api), await payee(api)
    credit = await made(api, f"{customer['uri']}/credits", {"amount": 100})
    elsewhere = (await api.get(other["uri"])).body["destination_uri"].rpartition("/")[2]

    for uri in (f"{other['uri']}/credits", f"/v1/bank_accounts/{elsewhere}/credits"):
        assert (await api.get(f"{uri}/{credit['id']}")).status == 404
        assert (await api.get(uri)).body["total"] == 0


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_credit_cannot_be_deleted(api: Api, untouched: Untouched, method: str) -> None:
    credit = await made(api, "/v1/credits", {"amount": 100, "bank_account": described()})

    with untouched():
        answer = await api.send(method, credit["uri"])

    assert answer.refusal[:3] == (405, "request", "method-not-allowed")


# Update


async def test_description_and_meta_can_be_changed_through_every_route(api: Api) -> None:
    customer = await payee(api)
    credit = await made(api, f"{customer['uri']}/credits", {"amount": 100, "meta": {"old": "1"}})
    uris = (
        f"/v1/credits/{credit['id']}",
        f"{credit['bank_account']['credits_uri']}/{credit['id']}",
        f"{api.marketplace}/credits/{credit['id']}",
        f"{api.marketplace}/accounts/{customer['id']}/credits/{credit['id']}",
        credit["uri"],
    )

    for number, uri in enumerate(uris):
        changed = await api.put(uri, {"description": f"No. {number}", "meta": {"new": number}})
        assert changed.status == 200
        assert (changed.body["description"], changed.body["meta"]) == (f"No. {number}", {"new": str(number)})

    assert await event_types(api, credit) == ["credit.created", "credit.succeeded", *["credit.updated"] * len(uris)]


async def test_what_is_not_sent_stays_and_a_null_takes_the_description_away(api: Api) -> None:
    body = {"amount": 100, "bank_account": described(), "description": "here", "meta": {"a": "b"}}
    credit = await made(api, "/v1/credits", body)

    kept = (await api.put(credit["uri"], {"meta": {"c": "d"}})).body
    emptied = (await api.put(credit["uri"], {"description": None})).body

    assert (kept["description"], kept["meta"]) == ("here", {"c": "d"})
    assert (emptied["description"], emptied["meta"]) == (None, {"c": "d"})


async def test_a_whole_credit_sent_back_changes_nothing_else(api: Api) -> None:
    customer = await payee(api)
    credit = await made(api, f"{customer['uri']}/credits", {"amount": 100})

    changed = await api.put(credit["uri"], {**credit, "amount": 1, "status": "failed", "description": "new"})

    assert changed.body == {**credit, "description": "new"}


async def test_an_update_of_nothing_is_no_event(api: Api, untouched: Untouched) -> None:
    credit = await made(api, "/v1/credits", {"amount": 100, "bank_account": described()})

    with untouched():
        assert (await api.put(credit["uri"], {})).body == credit


# Lists


async def test_lists_are_newest_first(api: Api, wall: Wall) -> None:
    customer = await payee(api)
    credits = []
    for _ in range(3):
        credits.append(await made(api, f"{customer['uri']}/credits", {"amount": 100}))
        wall.moment += clock.SECOND
    expected = [credit["id"] for credit in reversed(credits)]
    lists = (
        "/v1/credits",
        f"{api.marketplace}/credits",
        f"{api.marketplace}/accounts/{customer['id']}/credits",
        f"{customer['uri']}/credits",
        credits[0]["bank_account"]["credits_uri"],
    )

    for uri in lists:
        assert ids(await api.get(uri)) == expected, uri


async def test_lists_show_the_view_of_their_route(api: Api) -> None:
    customer = await payee(api)
    await made(api, f"{customer['uri']}/credits", {"amount": 100})
    views = {
        "/v1/credits": FLAT,
        f"{api.marketplace}/credits": FULL | {"account"},
        f"{api.marketplace}/accounts/{customer['id']}/credits": FULL | {"account"},
        f"{customer['uri']}/credits": FULL,
    }

    for uri, keys in views.items():
        assert set((await api.get(uri)).body["items"][0]) == keys, uri


async def test_lists_can_be_filtered_and_sorted(api: Api) -> None:
    small = await made(
        api, f"{api.marketplace}/credits", {"amount": 100, "bank_account": described(), "meta": {"tag": "1"}}
    )
    large = await made(api, f"{api.marketplace}/credits", {"amount": 200, "bank_account": described(FAILED)})

    async def listed(query: str) -> list[str]:
        return ids(await api.get(f"/v1/credits?{query}"))

    assert await listed("amount[>]=100") == [large["id"]]
    assert await listed("status=failed") == [large["id"]]
    assert await listed("status[!in]=failed,pending") == [small["id"]]
    assert await listed("meta.tag=1") == [small["id"]]
    assert await listed("meta[contains]=tag") == [small["id"]]
    assert await listed(f"transaction_number={large['transaction_number']}") == [large["id"]]
    assert await listed("created_at[<]=2013-05-06") == []
    assert await listed("sort=amount,asc") == [small["id"], large["id"]]
    assert await listed("sort=created_at,desc") == [large["id"], small["id"]]


async def test_a_list_cannot_be_sorted_by_what_it_does_not_have(api: Api) -> None:
    answer = await api.get("/v1/credits?sort=status,asc")

    assert answer.refusal == (400, "request", "request", 'Unable to sort on unknown field "status"')


# Events


async def test_an_event_of_another_credit_is_not_found(api: Api) -> None:
    first = await made(api, "/v1/credits", {"amount": 100, "bank_account": described()})
    second = await made(api, "/v1/credits", {"amount": 100, "bank_account": described()})
    event = (await api.get(first["events_uri"])).body["items"][0]

    own = await api.get(f"{first['events_uri']}/{event['id']}")
    foreign = await api.get(f"{second['events_uri']}/{event['id']}")

    assert (own.status, own.body) == (200, event)
    assert foreign.refusal[:3] == (404, "request", "not-found")


async def test_events_show_a_credit_as_it_was(api: Api) -> None:
    credit = await made(api, f"{(await payee(api))['uri']}/credits", {"amount": 100})

    created, succeeded = (await api.get(credit["events_uri"])).body["items"]

    assert (created["entity"]["status"], succeeded["entity"]["status"]) == ("pending", "paid")
    assert (created["entity"]["available_at"], succeeded["entity"]["state"]) == (None, "cleared")
    assert created["entity"]["uri"] == f"{api.marketplace}/credits/{credit['id']}"
    assert created["entity"]["bank_account_uri"].endswith(credit["bank_account"]["id"])
