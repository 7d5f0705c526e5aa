"""A world named in the query stands in the place of its key, so that what is shown of it has a link for everybody."""

from __future__ import annotations

import pytest

from sandbox.worlds import Worlds
from tests.api import Api
from tests.levers import CONTROL, problem


async def test_a_lever_looks_at_the_world_it_is_told_of(api: Api, worlds: Worlds) -> None:
    other = worlds.create(seed="7", begins=0)

    answer = await api.get(f"/_sandbox/clock?world={other.name}")

    assert answer.body["now"] == "1970-01-01T00:00:00.000000Z"
    assert (await api.get("/_sandbox/clock")).body["now"] != answer.body["now"]


async def test_a_lever_changes_the_world_it_is_told_of_and_no_other(api: Api, worlds: Worlds) -> None:
    other = worlds.create(seed="7", begins=0)
    before = worlds.default.dump()

    answer = await api.post(f"/_sandbox/clock/advance?world={other.name}", {"days": 1}, headers=CONTROL)

    assert answer.status == 200
    assert other.clock.now() == 86_400_000_000
    assert worlds.default.dump() == before


async def test_changing_a_named_world_takes_the_control_header(api: Api, worlds: Worlds) -> None:
    other = worlds.create(seed="7")

    answer = await api.post(f"/_sandbox/settle?world={other.name}")

    assert problem(answer)[0] == 403


@pytest.mark.parametrize("path", ["clock", "requests", "stream", "worlds"])
async def test_a_world_that_is_not_there_is_not_found(api: Api, path: str) -> None:
    answer = await api.get(f"/_sandbox/{path}?world=world-99")

    assert problem(answer) == (404, "world", "there is no world world-99")


async def test_the_requests_of_a_named_world_are_its_own(api: Api) -> None:
    other = (await api.post("/_sandbox/worlds", {}, headers=CONTROL)).body
    await api.get("/v1/customers")
    await api.with_key(other["api_key"]).get("/v1/customers?limit=1")

    answer = await api.get(f"/_sandbox/requests?world={other['id']}")

    assert [entry["uri"] for entry in answer.body["items"]] == ["/v1/customers?limit=1"]


async def test_a_brief_list_of_requests_leaves_out_what_was_sent_and_answered(api: Api) -> None:
    await api.post("/v1/customers", {"name": "Richie"})

    (entry,) = (await api.get("/_sandbox/requests?brief=true")).body["items"]
    (whole,) = (await api.get("/_sandbox/requests?brief=false")).body["items"]

    assert whole.keys() - entry.keys() == {"body", "answer", "curl"}
    assert entry == {name: whole[name] for name in entry}


async def test_brief_is_true_or_false(api: Api) -> None:
    answer = await api.get("/_sandbox/requests?brief=yes")

    assert problem(answer) == (400, "brief", "is true or false")
