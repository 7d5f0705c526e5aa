"""Transactions over HTTP: five kinds on one page, in one order."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import clock
from tests.api import Answered, Api
from tests.conftest import Wall
from tests.resources.charging import bank_account_of, card_of, ids, made
from tests.resources.conftest import Fund

NONE = dict.fromkeys(("account", "bank_account", "card", "credit", "debit", "hold", "refund", "reversal"), 0)


async def party(api: Api) -> Any:
    """Return a customer with a card and a bank account."""
    customer = await made(api, "/v1/customers")
    await card_of(api, customer)
    await bank_account_of(api, customer)
    return customer


async def one_of_each(api: Api, wall: Wall, customer: Any) -> dict[str, Any]:
    """Return a customer's transactions by kind, one a second, the oldest first; the hold came along with the debit."""
    uri = customer["uri"]
    debit = await made(api, f"{uri}/debits", {"amount": 1000, "description": "in"})
    wall.moment += clock.SECOND
    credit = await made(api, f"{uri}/credits", {"amount": 800, "description": "out"})
    wall.moment += clock.SECOND
    refund = await made(api, debit["refunds_uri"], {"amount": 200})
    wall.moment += clock.SECOND
    reversal = await made(api, credit["reversals_uri"], {"amount": 300})
    wall.moment += clock.SECOND
    return {"hold": debit["hold"], "debit": debit, "credit": credit, "refund": refund, "reversal": reversal}


def kinds(page: Answered) -> list[str]:
    """Return the types of what is on a page."""
    return [item["_type"] for item in page.body["items"]]


def parents(api: Api, customer: Any) -> tuple[str, ...]:
    """Return all that a customer's transactions are listed under."""
    return (
        "/v1",
        api.marketplace,
        f"{api.marketplace}/accounts/{customer['id']}",
        customer["uri"],
        f"{api.marketplace}{customer['uri'].removeprefix('/v1')}",
    )


async def test_every_kind_is_on_one_page_the_newest_first(api: Api, wall: Wall) -> None:
    customer = await party(api)
    await one_of_each(api, wall, customer)

    for parent in parents(api, customer):
        page = await api.get(f"{parent}/transactions")

        assert kinds(page)[:3] == ["reversal", "refund", "credit"], parent
        assert sorted(kinds(page)[3:]) == ["debit", "hold"]
        assert page.body["total"] == 5
        assert page.body["counts"] == {**NONE, "credit": 1, "debit": 1, "hold": 1, "refund": 1, "reversal": 1}


async def test_without_any_there_is_an_empty_page(api: Api) -> None:
    customer = await party(api)

    for parent in parents(api, customer):
        page = await api.get(f"{parent}/transactions")

        assert (page.status, page.body["items"], page.body["total"]) == (200, [], 0)
        assert page.body["counts"] == NONE


async def test_the_kinds_can_be_walked_page_by_page_under_a_clock_that_stands_still(api: Api, fund: Fund) -> None:
    fund(100_000)
    customer = await party(api)
    for amount in range(100, 104):
        await made(api, f"{customer['uri']}/debits", {"amount": amount})
        await made(api, f"{customer['uri']}/credits", {"amount": amount})
    whole = ids(await api.get("/v1/transactions?limit=100"))

    walked: list[str] = []
    uri = "/v1/transactions?limit=5"
    while uri is not None:
        page = await api.get(uri)
        walked += ids(page)
        uri = page.body["next_uri"]

    assert len(whole) == 12
    assert walked == whole
    assert [one for one in whole if one.startswith("CR")] == ids(await api.get("/v1/credits"))
    assert [one for one in whole if one.startswith("HL")] == ids(await api.get("/v1/holds"))
    assert [one[:2] for one in whole[::3]] == ["CR"] * 4


async def test_a_page_beyond_the_end_is_empty(api: Api, wall: Wall) -> None:
    await one_of_each(api, wall, await party(api))

    page = await api.get("/v1/transactions?limit=2&offset=1000")

    assert (page.body["items"], page.body["total"]) == ([], 5)
    assert page.body["last_uri"] == "/v1/transactions?limit=2&offset=4"


async def test_only_a_customers_own_are_listed_under_it(api: Api, wall: Wall) -> None:
    customer, other = await party(api), await party(api)
    await one_of_each(api, wall, other)

    for parent in parents(api, customer)[2:]:
        assert (await api.get(f"{parent}/transactions")).body["total"] == 0, parent


# Views


async def test_the_flat_and_the_marketplaces_pages_show_all_there_is(api: Api, wall: Wall) -> None:
    customer = await party(api)
    await one_of_each(api, wall, customer)

    for parent in parents(api, customer)[:2]:
        for shown in (await api.get(f"{parent}/transactions")).body["items"]:
            assert shown["account"]["id"] == shown["customer"]["id"] == customer["id"]
            assert shown["uri"] == f"{api.marketplace}/{shown['_type']}s/{shown['id']}"
            assert shown["transaction_number"]


async def test_a_customers_page_leaves_the_account_out(api: Api, wall: Wall) -> None:
    customer = await party(api)
    await one_of_each(api, wall, customer)

    shown = (await api.get(f"{customer['uri']}/transactions")).body["items"]

    assert all("account" not in one and one["customer"]["id"] == customer["id"] for one in shown)


async def test_what_is_shown_resolves(api: Api, wall: Wall) -> None:
    customer = await party(api)
    await one_of_each(api, wall, customer)

    for parent in parents(api, customer):
        for shown in (await api.get(f"{parent}/transactions")).body["items"]:
            assert (await api.get(shown["uri"])).body["id"] == shown["id"], shown["uri"]


# Instruments


@pytest.mark.parametrize("parent", ["/v1", "{marketplace}"])
async def test_a_bank_account_lists_what_went_through_it(api: Api, wall: Wall, parent: str) -> None:
    owner = (await api.get(api.marketplace)).body["owner_account"]
    bank_account = (await api.get(owner["bank_accounts_uri"])).body["items"][0]
    debit = await made(api, owner["debits_uri"], {"amount": 1000})
    wall.moment += 7 * clock.DAY
    refund = await made(api, debit["refunds_uri"], {"amount": 100})
    wall.moment += clock.SECOND
    credit = await made(api, owner["credits_uri"], {"amount": 500})
    wall.moment += clock.SECOND
    reversal = await made(api, credit["reversals_uri"])
    await one_of_each(api, wall, await party(api))

    uri = f"{parent.format(marketplace=api.marketplace)}/bank_accounts/{bank_account['id']}/transactions"
    page = await api.get(uri)

    assert ids(page) == [reversal["id"], credit["id"], refund["id"], debit["id"]]
    assert page.body["counts"] == {**NONE, "credit": 1, "debit": 1, "refund": 1, "reversal": 1}
    assert page.body["items"][1]["transaction_number"] == credit["transaction_number"]


async def test_a_card_lists_what_went_through_it(api: Api, wall: Wall) -> None:
    customer = await party(api)
    of_customer = await one_of_each(api, wall, customer)
    await one_of_each(api, wall, await party(api))

    page = await api.get(f"/v1/cards/{of_customer['debit']['source']['id']}/transactions")

    assert set(ids(page)) == {of_customer[kind]["id"] for kind in ("hold", "debit", "refund")}
    assert page.body["counts"] == {**NONE, "debit": 1, "hold": 1, "refund": 1}


async def test_what_was_deleted_lists_nothing(api: Api, wall: Wall) -> None:
    customer = await party(api)
    debit = (await one_of_each(api, wall, customer))["debit"]
    await api.delete(debit["source"]["uri"])

    answer = await api.get(f"/v1/cards/{debit['source']['id']}/transactions")

    assert answer.refusal[:3] == (404, "request", "not-found")
    assert (await api.get(f"{customer['uri']}/transactions")).body["total"] == 5


# Filters and sort


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=credit", ["credit"]),
        ("type=credit,refund", ["refund", "credit"]),
        ("type[in]=credit,refund", ["refund", "credit"]),
        ("type[!in]=hold,debit,reversal", ["refund", "credit"]),
        ("type[=]=reversal", ["reversal"]),
        ("type=nothing", []),
        ("amount=800", ["credit"]),
        ("amount[<]=300", ["refund"]),
        ("amount[<]=800&type=refund,reversal,credit", ["reversal", "refund"]),
        ("description=out", ["credit"]),
        ("description[startswith]=o", ["credit"]),
        ("created_at[>]=2013-05-06T17:18:05", ["reversal", "refund"]),
        ("type=credit,refund,reversal&sort=created_at,asc", ["credit", "refund", "reversal"]),
        ("type=credit,refund,reversal&sort=created_at,desc", ["reversal", "refund", "credit"]),
        ("type=credit&depth=1", ["credit"]),
    ],
)
async def test_they_can_be_filtered_and_sorted(api: Api, wall: Wall, query: str, expected: list[str]) -> None:
    customer = await party(api)
    await one_of_each(api, wall, customer)

    for parent in ("/v1", customer["uri"]):
        page = await api.get(f"{parent}/transactions?{query}")

        assert kinds(page) == expected
        assert page.body["total"] == sum(page.body["counts"].values()) == len(expected)


async def test_filters_stay_in_the_links(api: Api, wall: Wall) -> None:
    await one_of_each(api, wall, await party(api))

    page = await api.get("/v1/transactions?limit=1&type=credit,refund")

    assert page.body["next_uri"] == "/v1/transactions?type=credit%2Crefund&limit=1&offset=1"
    assert kinds(await api.get(page.body["next_uri"])) == ["credit"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("sort=amount,asc", 'Unable to sort on unknown field "amount"'),
        ("type[<]=hold", 'Invalid field [type[<]] - "<" must be one of in !in = != contains !contains'),
        ("amount=much", 'Invalid field [amount] - "much" is not an integer'),
        ("limit=0", 'Invalid field [limit] - "0" must be >= 1'),
    ],
)
async def test_what_cannot_be_asked_is_refused(api: Api, query: str, sentence: str) -> None:
    assert (await api.get(f"/v1/transactions?{query}")).refusal == (400, "request", "request", sentence)


# What is not there


@pytest.mark.parametrize("path", ["search", "chargebacks", "logs", "transactions/HL0"])
async def test_operators_tools_are_not_part_of_it(api: Api, path: str) -> None:
    assert (await api.get(f"/v1/{path}")).refusal[:3] == (404, "request", "not-found")


async def test_transactions_are_only_listed(api: Api) -> None:
    assert (await api.post("/v1/transactions", {"amount": 100})).refusal[:3] == (405, "request", "method-not-allowed")
