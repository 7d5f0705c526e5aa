"""Holds over HTTP: money reserved, then captured, voided or lapsed."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import clock
from tests.api import Api
from tests.conftest import Wall
from tests.resources.charging import (
    CARD,
    CARD_OF_CUSTOMER,
    DEBIT_INSIDE,
    DEBIT_INSIDE_OF_CUSTOMER,
    DECLINING,
    account_of,
    bank_account_of,
    card_of,
    event_types,
    ids,
    in_escrow,
    links,
    loose_card,
    made,
    payer,
    shown,
)
from tests.resources.conftest import Untouched

OF_CUSTOMER = {
    "_type", "_uris", "amount", "created_at", "customer", "debit", "description", "events_uri", "expires_at", "fee",
    "id", "is_void", "meta", "source", "transaction_number", "uri",
}  # fmt: skip
FULL = OF_CUSTOMER | {"account"}


async def held(api: Api, **body: Any) -> Any:
    """Return a hold on a new customer's card."""
    customer = await payer(api)
    body = {"amount": 5000, "account_uri": customer["uri"], **body}
    return await made(api, f"{api.marketplace}/holds", body)


# Views


async def test_the_marketplace_shows_a_hold_with_its_account(api: Api) -> None:
    customer = await payer(api)

    hold = await made(api, f"{api.marketplace}/holds", {"amount": 5000, "account_uri": account_of(api, customer)})

    assert set(hold) == FULL
    assert links(hold) == {"events_uri": "page"}
    assert hold["uri"] == f"{api.marketplace}/holds/{hold['id']}"
    assert hold["events_uri"] == f"/v1/holds/{hold['id']}/events"
    assert hold["account"]["uri"] == account_of(api, customer)
    assert hold["customer"] == customer
    assert (hold["amount"], hold["fee"], hold["debit"], hold["is_void"]) == (5000, None, None, False)
    assert (hold["description"], hold["meta"]) == (None, {})
    assert hold["transaction_number"].startswith("HL")


async def test_a_customer_shows_no_account(api: Api) -> None:
    customer = await payer(api)

    hold = await made(api, f"{customer['uri']}/holds", {"amount": 5000})

    assert set(hold) == OF_CUSTOMER
    assert hold["uri"] == f"{api.marketplace}/holds/{hold['id']}"
    assert set(hold["source"]) == CARD_OF_CUSTOMER
    assert hold["source"]["uri"].startswith(f"{customer['uri']}/cards/")
    assert links(hold["source"]) == {}


async def test_an_account_shows_what_the_marketplace_does(api: Api) -> None:
    customer = await payer(api)

    hold = await made(api, f"{account_of(api, customer)}/holds", {"amount": 5000})

    assert hold == await shown(api, hold["uri"])
    assert set(hold["source"]) == CARD
    assert hold["source"]["uri"].startswith(f"{account_of(api, customer)}/cards/")
    assert links(hold["source"]) == {"account_uri": "customer"}


async def test_the_flat_routes_show_what_the_marketplace_does(api: Api) -> None:
    customer = await payer(api)

    hold = await made(api, "/v1/holds", {"amount": 5000, "customer_uri": customer["uri"]})

    assert set(hold) == FULL
    assert hold == await shown(api, hold["uri"]) == await shown(api, f"/v1/holds/{hold['id']}")
    assert (await shown(api, "/v1/holds"))["items"] == [hold]


async def test_a_captured_hold_shows_its_debit(api: Api) -> None:
    hold = await held(api)
    debit = await made(api, f"{hold['uri']}/debits")

    captured = await shown(api, hold["uri"])
    of_customer = await shown(api, f"{hold['customer']['uri']}/holds/{hold['id']}")

    assert captured["is_void"] is False
    assert set(captured["debit"]) == DEBIT_INSIDE
    assert links(captured["debit"]) == {"events_uri": "page", "hold_uri": "hold", "refunds_uri": "page"}
    assert (captured["debit"]["id"], captured["debit"]["hold_uri"]) == (debit["id"], hold["uri"])
    assert captured["debit"]["source_uri"] == captured["source"]["uri"]
    assert set(of_customer["debit"]) == DEBIT_INSIDE_OF_CUSTOMER
    assert of_customer["debit"]["source_uri"] == captured["source"]["uri"]


async def test_a_hold_is_found_only_under_what_it_belongs_to(api: Api) -> None:
    hold, other = await held(api), await payer(api)

    assert (await api.get(f"{hold['customer']['uri']}/holds/{hold['id']}")).status == 200
    assert (await api.get(f"{hold['account']['uri']}/holds/{hold['id']}")).status == 200
    assert (await api.get(f"{other['uri']}/holds/{hold['id']}")).status == 404
    assert (await api.get("/v1/holds/HLnone")).status == 404


async def test_a_deleted_card_is_still_shown(api: Api) -> None:
    hold = await held(api)

    await api.delete(hold["source"]["uri"])

    assert (await shown(api, hold["uri"]))["source"] == hold["source"]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_hold_is_neither_patched_nor_deleted(api: Api, method: str) -> None:
    hold = await held(api)

    answer = await api.send(method, hold["uri"])

    assert answer.refusal[:3] == (405, "request", "method-not-allowed")


# Create


async def test_the_payer_is_whose_the_card_is(api: Api) -> None:
    customer = await payer(api)
    card = await card_of(api, customer)

    hold = await made(api, f"{api.marketplace}/holds", {"amount": 5000, "source_uri": card["uri"]})
    flat = await made(api, "/v1/holds", {"amount": 5000, "card_uri": f"{api.marketplace}/cards/{card['id']}"})

    assert hold["customer"]["id"] == flat["customer"]["id"] == customer["id"]
    assert hold["source"]["id"] == flat["source"]["id"] == card["id"]


async def test_without_a_source_the_newest_card_is_held(api: Api) -> None:
    customer = await payer(api)
    newest = await card_of(api, customer)
    await bank_account_of(api, customer)

    hold = await made(api, f"{customer['uri']}/holds", {"amount": 5000})

    assert hold["source"]["id"] == newest["id"]


async def test_what_is_said_of_a_hold_is_kept(api: Api) -> None:
    hold = await held(api, description="Ein größerer Betrag", meta={"order": 12}, appears_on_statement_as="GOLDIE'S")

    assert hold["description"] == "Ein größerer Betrag"
    assert hold["meta"] == {"order": "12"}
    assert "appears_on_statement_as" not in hold


@pytest.mark.parametrize("amount", [50, "50", 1_000_000_000])
async def test_the_bounds_of_an_amount_are_amounts(api: Api, amount: Any) -> None:
    assert (await held(api, amount=amount))["amount"] == int(amount)


async def test_a_form_will_do(api: Api) -> None:
    customer = await payer(api)

    answer = await api.post(f"{customer['uri']}/holds", form="amount=5000&meta[order]=12")

    assert (answer.status, answer.body["amount"], answer.body["meta"]) == (201, 5000, {"order": "12"})


async def test_a_hold_moves_no_money(api: Api) -> None:
    await held(api)

    assert await in_escrow(api) == 0


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (None, "Missing required field [amount]"),
        ("-100", 'Invalid field [amount] - "-100" must be >= 50'),
        (49, 'Invalid field [amount] - "49" must be >= 50'),
        ("1000000001", 'Invalid field [amount] - "1000000001" must be <= 1000000000'),
        ("52.12", 'Invalid field [amount] - "52.12" is not an integer'),
        (52.12, 'Invalid field [amount] - "52.12" is not an integer'),
    ],
)
async def test_an_amount_that_cannot_be_held(api: Api, untouched: Untouched, amount: Any, sentence: str) -> None:
    customer = await payer(api)

    with untouched():
        answer = await api.post(f"{customer['uri']}/holds", {"amount": amount})

    assert answer.refusal == (400, "request", "request", sentence)
    assert list(answer.body["extras"]) == ["amount"]


@pytest.mark.parametrize("path", ["", "/v1"])
async def test_nobody_to_pay(api: Api, untouched: Untouched, path: str) -> None:
    await payer(api)

    with untouched():
        answer = await api.post(f"{path or api.marketplace}/holds", {"amount": 5000})

    assert answer.refusal == (400, "request", "request", "Missing required field [account_uri]")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("source_uri", "funding source"),
        ("card_uri", "funding source"),
        ("account_uri", "account"),
        ("customer_uri", "account"),
    ],
)
async def test_a_uri_that_leads_nowhere(api: Api, untouched: Untouched, name: str, what: str) -> None:
    with untouched():
        answer = await api.post("/v1/holds", {"amount": 5000, name: "/v1/no/where"})

    sentence = f'Invalid field [{name}] - "/v1/no/where" does not resolve to {what}'
    assert answer.refusal == (400, "request", "request", sentence)


async def test_the_card_of_another_account(api: Api, untouched: Untouched) -> None:
    customer, other = await payer(api), await payer(api)
    card = other["source_uri"].rpartition("/")[2]

    with untouched():
        answer = await api.post(f"{customer['uri']}/holds", {"amount": 5000, "source_uri": other["source_uri"]})

    sentence = f"Card {card} is not associated with account {customer['id']}."
    assert answer.refusal == (409, "logical", "card-not-associated", sentence)


async def test_a_card_without_an_account(api: Api, untouched: Untouched) -> None:
    customer, card = await payer(api), await loose_card(api)

    with untouched():
        alone = await api.post("/v1/holds", {"amount": 5000, "source_uri": card["uri"]})
        theirs = await api.post(f"{customer['uri']}/holds", {"amount": 5000, "source_uri": card["uri"]})

    sentence = f"Card {card['id']} is not associated with an account."
    assert alone.refusal == (409, "logical", "card-not-associated", sentence)
    sentence = f"Card {card['id']} is not associated with account {customer['id']}."
    assert theirs.refusal == (409, "logical", "card-not-associated", sentence)


async def test_no_valid_card(api: Api, untouched: Untouched) -> None:
    customer = await payer(api)
    await bank_account_of(api, customer)
    await api.put(customer["source_uri"], {"is_valid": False})

    with untouched():
        answer = await api.post(f"{customer['uri']}/holds", {"amount": 5000})

    sentence = f"Account {customer['id']} has no funding source."
    assert answer.refusal == (409, "logical", "no-funding-source", sentence)


async def test_an_invalidated_card_that_is_named(api: Api, untouched: Untouched) -> None:
    customer = await payer(api)
    card = (await api.put(customer["source_uri"], {"is_valid": False})).body

    with untouched():
        answer = await api.post(f"{customer['uri']}/holds", {"amount": 5000, "source_uri": card["uri"]})

    assert answer.refusal == (409, "logical", "card-not-valid", f"Card {card['id']} is not valid.")


async def test_a_deleted_card_that_is_named(api: Api, untouched: Untouched) -> None:
    customer = await payer(api)
    await api.delete(customer["source_uri"])

    with untouched():
        answer = await api.post(f"{customer['uri']}/holds", {"amount": 5000, "source_uri": customer["source_uri"]})

    sentence = f'Invalid field [source_uri] - "{customer["source_uri"]}" does not resolve to funding source'
    assert answer.refusal == (400, "request", "request", sentence)


async def test_a_bank_account_cannot_be_held(api: Api, untouched: Untouched) -> None:
    customer = await payer(api)
    bank_account = await bank_account_of(api, customer)

    with untouched():
        answer = await api.post(f"{customer['uri']}/holds", {"amount": 5000, "source_uri": bank_account["uri"]})

    sentence = f"Funding source {bank_account['id']} cannot be authorized."
    assert answer.refusal == (409, "logical", "funding-source-not-authorizable", sentence)


async def test_a_card_the_bank_declines(api: Api, untouched: Untouched) -> None:
    customer = await payer(api, DECLINING)

    with untouched():
        answer = await api.post(f"{customer['uri']}/holds", {"amount": 5000})

    assert answer.refusal == (402, "banking", "card-declined", "R530: Customer call bank.")
    assert answer.body["additional"] == "Customer call bank."


# Lists


async def test_holds_are_listed_newest_first_with_those_of_debits(api: Api, wall: Wall) -> None:
    customer = await payer(api)
    oldest = await made(api, f"{customer['uri']}/holds", {"amount": 5000})
    wall.moment += 1
    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})
    other = await held(api)

    everyone, theirs = await api.get(f"{api.marketplace}/holds"), await api.get(f"{customer['uri']}/holds")

    assert ids(everyone) == [other["id"], debit["hold"]["id"], oldest["id"]]
    assert ids(theirs) == ids(await api.get(customer["holds_uri"])) == [debit["hold"]["id"], oldest["id"]]


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("is_void=true", [100]),
        ("amount=200", [200]),
        ("amount[>]=100&sort=amount,asc", [200, 300]),
        ("sort=amount,desc", [300, 200, 100]),
        ("meta.tag=1", [300]),
        ("meta[contains]=tag", [300]),
        ("expires_at[<]=2013-05-14", [100]),
        ("sort=expires_at,asc&limit=1", [100]),
        ("created_at[>]=2013-05-07", [300, 200]),
        ("unheard_of=1&limit=2", [300, 200]),
    ],
)
async def test_holds_are_filtered_and_sorted(api: Api, wall: Wall, query: str, amounts: list[int]) -> None:
    voided = await held(api, amount=100)
    await api.put(voided["uri"], {"is_void": True})
    wall.moment += clock.DAY
    await held(api, amount=200)
    await held(api, amount=300, meta={"tag": 1})

    page = await shown(api, f"/v1/holds?{query}")

    assert [hold["amount"] for hold in page["items"]] == amounts


async def test_a_page_says_where_the_last_one_is(api: Api) -> None:
    for _ in range(5):
        await held(api)

    page = await shown(api, f"{api.marketplace}/holds?limit=2")

    assert page["last_uri"] == f"{api.marketplace}/holds?limit=2&offset=4"


# Update


async def test_a_hold_is_described_anew(api: Api) -> None:
    hold = await held(api, description="before", meta={"order": "12"})

    answer = await api.put(hold["uri"], {"description": "after", "meta": {"parcel": "7"}})

    assert answer.body == {**hold, "description": "after", "meta": {"parcel": "7"}} == await shown(api, hold["uri"])
    assert await event_types(api, hold) == ["hold.created", "hold.updated"]


async def test_what_is_not_sent_stays(api: Api) -> None:
    hold = await held(api, description="before", meta={"order": "12"})

    described = await api.put(hold["uri"], {"description": "after", "meta": None})
    untold = await api.put(hold["uri"], {"description": None})

    assert (described.body["description"], described.body["meta"]) == ("after", {"order": "12"})
    assert (untold.body["description"], untold.body["meta"]) == (None, {"order": "12"})


@pytest.mark.parametrize("body", [None, {"appears_on_statement_as": "GOLDIE'S"}, {"is_void": False}, {"amount": 9}])
async def test_nothing_to_change_changes_nothing(api: Api, untouched: Untouched, body: Any) -> None:
    hold = await held(api)

    with untouched():
        answer = await api.put(hold["uri"], body)

    assert (answer.status, answer.body) == (200, hold)


@pytest.mark.parametrize("under", ["marketplace", "account", "customer", "flat"])
async def test_a_hold_is_voided_wherever_it_is_found(api: Api, under: str) -> None:
    hold = await held(api)
    parents = {
        "marketplace": api.marketplace,
        "account": hold["account"]["uri"],
        "customer": hold["customer"]["uri"],
        "flat": "/v1",
    }

    answer = await api.put(f"{parents[under]}/holds/{hold['id']}", form="is_void=true")

    assert (answer.status, answer.body["is_void"], answer.body["debit"]) == (200, True, None)
    assert await shown(api, hold["uri"]) == {**hold, "is_void": True}
    assert await event_types(api, hold) == ["hold.created", "hold.voided"]
    assert await in_escrow(api) == 0


async def test_a_hold_sent_back_whole_is_voided(api: Api) -> None:
    hold = await held(api)

    answer = await api.put(hold["uri"], {**hold, "is_void": True, "description": "Goodbye"})

    assert answer.body == {**hold, "is_void": True, "description": "Goodbye"}
    assert await event_types(api, hold) == ["hold.created", "hold.voided"]


async def test_a_captured_hold_sent_back_whole_is_updated(api: Api) -> None:
    hold = await held(api)
    await made(api, f"{hold['uri']}/debits")
    captured = await shown(api, hold["uri"])

    answer = await api.put(hold["uri"], {**captured, "description": "Thank you"})

    assert (answer.status, answer.body["description"], answer.body["is_void"]) == (200, "Thank you", False)


async def test_a_voided_hold_cannot_be_voided(api: Api, untouched: Untouched) -> None:
    hold = await held(api)
    await api.put(hold["uri"], {"is_void": True})

    with untouched():
        answer = await api.put(hold["uri"], {"is_void": True})

    assert answer.refusal == (409, "logical", "cannot-void-authorization", "Hold already captured or voided.")


async def test_a_captured_hold_cannot_be_voided(api: Api, untouched: Untouched) -> None:
    hold = await held(api)
    await made(api, f"{hold['uri']}/debits")

    with untouched():
        answer = await api.put(hold["uri"], {"is_void": True})

    assert answer.refusal == (409, "logical", "cannot-void-authorization", "Hold already captured or voided.")


async def test_a_void_cannot_be_taken_back(api: Api, untouched: Untouched) -> None:
    hold = await held(api)
    await api.put(hold["uri"], {"is_void": True})

    with untouched():
        answer = await api.put(hold["uri"], {"is_void": False})

    assert answer.refusal == (409, "logical", "reverse-void-attempt", "A void cannot be undone.")


async def test_a_flag_that_is_none(api: Api, untouched: Untouched) -> None:
    hold = await held(api)

    with untouched():
        answer = await api.put(hold["uri"], {"is_void": "perhaps"})

    assert answer.refusal == (400, "request", "request", 'Invalid field [is_void] - "perhaps" is not a boolean')


# Expiry


async def test_a_hold_lasts_seven_days(api: Api, wall: Wall) -> None:
    hold = await held(api)

    wall.moment += 7 * clock.DAY - 1
    lasting = await shown(api, hold["uri"])
    wall.moment += 1
    lapsed = await shown(api, hold["uri"])

    assert hold["expires_at"] == "2013-05-13T17:18:03.439563Z"
    assert lasting == hold
    assert lapsed == {**hold, "is_void": True}
    assert await event_types(api, hold) == ["hold.created"]


async def test_a_lapsed_hold_can_be_neither_voided_nor_revived(api: Api, wall: Wall, untouched: Untouched) -> None:
    hold = await held(api)
    wall.moment += 7 * clock.DAY
    await shown(api, hold["uri"])

    with untouched():
        voided = await api.put(hold["uri"], {"is_void": True})
        revived = await api.put(hold["uri"], {"is_void": False})

    assert voided.refusal == (409, "logical", "cannot-void-authorization", "Hold already captured or voided.")
    assert revived.refusal[:3] == (409, "logical", "reverse-void-attempt")


async def test_what_was_captured_or_voided_does_not_lapse(api: Api, wall: Wall) -> None:
    captured, voided = await held(api), await held(api)
    await made(api, f"{captured['uri']}/debits")
    await api.put(voided["uri"], {"is_void": True})

    wall.moment += 8 * clock.DAY

    assert (await shown(api, captured["uri"]))["is_void"] is False
    answer = await api.post(f"{voided['uri']}/debits")
    assert answer.refusal[:3] == (409, "logical", "cannot-capture-authorization")


# Events


async def test_events_show_a_hold_as_it_was(api: Api) -> None:
    hold = await held(api)
    await api.put(hold["uri"], {"is_void": True})

    created, voided = (await shown(api, hold["events_uri"]))["items"]

    assert (created["type"], created["entity"]["is_void"]) == ("hold.created", False)
    assert (voided["type"], voided["entity"]["is_void"]) == ("hold.voided", True)
    assert voided["entity"]["customer_uri"] == hold["customer"]["uri"]
    assert await shown(api, f"{hold['events_uri']}/{voided['id']}") == await shown(api, voided["uri"]) == voided


async def test_the_events_of_another_hold_are_not_there(api: Api) -> None:
    hold, other = await held(api), await held(api)
    event = (await shown(api, other["events_uri"]))["items"][0]

    assert (await api.get(f"{hold['events_uri']}/{event['id']}")).status == 404
    assert (await api.get("/v1/holds/HLnone/events")).status == 404
