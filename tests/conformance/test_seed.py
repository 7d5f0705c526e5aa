"""The specification's own examples, key by key."""

from __future__ import annotations

import re
from typing import Any

from sandbox import fixtures
from sandbox.worlds import Worlds
from tests.api import Api
from tests.shared import example, needs_shared

pytestmark = needs_shared

_ID = re.compile(r"\b(?:TEST-MP|CU|AC|CC|BA)[0-9A-Za-z]{18,}")


def _in_form(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body with ids and moments replaced by what they are."""
    known = {key: _ID.sub("<id>", value) if isinstance(value, str) else value for key, value in body.items()}
    return {**known, "created_at": re.sub(r"\d", "9", body["created_at"])}


async def test_create_answers_as_specified(api: Api) -> None:
    specified = example("create")

    answer = await api.post("/v1/customers", specified["request_body"])

    assert f"{answer.status} {answer.reason}" == specified["status"]
    assert _in_form(answer.body) == _in_form(specified["response_body"])
    assert answer.headers["Content-Type"] == "application/json"


async def test_retrieve_answers_as_specified(api: Api) -> None:
    specified = example("retrieve")
    made = await api.post("/v1/customers", {"address": specified["response_body"]["address"]})

    answer = await api.get(made.body["uri"])

    assert f"{answer.status} {answer.reason}" == specified["status"]
    assert _in_form(answer.body) == _in_form(specified["response_body"])


async def test_list_answers_as_specified(worlds: Worlds, api: Api) -> None:
    specified = example("list")
    world = worlds.create()
    fixtures.populate(world, [fixtures.read(path) for path in fixtures.locate("documented")])

    answer = await api.with_key(world.api_key).get("/v1/customers")

    assert f"{answer.status} {answer.reason}" == specified["status"]
    assert answer.body == specified["response_body"]


async def test_update_answers_as_specified(api: Api) -> None:
    specified = example("update")
    made = await api.post("/v1/customers", {"name": "Someone Else", "email": "else@example.org"})

    # The body that was sent is not part of the specification; this one gives what is shown.
    answer = await api.put(made.body["uri"], {"name": "Richie McCaw", "email_address": "richie@example.org"})

    assert f"{answer.status} {answer.reason}" == specified["status"]
    assert _in_form(answer.body) == _in_form(specified["response_body"])


async def test_delete_answers_as_specified(api: Api) -> None:
    specified = example("delete")
    made = await api.post("/v1/customers", {})

    answer = await api.delete(made.body["uri"])

    assert f"{answer.status} {answer.reason}" == specified["status"]
    assert answer.raw == b""
