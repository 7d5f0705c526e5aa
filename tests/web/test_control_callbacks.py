"""The callback lab over HTTP: what is on its way, and what a test may do to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sandbox import clock, fixtures
from sandbox.resources.event_callbacks import pause_after
from sandbox.worlds import Ground, Worlds
from tests.api import Answered
from tests.conftest import NOW, Wall
from tests.web.listener import Lab, Listener, calling, fail, listening, take

HOLD = {"amount": 5000}
LOGGED = {
    "occurred_at", "status", "request_body", "request_mime_type", "response_body", "response_mime_type",
    "response_status",
}  # fmt: skip
AS_USUAL = {"capture": False, "drop": [], "reorder": False}


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as opened:
        yield opened


@pytest.fixture
async def lab(worlds: Worlds) -> AsyncIterator[Lab]:
    async with calling(worlds) as opened:
        yield opened


def problem(answer: Answered) -> tuple[int, str | None]:
    """Return the status and the field of a problem document."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["status"] == answer.status
    assert answer.body["detail"]
    return answer.status, answer.body.get("field")


async def policy(lab: Lab, **said: Any) -> None:
    answer = await lab.pull("PUT", "deliveries/policy", said)
    assert (answer.status, answer.body) == (200, AS_USUAL | said)


async def buy(lab: Lab) -> None:
    """Have a customer pay with a card: a debit, a hold and what comes with them happen in one request."""
    card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}
    customer = (await lab.api.post("/v1/customers", {"name": "Ada", "card": card})).body
    answer = await lab.api.post(f"{customer['uri']}/debits", {"amount": 5000})
    assert answer.status == 201, answer.raw


# Look


async def test_nothing_is_on_its_way_in_a_new_world(lab: Lab) -> None:
    await lab.happen()

    assert await lab.deliveries() == []


async def test_a_delivery_is_shown_with_every_attempt_and_the_next(lab: Lab, listener: Listener) -> None:
    listener.answer = fail
    callback = await lab.register(listener.url, "put")
    event = await lab.happen()
    await lab.until("retrying")

    (delivery,) = await lab.deliveries()

    (log,) = delivery.pop("log")
    assert delivery == {
        "id": f"{event}/{callback['id']}",
        "event": event,
        "callback": callback["id"],
        "type": "card.created",
        "method": "PUT",
        "url": listener.url,
        "status": "retrying",
        "attempts": 1,
        "attempt_limit": 10,
        "copies": 0,
        "next_try": clock.stamp(NOW + pause_after(1)),
    }
    assert log.keys() == LOGGED
    assert (log["occurred_at"], log["status"]) == (clock.stamp(NOW), "failed")
    assert (log["request_body"].encode(), log["request_mime_type"]) == (listener.told[0].body, "application/json")
    assert (log["response_status"], log["response_body"], log["response_mime_type"]) == (500, "no", "text/plain")


async def test_deliveries_are_filtered(lab: Lab, listener: Listener) -> None:
    await policy(lab, capture=True)
    first, second = await lab.register(listener.url), await lab.register(listener.url)
    await buy(lab)
    await lab.pull("POST", "deliveries/pull")
    await lab.happen()

    async def found(query: str) -> set[tuple[str, str, str]]:
        return {(one["status"], one["type"], one["callback"]) for one in await lab.deliveries(query)}

    assert await found("?status=pending") == {("pending", "card.created", one["id"]) for one in (first, second)}
    assert await found("?type=debit.created") == {("succeeded", "debit.created", one["id"]) for one in (first, second)}
    assert await found(f"?callback={second['id']}&status=pending") == {("pending", "card.created", second["id"])}
    assert await found("?type=nothing.happened") == await found("?callback=CB123") == set()


@pytest.mark.parametrize(("query", "field"), [("?state=failed", "state"), ("?status=lost", "status")])
async def test_a_filter_that_means_nothing_is_refused(lab: Lab, query: str, field: str) -> None:
    assert problem(await lab.pull("GET", f"deliveries{query}")) == (400, field)


async def test_a_world_sees_its_own_deliveries_only(lab: Lab, listener: Listener) -> None:
    await lab.register(listener.url)
    await lab.happen()
    await lab.until("succeeded")
    key = (await lab.pull("POST", "worlds")).body["api_key"]

    answer = await lab.api.with_key(key).get("/_sandbox/deliveries")

    assert answer.body == {"items": []}


# Replay and duplicate


async def test_a_replay_begins_anew(lab: Lab, listener: Listener) -> None:
    listener.answer = fail
    await lab.register(listener.url)
    event = await lab.happen()
    (delivery,) = await lab.until("retrying")
    listener.answer = take

    answer = await lab.pull("POST", f"deliveries/{delivery['id']}/replay")

    assert (answer.status, answer.body["status"], answer.body["attempts"]) == (200, "pending", 0)
    assert answer.body["next_try"] == clock.stamp(NOW)
    (after,) = await lab.until("succeeded")
    assert (after["attempts"], len(after["log"])) == (1, 2)
    assert [told.event["id"] for told in listener.told] == [event, event]


async def test_a_duplicate_is_sent_and_changes_nothing_but_the_log(lab: Lab, listener: Listener) -> None:
    await lab.register(listener.url)
    event = await lab.happen()
    (before,) = await lab.until("succeeded")
    shown = (await lab.api.get(f"/v1/events/{event}")).body

    answer = await lab.pull("POST", f"deliveries/{before['id']}/duplicate")

    assert (answer.status, answer.body["copies"], answer.body["status"]) == (200, 1, "succeeded")
    (after,) = await lab.until("succeeded", attempts=2)
    assert {**after, "log": []} == {**before, "log": []}
    assert (await lab.api.get(f"/v1/events/{event}")).body == shown
    assert [told.event["id"] for told in listener.told] == [event, event]


async def test_a_duplicate_of_what_is_to_be_retried_leaves_the_retry_alone(
    lab: Lab, wall: Wall, listener: Listener
) -> None:
    listener.answer = fail
    await lab.register(listener.url)
    await lab.happen()
    (before,) = await lab.until("retrying")
    listener.answer = take

    await lab.pull("POST", f"deliveries/{before['id']}/duplicate")

    (after,) = await lab.until("retrying", attempts=2)
    assert {**after, "log": []} == {**before, "log": []}
    wall.moment += pause_after(1)
    await lab.api.get("/v1/events")
    (after,) = await lab.until("succeeded")
    assert (after["attempts"], len(after["log"])) == (2, 3)


@pytest.mark.parametrize("act", ["replay", "duplicate"])
async def test_who_is_not_there_is_told_nothing(lab: Lab, listener: Listener, act: str) -> None:
    callback = await lab.register(listener.url)
    event = await lab.happen()
    await lab.until("succeeded")
    before = await lab.deliveries()

    assert problem(await lab.pull("POST", f"deliveries/EV123/{callback['id']}/{act}")) == (404, "event")
    assert problem(await lab.pull("POST", f"deliveries/{event}/CB123/{act}")) == (404, "callback")
    assert problem(await lab.pull("POST", f"deliveries/{event}/{callback['id']}/{act}", {"times": 2})) == (400, "times")
    await lab.api.delete(callback["uri"])
    assert problem(await lab.pull("POST", f"deliveries/{event}/{callback['id']}/{act}")) == (404, "callback")

    assert await lab.deliveries() == before
    assert len(listener.told) == 1


# The policy


async def test_a_new_world_sends_everything(lab: Lab) -> None:
    answer = await lab.pull("GET", "deliveries/policy")

    assert (answer.status, answer.body) == (200, AS_USUAL)


async def test_a_policy_is_replaced_whole(lab: Lab) -> None:
    await policy(lab, capture=True, drop=["debit.created"])

    await policy(lab, reorder=True)

    assert (await lab.pull("GET", "deliveries/policy")).body == AS_USUAL | {"reorder": True}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"captured": True}, "captured"),
        ({"capture": "yes"}, "capture"),
        ({"capture": None}, "capture"),
        ({"reorder": 1}, "reorder"),
        ({"drop": "debit.created"}, "drop"),
        ({"drop": None}, "drop"),
        ({"drop": ["debit.created", 7]}, "drop[1]"),
        ({"drop": ["debit"]}, "drop[0]"),
        ({"drop": ["."]}, "drop[0]"),
        ({"drop": ["debt.created"]}, "drop[0]"),
    ],
)
async def test_a_policy_that_cannot_be_meant_is_refused(lab: Lab, body: Any, field: str) -> None:
    await policy(lab, capture=True)

    assert problem(await lab.pull("PUT", "deliveries/policy", body)) == (400, field)

    assert (await lab.pull("GET", "deliveries/policy")).body == AS_USUAL | {"capture": True}


async def test_what_is_captured_waits_until_it_is_pulled(lab: Lab, listener: Listener) -> None:
    await policy(lab, capture=True)
    callback = await lab.register(listener.url, "get")
    first, second = await lab.happen(), await lab.happen()
    assert [(one["status"], one["next_try"]) for one in await lab.deliveries()] == [("pending", None)] * 2
    shown = [(await lab.api.get(f"/v1/events/{event}")).body for event in (first, second)]

    answer = await lab.pull("POST", "deliveries/pull")

    assert answer.body == {
        "items": [
            {"id": f"{event['id']}/{callback['id']}", "method": "GET", "url": listener.url, "event": event}
            for event in shown
        ]
    }
    deliveries = await lab.deliveries()
    assert [(one["status"], one["attempts"]) for one in deliveries] == [("succeeded", 1)] * 2
    (log,) = deliveries[0]["log"]
    assert (log["status"], log["response_status"], log["response_body"]) == ("succeeded", 200, "pulled")
    assert (await lab.pull("POST", "deliveries/pull")).body == {"items": []}
    assert listener.told == []


async def test_what_is_captured_no_more_is_sent(lab: Lab, listener: Listener) -> None:
    await policy(lab, capture=True)
    await lab.register(listener.url)
    events = [await lab.happen(), await lab.happen()]

    await policy(lab)

    await lab.until("succeeded", "succeeded")
    assert [told.event["id"] for told in listener.told] == events


async def test_a_retry_is_captured_too(lab: Lab, wall: Wall, listener: Listener) -> None:
    listener.answer = fail
    await lab.register(listener.url)
    event = await lab.happen()
    await lab.until("retrying")
    await policy(lab, capture=True)
    assert (await lab.pull("POST", "deliveries/pull")).body["items"] == []

    wall.moment += pause_after(1)

    (item,) = (await lab.pull("POST", "deliveries/pull")).body["items"]
    assert item["event"]["id"] == event
    (delivery,) = await lab.deliveries()
    assert (delivery["status"], delivery["attempts"]) == ("succeeded", 2)


async def test_a_duplicate_that_waits_goes_with_its_callback(lab: Lab, listener: Listener) -> None:
    await policy(lab, capture=True)
    callback = await lab.register(listener.url)
    event = await lab.happen()
    await lab.pull("POST", "deliveries/pull")
    await lab.pull("POST", f"deliveries/{event}/{callback['id']}/duplicate")

    await lab.api.delete(callback["uri"])

    assert (await lab.pull("POST", "deliveries/pull")).body == {"items": []}
    (delivery,) = await lab.deliveries()
    assert (delivery["status"], delivery["copies"], len(delivery["log"])) == ("succeeded", 0, 1)


async def test_a_duplicate_is_captured_too(lab: Lab, listener: Listener) -> None:
    await policy(lab, capture=True)
    callback = await lab.register(listener.url)
    event = await lab.happen(headers={"X-Sandbox-Fault": orjson.dumps({"do": {"duplicate_delivery": True}}).decode()})
    await lab.pull("POST", f"deliveries/{event}/{callback['id']}/duplicate")

    items = (await lab.pull("POST", "deliveries/pull")).body["items"]

    assert [item["event"]["id"] for item in items] == [event] * 3
    (delivery,) = await lab.deliveries()
    assert (delivery["status"], delivery["attempts"], delivery["copies"]) == ("succeeded", 1, 0)


async def test_nothing_is_pulled_that_is_sent_anyway(lab: Lab) -> None:
    assert problem(await lab.pull("POST", "deliveries/pull")) == (409, "capture")

    await policy(lab, capture=True)
    assert problem(await lab.pull("POST", "deliveries/pull", {"limit": 1})) == (400, "limit")


async def test_what_is_dropped_has_failed_and_says_why(lab: Lab, listener: Listener) -> None:
    await policy(lab, drop=["debit.created"])
    await lab.register(listener.url)

    await buy(lab)

    (lost,) = await lab.deliveries("?type=debit.created")
    assert (lost["status"], lost["attempts"], lost["next_try"]) == ("failed", 0, None)
    (log,) = lost["log"]
    assert (log["status"], log["response_body"]) == ("failed", "dropped: the policy lets no debit.created through")
    assert log["request_body"] is log["response_status"] is None
    shown = (await lab.api.get(f"/v1/events/{lost['event']}")).body
    assert shown["callback_statuses"]["failed"] == 1
    deliveries = lab.world.deliveries.all()
    await lab.until(*["failed" if one["type"] == "debit.created" else "succeeded" for one in deliveries])
    assert len(listener.told) == len(deliveries) - 1
    assert "debit.created" not in listener.types


async def test_a_duplicate_of_what_is_dropped_is_lost_too(lab: Lab, listener: Listener) -> None:
    await lab.register(listener.url)
    await lab.happen()
    (before,) = await lab.until("succeeded")
    await policy(lab, drop=["card.created"])

    await lab.pull("POST", f"deliveries/{before['id']}/duplicate")

    (after,) = await lab.deliveries()
    assert (after["status"], after["attempts"], after["copies"]) == ("succeeded", 1, 0)
    assert [log["status"] for log in after["log"]] == ["succeeded", "failed"]
    assert len(listener.told) == 1


async def test_what_is_captured_and_dropped_is_not_pulled(lab: Lab, listener: Listener) -> None:
    await policy(lab, capture=True, drop=["card.created"])
    await lab.register(listener.url)
    await lab.happen()

    assert (await lab.pull("POST", "deliveries/pull")).body == {"items": []}

    assert [one["status"] for one in await lab.deliveries()] == ["failed"]


async def test_what_is_replayed_after_it_was_dropped_is_sent(lab: Lab, listener: Listener) -> None:
    await policy(lab, drop=["card.created"])
    await lab.register(listener.url)
    await lab.happen()
    (lost,) = await lab.until("failed")
    await policy(lab)

    await lab.pull("POST", f"deliveries/{lost['id']}/replay")

    await lab.until("succeeded")


async def test_reordered_the_newest_goes_first(lab: Lab, listener: Listener) -> None:
    await policy(lab, capture=True, reorder=True)
    await lab.register(listener.url)
    events = [await lab.happen() for _ in range(3)]

    await policy(lab, reorder=True)

    await lab.until(*["succeeded"] * 3)
    assert [told.event["id"] for told in listener.told] == events[::-1]


async def test_reordered_the_newest_is_pulled_first(lab: Lab, listener: Listener) -> None:
    await policy(lab, capture=True, reorder=True)
    await lab.register(listener.url)
    events = [await lab.happen() for _ in range(3)]

    items = (await lab.pull("POST", "deliveries/pull")).body["items"]

    assert [item["event"]["id"] for item in items] == events[::-1]


# What stays


async def test_a_policy_travels_with_a_checkpoint_and_a_dump(lab: Lab) -> None:
    await policy(lab, capture=True, drop=["debit.created"])
    await lab.pull("PUT", "checkpoints/captured")
    dump = (await lab.pull("GET", "dump")).body
    captured = AS_USUAL | {"capture": True, "drop": ["debit.created"]}

    await policy(lab)
    await lab.pull("POST", "checkpoints/captured/restore")
    assert (await lab.pull("GET", "deliveries/policy")).body == captured

    await policy(lab)
    assert (await lab.pull("PUT", "load", dump)).status == 200
    assert (await lab.pull("GET", "deliveries/policy")).body == captured

    await lab.pull("POST", "reset")
    assert (await lab.pull("GET", "deliveries/policy")).body == AS_USUAL


async def test_a_restored_world_sends_what_was_waiting_then(lab: Lab, listener: Listener) -> None:
    await policy(lab, capture=True)
    await lab.register(listener.url)
    event = await lab.happen()
    await lab.pull("PUT", "checkpoints/waiting")
    await lab.pull("POST", "deliveries/pull")

    await lab.pull("POST", "checkpoints/waiting/restore")
    (item,) = (await lab.pull("POST", "deliveries/pull")).body["items"]
    assert item["event"]["id"] == event

    await lab.pull("POST", "checkpoints/waiting/restore")
    await policy(lab)
    await lab.until("succeeded")
    assert [told.event["id"] for told in listener.told] == [event]


async def test_what_is_captured_and_why_survive_a_restart(tmp_path: Path, wall: Wall, listener: Listener) -> None:
    ground = Ground(wall=wall, seed="tests", folder=tmp_path)
    worlds = Worlds(ground)
    fixtures.populate(worlds.default, [])
    async with calling(worlds) as lab:
        await policy(lab, capture=True)
        await lab.register(listener.url)
        event = await lab.happen()
    worlds.close()

    worlds = Worlds(ground)
    async with calling(worlds) as lab:
        items = (await lab.pull("POST", "deliveries/pull")).body["items"]
    worlds.close()

    assert [item["event"]["id"] for item in items] == [event]
    assert listener.told == []
