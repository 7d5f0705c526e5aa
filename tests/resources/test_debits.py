"""Debits over HTTP: cards at once, captured holds, and bank accounts once the bank has settled them."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import clock
from tests.api import Api
from tests.conftest import Wall
from tests.resources.charging import (
    CARD,
    CARD_OF_CUSTOMER,
    DECLINING,
    GOOD,
    HOLD_INSIDE,
    HOLD_INSIDE_OF_CUSTOMER,
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
from tests.resources.conftest import Untouched, Verify

OF_CUSTOMER = {
    "_type", "_uris", "amount", "appears_on_statement_as", "available_at", "created_at", "customer", "description",
    "events_uri", "fee", "hold", "id", "meta", "on_behalf_of", "refunds_uri", "source", "status",
    "transaction_number", "uri",
}  # fmt: skip
FULL = OF_CUSTOMER | {"account"}

PENDING, SUCCEEDING, FAILING, OTHER = "9900000000", "9900000002", "9900000004", "12341234"
"""Account numbers by what becomes of a debit of them."""

SETTLED = "2013-05-07T22:00:00.000000Z"
"""When a debit made at the tests' moment is settled: 15:00 Pacific on the next business day."""


async def debited(api: Api, **body: Any) -> Any:
    """Return a debit of a new customer's card."""
    customer = await payer(api)
    return await made(api, f"{api.marketplace}/debits", {"amount": 5000, "account_uri": customer["uri"], **body})


async def held(api: Api, amount: int = 1000) -> Any:
    """Return a hold on a new customer's card."""
    customer = await payer(api)
    return await made(api, "/v1/holds", {"amount": amount, "account_uri": customer["uri"], "description": "a hold"})


async def debitable(api: Api, verify: Verify, number: str = OTHER) -> Any:
    """Return a new customer's verified bank account."""
    customer = await made(api, "/v1/customers")
    bank_account = await bank_account_of(api, customer, number)
    verify(bank_account)
    return await shown(api, f"/v1/bank_accounts/{bank_account['id']}")


# Views


async def test_a_customer_is_debited_at_once(api: Api) -> None:
    customer = await payer(api)

    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})

    assert set(debit) == OF_CUSTOMER
    assert links(debit) == {"events_uri": "page", "refunds_uri": "page"}
    assert debit["uri"] == f"{api.marketplace}/debits/{debit['id']}"
    assert debit["refunds_uri"] == f"{debit['uri']}/refunds"
    assert debit["events_uri"] == f"/v1/debits/{debit['id']}/events"
    assert (debit["amount"], debit["status"], debit["fee"]) == (5000, "succeeded", None)
    assert (debit["description"], debit["meta"], debit["on_behalf_of"]) == (None, {}, None)
    assert debit["appears_on_statement_as"] == "example.com"
    assert debit["available_at"] == debit["created_at"] == "2013-05-06T17:18:03.439563Z"
    assert debit["transaction_number"].startswith("W")
    assert debit["customer"] == customer
    assert set(debit["source"]) == CARD_OF_CUSTOMER
    assert await in_escrow(api) == 5000


async def test_a_card_debit_makes_and_captures_a_hold(api: Api) -> None:
    debit = await debited(api, description="Twelve loaves", meta={"order": "12"})

    hold = await shown(api, debit["hold"]["uri"])

    assert set(debit["hold"]) == HOLD_INSIDE
    assert links(debit["hold"]) == {"debit_uri": "debit", "events_uri": "page", "source_uri": "card"}
    assert debit["hold"]["debit_uri"] == debit["uri"]
    assert debit["hold"]["source_uri"] == debit["source"]["uri"]
    assert (hold["amount"], hold["description"], hold["meta"], hold["is_void"]) == (5000, "Twelve loaves", {}, False)
    assert hold["debit"]["id"] == debit["id"]
    assert hold["expires_at"] == "2013-05-13T17:18:03.439563Z"


async def test_the_marketplace_and_the_account_show_the_account(api: Api) -> None:
    customer = await payer(api)

    debit = await made(api, f"{account_of(api, customer)}/debits", {"amount": 5000})

    assert set(debit) == FULL
    assert debit == await shown(api, debit["uri"])
    assert debit["account"]["uri"] == account_of(api, customer)
    assert set(debit["source"]) == CARD
    assert debit["source"]["uri"].startswith(f"{account_of(api, customer)}/cards/")


async def test_a_customer_shows_its_debits_without_the_account(api: Api) -> None:
    debit = await debited(api)

    seen = await shown(api, f"{debit['customer']['uri']}/debits/{debit['id']}")

    assert set(seen) == OF_CUSTOMER
    assert seen["uri"] == debit["uri"]
    assert set(seen["hold"]) == HOLD_INSIDE_OF_CUSTOMER
    assert seen["hold"]["source_uri"] == debit["hold"]["source_uri"]
    assert seen["source"]["uri"].startswith(f"{debit['customer']['uri']}/cards/")


async def test_whom_a_debit_is_for_is_shown_as_an_account(api: Api) -> None:
    seller = await made(api, f"{api.marketplace}/accounts", {"name": "Three Bears"})

    debit = await debited(api, on_behalf_of_uri=seller["uri"])
    older = await debited(api, merchant_uri=seller["uri"])

    assert debit["on_behalf_of"] == older["on_behalf_of"] == seller
    assert "on_behalf_of_uri" not in debit["_uris"]


async def test_a_deleted_card_is_still_shown(api: Api) -> None:
    debit = await debited(api)

    await api.delete(debit["source"]["uri"])

    assert (await shown(api, debit["uri"]))["source"] == debit["source"]
    assert (await api.get(debit["source"]["uri"])).status == 404


async def test_there_are_no_flat_debits(api: Api) -> None:
    debit = await debited(api)

    assert (await api.get("/v1/debits")).status == 404
    assert (await api.post("/v1/debits", {"amount": 5000})).status == 404
    assert (await api.get(f"/v1/debits/{debit['id']}")).status == 404


async def test_a_debit_is_found_only_under_what_it_belongs_to(api: Api, verify: Verify) -> None:
    debit, other, hold = await debited(api), await payer(api), await held(api)
    bank_account = await debitable(api, verify)

    assert (await api.get(f"{debit['account']['uri']}/debits/{debit['id']}")).status == 200
    assert (await api.get(f"{debit['hold']['uri']}/debits/{debit['id']}")).status == 200
    assert (await api.get(f"{other['uri']}/debits/{debit['id']}")).status == 404
    assert (await api.get(f"{hold['uri']}/debits/{debit['id']}")).status == 404
    assert (await api.get(f"{bank_account['uri']}/debits/{debit['id']}")).status == 404


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_debit_is_neither_patched_nor_deleted(api: Api, method: str) -> None:
    debit = await debited(api)

    answer = await api.send(method, debit["uri"])

    assert answer.refusal[:3] == (405, "request", "method-not-allowed")


# Create


async def test_what_is_said_of_a_debit_is_kept(api: Api) -> None:
    debit = await debited(api, description="Zwölf Brote", meta={"paid": True}, appears_on_statement_as="BOB'S BURGERS")

    assert debit["description"] == "Zwölf Brote"
    assert debit["meta"] == {"paid": "True"}
    assert debit["appears_on_statement_as"] == "BOB'S BURGERS"


async def test_statements_name_the_marketplaces_domain(api: Api) -> None:
    await api.put(api.marketplace, {"domain_url": "three-bears.example"})

    assert (await debited(api))["appears_on_statement_as"] == "three-bears.example"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x" * 23, '"xxxxxxxxxxxxxxxxxxxxxxx" must have length <= 22'),
        ("Bäckerei", '"Bäckerei" must hold only characters that can be printed on a statement'),
        ("a/b", '"a/b" must hold only characters that can be printed on a statement'),
    ],
)
async def test_a_text_no_statement_can_show(api: Api, untouched: Untouched, text: str, sentence: str) -> None:
    customer = await payer(api)

    with untouched():
        answer = await api.post(f"{customer['uri']}/debits", {"amount": 5000, "appears_on_statement_as": text})

    whole = f"Invalid field [appears_on_statement_as] - {sentence}"
    assert answer.refusal == (400, "request", "request", whole)


@pytest.mark.parametrize("text", ["", "a" * 22, ".<>(){}[]+&!$;-%_?:#@", "~='\" ^\\`|*"])
async def test_a_text_every_statement_can_show(api: Api, text: str) -> None:
    assert (await debited(api, appears_on_statement_as=text))["appears_on_statement_as"] == text


async def test_without_a_source_the_newest_card_is_charged(api: Api, verify: Verify) -> None:
    customer = await payer(api)
    newest = await card_of(api, customer)
    verify(await bank_account_of(api, customer))

    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})

    assert debit["source"]["id"] == newest["id"]


async def test_the_source_that_is_named_is_charged(api: Api) -> None:
    customer = await payer(api)
    oldest = customer["source_uri"]
    await card_of(api, customer)

    debit = await made(
        api, f"{api.marketplace}/debits", {"amount": 50, "account_uri": customer["uri"], "card_uri": oldest}
    )

    assert debit["source"]["uri"] == oldest


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (None, "Missing required field [amount]"),
        ("-100", 'Invalid field [amount] - "-100" must be >= 50'),
        ("1000000001", 'Invalid field [amount] - "1000000001" must be <= 1000000000'),
        (3.14, 'Invalid field [amount] - "3.14" is not an integer'),
        ("52.12", 'Invalid field [amount] - "52.12" is not an integer'),
    ],
)
async def test_an_amount_that_cannot_be_debited(api: Api, untouched: Untouched, amount: Any, sentence: str) -> None:
    customer = await payer(api)

    with untouched():
        answer = await api.post(f"{customer['uri']}/debits", {"amount": amount})

    assert answer.refusal == (400, "request", "request", sentence)
    assert list(answer.body["extras"]) == ["amount"]


@pytest.mark.parametrize("named", [True, False])
async def test_nobody_to_pay(api: Api, untouched: Untouched, named: bool) -> None:
    customer = await payer(api)
    source = {"source_uri": customer["source_uri"]} if named else {}

    with untouched():
        answer = await api.post(f"{api.marketplace}/debits", {"amount": 5000, **source})

    assert answer.refusal == (400, "request", "request", "Missing required field [account_uri]")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("source_uri", "funding source"),
        ("bank_account_uri", "funding source"),
        ("hold_uri", "hold"),
        ("on_behalf_of_uri", "account"),
        ("merchant_uri", "account"),
    ],
)
async def test_a_uri_that_leads_nowhere(api: Api, untouched: Untouched, name: str, what: str) -> None:
    customer = await payer(api)

    with untouched():
        answer = await api.post(f"{customer['uri']}/debits", {"amount": 5000, name: "v1/no/where"})

    sentence = f'Invalid field [{name}] - "v1/no/where" does not resolve to {what}'
    assert answer.refusal == (400, "request", "request", sentence)


async def test_no_valid_source(api: Api, untouched: Untouched) -> None:
    customer = await payer(api)
    await bank_account_of(api, customer)
    await api.put(customer["source_uri"], {"is_valid": False})

    with untouched():
        answer = await api.post(f"{customer['uri']}/debits", {"amount": 5000})

    sentence = f"Account {customer['id']} has no funding source."
    assert answer.refusal == (409, "logical", "no-funding-source", sentence)


async def test_an_invalidated_card_that_is_named(api: Api, untouched: Untouched) -> None:
    customer = await payer(api)
    card = (await api.put(customer["source_uri"], {"is_valid": False})).body

    with untouched():
        answer = await api.post(f"{customer['uri']}/debits", {"amount": 5000, "source_uri": card["uri"]})

    assert answer.refusal == (409, "logical", "card-not-valid", f"Card {card['id']} is not valid.")


async def test_an_invalidated_bank_account_that_is_named(api: Api, untouched: Untouched) -> None:
    customer = await payer(api)
    bank_account = await bank_account_of(api, customer)
    await api.put(bank_account["uri"], {"is_valid": False})

    with untouched():
        named = await api.post(f"{customer['uri']}/debits", {"amount": 5000, "source_uri": bank_account["uri"]})
        itself = await api.post(f"/v1/bank_accounts/{bank_account['id']}/debits", {"amount": 5000})

    sentence = f"Bank account {bank_account['id']} is not valid."
    assert named.refusal == itself.refusal == (409, "logical", "bank-account-not-valid", sentence)


async def test_a_foreign_source(api: Api, untouched: Untouched) -> None:
    customer, other, loose = await payer(api), await payer(api), await loose_card(api)
    card = other["source_uri"].rpartition("/")[2]
    bank_account = await bank_account_of(api, other)

    with untouched():
        of_card = await api.post(f"{customer['uri']}/debits", {"amount": 5000, "source_uri": other["source_uri"]})
        of_bank = await api.post(f"{customer['uri']}/debits", {"amount": 5000, "source_uri": bank_account["uri"]})
        of_nobody = await api.post(f"{customer['uri']}/debits", {"amount": 5000, "source_uri": loose["uri"]})

    account = f"is not associated with account {customer['id']}."
    assert of_card.refusal == (409, "logical", "card-not-associated", f"Card {card} {account}")
    assert of_nobody.refusal == (409, "logical", "card-not-associated", f"Card {loose['id']} {account}")
    sentence = f"Bank account {bank_account['id']} {account}"
    assert of_bank.refusal == (409, "logical", "bank-account-not-associated", sentence)


async def test_an_unverified_bank_account_that_is_named(api: Api, untouched: Untouched) -> None:
    customer = await payer(api)
    bank_account = await bank_account_of(api, customer)

    with untouched():
        named = await api.post(f"{customer['uri']}/debits", {"amount": 5000, "bank_account_uri": bank_account["uri"]})
        itself = await api.post(f"/v1/bank_accounts/{bank_account['id']}/debits", {"amount": 5000})

    sentence = f"Funding source {bank_account['id']} cannot be debited."
    assert named.refusal == itself.refusal == (409, "logical", "funding-source-not-debitable", sentence)


async def test_a_card_the_bank_declines(api: Api, untouched: Untouched) -> None:
    customer = await payer(api, DECLINING)

    with untouched():
        answer = await api.post(f"{customer['uri']}/debits", {"amount": 5000})

    assert answer.refusal == (402, "banking", "card-declined", "R530: Customer call bank.")
    assert (await shown(api, f"{api.marketplace}/debits"))["total"] == 0
    assert await in_escrow(api) == 0


async def test_a_debit_is_not_for_whom_it_is_taken_from(api: Api, untouched: Untouched) -> None:
    debit, hold = await debited(api), await held(api)
    customer, sentence = debit["customer"], "Invalid field [on_behalf_of_uri] - Account {} is the one that is debited"

    with untouched():
        charged = await api.post(f"{customer['uri']}/debits", {"amount": 5000, "on_behalf_of_uri": customer["uri"]})
        captured = await api.post(f"{hold['uri']}/debits", {"merchant_uri": hold["account"]["uri"]})
        changed = await api.put(debit["uri"], {"on_behalf_of_uri": customer["uri"]})

    assert charged.refusal == changed.refusal == (400, "request", "request", sentence.format(customer["id"]))
    assert captured.refusal == (400, "request", "request", sentence.format(hold["customer"]["id"]))


# Captures


@pytest.mark.parametrize("under", ["hold", "marketplace", "account", "customer"])
async def test_a_hold_is_captured_for_less(api: Api, under: str) -> None:
    hold = await held(api)
    parents = {
        "hold": hold["uri"],
        "marketplace": api.marketplace,
        "account": hold["account"]["uri"],
        "customer": hold["customer"]["uri"],
    }

    debit = await made(api, f"{parents[under]}/debits", {"amount": 909, "hold_uri": hold["uri"]})

    captured = await shown(api, hold["uri"])
    assert (debit["amount"], debit["status"], debit["hold"]["id"]) == (909, "succeeded", hold["id"])
    assert (captured["amount"], captured["is_void"], captured["debit"]["id"]) == (1000, False, debit["id"])
    assert debit["source"]["id"] == hold["source"]["id"]
    assert await in_escrow(api) == 909
    assert (await shown(api, f"{api.marketplace}/holds"))["total"] == 1


async def test_without_an_amount_all_of_a_hold_is_captured(api: Api) -> None:
    hold = await held(api)

    debit = await made(api, f"{api.marketplace}/debits", {"hold_uri": hold["uri"], "amount": None})

    assert debit["amount"] == 1000


async def test_a_capture_is_described_in_its_own_words(api: Api) -> None:
    hold, other = await held(api), await held(api)

    debit = await made(api, f"{hold['uri']}/debits")
    described = await made(api, f"{other['uri']}/debits", {"description": "a capture", "meta": {"order": "12"}})

    assert (debit["description"], debit["meta"], debit["appears_on_statement_as"]) == (None, {}, "example.com")
    assert (described["description"], described["meta"]) == ("a capture", {"order": "12"})


async def test_the_card_of_a_hold_may_be_gone_when_it_is_captured(api: Api) -> None:
    hold = await held(api)
    await api.delete(hold["source"]["uri"])

    debit = await made(api, f"{hold['uri']}/debits")

    assert debit["source"] == hold["source"]


async def test_a_captured_hold_cannot_be_captured_again(api: Api, untouched: Untouched) -> None:
    hold = await held(api)
    await made(api, f"{hold['uri']}/debits", {"amount": 909})

    with untouched():
        answer = await api.post(f"{hold['uri']}/debits", {"amount": 91})

    assert answer.refusal == (409, "logical", "cannot-capture-authorization", "Hold already captured or voided.")


async def test_a_voided_hold_cannot_be_captured(api: Api, untouched: Untouched) -> None:
    hold = await held(api)
    await api.put(hold["uri"], {"is_void": True})

    with untouched():
        answer = await api.post(f"{api.marketplace}/debits", {"hold_uri": hold["uri"]})

    assert answer.refusal == (409, "logical", "cannot-capture-authorization", "Hold already captured or voided.")


async def test_a_lapsed_hold_cannot_be_captured(api: Api, wall: Wall, untouched: Untouched) -> None:
    hold = await held(api)
    wall.moment += 7 * clock.DAY
    await shown(api, hold["uri"])

    with untouched():
        answer = await api.post(f"{hold['uri']}/debits")

    assert answer.refusal == (409, "logical", "authorization-expired", f"Hold {hold['id']} has expired.")


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (1001, 'Invalid field [amount] - "1001" must be <= 1000'),
        ("49", 'Invalid field [amount] - "49" must be >= 50'),
    ],
)
async def test_an_amount_that_cannot_be_captured(api: Api, untouched: Untouched, amount: Any, sentence: str) -> None:
    hold = await held(api)

    with untouched():
        answer = await api.post(f"{hold['uri']}/debits", {"amount": amount})

    assert answer.refusal == (400, "request", "request", sentence)


@pytest.mark.parametrize("in_body", [True, False])
async def test_the_hold_of_another_account(api: Api, untouched: Untouched, in_body: bool) -> None:
    hold, other = await held(api), await payer(api)
    path = f"{api.marketplace}/debits" if in_body else f"{account_of(api, other)}/debits"

    with untouched():
        answer = await api.post(path, {"hold_uri": hold["uri"], "account_uri": account_of(api, other)})

    detail = f"Hold {hold['id']} is not associated with account {other['id']}"
    assert answer.refusal == (400, "request", "request", f"Invalid field [account_uri] - {detail}")
    assert answer.body["extras"] == {"account_uri": detail}


async def test_a_hold_and_another_source(api: Api, untouched: Untouched) -> None:
    hold = await held(api)
    other = await card_of(api, hold["customer"])

    with untouched():
        answer = await api.post(f"{hold['uri']}/debits", {"source_uri": other["uri"]})

    sentence = f"Invalid field [source_uri] - Hold {hold['id']} is not associated with source {other['id']}"
    assert answer.refusal == (400, "request", "request", sentence)


async def test_a_hold_and_its_own_source_and_account(api: Api) -> None:
    hold = await held(api)
    named = {"source_uri": hold["source"]["uri"], "account_uri": hold["account"]["uri"]}

    debit = await made(api, f"{hold['uri']}/debits", named)

    assert debit["hold"]["id"] == hold["id"]


# Bank accounts


async def test_a_bank_account_is_debited_when_the_bank_has_settled(api: Api, wall: Wall, verify: Verify) -> None:
    bank_account = await debitable(api, verify)

    debit = await made(api, f"{bank_account['uri']}/debits", {"amount": 5000})

    assert set(debit) == FULL
    assert (debit["status"], debit["available_at"], debit["hold"]) == ("pending", None, None)
    assert (debit["source"]["id"], debit["source"]["_type"]) == (bank_account["id"], "bank_account")
    assert links(debit) == {"events_uri": "page", "refunds_uri": "page"}
    assert (await in_escrow(api), await event_types(api, debit)) == (0, ["debit.created"])

    wall.moment = clock.parse(SETTLED) - 1
    assert (await shown(api, debit["uri"]))["status"] == "pending"

    wall.moment += clock.DAY
    settled = await shown(api, debit["uri"])
    assert settled == {**debit, "status": "succeeded", "available_at": SETTLED}
    assert (await in_escrow(api), await event_types(api, debit)) == (5000, ["debit.created", "debit.succeeded"])


@pytest.mark.parametrize(
    ("number", "status", "events", "escrow"),
    [
        (PENDING, "pending", ["debit.created"], 0),
        (SUCCEEDING, "succeeded", ["debit.created", "debit.succeeded"], 5000),
        (FAILING, "failed", ["debit.created", "debit.failed"], 0),
    ],
)
async def test_test_numbers_say_what_becomes_of_a_debit(
    api: Api, verify: Verify, number: str, status: str, events: list[str], escrow: int
) -> None:
    bank_account = await debitable(api, verify, number)

    debit = await made(api, f"{bank_account['uri']}/debits", {"amount": 5000})

    assert debit["status"] == status
    assert (debit["available_at"] is not None) == (status == "succeeded")
    assert (await event_types(api, debit), await in_escrow(api)) == (events, escrow)


async def test_without_a_card_the_verified_bank_account_is_charged(api: Api, verify: Verify) -> None:
    customer = await made(api, "/v1/customers")
    bank_account = await bank_account_of(api, customer, SUCCEEDING)
    verify(bank_account)

    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})

    assert set(debit) == OF_CUSTOMER
    assert debit["source"]["uri"] == f"{customer['uri']}/bank_accounts/{bank_account['id']}"


async def test_a_bank_account_may_be_named(api: Api, verify: Verify) -> None:
    customer = await payer(api)
    bank_account = await bank_account_of(api, customer, SUCCEEDING)
    verify(bank_account)

    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000, "source_uri": bank_account["uri"]})

    assert (debit["source"]["id"], debit["hold"], debit["status"]) == (bank_account["id"], None, "succeeded")


async def test_the_owner_is_debited_through_its_bank_account(api: Api) -> None:
    owner = (await shown(api, api.marketplace))["owner_account"]

    debit = await made(api, f"{owner['uri']}/debits", {"amount": 5000})

    assert debit["source"]["account_number"] == "xxxxxxxxxxx5555"


async def test_the_debits_of_a_bank_account_are_listed_and_found_there(api: Api, verify: Verify) -> None:
    bank_account = await debitable(api, verify)
    debit = await made(api, f"{bank_account['uri']}/debits", {"amount": 5000})
    await debited(api)

    page = await shown(api, f"{bank_account['uri']}/debits")
    changed = await api.put(f"{bank_account['uri']}/debits/{debit['id']}", {"description": "Twelve loaves"})

    assert page["items"] == [debit]
    assert changed.body == {**debit, "description": "Twelve loaves"}


async def test_a_bank_account_needs_an_amount(api: Api, verify: Verify, untouched: Untouched) -> None:
    bank_account, hold = await debitable(api, verify), await held(api)

    with untouched():
        answer = await api.post(f"{bank_account['uri']}/debits", {"hold_uri": hold["uri"]})

    assert answer.refusal == (400, "request", "request", "Missing required field [amount]")


async def test_a_bank_account_without_an_account(api: Api, verify: Verify, untouched: Untouched) -> None:
    body = {"name": "Johann Bernoulli", "account_number": OTHER, "routing_number": "121000358", "type": "checking"}
    bank_account = await made(api, "/v1/bank_accounts", body)
    verify(bank_account)

    with untouched():
        answer = await api.post(f"{bank_account['uri']}/debits", {"amount": 5000})

    sentence = f"Bank account {bank_account['id']} is not associated with an account."
    assert answer.refusal == (409, "logical", "bank-account-not-associated", sentence)


# Lists


async def test_debits_are_listed_newest_first(api: Api, wall: Wall) -> None:
    oldest = await debited(api)
    wall.moment += 1
    newest, hold = await debited(api), await held(api)

    assert ids(await api.get(f"{api.marketplace}/debits")) == [newest["id"], oldest["id"]]
    assert ids(await api.get(oldest["customer"]["debits_uri"])) == [oldest["id"]]
    assert ids(await api.get(f"{oldest['customer']['uri']}/debits")) == [oldest["id"]]
    assert ids(await api.get(f"{oldest['hold']['uri']}/debits")) == [oldest["id"]]
    assert ids(await api.get(f"{hold['uri']}/debits")) == []


@pytest.mark.parametrize(
    ("query", "amounts"),
    [
        ("amount=200", [200]),
        ("amount[in]=100,300&sort=amount,asc", [100, 300]),
        ("meta.tag=1", [300]),
        ("meta[contains]=tag", [300]),
        ("transaction_number[startswith]=W", [300, 200, 100]),
        ("created_at[<]=2013-05-07", [100]),
        ("is_active=true", [300, 200, 100]),
    ],
)
async def test_debits_are_filtered_and_sorted(api: Api, wall: Wall, query: str, amounts: list[int]) -> None:
    await debited(api, amount=100)
    wall.moment += clock.DAY
    await debited(api, amount=200)
    await debited(api, amount=300, meta={"tag": 1})

    page = await shown(api, f"{api.marketplace}/debits?{query}")

    assert [debit["amount"] for debit in page["items"]] == amounts


# Update


async def test_a_debit_is_described_anew(api: Api) -> None:
    debit = await debited(api, description="before", meta={"order": "12"})
    seller = await made(api, f"{api.marketplace}/accounts")

    body = {**debit, "description": "after", "meta": {"parcel": "7"}, "on_behalf_of_uri": seller["uri"]}
    answer = await api.put(debit["uri"], body)

    assert answer.body == {**debit, "description": "after", "meta": {"parcel": "7"}, "on_behalf_of": seller}
    assert answer.body == await shown(api, debit["uri"])
    assert (await event_types(api, debit))[-1] == "debit.updated"


async def test_what_is_not_sent_stays(api: Api) -> None:
    debit = await debited(api, description="before", meta={"order": "12"})

    described = await api.put(debit["uri"], {"description": "after", "meta": None})
    untold = await api.put(debit["uri"], {"description": None})

    assert (described.body["description"], described.body["meta"]) == ("after", {"order": "12"})
    assert (untold.body["description"], untold.body["meta"]) == (None, {"order": "12"})


@pytest.mark.parametrize("body", [None, {"amount": 9}, {"appears_on_statement_as": "NOBODY"}])
async def test_nothing_to_change_changes_nothing(api: Api, untouched: Untouched, body: Any) -> None:
    debit = await debited(api)

    with untouched():
        answer = await api.put(debit["uri"], body)

    assert (answer.status, answer.body) == (200, debit)


# Events


async def test_a_card_debit_has_four_events_in_order(api: Api) -> None:
    customer = await payer(api)
    before = len(await event_types(api))

    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})

    order = ["debit.created", "hold.created", "debit.succeeded", "hold.captured"]
    assert (await event_types(api))[before:] == order
    assert await event_types(api, debit) == ["debit.created", "debit.succeeded"]
    assert await event_types(api, debit["hold"]) == ["hold.created", "hold.captured"]


async def test_a_capture_has_three_events_in_order(api: Api) -> None:
    hold = await held(api)
    before = len(await event_types(api))

    await made(api, f"{hold['uri']}/debits")

    assert (await event_types(api))[before:] == ["debit.created", "debit.succeeded", "hold.captured"]


async def test_events_show_a_debit_as_it_was(api: Api) -> None:
    debit = await debited(api)

    created, succeeded = (await shown(api, debit["events_uri"]))["items"]

    assert (created["entity"]["status"], created["entity"]["available_at"]) == ("pending", None)
    assert (succeeded["entity"]["status"], succeeded["entity"]["hold_uri"]) == ("succeeded", debit["hold"]["uri"])
    assert (await shown(api, f"{debit['events_uri']}/{created['id']}")) == created


# What it means for a customer


@pytest.mark.parametrize("activity", ["holds", "debits", "credits"])
async def test_a_customer_with_activity_is_not_deleted(api: Api, untouched: Untouched, activity: str) -> None:
    customer, other = await payer(api, GOOD), await debited(api)
    await bank_account_of(api, customer)
    await made(api, f"{customer['uri']}/{activity}", {"amount": other["amount"]})

    with untouched():
        answer = await api.delete(customer["uri"])

    sentence = f"Customer {customer['id']} has had holds, debits or credits."
    assert answer.refusal == (409, "logical", "customer-has-activity", sentence)
