"""Reversals over HTTP: only of what was paid, and never of more than that."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import clock
from tests.api import Api
from tests.conftest import Wall
from tests.resources.charging import bank_account_of, ids, in_escrow, made
from tests.resources.conftest import Fund, Untouched

PENDING, PAID, FAILED = "9900000000", "9900000002", "9900000004"
"""Account numbers by what becomes of a credit to them."""

FULL = {
    "_type", "_uris", "account", "amount", "appears_on_statement_as", "created_at", "credit", "customer",
    "description", "events_uri", "fee", "id", "meta", "status", "transaction_number", "uri",
}  # fmt: skip
CREDIT = {
    "_type", "_uris", "account_uri", "amount", "appears_on_statement_as", "available_at", "bank_account_uri",
    "created_at", "customer_uri", "description", "destination_uri", "events_uri", "fee", "id", "meta",
    "reversals_uri", "state", "status", "transaction_number", "uri",
}  # fmt: skip


@pytest.fixture(autouse=True)
def funded(fund: Fund) -> None:
    fund(100_000)


def described(number: str = PAID) -> dict[str, str]:
    """Return what is said of a bank account."""
    return {"name": "Johann Bernoulli", "account_number": number, "routing_number": "021000021", "type": "checking"}


async def credited(api: Api, amount: int = 5000, number: str = PAID) -> Any:
    """Return a credit of a new customer, as the customer shows it."""
    customer = await made(api, "/v1/customers")
    await bank_account_of(api, customer, number)
    return await made(api, f"{customer['uri']}/credits", {"amount": amount})


# Create


async def test_an_empty_body_reverses_the_whole_credit(api: Api) -> None:
    credit = await credited(api)

    reversal = await made(api, credit["reversals_uri"])

    assert (reversal["amount"], reversal["status"], reversal["description"], reversal["meta"]) == (
        5000, "succeeded", None, {},
    )  # fmt: skip
    assert reversal["transaction_number"].startswith("RV")
    assert await in_escrow(api) == 100_000


async def test_a_credit_can_be_reversed_in_parts(api: Api) -> None:
    credit = await credited(api, 5000)

    amounts = [(await made(api, credit["reversals_uri"], {"amount": amount}))["amount"] for amount in (1, 1999, None)]

    assert amounts == [1, 1999, 3000]
    assert await in_escrow(api) == 100_000


async def test_a_reversed_credit_stays_paid(api: Api) -> None:
    credit = await credited(api)

    await made(api, credit["reversals_uri"])

    assert (await api.get(credit["uri"])).body == credit


async def test_what_was_given_is_shown(api: Api) -> None:
    credit = await credited(api)

    reversal = await made(api, credit["reversals_uri"], {"amount": "100", "description": "Oops", "meta": {"a": 1}})

    assert (reversal["amount"], reversal["description"], reversal["meta"]) == (100, "Oops", {"a": "1"})


async def test_the_statement_says_what_the_credits_said(api: Api) -> None:
    customer = (await credited(api))["customer"]
    credit = await made(api, customer["credits_uri"], {"amount": 100, "appears_on_statement_as": "BOBS BURGERS"})

    assert (await made(api, credit["reversals_uri"]))["appears_on_statement_as"] == "BOBS BURGERS"


async def test_it_succeeds_at_once_and_says_so(api: Api) -> None:
    reversal = await made(api, (await credited(api))["reversals_uri"])

    events = (await api.get(reversal["events_uri"])).body["items"]

    assert [event["type"] for event in events] == ["reversal.created", "reversal.succeeded"]
    assert [event["entity"]["status"] for event in events] == ["pending", "succeeded"]
    assert events[0]["entity"]["credit_uri"].endswith(reversal["credit"]["id"])
    assert (await api.get(f"{reversal['events_uri']}/{events[0]['id']}")).body == events[0]


async def test_a_pending_credit_can_be_reversed_once_it_is_paid(api: Api, wall: Wall) -> None:
    credit = await credited(api, number=PENDING)
    wall.moment += 2 * clock.DAY

    assert (await made(api, credit["reversals_uri"]))["status"] == "succeeded"


async def test_a_credit_to_a_described_bank_account_can_be_reversed(api: Api) -> None:
    credit = await made(api, "/v1/credits", {"amount": 100, "bank_account": described()})

    reversal = await made(api, credit["reversals_uri"])

    assert (reversal["account"], reversal["customer"]) == (None, None)
    assert (reversal["credit"]["bank_account_uri"], reversal["credit"]["destination_uri"]) == (None, None)


# Views


@pytest.mark.parametrize("route", ["/v1/credits/{0}/reversals", "{1}/credits/{0}/reversals"])
async def test_the_flat_route_shows_what_the_marketplaces_does(api: Api, route: str) -> None:
    credit = await credited(api)

    reversal = await made(api, route.format(credit["id"], api.marketplace))

    assert set(reversal) == FULL
    assert reversal["_uris"] == {}
    assert reversal["uri"] == f"{api.marketplace}/reversals/{reversal['id']}"
    assert reversal["events_uri"] == f"/v1/reversals/{reversal['id']}/events"
    assert (reversal["account"]["_type"], reversal["customer"]["_type"]) == ("account", "customer")
    assert set(reversal["credit"]) == CREDIT
    assert reversal["credit"]["uri"] == f"{api.marketplace}/credits/{credit['id']}"


async def test_a_customer_shows_no_account(api: Api) -> None:
    credit = await credited(api)

    reversal = await made(api, f"{credit['uri']}/reversals")

    assert set(reversal) == FULL - {"account"}
    assert set(reversal["credit"]) == CREDIT - {"account_uri"}
    assert reversal["credit"]["uri"] == credit["uri"]
    assert reversal["uri"] == f"{api.marketplace}/reversals/{reversal['id']}"


# Refusals


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (0, 'Invalid field [amount] - "0" must be >= 1'),
        (-1, 'Invalid field [amount] - "-1" must be >= 1'),
        ("1.5", 'Invalid field [amount] - "1.5" is not an integer'),
    ],
)
async def test_an_amount_that_is_none_is_refused(api: Api, untouched: Untouched, amount: object, sentence: str) -> None:
    credit = await credited(api)

    with untouched():
        answer = await api.post(credit["reversals_uri"], {"amount": amount})

    assert answer.refusal == (400, "request", "request", sentence)


@pytest.mark.parametrize(("before", "left"), [(0, 5000), (2000, 3000)])
async def test_more_than_is_left_is_refused(api: Api, untouched: Untouched, before: int, left: int) -> None:
    credit = await credited(api, 5000)
    if before:
        await made(api, credit["reversals_uri"], {"amount": before})

    with untouched():
        answer = await api.post(credit["reversals_uri"], {"amount": left + 1})

    sentence = f'Invalid field [amount] - "{left + 1}" must be <= {left}'
    assert answer.refusal == (400, "request", "invalid-reversal-amount", sentence)
    assert answer.body["extras"] == {"amount": f'"{left + 1}" must be <= {left}'}


@pytest.mark.parametrize("body", [{}, {"amount": 1}])
async def test_a_reversed_credit_cannot_be_reversed_again(api: Api, untouched: Untouched, body: dict[str, int]) -> None:
    credit = await credited(api)
    await made(api, credit["reversals_uri"])

    with untouched():
        answer = await api.post(credit["reversals_uri"], body)

    sentence = f"Credit {credit['id']} has already been reversed."
    assert answer.refusal == (409, "logical", "credit-already-reversed", sentence)


@pytest.mark.parametrize("number", [PENDING, FAILED])
async def test_a_credit_that_was_not_paid_cannot_be_reversed(api: Api, untouched: Untouched, number: str) -> None:
    credit = await credited(api, number=number)

    with untouched():
        answer = await api.post(credit["reversals_uri"])

    sentence = 'State of credit to reverse must be "paid".'
    assert answer.refusal == (400, "request", "cannot-reverse-credit", sentence)


@pytest.mark.parametrize("how", ["deleted", "invalidated"])
async def test_a_closed_bank_account_gives_nothing_back(api: Api, untouched: Untouched, how: str) -> None:
    # Ours: no source says which destinations cannot be reversed.
    credit = await credited(api)
    uri = credit["bank_account"]["uri"]
    await (api.delete(uri) if how == "deleted" else api.put(uri, {"is_valid": False}))

    with untouched():
        answer = await api.post(credit["reversals_uri"])

    sentence = f"Credits to destination {credit['bank_account']['id']} cannot be reversed."
    assert answer.refusal == (409, "logical", "funding-destination-cannot-reverse", sentence)


async def test_reversals_are_created_under_a_credit_only(api: Api, untouched: Untouched) -> None:
    credit = await credited(api)

    with untouched():
        for parent in ("/v1", api.marketplace, credit["customer"]["uri"]):
            assert (await api.post(f"{parent}/reversals", {"amount": 100})).refusal[:3] == (
                405, "request", "method-not-allowed",
            )  # fmt: skip


async def test_reversals_are_not_found_under_another_parent(api: Api) -> None:
    credit, other = await credited(api), await credited(api)
    reversal = await made(api, credit["reversals_uri"])

    for uri in (other["reversals_uri"], f"{other['customer']['uri']}/reversals"):
        assert (await api.get(f"{uri}/{reversal['id']}")).status == 404
        assert (await api.get(uri)).body["total"] == 0
    assert (await api.post(f"{other['customer']['uri']}/credits/{credit['id']}/reversals")).status == 404


# Update and lists


def parents(api: Api, credit: Any) -> tuple[str, ...]:
    """Return everything a reversal of a credit is listed under."""
    return (
        "/v1",
        api.marketplace,
        f"{api.marketplace}/accounts/{credit['customer']['id']}",
        credit["customer"]["uri"],
        f"/v1/credits/{credit['id']}",
        f"{api.marketplace}/credits/{credit['id']}",
    )


async def test_every_parent_lists_shows_and_changes_it(api: Api) -> None:
    credit = await credited(api)
    older = await made(api, credit["reversals_uri"], {"amount": 100})
    newer = await made(api, credit["reversals_uri"], {"amount": 200})

    for number, parent in enumerate(parents(api, credit)):
        uri = f"{parent}/reversals"
        assert ids(await api.get(uri)) == [newer["id"], older["id"]], uri
        changed = await api.put(f"{uri}/{newer['id']}", {"description": f"No. {number}"})
        shown = await api.get(f"{uri}/{newer['id']}")
        assert (changed.status, changed.body["description"]) == (200, f"No. {number}")
        assert shown.body == changed.body


async def test_description_and_meta_change_without_an_event(api: Api) -> None:
    reversal = await made(api, (await credited(api))["reversals_uri"], {"meta": {"a": "b"}})

    changed = (await api.put(reversal["uri"], {**reversal, "amount": 1, "description": "new"})).body
    emptied = (await api.put(reversal["uri"], {"description": None})).body

    assert changed == {**reversal, "description": "new"}
    assert emptied == reversal
    assert (await api.get(reversal["events_uri"])).body["total"] == 2


async def test_lists_can_be_filtered_and_sorted(api: Api) -> None:
    credit = await credited(api)
    small = await made(api, credit["reversals_uri"], {"amount": 100})
    large = await made(api, credit["reversals_uri"], {"amount": 200})

    async def listed(query: str) -> list[str]:
        return ids(await api.get(f"/v1/reversals?{query}"))

    assert await listed("amount[<]=200") == [small["id"]]
    assert await listed(f"transaction_number={large['transaction_number']}") == [large["id"]]
    assert await listed("sort=amount,asc") == [small["id"], large["id"]]
