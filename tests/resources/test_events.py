"""Events over HTTP: what happened, in order, and how everything looked then."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from sandbox import clock
from tests.api import Api
from tests.conftest import Wall
from tests.resources.conftest import Untouched
from tests.resources.made import CARD, account, bank_account, card, customer, event_types, made, shown

KEYS = {"_type", "_uris", "callback_statuses", "callbacks_uri", "entity", "id", "occurred_at", "type", "uri"}
ACCOUNT = {
    "_type", "_uris", "bank_accounts_uri", "cards_uri", "created_at", "credits_uri", "customer_uri", "debits_uri",
    "email_address", "holds_uri", "id", "meta", "name", "refunds_uri", "reversals_uri", "roles", "transactions_uri",
    "uri",
}  # fmt: skip
BANK_ACCOUNT = {
    "_type", "_uris", "account_number", "account_uri", "bank_code", "bank_name", "can_debit", "created_at",
    "credits_uri", "customer_uri", "debits_uri", "fingerprint", "id", "is_valid", "last_four", "meta", "name",
    "routing_number", "type", "uri", "verification_uri", "verifications_uri",
}  # fmt: skip


async def last(api: Api) -> Any:
    """Return what happened last."""
    page = await shown(api, "/v1/events?limit=100")
    return page["items"][-1]


# What is shown


async def test_a_marketplace_begins_with_its_owner_and_the_owners_bank_account(api: Api) -> None:
    page = await shown(api, "/v1/events")

    first, second = page["items"]
    assert (first["type"], second["type"]) == ("account.created", "bank_account.created")
    assert (first["entity"].keys(), second["entity"].keys()) == (ACCOUNT, BANK_ACCOUNT)
    assert first["entity"]["roles"] == ["merchant", "buyer"]
    assert second["entity"]["account_uri"] == first["entity"]["uri"]
    assert second["entity"]["customer_uri"] == f"/v1/customers/{first['entity']['id']}"
    assert second["entity"]["_uris"]["account_uri"] == {"_type": "customer", "key": "account"}
    assert second["entity"]["uri"] == f"{first['entity']['uri']}/bank_accounts/{second['entity']['id']}"


async def test_an_event_says_what_happened_when_and_to_what(api: Api) -> None:
    token = await card(api)

    event = await last(api)

    assert event.keys() == KEYS
    uri = f"/v1/events/{event['id']}"
    expected = {
        "_type": "event",
        "_uris": {"callbacks_uri": {"_type": "page", "key": "callbacks"}},
        "type": "card.created",
        "occurred_at": "2013-05-06T17:18:03.439000Z",  # cut to milliseconds
        "callback_statuses": {"failed": 0, "pending": 0, "retrying": 0, "succeeded": 0},
        "callbacks_uri": f"{uri}/callbacks",
        "uri": uri,
    }
    assert {key: event[key] for key in expected} == expected
    assert event["id"].startswith("EV")
    assert len(event["id"]) == 34
    links = {"account_uri": None, "customer_uri": None}
    embedded = {key: value for key, value in token.items() if key not in ("account", "customer")}
    assert event["entity"] == embedded | links


async def test_an_event_shows_a_customer_as_the_account_it_also_is(api: Api) -> None:
    made = await customer(api, name="Henry Ford", email="henry@example.org")

    event = await last(api)

    assert event["type"] == "account.created"
    assert event["entity"] == await shown(api, f"{api.marketplace}/accounts/{made['id']}")


async def test_an_event_shows_the_entity_as_it_was(api: Api) -> None:
    token = await card(api, meta={"color": "red"})

    await api.put(token["uri"], {"meta": {"color": "blue"}})

    page = await shown(api, "/v1/events?type=card.created,card.updated")
    assert [event["entity"]["meta"]["color"] for event in page["items"]] == ["red", "blue"]


async def test_an_event_outlives_what_it_happened_to(api: Api) -> None:
    made = await customer(api, name="Henry Ford")
    await api.delete(made["uri"])

    event = await last(api)

    assert (event["type"], event["entity"]["id"], event["entity"]["name"]) == (
        "account.deleted",
        made["id"],
        "Henry Ford",
    )
    assert await shown(api, event["uri"]) == event


async def test_what_is_refused_did_not_happen(api: Api, untouched: Untouched) -> None:
    token = await card(api, is_valid=False)

    with untouched():
        answer = await api.post(f"{api.marketplace}/accounts", {"name": "Nobody", "card_uri": token["uri"]})

    assert answer.status == 409


async def test_an_account_with_everything_is_created_once(api: Api) -> None:
    before = len(await event_types(api))

    await account(api, name="Benny Riemann", card=CARD)

    assert (await event_types(api))[before:] == ["account.created", "card.created", "card.updated"]


# Where they are found


async def test_events_are_the_same_flat_and_under_the_marketplace(api: Api) -> None:
    flat, nested = await shown(api, "/v1/events"), await shown(api, f"{api.marketplace}/events")

    assert flat["items"] == nested["items"]
    assert nested["uri"] == f"{api.marketplace}/events?limit=10&offset=0"
    event = flat["items"][0]
    assert await shown(api, event["uri"]) == event
    assert await shown(api, f"{api.marketplace}/events/{event['id']}") == event


async def test_a_record_has_events_of_its_own(api: Api) -> None:
    owner = await account(api, card=CARD)
    holds = [await made(api, f"{owner['uri']}/holds", {"amount": 1000}) for _ in range(2)]
    paths = [f"/v1/holds/{hold['id']}/events" for hold in holds]

    page = await shown(api, paths[0])

    (event,) = page["items"]
    assert (event["type"], event["entity"]["id"]) == ("hold.created", holds[0]["id"])
    assert await shown(api, f"{paths[0]}/{event['id']}") == event
    assert (await api.get(f"{paths[1]}/{event['id']}")).status == 404


async def test_what_is_not_there_is_not_found(api: Api, stranger: Api) -> None:
    theirs = await last(stranger)

    answers = [
        await api.get(path)
        for path in (
            "/v1/events/EV123",
            theirs["uri"],
            f"{api.marketplace}/events/EV123",
            f"{stranger.marketplace}/events",
        )
    ]

    assert [answer.status for answer in answers] == [404] * 4
    assert answers[0].body.keys().isdisjoint({"additional", "extras"})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_history_is_not_changed(api: Api, untouched: Untouched, method: str) -> None:
    event = await last(api)
    path = "/v1/events" if method == "POST" else event["uri"]

    with untouched():
        answer = await api.send(method, path, {"type": "card.created"})

    sentence = "The method is not allowed for the requested URL."
    assert answer.refusal == (405, "request", "method-not-allowed", sentence)
    assert answer.headers["Allow"] == "GET, HEAD"


# Order and filters


async def test_events_are_listed_oldest_first(api: Api, wall: Wall) -> None:
    for _ in range(2):
        wall.moment += clock.SECOND
        await card(api)

    page = await shown(api, "/v1/events?limit=100")
    moments = [event["occurred_at"] for event in page["items"]]
    assert moments == sorted(moments)
    assert page["items"][0]["type"] == "account.created"

    backwards = await shown(api, "/v1/events?sort=occurred_at,desc&limit=100")
    assert [event["occurred_at"] for event in backwards["items"]] == moments[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=card.created", ["card.created"]),
        ("type=card.created,account.created", ["account.created", "card.created"]),
        ("type[in]=card.created,account.created", ["account.created", "card.created"]),
        ("type[!in]=card.created,account.created", ["bank_account.created", "bank_account.created"]),
        ("type[contains]=card", ["card.created"]),
        ("type=no.such", []),
        ("occurred_at[>]=2013-05-06T17:18:04Z", ["bank_account.created"]),
        ("occurred_at[<=]=2013-05-06T17:18:04Z", ["account.created", "bank_account.created", "card.created"]),
        ("no_such_filter=1&type=card.created", ["card.created"]),
    ],
)
async def test_events_are_filtered(api: Api, wall: Wall, query: str, found: list[str]) -> None:
    await card(api)
    wall.moment += clock.DAY
    await bank_account(api)

    page = await shown(api, f"/v1/events?{quote(query, safe='=&')}")

    assert [event["type"] for event in page["items"]] == found
    assert page["total"] == len(found)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("sort=type,asc", 'Unable to sort on unknown field "type"'),
        ("occurred_at=noon", 'Invalid field [occurred_at] - "noon" is not an ISO 8601 date or time'),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(api: Api, query: str, sentence: str) -> None:
    assert (await api.get(f"/v1/events?{query}")).refusal == (400, "request", "request", sentence)
