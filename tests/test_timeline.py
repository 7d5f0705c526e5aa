"""How a record came to be what it is, in words: what happened, who asked, and why the bank said no."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import timeline
from sandbox.request_log import Entry
from sandbox.resource import KINDS
from sandbox.store import Store
from sandbox.timeline import KEPT
from sandbox.world import World
from sandbox.worlds import Worlds
from tests.api import Api
from tests.levers import Levers
from tests.resources.charging import bank_account_of, card_of, made, payer

JOHANN = {"name": "Johann", "routing_number": "121000358", "type": "checking"}


async def told(levers: Levers, record: Any) -> list[dict[str, str]]:
    """Return the timeline of what the API has made."""
    kind = record["uri"].rpartition("/")[0].rpartition("/")[2]
    items: list[dict[str, str]] = (await levers.pulled("GET", f"records/{kind}/{record['id']}"))["timeline"]
    return items


async def says(levers: Levers, record: Any, what: str = "event") -> list[str]:
    """Return the sentences of a timeline, of one sort."""
    return [item["says"] for item in await told(levers, record) if item["what"] == what]


async def verified(api: Api, number: str) -> tuple[Any, Any]:
    """Return a customer with a bank account that can be debited."""
    customer = await made(api, "/v1/customers")
    bank_account = await bank_account_of(api, customer, number)
    verification = await made(api, f"/v1/bank_accounts/{bank_account['id']}/verifications")
    await api.put(verification["uri"], {"amount_1": 1, "amount_2": 1})
    return customer, bank_account


# Why it failed.


async def test_a_debit_of_a_test_number_failed_because_of_it(levers: Levers) -> None:
    customer, bank_account = await verified(levers.api, "9900000004")
    debit = await made(levers.api, f"{customer['uri']}/debits", {"amount": 5000})

    sentences = await says(levers, debit)

    assert debit["status"] == "failed"
    assert sentences == [
        f"Debit {debit['id']} was created: status pending.",
        f"Debit {debit['id']} failed: status pending → failed: "
        f"the bank refuses the test number of bank account {bank_account['id']}.",
    ]


async def test_a_debit_failed_because_a_fault_told_the_bank_to(levers: Levers) -> None:
    customer, _ = await verified(levers.api, "9900000002")
    await levers.fault({"bank": "fails"}, {"operation": "debits.create"}, times=1)
    debit = await made(levers.api, f"{customer['uri']}/debits", {"amount": 5000})

    (_, failed), (asked,) = await says(levers, debit), await says(levers, debit, "request")

    assert failed.endswith(": a fault told the bank to refuse it.")
    assert asked.endswith("/debits was answered with 201: a fault had waited for it.")


async def test_a_credit_to_an_account_that_was_not_kept_failed_because_the_bank_refuses_some(levers: Levers) -> None:
    customer = await payer(levers.api)
    await made(levers.api, f"{customer['uri']}/debits", {"amount": 5000})
    account = {**JOHANN, "account_number": "9900000004"}
    credit = await made(levers.api, "/v1/credits", {"amount": 300, "bank_account": account})

    _, failed = await says(levers, credit)

    assert failed.endswith(": the bank refuses some test numbers, and what a fault tells it to.")


async def test_what_failed_without_the_bank_is_told_without_it(levers: Levers) -> None:
    bank_account = await bank_account_of(levers.api, await made(levers.api, "/v1/customers"))
    verification = await made(levers.api, f"/v1/bank_accounts/{bank_account['id']}/verifications")
    for _ in range(3):
        await levers.api.put(verification["uri"], {"amount_1": 2, "amount_2": 3})

    *_, failed = await says(levers, verification)

    assert failed.startswith(f"Verification {verification['id']} failed: attempts 2 → 3, remaining_attempts 1 → 0")
    assert "bank refuses" not in failed


async def test_a_declined_card_is_found_with_its_customer(levers: Levers) -> None:
    customer = await payer(levers.api, "4444444444444448")
    await levers.api.post(f"{customer['uri']}/debits", {"amount": 5000})

    *_, refused = await says(levers, customer, "request")

    assert refused == (f"POST {customer['uri']}/debits was refused with 402 card-declined: R530: Customer call bank.")


# What belongs to it.


async def test_a_life_is_told_in_its_order(levers: Levers) -> None:
    customer = await payer(levers.api)
    hold = await made(levers.api, f"{customer['uri']}/holds", {"amount": 5000})
    debit = await made(levers.api, f"{customer['uri']}/debits", {"hold_uri": hold["uri"]})
    await levers.api.post(debit["refunds_uri"], {"amount": 9999})
    refund = await made(levers.api, debit["refunds_uri"], {"amount": 100})
    await levers.api.put(debit["uri"], {"description": "a guitar"})

    items = await told(levers, debit)

    assert [(item["what"], item["type"]) for item in items] == [
        ("event", "hold.created"),
        ("request", "debits.create"),
        ("event", "debit.created"),
        ("event", "debit.succeeded"),
        ("event", "hold.captured"),
        ("request", "refunds.create"),
        ("request", "refunds.create"),
        ("event", "refund.created"),
        ("event", "refund.succeeded"),
        ("request", "debits.update"),
        ("event", "debit.updated"),
    ]
    assert items[4]["says"] == f"Hold {hold['id']} was captured: debit nothing → {debit['id']}."
    assert '"9999" must be <= 5000' in items[5]["says"]
    assert items[8]["says"] == f"Refund {refund['id']} succeeded: status pending → succeeded."
    assert items[10]["says"] == f"Debit {debit['id']} was updated: description nothing → a guitar."


async def test_what_others_do_and_lists_are_not_told(levers: Levers) -> None:
    customer = await payer(levers.api)
    debit = await made(levers.api, f"{customer['uri']}/debits", {"amount": 5000})
    await made(levers.api, f"{customer['uri']}/debits", {"amount": 600})
    await levers.api.get(f"{customer['uri']}/debits")
    await levers.api.get("/v1/events")

    items = await told(levers, debit)

    assert [item["type"] for item in items if item["what"] == "request"] == ["debits.create"]
    assert len(items) == 5


async def test_what_falls_due_comes_last(levers: Levers) -> None:
    customer, _ = await verified(levers.api, "9900000001")
    debit = await made(levers.api, f"{customer['uri']}/debits", {"amount": 5000})

    *_, due = await told(levers, debit)

    assert (due["what"], due["type"], due["id"]) == ("due", "debits.settle", debit["id"])
    assert due["says"] == "Let the money of a pending debit arrive, as its time has come."
    await levers.pulled("POST", "settle")
    assert (await told(levers, debit))[-1]["says"].startswith(f"Debit {debit['id']} succeeded: status pending →")


async def test_what_a_fixture_brought_was_there_from_the_start(levers: Levers) -> None:
    await levers.pulled("POST", "fixtures", {"fixtures": [{"customers": [{"name": "Alice"}]}]})
    alice = (await levers.pulled("GET", "records/customers?search=alice"))["items"][0]

    (item,) = await told(levers, alice)

    assert (item["what"], item["at"]) == ("record", alice["created_at"])
    assert item["says"] == (
        f"Customer {alice['id']} was there from the start: a fixture brought it, or its marketplace began with it."
    )


async def test_a_record_that_has_no_events_was_created(levers: Levers, worlds: Worlds) -> None:
    marketplace = (await levers.pulled("GET", "records/marketplaces"))["items"][0]

    assert (await told(levers, marketplace))[0]["says"] == f"Marketplace {marketplace['id']} was created."


async def test_a_record_that_shows_a_deleted_one_has_a_timeline(levers: Levers) -> None:
    customer = await payer(levers.api)
    card = await card_of(levers.api, customer)
    debit = await made(levers.api, f"{customer['uri']}/debits", {"amount": 5000})
    assert (await levers.api.delete(card["uri"])).status == 204

    assert len(await told(levers, debit)) == 5


async def test_a_request_without_an_answer_is_told_as_such(levers: Levers, worlds: Worlds) -> None:
    customer = await made(levers.api, "/v1/customers")
    world = worlds.default
    world.requests.note(Entry("OHM1", world.clock.now(), "GET", customer["uri"], "customers.retrieve", began=10**6))

    assert (await says(levers, customer, "request"))[-1] == f"GET {customer['uri']} got no answer."


async def test_no_secret_is_told(levers: Levers) -> None:
    customer = await made(levers.api, "/v1/customers")
    await levers.api.put(f"{customer['uri']}?card_number=4111111111111111", {"email": "4111111111111111"})

    assert "4111111111111111" not in str(await told(levers, customer))


# Its cost.


async def test_a_timeline_has_its_bounds(levers: Levers) -> None:
    customer = await made(levers.api, "/v1/customers")
    for number in range(KEPT + 50):
        await levers.api.put(customer["uri"], {"name": f"Alice {number}"})

    items = await told(levers, customer)

    assert len(items) == KEPT
    assert items[-1]["says"].endswith(f"name Alice {KEPT + 48} → Alice {KEPT + 49}.")


@pytest.mark.parametrize("others", [1, 60])
async def test_its_cost_does_not_grow_with_the_world(
    api: Api, worlds: Worlds, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    world = worlds.default
    customer = await payer(api)
    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})
    for _ in range(others):
        await made(api, f"{(await payer(api))['uri']}/debits", {"amount": 5000})

    read = reading(world, monkeypatch)
    record = world.tools.records.get(KINDS["debit"], debit["id"])
    assert record is not None
    timeline.of(world.tools, [], record)

    assert 0 < sum(read) < 15


def reading(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with every look into the store, by how many documents were seen."""
    read: list[int] = []
    find = Store.find

    def counting(self: Store, *asked: Any, **how: Any) -> Any:
        found = find(self, *asked, **how)
        read.append(len(found.documents))
        return found

    monkeypatch.setattr(Store, "find", counting)
    monkeypatch.delattr(Store, "rows")
    return read
