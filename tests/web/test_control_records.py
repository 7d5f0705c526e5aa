"""What is in a world over the levers: collections with their totals, records by a word, and how each came to be so."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.contents import COLLECTIONS
from sandbox.resources import MODULES
from sandbox.worlds import Worlds
from tests.levers import Levers, problem
from tests.resources.charging import DECLINING, made, payer

JOHANN = {"name": "Johann", "account_number": "9900000001", "routing_number": "121000358", "type": "checking"}


async def totals(levers: Levers) -> dict[str, int]:
    items = (await levers.pulled("GET", "records"))["items"]
    return {item["collection"]: item["total"] for item in items}


async def found(levers: Levers, collection: str, query: str = "") -> list[str]:
    """Return the ids of what is found, and see that they are all counted."""
    page = await levers.pulled("GET", f"records/{collection}{query}")
    assert page["total"] >= len(page["items"])
    return [item["id"] for item in page["items"]]


# Collections.


async def test_every_collection_is_counted_the_empty_ones_too(levers: Levers) -> None:
    before = await totals(levers)
    await made(levers.api, "/v1/customers")

    after = await totals(levers)

    assert before["debits"] == 0
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "customers": 1,
        "accounts": 1,
        "events": 1,
    }


def test_every_resource_is_a_collection_but_the_page_over_several() -> None:
    resources = {module.__name__.rpartition(".")[2] for module in MODULES}

    assert COLLECTIONS.keys() == resources - {"transactions"} | {"event_callback_logs"}


async def test_there_is_no_such_collection(levers: Levers) -> None:
    status, field, detail = problem(await levers.get("records/entries"))

    assert (status, field) == (404, "collection")
    assert detail.startswith("is none of api_keys, merchants, marketplaces, customers")


# Lists.


async def test_records_are_listed_newest_first_as_the_marketplace_shows_them(levers: Levers) -> None:
    names = [(await made(levers.api, "/v1/customers", {"name": name}))["id"] for name in ("Alice", "Bob", "Carol")]

    page = await levers.pulled("GET", "records/customers?limit=3")

    assert [item["id"] for item in page["items"]] == names[::-1]
    assert page["total"] == 6
    assert page["items"][0] == (await levers.api.get(f"/v1/customers/{names[2]}")).body


async def test_a_page_begins_where_it_is_asked_to(levers: Levers) -> None:
    ids = [(await made(levers.api, "/v1/customers"))["id"] for _ in range(4)]

    assert await found(levers, "customers", "?limit=2&offset=1") == [ids[2], ids[1]]
    assert await found(levers, "customers", "?offset=100") == []


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        ("limit=0", "limit", "is a whole number from 1 to 100"),
        ("limit=101", "limit", "is a whole number from 1 to 100"),
        ("limit=many", "limit", "is a whole number from 1 to 100"),
        ("limit=%C2%B2", "limit", "is a whole number from 1 to 100"),
        ("offset=-1", "offset", "is a whole number from 0"),
        ("offset=99999999999999999999", "offset", "is a whole number from 0"),
    ],
)
async def test_a_page_that_cannot_be_is_a_problem(levers: Levers, query: str, field: str, detail: str) -> None:
    assert problem(await levers.get(f"records/customers?{query}")) == (400, field, detail)


@pytest.mark.parametrize(
    "wanted",
    ["alice", "LIDDELL", "straSSe 7", "wonder%20LAND", "tea", "ALICE@example.com", "%C3%84rmel"],
)
async def test_a_record_is_found_by_any_text_it_shows(levers: Levers, wanted: str) -> None:
    body = {
        "name": "Alice Liddell",
        "email": "alice@example.com",
        "address": {"line1": "Stra\u00dfe 7", "city": "Wonder Land"},
        "meta": {"drinks": "Tea", "wears": "\u00e4rmel"},
    }
    alice = await made(levers.api, "/v1/customers", body)
    await made(levers.api, "/v1/customers", {"name": "Bob", "meta": {"tee": "green"}})

    assert await found(levers, "customers", f"?search={wanted}") == [alice["id"]]


async def test_a_record_is_found_by_its_id_by_what_it_names_and_by_its_amount(levers: Levers) -> None:
    customer = await payer(levers.api)
    debit = await made(levers.api, f"{customer['uri']}/debits", {"amount": 5012})
    await made(levers.api, f"{(await payer(levers.api))['uri']}/debits", {"amount": 600})

    for wanted in (debit["id"], debit["id"].lower(), customer["id"], debit["transaction_number"], "5012"):
        assert await found(levers, "debits", f"?search={wanted}") == [debit["id"]]


async def test_a_record_is_found_by_one_of_many_values(levers: Levers) -> None:
    owner, *others = await found(levers, "accounts", "?search=MERCHANT")

    assert (await levers.api.get(f"{levers.api.marketplace}/accounts/{owner}")).body["roles"] == ["merchant", "buyer"]
    assert others == []


async def test_nothing_is_found_by_what_is_not_shown(levers: Levers) -> None:
    await payer(levers.api, DECLINING)

    assert await found(levers, "cards", "?search=declines") == []
    assert await found(levers, "customers", "?search=created_at") == []


async def test_what_is_found_is_paged_and_counted_through_thousands(levers: Levers, worlds: Worlds) -> None:
    first = await made(levers.api, "/v1/customers", {"email": "first@example.net"})
    await levers.pulled("POST", "invent", {"customers": 2100})
    emails = [row["email"] or "" for row in worlds.default.store.rows("customers").values()]

    found_all = await levers.pulled("GET", "records/customers?search=@EXAMPLE.NET&limit=2")
    total = sum("@example.net" in email for email in emails)

    assert found_all["total"] == total > 1
    assert len(found_all["items"]) == 2
    assert await found(levers, "customers", f"?search=@example.net&offset={total - 1}") == [first["id"]]


# One record.


async def test_a_record_is_shown_whole_with_what_is_due_for_it(levers: Levers) -> None:
    customer = await payer(levers.api)
    hold = await made(levers.api, f"{customer['uri']}/holds", {"amount": 700})

    shown = await levers.pulled("GET", f"records/holds/{hold['id']}")

    assert shown["record"] == (await levers.api.get(hold["uri"])).body
    assert [(item["what"], item["type"]) for item in shown["timeline"]] == [
        ("request", "holds.create"),
        ("event", "hold.created"),
        ("due", "holds.expire"),
    ]
    assert shown["timeline"][2] == {
        "at": "2013-05-13T17:18:03.439563Z",
        "what": "due",
        "type": "holds.expire",
        "id": hold["id"],
        "says": "Let a hold lapse; the API has no event for it.",
    }


async def test_a_record_of_two_ids_is_shown_too(levers: Levers) -> None:
    await made(levers.api, "/v1/callbacks", {"url": "http://127.0.0.1:1/"})
    await made(levers.api, "/v1/customers")
    (identifier,) = (name for name in await delivered(levers))

    shown = await levers.pulled("GET", f"records/event_callbacks/{identifier.replace('/', '%2F')}")

    assert shown["record"]["uri"] == "/v1/events/{}/callbacks/{}".format(*identifier.split("/"))


async def delivered(levers: Levers) -> list[str]:
    return [one["id"] for one in (await levers.pulled("GET", "deliveries"))["items"]]


@pytest.mark.parametrize("path", ["customers/CU0", "debits/{customer}", "nothing/CU0"])
async def test_a_record_that_is_not_there_is_a_problem(levers: Levers, path: str) -> None:
    customer = await made(levers.api, "/v1/customers")

    answer = await levers.get(f"records/{path.format(customer=customer['id'])}")

    assert problem(answer)[:2] == (404, "collection" if "nothing" in path else "record")


@pytest.mark.parametrize("collection", COLLECTIONS)
async def test_every_record_of_every_collection_has_a_timeline(levers: Levers, collection: str) -> None:
    await levers.pulled("POST", "fixtures", {"fixtures": ["shop"]})
    await levers.pulled("POST", "settle")

    for identifier in await found(levers, collection):
        shown = await levers.pulled("GET", f"records/{collection}/{identifier.replace('/', '%2F')}")

        assert shown["timeline"] or collection in ("events",)


async def test_looking_does_first_what_has_fallen_due(levers: Levers, wall: Any) -> None:
    customer = await payer(levers.api)
    hold = await made(levers.api, f"{customer['uri']}/holds", {"amount": 700})
    wall.moment += 10**14

    shown = await levers.pulled("GET", f"records/holds/{hold['id']}")

    assert shown["record"]["is_void"] is True
