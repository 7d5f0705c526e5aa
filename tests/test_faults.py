"""Faults: the first rule that fires is the one, it does what it says, and one that never could is refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from aiohttp import ServerDisconnectedError

from sandbox.codes import CODES
from sandbox.faults import BadFault, Fault, Faults, Operation, read
from sandbox.ids import Ids
from sandbox.store import Store
from sandbox.world import SHELVES, read_fault
from sandbox.worlds import Worlds
from tests.api import Api
from tests.levers import Levers, problem
from tests.resources.charging import bank_account_of, in_escrow, made, payer, shown

CREATE = Operation("debits.create", "POST", "/v1/customers/{customer}/debits")
SHOW = Operation("customers.retrieve", "GET", "/v1/customers/{customer}")
DELETE = Operation("cards.delete", "DELETE", "/v1/cards/{card}")
OPERATIONS = (CREATE, SHOW, DELETE)
PATH = "/v1/customers/CU1/debits"

FAIL = {"status": 500}
DEBIT = {"operation": "debits.create"}


def rule(on: Any = None, do: Any = None, **how: Any) -> Fault:
    return read({"on": on or {}, "do": do or FAIL, **how}, OPERATIONS, list(CODES))


def matches(on: Any, operation: Operation = CREATE, path: str = PATH, **body: Any) -> bool:
    return rule(on).matches(operation, path, body)


# What a rule is about.


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ({}, True),
        ({"operation": "debits.create"}, True),
        ({"operation": "customers.retrieve"}, False),
        ({"method": "POST"}, True),
        ({"method": "GET"}, False),
        ({"path": PATH}, True),
        ({"path": "/v1/customers/*/debits"}, True),
        ({"path": "/v1/*"}, True),
        ({"path": "/*debits"}, True),
        ({"path": "/v1/customers/CU2/*"}, False),
        ({"operation": "debits.create", "method": "POST", "path": "/v1/*"}, True),
    ],
)
def test_a_rule_is_about_an_operation_a_method_and_a_path(on: Any, expected: bool) -> None:
    assert matches(on) is expected


@pytest.mark.parametrize("mark", ["?", "[C]", "."])
def test_only_the_star_stands_for_anything_in_a_path(mark: str) -> None:
    assert not Fault({"path": f"/v1/customers/{mark}U1/debits"}, FAIL).matches(CREATE, PATH, {})


@pytest.mark.parametrize(
    ("wanted", "sent", "expected"),
    [
        (5000, 5000, True),
        (5000, "5000", True),  # a form sends text
        ("5000", 5000, True),
        (5000, 5001, False),
        (True, True, True),
        (True, "true", True),
        (None, None, True),
        (None, 5, False),
        ({"=": 5}, 5, True),
        ({"!=": 5}, 6, True),
        ({"!=": 5}, 5, False),
        ({"!=": 5}, None, False),
        ({"<": 5}, 4, True),
        ({"<": 5}, 5, False),
        ({"<=": 5}, 5, True),
        ({">": 5}, 5, False),
        ({">": 5}, "6", True),
        ({">=": 5}, 5, True),
        ({">=": 5, "<": 10}, 9, True),
        ({">=": 5, "<": 10}, 10, False),
        ({">": 5}, "many", False),
        ({">": 5}, None, False),
        ({">": 5}, {}, False),
        ({"contains": "mal"}, "formal", True),
        ({"contains": "mal"}, "form", False),
        ({}, "anything", True),
        ({}, None, False),
    ],
)
def test_a_rule_looks_into_the_body(wanted: Any, sent: Any, expected: bool) -> None:
    assert matches({"amount": wanted}, amount=sent) is expected


def test_a_rule_looks_into_nested_fields() -> None:
    assert matches({"meta.order": "7"}, meta={"order": "7"})
    assert not matches({"meta.order": "7"}, meta="7")
    assert not matches({"meta.order": "7"})


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ([], ""),
        ("drop", ""),
        ({"do": FAIL, "when": 1}, "when"),
        ({"on": {}}, "do"),
        ({"do": {}}, "do"),
        ({"do": []}, "do"),
        ({"do": FAIL, "on": []}, "on"),
        ({"do": FAIL, "times": 0}, "times"),
        ({"do": FAIL, "times": True}, "times"),
        ({"do": FAIL, "times": "1"}, "times"),
        ({"do": FAIL, "probability": 0}, "probability"),
        ({"do": FAIL, "probability": 1.5}, "probability"),
        ({"do": FAIL, "probability": True}, "probability"),
        ({"do": FAIL, "probability": "1"}, "probability"),
        ({"do": FAIL, "on": {"operation": "debits.make"}}, "on.operation"),
        ({"do": FAIL, "on": {"operation": ["debits.create"]}}, "on.operation"),
        ({"do": FAIL, "on": {"method": "PATCH"}}, "on.method"),
        ({"do": FAIL, "on": {"method": "HEAD"}}, "on.method"),
        ({"do": FAIL, "on": {"method": "PUT"}}, "on.method"),
        ({"do": FAIL, "on": {"operation": "debits.create", "method": "GET"}}, "on.method"),
        ({"do": FAIL, "on": {"path": 7}}, "on.path"),
        ({"do": FAIL, "on": {"path": "v1/*"}}, "on.path"),
        ({"do": FAIL, "on": {"path": "/v2/*"}}, "on.path"),
        ({"do": FAIL, "on": {"path": "/v1/customers/*/refunds"}}, "on.path"),
        ({"do": FAIL, "on": {"path": "/" + "*a" * 200}}, "on.path"),
        ({"do": FAIL, "on": {"operation": "debits.create", "path": "/v1/cards/*"}}, "on.path"),
        ({"do": FAIL, "on": {"nth": 0}}, "on.nth"),
        ({"do": FAIL, "on": {"nth": 1.5}}, "on.nth"),
        ({"do": FAIL, "on": {"nth": True}}, "on.nth"),
        ({"do": FAIL, "on": {"operation": "customers.retrieve", "amount": 5}}, "on.amount"),
        ({"do": FAIL, "on": {"method": "DELETE", "amount": 5}}, "on.amount"),
        ({"do": FAIL, "on": {"amount": {"~": 5}}}, "on.amount.~"),
        ({"do": FAIL, "on": {"amount": {">": "many"}}}, "on.amount.>"),
        ({"do": FAIL, "on": {"amount": {"=": None}}}, "on.amount.="),
        ({"do": FAIL, "on": {"amount": {">": 10, "<": 5}}}, "on.amount"),
        ({"do": FAIL, "on": {"amount": {">": 5, "<": 5}}}, "on.amount"),
        ({"do": FAIL, "on": {"amount": {">": 5, "<=": 5}}}, "on.amount"),
        ({"do": FAIL, "on": {"amount": {"=": 5, ">": 5}}}, "on.amount"),
        ({"do": FAIL, "on": {"amount": {"=": 5, "!=": 5}}}, "on.amount"),
        ({"do": FAIL, "on": {"amount": {">=": 5, "<=": 5, "!=": 5}}}, "on.amount"),
        ({"do": {"explode": True}}, "do.explode"),
        ({"do": {"decline": "card-eaten"}}, "do.decline"),
        ({"do": {"decline": ["card-declined"]}}, "do.decline"),
        ({"do": {"decline": "request"}}, "do.decline"),
        ({"do": {"status": 200}}, "do.status"),
        ({"do": {"status": 600}}, "do.status"),
        ({"do": {"status": "500"}}, "do.status"),
        ({"do": {"status": True}}, "do.status"),
        ({"do": {"status_after_commit": 399}}, "do.status_after_commit"),
        ({"do": {"delay_ms": -1}}, "do.delay_ms"),
        ({"do": {"delay_ms": 60_001}}, "do.delay_ms"),
        ({"do": {"delay_ms": 0.5}}, "do.delay_ms"),
        ({"do": {"drop": "sometimes"}}, "do.drop"),
        ({"do": {"drop": True}}, "do.drop"),
        ({"do": {"bank": "closed"}}, "do.bank"),
        ({"do": {"duplicate_delivery": False}}, "do.duplicate_delivery"),
        ({"do": {"duplicate_delivery": 1}}, "do.duplicate_delivery"),
        ({"do": {"status": 500, "drop": "before"}}, "do"),
        ({"do": {"decline": "card-declined", "status_after_commit": 500}}, "do"),
    ],
)
def test_a_rule_that_is_malformed_or_can_never_fire_is_refused_by_field(raw: Any, field: str) -> None:
    with pytest.raises(BadFault) as refused:
        read(raw, OPERATIONS, list(CODES))

    assert refused.value.field == field


@pytest.mark.parametrize(
    "raw",
    [
        {"do": FAIL},
        {"do": FAIL, "on": {"path": "/v1/*/CU1/*", "method": "POST"}},
        {"do": FAIL, "on": {"path": "/v1/cards/CC1"}},
        {"do": FAIL, "on": {"amount": {">=": 5, "<=": 5}}},
        {"do": FAIL, "on": {"amount": {"=": 5, ">=": 5, "!=": 6}}},
        {"do": {"delay_ms": 5, "bank": "fails", "duplicate_delivery": True, "drop": "after"}},
        {"do": FAIL, "times": 3, "probability": 0.5, "on": {"nth": 2}},
    ],
)
def test_a_rule_that_may_fire_is_read(raw: Any) -> None:
    assert read(raw, OPERATIONS, list(CODES)).do == raw["do"]


# Which rule fires, and how often.


@pytest.fixture
def rules() -> Faults:
    return Faults(Store.open(SHELVES), Ids("seed"))


def fired(rules: Faults, *amounts: int) -> list[Any]:
    """Return the status each request is answered with, None where no rule fires."""
    statuses = []
    for amount in amounts:
        with rules._store.transaction():
            statuses.append(rules.fire(CREATE, PATH, {"amount": amount}).get("status"))
    return statuses


def add(rules: Faults, status: int, on: Any = None, **how: Any) -> None:
    with rules._store.transaction():
        rules.add(rule(on, {"status": status}, **how), "2013-05-06")


def test_the_first_rule_that_fires_is_the_one(rules: Faults) -> None:
    add(rules, 501, {"amount": {">": 100}})
    add(rules, 502, {"amount": {">": 10}}, times=1)
    add(rules, 503)

    assert fired(rules, 200, 20, 20, 5) == [501, 502, 503, 503]
    assert [(one["matched"], one["fired"]) for one in rules.all()] == [(1, 1), (2, 1), (2, 2)]


def test_a_rule_fires_on_its_nth_match_only(rules: Faults) -> None:
    add(rules, 500, {"amount": {">": 10}, "nth": 2})

    assert fired(rules, 5, 20, 5, 20, 20) == [None, None, None, 500, None]


def test_a_rule_fires_so_many_times(rules: Faults) -> None:
    add(rules, 500, times=2)

    assert fired(rules, 1, 1, 1) == [500, 500, None]


def test_chance_comes_from_the_seed() -> None:
    def seen(seed: str) -> list[Any]:
        rules = Faults(Store.open(SHELVES), Ids(seed))
        add(rules, 500, probability=0.3)
        return fired(rules, *range(200))

    first = seen("seed")

    assert seen("seed") == first
    assert seen("other") != first
    assert 30 <= first.count(500) <= 90


def test_rules_are_forgotten_one_by_one_or_all(rules: Faults) -> None:
    add(rules, 501)
    add(rules, 502)
    first, second = rules.all()

    with rules._store.transaction():
        rules.clear(first["id"])
    assert list(rules.all()) == [second]

    with rules._store.transaction(), pytest.raises(KeyError):
        rules.clear(first["id"])
    with rules._store.transaction():
        rules.clear()
    assert rules.all() == []


# Over HTTP.


async def test_faults_are_added_listed_and_dropped(levers: Levers) -> None:
    first = await levers.post("faults", {"on": DEBIT, "do": {"decline": "card-declined"}, "times": 1})
    second = await levers.fault(FAIL)

    assert first.status == 201
    assert first.body["on"] == DEBIT
    assert (first.body["matched"], first.body["fired"], first.body["probability"]) == (0, 0, 1.0)
    assert (await levers.pulled("GET", "faults"))["items"] == [first.body, second]
    assert (await levers.delete(f"faults/{first.body['id']}")).status == 204
    assert problem(await levers.delete(f"faults/{first.body['id']}"))[:2] == (404, "fault")
    assert (await levers.delete("faults")).status == 204
    assert (await levers.pulled("GET", "faults"))["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "do"),
        ({"do": {"decline": "nope"}}, "do.decline"),
        ({"do": FAIL, "on": {"operation": "nope"}}, "on.operation"),
        ({"do": FAIL, "on": {"path": "/v1/nowhere"}}, "on.path"),
    ],
)
async def test_a_bad_fault_is_a_problem_and_is_not_kept(levers: Levers, body: Any, field: str) -> None:
    assert problem(await levers.post("faults", body))[:2] == (400, field)
    assert (await levers.pulled("GET", "faults"))["items"] == []


@pytest.mark.parametrize("code", CODES)
async def test_any_code_can_be_what_a_request_is_declined_with(levers: Levers, worlds: Worlds, code: str) -> None:
    customer = await payer(levers.api)
    await levers.fault({"decline": code}, DEBIT)
    before = worlds.default.store.contents()

    answer = await levers.api.post(f"{customer['uri']}/debits", {"amount": 1000})

    known = CODES[code]
    kind = "banking" if known.status == 402 else "logical"
    assert answer.refusal == (known.status, kind, code, known.sentence)
    assert answer.headers["X-Sandbox-Rule"] == code
    tables, _ = worlds.default.store.contents()
    assert {**tables, "faults": []} == {**before[0], "faults": []}


async def test_what_is_wrong_with_a_request_counts_before_it_is_declined(levers: Levers) -> None:
    customer = await payer(levers.api)
    await levers.fault({"decline": "card-declined"}, DEBIT)

    answer = await levers.api.post(f"{customer['uri']}/debits", {"amount": "many"})

    assert answer.status == 400


async def test_a_status_before_leaves_nothing_behind(levers: Levers) -> None:
    customer = await payer(levers.api)
    await levers.fault({"status": 503}, DEBIT, times=1)

    answer = await levers.api.post(f"{customer['uri']}/debits", {"amount": 1000})

    assert answer.status == 503
    assert answer.headers["X-Sandbox-Rule"] == "scripted"
    assert await in_escrow(levers.api) == 0
    assert (await levers.api.post(f"{customer['uri']}/debits", {"amount": 1000})).status == 201


async def test_a_status_after_the_commit_hides_what_happened(levers: Levers) -> None:
    customer = await payer(levers.api)
    await levers.fault({"status_after_commit": 500}, DEBIT)

    answer = await levers.api.post(f"{customer['uri']}/debits", {"amount": 1000})

    assert (answer.status, answer.body["category_code"]) == (500, "scripted")
    assert await in_escrow(levers.api) == 1000


@pytest.mark.parametrize(("when", "cents", "status"), [("before", 0, None), ("after", 1000, 201)])
async def test_a_connection_breaks_before_or_after_the_money_has_moved(
    levers: Levers, when: str, cents: int, status: int | None
) -> None:
    customer = await payer(levers.api)
    await levers.fault({"drop": when}, DEBIT, times=1)

    with pytest.raises(ServerDisconnectedError):
        await levers.api.post(f"{customer['uri']}/debits", {"amount": 1000})

    assert await in_escrow(levers.api) == cents
    (entry,) = (await levers.pulled("GET", "requests?operation=debits.create"))["items"]
    assert (entry["status"], entry["fault"]) == (status, {"drop": when})
    assert entry["refused"] is None
    assert (entry["answer"] is None) is (status is None)


async def test_a_connection_breaks_after_a_refusal_too(levers: Levers) -> None:
    await levers.fault({"drop": "after"}, {"operation": "customers.retrieve"})

    with pytest.raises(ServerDisconnectedError):
        await levers.api.get("/v1/customers/CU0")

    (entry,) = (await levers.pulled("GET", "requests?operation=customers.retrieve"))["items"]
    assert (entry["status"], entry["refused"]["rule"]) == (404, "not-found")


async def test_an_answer_is_delayed(levers: Levers) -> None:
    await levers.fault({"delay_ms": 1}, {"operation": "customers.index"})

    assert (await levers.api.get("/v1/customers")).status == 200
    (entry,) = (await levers.pulled("GET", "requests"))["items"]
    assert entry["milliseconds"] >= 1
    assert entry["fault"] == {"delay_ms": 1}


@pytest.mark.parametrize(("outcome", "status"), [("pending", "pending"), ("succeeds", "paid"), ("fails", "failed")])
async def test_the_bank_says_what_it_is_told_of_a_credit(levers: Levers, outcome: str, status: str) -> None:
    customer = await payer(levers.api)
    await made(levers.api, f"{customer['uri']}/debits", {"amount": 5000})
    account = await bank_account_of(levers.api, customer)
    await levers.fault({"bank": outcome}, {"operation": "credits.create_for_bank_account"}, times=1)

    credit = await made(levers.api, account["credits_uri"], {"amount": 100})

    assert credit["status"] == status


async def test_the_bank_says_what_it_is_told_of_a_card(levers: Levers) -> None:
    customer = await payer(levers.api)
    await levers.fault({"bank": "fails"}, DEBIT, times=1)

    answer = await levers.api.post(f"{customer['uri']}/debits", {"amount": 1000})

    assert answer.refusal[0::2] == (402, "card-declined")
    assert (await levers.api.post(f"{customer['uri']}/debits", {"amount": 1000})).status == 201


async def test_amounts_choose_who_is_declined(levers: Levers) -> None:
    customer = await payer(levers.api)
    await levers.fault({"decline": "card-declined"}, {**DEBIT, "amount": {">=": 5000}, "nth": 2})

    statuses = [
        (await levers.api.post(f"{customer['uri']}/debits", {"amount": amount})).status
        for amount in (5000, 4999, 5000, 5000)
    ]
    form = await levers.api.post(f"{customer['uri']}/debits", form="amount=6000")

    assert statuses == [201, 201, 402, 201]
    assert form.status == 201
    (fault,) = (await levers.pulled("GET", "faults"))["items"]
    assert (fault["matched"], fault["fired"]) == (4, 1)


async def test_faults_are_for_one_world_only(levers: Levers, worlds: Worlds) -> None:
    other = (await levers.post("worlds")).body
    await levers.fault(FAIL)

    assert (await levers.api.get("/v1/customers")).status == 500
    assert (await levers.api.with_key(other["api_key"]).get("/v1/customers")).status == 200


# A rule for one request.


def header(**rule: Any) -> dict[str, str]:
    return {"X-Sandbox-Fault": orjson.dumps(rule).decode()}


async def test_a_header_carries_a_rule_for_one_request(api: Api, levers: Levers) -> None:
    customer = await payer(api)

    declined = await api.post(
        f"{customer['uri']}/debits", {"amount": 1000}, headers=header(do={"decline": "card-declined"})
    )

    assert declined.status == 402
    assert (await api.post(f"{customer['uri']}/debits", {"amount": 1000})).status == 201
    assert (await levers.pulled("GET", "faults"))["items"] == []


async def test_a_header_s_rule_is_asked_before_the_others_and_need_not_match(api: Api, levers: Levers) -> None:
    await levers.fault({"status": 503})

    first = await api.send("GET", "/v1/customers", headers=header(do={"status": 502}))
    second = await api.send("GET", "/v1/customers", headers=header(on=DEBIT, do={"status": 502}))

    assert (first.status, second.status) == (502, 503)


async def test_a_header_s_rule_may_leave_it_to_chance(api: Api) -> None:
    rare = header(do={"status": 502}, probability=0.3)

    statuses = [(await api.send("GET", "/v1/customers", headers=rare)).status for _ in range(50)]

    assert {200, 502} == set(statuses)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("{", "X-Sandbox-Fault"),
        ("7", "a rule is an object"),
        ('{"do": {"explode": 1}}', "do.explode"),
        ('{"on": {"nth": 2}, "do": {"status": 500}}', "on.nth"),
        ("[" * 2000, "X-Sandbox-Fault"),
    ],
)
async def test_a_header_s_rule_that_cannot_be_is_refused_in_the_api_s_own_way(
    api: Api, worlds: Worlds, sent: str, why: str
) -> None:
    count = worlds.default.store.count("customers")

    answer = await api.post("/v1/customers", headers={"X-Sandbox-Fault": sent})

    assert answer.status == 400
    assert answer.description.startswith("Invalid field [X-Sandbox-Fault] - ")
    assert why in answer.description
    assert worlds.default.store.count("customers") == count


async def test_a_request_is_refused_when_what_its_fault_has_seen_cannot_be_kept(api: Api, worlds: Worlds) -> None:
    worlds.default.add_fault({"do": {"delay_ms": 0}})
    worlds.default.store.trouble = "the disk is gone"

    answer = await api.get("/v1/customers")

    assert (answer.status, answer.body["category_code"]) == (503, "service-unavailable")


@pytest.mark.parametrize("operation", ["debits.create", "holds.update", "customers.index"])
def test_every_operation_of_the_api_can_be_named(operation: str) -> None:
    assert read_fault({"on": {"operation": operation}, "do": FAIL}).on == {"operation": operation}


async def test_a_fault_does_not_take_the_money_s_invariants_along(levers: Levers) -> None:
    customer = await payer(levers.api)
    for do in ({"status_after_commit": 500}, {"decline": "card-declined"}, {"status": 500}, {"bank": "fails"}):
        await levers.fault(do, DEBIT, times=1)
        await levers.api.post(f"{customer['uri']}/debits", {"amount": 1000})

    assert (await levers.pulled("GET", "verify")) == {"good": True, "violations": []}
    assert (await shown(levers.api, f"{customer['uri']}/debits"))["total"] == 1
