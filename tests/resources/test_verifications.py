"""Verifications over HTTP: three attempts to name two deposits, and what a bank account may do afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import clock
from tests.api import Answered, Api
from tests.conftest import Wall
from tests.resources.conftest import Untouched
from tests.resources.made import BANK_ACCOUNT, CARD, account, bank_account, customer, event_types, made, shown

KEYS = {"_type", "_uris", "attempts", "created_at", "id", "remaining_attempts", "state", "updated_at", "uri"}
RIGHT = {"amount_1": 1, "amount_2": 1}
WRONG = {"amount_1": 1, "amount_2": 2}

MISMATCH = (409, "logical", "bank-account-authentication-failed", "Authentication amounts do not match.")
NOT_PENDING = (
    409,
    "logical",
    "bank-account-authentication-not-pending",
    "Bank account authentication is not pending.",
)


async def begun(api: Api, owner: Any = None) -> Any:
    """Return a new verification of a new bank account."""
    token = await bank_account(api)
    if owner is not None:
        await api.put(token["uri"], {"account_uri": owner["uri"]})
    return await made(api, token["verifications_uri"])


def bank_account_of(verification: Any) -> str:
    """Return the uri of the bank account a verification is of."""
    uri: str = verification["uri"].rpartition("/verifications/")[0]
    return uri


@pytest.mark.parametrize("how", [{}, {"body": {}}, {"form": "none="}, {"body": {"anything": 1}}])
async def test_it_begins_pending_whatever_is_sent(api: Api, how: dict[str, Any]) -> None:
    token = await bank_account(api)

    answer = await api.send("POST", token["verifications_uri"], **how)

    assert (answer.status, answer.reason) == (201, "CREATED")
    assert answer.body.keys() == KEYS
    expected = {
        "_type": "bank_account_authentication",
        "_uris": {},
        "attempts": 0,
        "remaining_attempts": 3,
        "state": "pending",
        "uri": f"{token['verifications_uri']}/{answer.body['id']}",
    }
    assert {key: answer.body[key] for key in expected} == expected
    assert answer.body["id"].startswith("BZ")
    assert answer.body["updated_at"] == answer.body["created_at"]


async def test_the_bank_account_links_to_its_latest_one(api: Api) -> None:
    verification = await begun(api)

    token = await shown(api, bank_account_of(verification))

    assert token["verification_uri"] == verification["uri"]
    assert token["_uris"]["verification_uri"] == {"_type": "bank_account_authentication", "key": "verification"}
    assert token["can_debit"] is False


@pytest.mark.parametrize(
    "how", [{"body": RIGHT}, {"form": "amount_1=1&amount_2=1"}, {"body": {"amount_1": "1", "amount_2": "1"}}]
)
async def test_the_right_amounts_verify_it(api: Api, wall: Wall, how: dict[str, Any]) -> None:
    verification = await begun(api)
    wall.moment += clock.DAY

    answer = await api.send("PUT", verification["uri"], **how)

    assert answer.status == 200
    moved = {"attempts": 1, "remaining_attempts": 2, "state": "verified"}
    assert answer.body == verification | moved | {"updated_at": "2013-05-07T17:18:03.439563Z"}
    assert await shown(api, verification["uri"]) == answer.body
    assert (await shown(api, bank_account_of(verification)))["can_debit"] is True


async def test_a_wrong_attempt_is_counted_although_it_is_refused(api: Api) -> None:
    verification = await begun(api)

    answer = await api.put(verification["uri"], WRONG)

    assert answer.refusal == MISMATCH
    found = await shown(api, verification["uri"])
    assert (found["attempts"], found["remaining_attempts"], found["state"]) == (1, 2, "pending")
    assert (await shown(api, bank_account_of(verification)))["can_debit"] is False


async def test_the_last_attempt_may_still_be_right(api: Api) -> None:
    verification = await begun(api)
    for _ in range(2):
        await api.put(verification["uri"], WRONG)

    answer = await api.put(verification["uri"], RIGHT)

    assert (answer.body["attempts"], answer.body["remaining_attempts"], answer.body["state"]) == (3, 0, "verified")


async def test_three_wrong_attempts_fail_it_for_good(api: Api) -> None:
    verification = await begun(api)

    answers = [await api.put(verification["uri"], amounts) for amounts in (WRONG, WRONG, WRONG, RIGHT)]

    assert [answer.refusal for answer in answers] == [MISMATCH, MISMATCH, MISMATCH, NOT_PENDING]
    found = await shown(api, verification["uri"])
    assert (found["attempts"], found["remaining_attempts"], found["state"]) == (3, 0, "failed")
    assert (await shown(api, bank_account_of(verification)))["can_debit"] is False


@pytest.mark.parametrize("body", [RIGHT, WRONG, {}, {"amount_1": "x"}])
async def test_what_is_verified_cannot_be_confirmed_again(api: Api, untouched: Untouched, body: dict[str, Any]) -> None:
    verification = await begun(api)
    await api.put(verification["uri"], RIGHT)

    with untouched():
        answer = await api.put(verification["uri"], body)

    assert answer.refusal == NOT_PENDING


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"amount_2": 1}, "Missing required field [amount_1]"),
        ({"amount_1": 1}, "Missing required field [amount_2]"),
        ({"amount_1": "x", "amount_2": 1}, 'Invalid field [amount_1] - "x" is not an integer'),
        ({"amount_1": 1, "amount_2": 0.01}, 'Invalid field [amount_2] - "0.01" is not an integer'),
    ],
)
async def test_amounts_that_cannot_be_read_are_no_attempt(
    api: Api, untouched: Untouched, body: dict[str, Any], sentence: str
) -> None:
    verification = await begun(api)

    with untouched():
        answer = await api.put(verification["uri"], body)

    assert answer.refusal == (400, "request", "request", sentence)


@pytest.mark.parametrize("state", ["pending", "verified"])
async def test_there_is_no_second_one_while_there_is_no_need(api: Api, untouched: Untouched, state: str) -> None:
    verification = await begun(api)
    if state == "verified":
        await api.put(verification["uri"], RIGHT)
    token = bank_account_of(verification)

    with untouched():
        answer = await api.post(f"{token}/verifications")

    sentence = f"Bank account {token.rpartition('/')[2]} already has an authentication that is {state}."
    assert answer.refusal == (409, "logical", "bank-account-authentication-already-exists", sentence)


async def test_after_a_failed_one_there_may_be_another(api: Api) -> None:
    failed = await begun(api)
    for _ in range(3):
        await api.put(failed["uri"], WRONG)
    token = bank_account_of(failed)

    second = await made(api, f"{token}/verifications")
    await api.put(second["uri"], RIGHT)

    found = await shown(api, token)
    assert (found["verification_uri"], found["can_debit"]) == (second["uri"], True)
    page = await shown(api, f"{token}/verifications")
    assert [one["id"] for one in page["items"]] == [second["id"], failed["id"]]
    assert (page["total"], page["uri"]) == (2, f"{token}/verifications?limit=10&offset=0")


async def test_an_invalid_bank_account_is_not_verified(api: Api, untouched: Untouched) -> None:
    token = await bank_account(api)
    await api.put(token["uri"], {"is_valid": False})

    with untouched():
        answer = await api.post(token["verifications_uri"])

    sentence = f"Bank account {token['id']} is not valid."
    assert answer.refusal == (409, "logical", "bank-account-not-valid", sentence)


# Other paths


async def test_the_older_name_of_the_collection_answers_too(api: Api) -> None:
    token = await bank_account(api)
    path = f"{token['uri']}/authentications"

    begun = await made(api, path)
    confirmed = await api.put(f"{path}/{begun['id']}", RIGHT)

    assert begun["uri"] == f"{token['uri']}/verifications/{begun['id']}"
    assert await shown(api, f"{path}/{begun['id']}") == confirmed.body
    assert (await shown(api, path))["items"] == [confirmed.body]


async def test_the_singular_is_the_latest_one(api: Api) -> None:
    verification = await begun(api)
    path = f"{bank_account_of(verification)}/verification"

    before = await shown(api, path)
    confirmed = await api.put(path, RIGHT)

    assert before == verification
    assert (confirmed.status, confirmed.body["uri"]) == (200, verification["uri"])
    assert confirmed.body["state"] == "verified"


async def test_a_wrong_attempt_by_the_singular_is_counted_too(api: Api) -> None:
    verification = await begun(api)

    answer = await api.put(f"{bank_account_of(verification)}/verification", WRONG)

    assert answer.refusal == MISMATCH
    assert (await shown(api, verification["uri"]))["attempts"] == 1


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_what_is_not_there_is_not_found(api: Api, stranger: Api, untouched: Untouched, method: str) -> None:
    verification, theirs = await begun(api), await begun(stranger)
    other = await bank_account(api)
    paths = (
        f"{other['uri']}/verification",
        f"{other['uri']}/verifications/BZ123",
        f"{other['uri']}/verifications/{verification['id']}",
        theirs["uri"],
        "/v1/bank_accounts/BA123/verifications/BZ123",
    )

    with untouched():
        answers: list[Answered] = [await api.send(method, path, RIGHT) for path in paths]

    assert [answer.status for answer in answers] == [404] * 5


async def test_it_goes_with_its_bank_account(api: Api) -> None:
    verification = await begun(api)

    await api.delete(bank_account_of(verification))

    assert (await api.get(verification["uri"])).status == 404


# What it is good for


async def test_a_verified_bank_account_is_the_source_only_while_there_is_no_card(api: Api) -> None:
    owner = await account(api)
    verification = await begun(api, owner)
    before = await shown(api, owner["customer_uri"])

    await api.put(verification["uri"], RIGHT)

    verified = await shown(api, owner["customer_uri"])
    added = await made(api, f"{owner['uri']}/cards", CARD)
    with_card = await shown(api, owner["customer_uri"])
    assert before["source_uri"] is None
    assert verified["source_uri"] == verified["destination_uri"]
    assert with_card["source_uri"] == added["uri"]
    assert with_card["destination_uri"] == verified["destination_uri"]


async def test_one_verified_before_it_is_anybodys_becomes_the_source_too(api: Api) -> None:
    verification, owner = await begun(api), await customer(api)
    await api.put(verification["uri"], RIGHT)

    answer = await api.put(owner["uri"], {"bank_account_uri": bank_account_of(verification)})

    assert answer.body["source_uri"] == answer.body["destination_uri"]


async def test_one_invalidated_before_it_is_verified_is_no_source(api: Api) -> None:
    owner = await account(api)
    verification = await begun(api, owner)
    await api.put(bank_account_of(verification), {"is_valid": False})

    await api.put(verification["uri"], RIGHT)

    assert (await shown(api, owner["customer_uri"]))["source_uri"] is None


async def test_deleting_it_the_source_falls_back_to_the_one_verified_before(api: Api) -> None:
    owner = await account(api)
    first, second = [
        await made(api, f"{owner['uri']}/bank_accounts", BANK_ACCOUNT | {"account_number": number})
        for number in ("9900000002", "9900000003")
    ]
    for token in (first, second):
        verification = await made(api, token["verifications_uri"])
        await api.put(verification["uri"], RIGHT)

    await api.delete(second["uri"])

    found = await shown(api, owner["customer_uri"])
    assert found["source_uri"] == found["destination_uri"] == first["uri"]


# Events


async def test_what_happens_to_it_is_written_down(api: Api) -> None:
    verification = await begun(api)
    await api.put(verification["uri"], WRONG)
    await api.put(verification["uri"], RIGHT)

    assert (await event_types(api))[-5:] == [
        "bank_account_verification.created",
        "bank_account_verification.deposited",
        "bank_account_verification.updated",
        "bank_account.updated",
        "bank_account_verification.verified",
    ]


async def test_the_attempt_that_fails_it_is_written_down(api: Api) -> None:
    verification = await begun(api)
    for _ in range(3):
        await api.put(verification["uri"], WRONG)

    assert (await event_types(api))[-2:] == ["bank_account_verification.updated", "bank_account_verification.failed"]
    last = (await shown(api, "/v1/events?sort=occurred_at,asc&limit=100"))["items"][-1]
    assert last["entity"] == await shown(api, verification["uri"])
