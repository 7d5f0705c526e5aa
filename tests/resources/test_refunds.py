"""Refunds over HTTP: a debit given back, whole or in parts, as long as escrow has it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import clock
from tests.api import Api
from tests.conftest import Wall
from tests.resources.charging import (
    DEBIT_INSIDE,
    DEBIT_INSIDE_OF_CUSTOMER,
    account_of,
    bank_account_of,
    event_types,
    ids,
    in_escrow,
    links,
    made,
    payer,
    shown,
)
from tests.resources.conftest import Untouched, Verify

OF_CUSTOMER = {
    "_type", "_uris", "amount", "appears_on_statement_as", "created_at", "customer", "debit", "description",
    "events_uri", "fee", "id", "meta", "status", "transaction_number", "uri",
}  # fmt: skip
FULL = OF_CUSTOMER | {"account"}


async def debited(api: Api, amount: int = 5000, **body: Any) -> Any:
    """Return a debit of a new customer's card."""
    customer = await payer(api)
    path = f"{account_of(api, customer)}/debits"
    return await made(api, path, {"amount": amount, "appears_on_statement_as": "Statement text", **body})


# Views


async def test_an_empty_body_refunds_all_of_a_debit(api: Api) -> None:
    debit = await debited(api, description="Twelve loaves", meta={"order": "12"})

    refund = await made(api, debit["refunds_uri"])

    assert set(refund) == FULL
    assert refund["_uris"] == {}
    assert refund["uri"] == f"{api.marketplace}/refunds/{refund['id']}"
    assert refund["events_uri"] == f"/v1/refunds/{refund['id']}/events"
    assert (refund["amount"], refund["status"], refund["fee"]) == (5000, "succeeded", None)
    assert (refund["description"], refund["meta"]) == ("Twelve loaves", {})
    assert refund["appears_on_statement_as"] == "Statement text"
    assert refund["transaction_number"].startswith("RF")
    assert (refund["account"], refund["customer"]) == (debit["account"], debit["customer"])
    assert set(refund["debit"]) == DEBIT_INSIDE
    assert links(refund["debit"]) == {"events_uri": "page", "hold_uri": "hold", "refunds_uri": "page"}
    assert (refund["debit"]["id"], refund["debit"]["hold_uri"]) == (debit["id"], debit["hold"]["uri"])
    assert await in_escrow(api) == 0


async def test_a_customer_shows_a_new_refund_and_the_list_without_the_account(api: Api) -> None:
    debit = await debited(api)
    collection = f"{debit['customer']['uri']}/refunds"

    refund = await made(api, collection, {"debit_uri": debit["uri"]})

    assert set(refund) == OF_CUSTOMER
    assert refund["uri"] == f"{collection}/{refund['id']}"
    assert set(refund["debit"]) == DEBIT_INSIDE_OF_CUSTOMER
    assert (await shown(api, collection))["items"] == [refund]


async def test_a_customers_refund_is_shown_and_changed_in_the_marketplaces_form(api: Api) -> None:
    debit = await debited(api)
    refund = await made(api, f"{debit['customer']['uri']}/refunds", {"debit_uri": debit["uri"]})

    seen = await shown(api, refund["uri"])
    changed = await api.put(refund["uri"], {"description": "after"})

    assert set(seen) == FULL
    assert seen["uri"] == f"{api.marketplace}/refunds/{refund['id']}"
    assert changed.body == {**seen, "description": "after"} == await shown(api, seen["uri"])


async def test_the_marketplace_and_the_account_show_the_account(api: Api) -> None:
    debit, other = await debited(api), await debited(api)

    refund = await made(api, f"{api.marketplace}/refunds", {"debit_uri": debit["uri"]})
    theirs = await made(api, f"{other['account']['uri']}/refunds", {"debit_uri": other["uri"]})

    assert set(refund) == set(theirs) == FULL
    assert refund == await shown(api, refund["uri"])
    assert theirs == await shown(api, f"{other['account']['uri']}/refunds/{theirs['id']}")
    assert theirs == await shown(api, f"{other['uri']}/refunds/{theirs['id']}")


async def test_there_are_no_flat_refunds(api: Api) -> None:
    refund = await made(api, (await debited(api))["refunds_uri"])

    assert (await api.get("/v1/refunds")).status == 404
    assert (await api.get(f"/v1/refunds/{refund['id']}")).status == 404


async def test_a_refund_is_found_only_under_what_it_belongs_to(api: Api) -> None:
    debit, other = await debited(api), await debited(api)
    refund = await made(api, debit["refunds_uri"])

    assert (await api.get(f"{other['refunds_uri']}/{refund['id']}")).status == 404
    assert (await api.get(f"{other['customer']['uri']}/refunds/{refund['id']}")).status == 404
    assert (await api.get(f"{other['account']['uri']}/refunds/{refund['id']}")).status == 404


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_refund_is_neither_patched_nor_deleted(api: Api, method: str) -> None:
    refund = await made(api, (await debited(api))["refunds_uri"])

    answer = await api.send(method, refund["uri"])

    assert answer.refusal[:3] == (405, "request", "method-not-allowed")


# Create


async def test_a_refund_is_described_in_its_own_words(api: Api) -> None:
    debit = await debited(api, description="Twelve loaves")

    refund = await made(api, debit["refunds_uri"], {"description": "stale", "meta": {"loaves": 12}})

    assert (refund["description"], refund["meta"]) == ("stale", {"loaves": "12"})


async def test_refunds_repeat_until_nothing_is_left(api: Api) -> None:
    debit = await debited(api, 500)

    for _ in range(4):
        await made(api, debit["refunds_uri"], {"amount": 100})
    rest = await made(api, debit["refunds_uri"])

    assert rest["amount"] == 100
    assert (await shown(api, debit["refunds_uri"]))["total"] == 5
    assert await in_escrow(api) == 0


async def test_the_bound_shrinks_with_every_refund(api: Api, untouched: Untouched) -> None:
    debit = await debited(api, 102)

    with untouched():
        first = await api.post(debit["refunds_uri"], {"amount": "1000002"})
    await made(api, debit["refunds_uri"], {"amount": 1})
    with untouched():
        second = await api.post(debit["refunds_uri"], {"amount": 102})

    sentence = 'Invalid field [amount] - "1000002" must be <= 102'
    assert first.refusal == (400, "request", "request", sentence)
    assert second.refusal == (400, "request", "request", 'Invalid field [amount] - "102" must be <= 101')


@pytest.mark.parametrize("body", [None, {"amount": 1}])
async def test_nothing_is_left_to_refund(api: Api, untouched: Untouched, body: Any) -> None:
    debit = await debited(api)
    await made(api, debit["refunds_uri"])

    with untouched():
        answer = await api.post(debit["refunds_uri"], body)

    sentence = "Amount must be less than the remaining debit amount."
    assert answer.refusal == (409, "logical", "debit-already-refunded", sentence)


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (0, 'Invalid field [amount] - "0" must be >= 1'),
        (-5, 'Invalid field [amount] - "-5" must be >= 1'),
        ("52.12", 'Invalid field [amount] - "52.12" is not an integer'),
    ],
)
async def test_an_amount_that_cannot_be_refunded(api: Api, untouched: Untouched, amount: Any, sentence: str) -> None:
    debit = await debited(api)

    with untouched():
        answer = await api.post(debit["refunds_uri"], {"amount": amount})

    assert answer.refusal == (400, "request", "request", sentence)


@pytest.mark.parametrize("under", ["marketplace", "account", "customer"])
async def test_no_debit_is_named(api: Api, untouched: Untouched, under: str) -> None:
    debit = await debited(api)
    parents = {
        "marketplace": api.marketplace,
        "account": debit["account"]["uri"],
        "customer": debit["customer"]["uri"],
    }

    with untouched():
        answer = await api.post(f"{parents[under]}/refunds")

    assert answer.refusal == (400, "request", "request", "Missing required field [debit_uri]")


async def test_a_debit_that_is_not_there(api: Api, untouched: Untouched) -> None:
    with untouched():
        answer = await api.post(f"{api.marketplace}/refunds", {"debit_uri": "/v1/debits/WDnone"})

    sentence = 'Invalid field [debit_uri] - "/v1/debits/WDnone" does not resolve to debit'
    assert answer.refusal == (400, "request", "request", sentence)


async def test_the_debit_of_another_customer(api: Api, untouched: Untouched) -> None:
    debit, other = await debited(api), await payer(api)

    with untouched():
        answer = await api.post(f"{other['uri']}/refunds", {"debit_uri": debit["uri"]})

    sentence = f"Invalid field [debit_uri] - Debit {debit['id']} is not associated with account {other['id']}"
    assert answer.refusal == (400, "request", "request", sentence)


async def test_escrow_has_to_have_the_money(api: Api, untouched: Untouched) -> None:
    debit = await debited(api, 200)
    await bank_account_of(api, debit["customer"])
    await made(api, f"{debit['customer']['uri']}/credits", {"amount": 100})

    with untouched():
        answer = await api.post(debit["refunds_uri"])
    await debited(api, 100)
    refund = await made(api, debit["refunds_uri"])

    sentence = "Escrow balance insufficient to issue refund."
    assert answer.refusal == (409, "logical", "refund-insufficient-funds", sentence)
    assert (refund["amount"], await in_escrow(api)) == (200, 0)


@pytest.mark.parametrize(("number", "status"), [("9900000000", "pending"), ("9900000004", "failed")])
async def test_a_debit_that_has_not_succeeded(
    api: Api, verify: Verify, untouched: Untouched, number: str, status: str
) -> None:
    customer = await made(api, "/v1/customers")
    verify(await bank_account_of(api, customer, number))
    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})

    with untouched():
        answer = await api.post(debit["refunds_uri"])

    assert debit["status"] == status
    sentence = 'State of debit to refund must be "succeeded".'
    assert answer.refusal == (400, "request", "refund-invalid-debit-state", sentence)


async def test_a_settled_debit_of_a_bank_account_is_refunded(api: Api, wall: Wall, verify: Verify) -> None:
    customer = await made(api, "/v1/customers")
    verify(await bank_account_of(api, customer))
    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})
    wall.moment += 7 * clock.DAY

    refund = await made(api, debit["refunds_uri"])

    assert (refund["status"], refund["debit"]["hold_uri"]) == ("succeeded", None)
    assert await in_escrow(api) == 0


# Lists


async def test_refunds_are_listed_newest_first(api: Api, wall: Wall) -> None:
    debit = await debited(api)
    oldest = await made(api, debit["refunds_uri"], {"amount": 100})
    wall.moment += 1
    newest = await made(api, (await debited(api))["refunds_uri"])

    assert ids(await api.get(f"{api.marketplace}/refunds")) == [newest["id"], oldest["id"]]
    assert ids(await api.get(debit["refunds_uri"])) == [oldest["id"]]
    assert ids(await api.get(debit["customer"]["refunds_uri"])) == [oldest["id"]]
    assert ids(await api.get(f"{debit['customer']['uri']}/refunds")) == [oldest["id"]]


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("amount=200", [200]),
        ("amount[>=]=200&sort=amount,desc", [300, 200]),
        ("meta.tag=1", [300]),
        ("created_at[<]=2013-05-07", [100]),
        ("transaction_number[startswith]=RF&limit=1", [300]),
    ],
)
async def test_refunds_are_filtered_and_sorted(api: Api, wall: Wall, query: str, amounts: list[int]) -> None:
    debit = await debited(api)
    await made(api, debit["refunds_uri"], {"amount": 100})
    wall.moment += clock.DAY
    await made(api, debit["refunds_uri"], {"amount": 200})
    await made(api, debit["refunds_uri"], {"amount": 300, "meta": {"tag": 1}})

    page = await shown(api, f"{api.marketplace}/refunds?{query}")

    assert [refund["amount"] for refund in page["items"]] == amounts


# Update


async def test_a_refund_is_described_anew(api: Api) -> None:
    refund = await made(api, (await debited(api))["refunds_uri"], {"meta": {"order": "12"}})

    answer = await api.put(refund["uri"], {**refund, "description": "after", "meta": {"parcel": "7"}})
    untold = await api.put(refund["uri"], {"description": None})

    assert answer.body == {**refund, "description": "after", "meta": {"parcel": "7"}}
    assert untold.body == {**answer.body, "description": None} == await shown(api, refund["uri"])
    assert (await event_types(api, refund))[2:] == ["refund.updated", "refund.updated"]


async def test_nothing_to_change_changes_nothing(api: Api, untouched: Untouched) -> None:
    refund = await made(api, (await debited(api))["refunds_uri"])

    with untouched():
        answer = await api.put(refund["uri"], {"amount": 9})

    assert (answer.status, answer.body) == (200, refund)


# Events


async def test_a_refund_has_two_events(api: Api) -> None:
    refund = await made(api, (await debited(api))["refunds_uri"])

    created, succeeded = (await shown(api, refund["events_uri"]))["items"]

    assert (created["type"], succeeded["type"]) == ("refund.created", "refund.succeeded")
    assert succeeded["entity"]["debit_uri"] == refund["debit"]["uri"]
    assert await shown(api, f"{refund['events_uri']}/{created['id']}") == created
