"""The money over the levers: the book as it is read, its history, and what has to be so of it."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from sandbox.ledger import KEPT
from sandbox.store import Store
from sandbox.verify import INVARIANTS
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.worlds import Ground, Worlds
from tests.conftest import Wall
from tests.levers import Levers, problem
from tests.resources.charging import made, payer
from tests.served import Client, Served

ACCOUNT = {"name": "Johann", "account_number": "9900000001", "routing_number": "121000358", "type": "checking"}


async def moved(levers: Levers) -> dict[str, Any]:
    """Let money of every kind move, and return what was made."""
    api = levers.api
    customer = await payer(api)
    hold = await made(api, f"{customer['uri']}/holds", {"amount": 900})
    await made(api, f"{customer['uri']}/holds", {"amount": 700})
    captured = await made(api, f"{customer['uri']}/debits", {"hold_uri": hold["uri"], "amount": 800})
    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})
    refund = await made(api, debit["refunds_uri"], {"amount": 100})
    credit = await made(api, "/v1/credits", {"amount": 300, "bank_account": ACCOUNT})
    return {"customer": customer, "captured": captured, "debit": debit, "refund": refund, "credit": credit}


# The book.


async def test_a_book_nobody_wrote_in_is_empty(levers: Levers) -> None:
    money = await levers.pulled("GET", "money")

    assert (money["in_escrow"], money["movements"], money["history"]) == (0, 0, [])
    assert money["book"] == {"holds": {}, "debits": {}, "credits": {}, "refunds": {}, "reversals": {}}


async def test_a_world_without_a_marketplace_has_no_money(wall: Wall, aiohttp_client: AiohttpClient) -> None:
    client: Client = await aiohttp_client(Served(Application(Worlds(Ground(wall=wall, seed="tests")), Guard())))

    money = await (await client.get("/_sandbox/money")).json()

    assert money["in_escrow"] == 0
    assert all(one["good"] for one in money["invariants"])


async def test_the_book_sums_every_kind_in_every_state(levers: Levers) -> None:
    await moved(levers)

    money = await levers.pulled("GET", "money")

    assert money["in_escrow"] == 5400
    assert money["book"] == {
        "holds": {"captured": {"count": 2, "amount": 5900}, "open": {"count": 1, "amount": 700}},
        "debits": {"succeeded": {"count": 2, "amount": 5800}},
        "credits": {"pending": {"count": 1, "amount": 300}},
        "refunds": {"succeeded": {"count": 1, "amount": 100}},
        "reversals": {},
    }


async def test_a_hold_that_is_void_is_told_from_one_that_expired(levers: Levers) -> None:
    customer = await payer(levers.api)
    hold = await made(levers.api, f"{customer['uri']}/holds", {"amount": 900})
    await made(levers.api, f"{customer['uri']}/holds", {"amount": 700})
    await levers.api.put(hold["uri"], {"is_void": True})
    await levers.pulled("POST", "clock/advance", {"days": 8})

    assert (await levers.pulled("GET", "money"))["book"]["holds"] == {
        "expired": {"count": 1, "amount": 700},
        "void": {"count": 1, "amount": 900},
    }


async def test_every_movement_is_told_with_what_escrow_came_to(levers: Levers) -> None:
    there = await moved(levers)

    money = await levers.pulled("GET", "money")

    told = [(one["by"]["kind"], one["by"]["id"], one["by"]["amount"], one["in_escrow"]) for one in money["history"]]
    assert told == [
        ("debit", there["captured"]["id"], 800, 800),
        ("debit", there["debit"]["id"], 5000, 5800),
        ("refund", there["refund"]["id"], -100, 5700),
        ("credit", there["credit"]["id"], -300, 5400),
    ]
    assert money["history"][0]["at"] == "2013-05-06T17:18:03.439563Z"
    assert money["movements"] == 4


async def test_of_many_movements_the_newest_are_told(levers: Levers, worlds: Worlds) -> None:
    store = worlds.default.store
    with store.transaction():
        for number in range(KEPT + 5):
            at = f"2013-05-06T17:18:{number // 100:02}.{number % 100:06}Z"
            because = {"side": "escrow", "amount": number, "because": f"WD{number}"}
            store.put("entries", {"id": f"EN{number}", "created_at": at, **because})

    money = await levers.pulled("GET", "money")

    assert money["movements"] == KEPT + 5
    assert [one["by"]["id"] for one in money["history"]] == [f"WD{number}" for number in range(5, KEPT + 5)]


# What has to be so.


async def test_every_invariant_is_named_and_good(levers: Levers) -> None:
    await moved(levers)

    shown = (await levers.pulled("GET", "money"))["invariants"]

    assert shown == [{"name": one.name, "good": True, "violations": []} for one in INVARIANTS]
    assert len({one.name for one in INVARIANTS}) == len(INVARIANTS)


async def test_the_invariant_that_is_broken_is_told_from_the_others(levers: Levers, worlds: Worlds) -> None:
    there = await moved(levers)
    store = worlds.default.store
    with store.transaction():
        store.put("debits", {**store.rows("debits")[there["debit"]["id"]], "amount": 4900})

    broken = [one for one in (await levers.pulled("GET", "money"))["invariants"] if not one["good"]]

    assert [one["name"] for one in broken] == ["every movement is booked as its state says"]
    assert broken[0]["violations"] == [
        f"{there['debit']['id']} is succeeded, which moves 4900, but the book says 5000",
    ]


# One customer's.


async def test_one_customers_money_is_verified_by_itself(levers: Levers, worlds: Worlds) -> None:
    there, others = await moved(levers), await moved(levers)
    store = worlds.default.store
    with store.transaction():
        store.put("refunds", {**store.rows("refunds")[others["refund"]["id"]], "amount": 99})

    good = await levers.pulled("GET", f"verify?customer={there['customer']['id']}")
    bad = await levers.pulled("GET", f"verify?customer={others['customer']['id']}")

    assert good == {"good": True, "violations": []}
    assert bad == {
        "good": False,
        "violations": [f"{others['refund']['id']} is succeeded, which moves -99, but the book says -100"],
    }
    assert (await levers.pulled("GET", "verify"))["violations"] == bad["violations"]


async def test_a_customer_nobody_knows_has_no_money(levers: Levers) -> None:
    assert problem(await levers.get("verify?customer=CU0")) == (404, "customer", "there is no customer CU0")


@pytest.mark.parametrize("others", [1, 20])
async def test_verifying_a_customer_looks_at_nothing_of_others(
    levers: Levers, worlds: Worlds, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    there = await moved(levers)
    for _ in range(others):
        await moved(levers)
    seen: list[int] = []
    find = Store.find

    def counting(self: Store, *asked: Any, **how: Any) -> Any:
        found = find(self, *asked, **how)
        seen.append(len(found.documents))
        return found

    monkeypatch.setattr(Store, "find", counting)
    monkeypatch.delattr(Store, "rows")

    assert worlds.default.verify(there["customer"]["id"]) == []
    assert 0 < sum(seen) < 40
