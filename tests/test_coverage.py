"""Coverage: what the requests exercised, out of all there is, and the sum of it over several runs."""

from __future__ import annotations

import pytest

from sandbox.codes import RULES
from sandbox.coverage import Coverage, merged, table
from sandbox.resources import DUTIES, ROUTES
from sandbox.resources.events import TYPES
from sandbox.worlds import Worlds
from tests.api import Api
from tests.conformance.everything import everything
from tests.conformance.setting import Setting
from tests.conftest import Wall
from tests.levers import Levers, problem
from tests.resources.charging import made, payer

SEEN = {
    "operations": {"customers.create": 2, "customers.index": 0},
    "states": {"account.created": 2},
    "refusals": {"not-found": 1, "request": 0},
}


async def test_nothing_is_covered_at_first_and_everything_there_is_is_named(levers: Levers) -> None:
    shown = await levers.pulled("GET", "coverage")

    assert set(shown) == {"operations", "states", "refusals"}
    assert set(shown["operations"]) == {route.operation for route in ROUTES}
    assert set(shown["states"]) == {*TYPES, *DUTIES}
    assert set(shown["refusals"]) == set(RULES)
    assert {count for counts in shown.values() for count in counts.values()} == {0}


async def test_what_requests_exercise_is_counted(levers: Levers) -> None:
    customer = await payer(levers.api)
    await made(levers.api, f"{customer['uri']}/holds", {"amount": 100})
    await levers.api.get("/v1/customers/CU0")
    await levers.api.get("/v1/nowhere")
    await levers.pulled("POST", "clock/advance", {"days": 8})

    shown = await levers.pulled("GET", "coverage")

    assert shown["operations"]["customers.create"] == 1
    assert shown["operations"]["customers.retrieve"] == 2
    assert "" not in shown["operations"]
    assert (shown["states"]["hold.created"], shown["states"]["holds.expire"]) == (1, 1)
    assert shown["refusals"]["not-found"] == 2


async def test_a_state_that_was_undone_was_not_reached(levers: Levers) -> None:
    customer = await payer(levers.api)
    await levers.fault({"decline": "card-declined"}, {"operation": "debits.create"})

    await levers.api.post(f"{customer['uri']}/debits", {"amount": 100})

    shown = await levers.pulled("GET", "coverage")
    assert (shown["states"]["debit.created"], shown["refusals"]["card-declined"]) == (0, 1)


async def test_what_a_world_with_everything_comes_to_is_all_known(api: Api, worlds: Worlds, wall: Wall) -> None:
    setting = await Setting.opened(api)
    world = worlds.holder(setting.api.key)
    assert world is not None

    await everything(setting, wall)

    shown = world.coverage()
    assert set(shown["operations"]) == {route.operation for route in ROUTES}
    assert set(shown["states"]) == {*TYPES, *DUTIES}
    assert set(shown["refusals"]) == set(RULES)


async def test_coverage_is_lines_to_read_on_demand(levers: Levers) -> None:
    await levers.api.post("/v1/customers")

    answer = await levers.get("coverage?format=table")

    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.raw.decode().splitlines()
    assert lines[0].startswith("operations: 1 of ")
    assert "        1  customers.create" in lines
    assert problem(await levers.get("coverage?format=xml"))[:2] == (400, "format")


def test_several_coverages_add_up() -> None:
    other = {"operations": {"customers.create": 1, "cards.create": 0}, "states": {}, "refusals": {"request": 3}}

    assert merged([SEEN, other, SEEN]) == {
        "operations": {"cards.create": 0, "customers.create": 5, "customers.index": 0},
        "states": {"account.created": 4},
        "refusals": {"not-found": 2, "request": 3},
    }
    assert merged([]) == {"operations": {}, "states": {}, "refusals": {}}


def test_a_table_says_what_was_seen_and_what_was_not() -> None:
    assert table(SEEN).splitlines() == [
        "operations: 1 of 2",
        "        2  customers.create",
        "        -  customers.index",
        "states: 1 of 1",
        "        2  account.created",
        "refusals: 1 of 2",
        "        1  not-found",
        "        -  request",
    ]


@pytest.mark.parametrize("rule", [None, "not-found"])
def test_a_request_that_met_no_operation_counts_for_its_refusal_only(rule: str | None) -> None:
    seen = Coverage()

    seen.note("", rule)

    assert seen.shown(["a"], [], ["not-found"]) == {
        "operations": {"a": 0},
        "states": {},
        "refusals": {"not-found": 0 if rule is None else 1},
    }
