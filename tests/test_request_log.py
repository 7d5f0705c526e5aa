"""The request log: every request from receipt on, the last ones only, without a secret, and why it was refused."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

import orjson
import pytest

from sandbox.clock import Moment
from sandbox.codes import reference
from sandbox.request_log import KEPT, Entry, RequestLog, Why, curl, masked, shown
from sandbox.worlds import Worlds
from tests.api import Api
from tests.levers import Levers, problem
from tests.resources.charging import loose_card, made, payer

NOW: Moment = 1_367_860_683_439_563
URL = "http://127.0.0.1:8642"

CARD = "4111111111111111"
ACCOUNT = "987654321987654"
CANARIES = (CARD, ACCOUNT, "4242 4242 4242 4242", "7391")


def entry(method: str = "POST", uri: str = "/v1/customers", **more: Any) -> Entry:
    noted = Entry("OHM1", NOW, method, uri, "customers.create", has_key=more.pop("has_key", True))
    for name, known in more.items():
        setattr(noted, name, known)
    return noted


# Noted, kept, found.


def test_the_last_requests_are_kept() -> None:
    log = RequestLog(kept=2)
    for number in range(3):
        log.note(Entry(f"OHM{number}", NOW, "GET", "/", ""))

    assert [one.id for one in log] == ["OHM1", "OHM2"]
    assert log.find("OHM0") is None
    assert KEPT == 1000


def test_of_two_with_one_id_the_latest_is_found() -> None:
    log = RequestLog()
    log.note(entry())
    log.note(later := entry())

    assert log.find("OHM1") is later


async def test_a_request_is_noted_on_receipt(api: Api, worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    perform = worlds.default.perform

    def look(*args: Any, **how: Any) -> Any:
        seen.append([one.status for one in worlds.default.requests])
        return perform(*args, **how)

    monkeypatch.setattr(worlds.default, "perform", look)

    await api.get("/v1/customers")

    assert seen == [[None]]
    assert [one.status for one in worlds.default.requests] == [200]


async def test_an_answered_request_is_shown_whole(levers: Levers) -> None:
    answer = await levers.api.post("/v1/customers?x=1", {"name": "Alice"})

    (found,) = (await levers.pulled("GET", "requests"))["items"]

    assert found.pop("milliseconds") > 0
    assert found == {
        "id": answer.headers["X-Sandbox-Request-Id"],
        "world": "default",
        "at": "2013-05-06T17:18:03.439563Z",
        "method": "POST",
        "uri": "/v1/customers?x=1",
        "operation": "customers.create",
        "body": {"name": "Alice"},
        "status": 201,
        "answer": answer.body,
        "refused": None,
        "fault": None,
        "curl": found["curl"],
    }
    again = await levers.pulled("GET", f"requests/{found['id']}")
    assert again["uri"] == found["uri"]


async def test_the_log_is_forgotten_on_demand(levers: Levers) -> None:
    await levers.api.get("/v1/customers")

    assert (await levers.delete("requests")).status == 204

    assert (await levers.pulled("GET", "requests"))["items"] == []
    assert problem(await levers.get("requests/OHM0"))[:2] == (404, "request")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["customers.create", "customers.retrieve", "customers.index", "customers.index"]),
        ("status=404", ["customers.retrieve"]),
        ("status=4", []),
        ("operation=customers.create", ["customers.create"]),
        ("method=POST", ["customers.create"]),
        ("rule=not-found", ["customers.retrieve"]),
        ("rule=None", []),
        ("uri=/v1/customers%3Flimit=1", ["customers.index"]),
        ("method=GET&status=200", ["customers.index", "customers.index"]),
    ],
)
async def test_requests_are_found_by_what_they_were(levers: Levers, query: str, expected: list[str]) -> None:
    await levers.api.post("/v1/customers")
    await levers.api.get("/v1/customers/CU0")
    await levers.api.get("/v1/customers?limit=1")
    await levers.api.get("/v1/customers?limit=2")

    found = (await levers.pulled("GET", f"requests?{query}"))["items"]

    assert [one["operation"] for one in found] == expected


async def test_a_filter_that_is_none_is_a_problem(levers: Levers) -> None:
    status, field, detail = problem(await levers.get("requests?stauts=404"))

    assert (status, field) == (400, "stauts")
    assert detail.startswith("is none of status, operation, method, rule, uri, ")


# Why it was refused.


async def refused(levers: Levers, path: str, body: Any) -> Any:
    """Ask, and return what the log says of why it was refused."""
    answer = await levers.api.post(path, body)
    assert answer.status >= 400
    (found,) = (await levers.pulled("GET", f"requests/{answer.headers['X-Sandbox-Request-Id']}"),)
    assert found["refused"]["rule"] == answer.headers["X-Sandbox-Rule"]
    assert found["answer"] == masked(answer.body)
    return found["refused"]


async def test_a_refusal_says_rule_field_expected_got_and_where_that_is_written(levers: Levers) -> None:
    customer = await payer(levers.api)

    assert await refused(levers, f"{customer['uri']}/debits", {"amount": "many"}) == {
        "rule": "invalid-field",
        "field": "amount",
        "expected": '"many" is not an integer',
        "got": "many",
        "reference": reference("request"),
    }


async def test_a_missing_field_was_not_got(levers: Levers) -> None:
    customer = await payer(levers.api)

    why = await refused(levers, f"{customer['uri']}/debits", {})

    assert (why["rule"], why["field"], why["got"]) == ("missing-field", "amount", None)
    assert why["expected"] == "Missing required field [amount]"


async def test_what_was_got_in_a_nested_field_is_found(levers: Levers) -> None:
    why = await refused(levers, "/v1/credits", {"amount": 100, "bank_account": {"name": 7, "routing_number": "1"}})

    assert why["field"] in ("name", "routing_number")
    assert why["got"] in (7, "1")


async def test_a_rule_of_the_money_names_no_field(levers: Levers) -> None:
    customer = await payer(levers.api)
    hold = await made(levers.api, f"{customer['uri']}/holds", {"amount": 1000})
    await made(levers.api, f"{customer['uri']}/debits", {"hold_uri": hold["uri"]})

    why = await refused(levers, f"{customer['uri']}/debits", {"hold_uri": hold["uri"]})

    assert why == {
        "rule": "cannot-capture-authorization",
        "field": None,
        "expected": "Hold already captured or voided.",
        "got": None,
        "reference": "money.md §5.4",
    }


async def test_a_request_without_a_key_is_in_the_default_world_s_log(levers: Levers) -> None:
    answer = await levers.api.with_key("").get("/v1/customers")

    (found,) = (await levers.pulled("GET", "requests?status=401"))["items"]

    assert found["id"] == answer.headers["X-Sandbox-Request-Id"]
    assert found["refused"]["rule"] == "authentication-required"


# Without a secret.


async def test_no_secret_is_ever_shown(levers: Levers) -> None:
    api = levers.api
    card = {"card_number": CARD, "security_code": "7391", "expiration_month": 12, "expiration_year": 2020}
    account = {"name": "Johann", "account_number": ACCOUNT, "routing_number": "121000358", "type": "checking"}
    await api.post(f"{api.marketplace}/cards", card)
    await api.post(f"{api.marketplace}/cards", card | {"card_number": int(CARD), "security_code": 7391})
    await api.post(f"{api.marketplace}/cards", card | {"card_number": [CARD], "security_code": {"x": "7391"}})
    await api.post(f"{api.marketplace}/cards", card | {"expiration_year": CARD})
    await api.post("/v1/customers", {"card": card, "bank_account": account, "ssn_last4": "7391"})
    await api.post("/v1/customers", {"name": f"my card {CARD}", "meta": {"number": "4242 4242 4242 4242"}})
    await api.post("/v1/customers", form=f"name=x&meta[card]={CARD}&ssn_last4=7391")
    await api.get(f"/v1/customers?card_number={CARD}&meta[x]=4242%204242%204242%204242&security_code=7391")
    await api.get(f"/v1/cards/{CARD}")
    await api.post("/v1/bank_accounts", account | {"account_number": int(ACCOUNT)})
    await api.post("/v1/bank_accounts", account | {"routing_number": CARD})
    key = await api.with_key("").post("/v1/api_keys")

    text = (await levers.get("requests")).raw.decode()
    own = Levers(api.with_key(key.body["secret"]))
    text += (await own.get("requests")).raw.decode()

    assert [canary for canary in (*CANARIES, api.key, key.body["secret"]) if canary in text] == []


def test_what_is_no_secret_stays_as_it_was() -> None:
    value = {"name": "a\nb", "amount": 5000, "ratio": 0.5, "void": False, "none": None, "list": [1, "x", {"y": []}]}

    assert masked(value) == value


def test_a_secret_field_is_masked_whatever_it_holds() -> None:
    value = {"card_number": 4111, "account_number": {"a": ["b", 1]}, "security_code": None, "secret": ""}

    assert masked(value) == {
        "card_number": "***",
        "account_number": {"a": ["***", "***"]},
        "security_code": None,
        "secret": "***",
    }


def test_a_card_number_is_masked_wherever_it_is() -> None:
    assert masked({CARD: [CARD, int(CARD)]}) == {"************1111": ["************1111", "************1111"]}


def test_why_is_masked_too() -> None:
    refused_with = entry(body={"x": CARD}, why=Why("invalid-field", "x", f'"{CARD}" is not short', "entities.md"))

    assert CARD not in orjson.dumps(shown(refused_with, "default", URL)).decode()


# As a curl line.


def test_a_line_asks_the_same_again() -> None:
    assert curl(entry(body={"name": "it's"}), URL) == (
        'curl --globoff -u "$KEY:" -X POST http://127.0.0.1:8642/v1/customers '
        "-H 'Content-Type: application/json' -d '{\"name\":\"it'\"'\"'s\"}'"
    )
    assert curl(entry("GET", "/v1/customers?a=b&c=d"), URL) == (
        "curl --globoff -u \"$KEY:\" -X GET 'http://127.0.0.1:8642/v1/customers?a=b&c=d'"
    )


def test_a_line_sends_no_key_where_none_was_sent_and_waits_for_no_body_of_a_head() -> None:
    assert curl(entry("HEAD", has_key=False), URL) == "curl --globoff --head http://127.0.0.1:8642/v1/customers"


def run(line: str, key: str) -> Any:
    """Run a line in a shell and return the JSON it prints."""
    done = subprocess.run(
        ["bash", "-c", f"{line} --silent --show-error --fail-with-body"],
        env={"KEY": key, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return orjson.loads(done.stdout)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/customers", {"name": 'it\'s "Alice" $KEY `date`\n\\', "meta": {"ü": "€"}}),
        ("GET", "/v1/customers?limit=1&created_at[>]=2000-01-01", None),
        ("POST", "/v1/customers", None),
    ],
)
async def test_a_line_works_in_a_shell(levers: Levers, method: str, path: str, body: Any) -> None:
    first = await levers.api.send(method, path, body)
    assert first.status < 300, first.raw
    line = (await levers.pulled("GET", "requests"))["items"][-1]["curl"]

    again = await asyncio.to_thread(run, line, levers.api.key)

    last = (await levers.pulled("GET", "requests"))["items"][-1]
    assert last["body"] == (body or {})
    assert last["status"] == first.status
    for name in ("id", "uri", "created_at", "transaction_number"):
        if method == "POST":
            again.pop(name, None)
    if method == "GET":
        assert again == first.body
    else:
        assert again["name"] == first.body["name"]
        assert again["meta"] == first.body["meta"]


async def test_a_card_is_in_the_log_with_its_last_four_only(levers: Levers) -> None:
    card = await loose_card(levers.api)

    (found,) = (await levers.pulled("GET", "requests"))["items"]

    assert found["body"]["card_number"] == "***"
    assert found["answer"]["last_four"] == card["last_four"] == "1111"
