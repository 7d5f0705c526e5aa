"""Every exchange recorded of the real service, asked again: what differs is in the table of deviations, or a fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.api import Answered, Api
from tests.conformance import deviations
from tests.conformance.recordings import LATE, Exchange, Forms, as_form, exchanges, forms, ids, leaves, recast
from tests.conformance.scenes import SCENES, Cast
from tests.conformance.setting import Setting
from tests.shared import needs_shared

pytestmark = needs_shared

_ASKED = [
    # The recordings were made with forms; clients send JSON.
    pytest.param(exchange, encoding, id=f"{exchange.name}-{encoding}" if exchange.asked else exchange.name)
    for exchange in exchanges(LATE).values()
    for encoding in (("json", "form") if exchange.asked else ("empty",))
]


@pytest.fixture
async def setting(api: Api) -> Setting:
    return await Setting.opened(api)


async def ask(setting: Setting, exchange: Exchange, encoding: str, cast: Cast) -> Answered:
    """Send the recorded request to the records that play its parts."""
    target, body = recast(exchange.target, cast), recast(exchange.asked, cast)
    if encoding == "form":
        return await setting.api.send(exchange.method, target, form=as_form(body))
    return await setting.api.send(exchange.method, target, body)


@pytest.mark.parametrize(("exchange", "encoding"), _ASKED)
async def test_the_answer_is_as_recorded(setting: Setting, exchange: Exchange, encoding: str) -> None:
    cast = {"MP": setting.marketplace.rpartition("/")[2], **await SCENES[exchange.name](setting)}

    answer = await ask(setting, exchange, encoding, cast)

    body = answer.body if answer.raw else None
    expected = deviations.applied(exchange.name, forms(exchange.answered))
    assert answer.status == exchange.status, answer.raw
    assert answer.headers.get("Content-Type") == (None if body is None else "application/json")
    assert not (differing := differences(expected, forms(body))), "\n".join(differing)
    assert not (mistaken := mistaken_identities(exchange, cast, body)), "\n".join(mistaken)


def differences(expected: Forms, answered: Forms) -> list[str]:
    """Return a line for every path that has another form than it should."""
    return [
        f"{path}: {expected.get(path, 'nothing')} is expected, {answered.get(path, 'nothing')} is answered"
        for path in sorted(expected.keys() | answered.keys())
        if expected.get(path) != answered.get(path)
    ]


def mistaken_identities(exchange: Exchange, cast: Cast, body: Any) -> list[str]:
    """Return a line for every place that names another record than the one that plays the recorded one's part."""
    recorded, answered = deviations.places(exchange.name, dict(leaves(exchange.answered))), dict(leaves(body))
    asked = ids(f"{exchange.target} {exchange.asked}")
    plays = {theirs: cast[prefix] for prefix, named in asked.items() for theirs in named}
    played_by = {ours: theirs for theirs, ours in plays.items()}
    return [
        f"{path}: {theirs} is played by {plays[theirs]}, and {ours} plays {played_by[ours]}"
        for path in sorted(recorded.keys() & answered.keys())
        for theirs, ours in pairs(ids(recorded[path]), ids(answered[path]))
        if (plays.setdefault(theirs, ours), played_by.setdefault(ours, theirs)) != (ours, theirs)
    ]


def pairs(recorded: Mapping[str, list[str]], answered: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """Return the ids of one place, each with the one that stands for it; one that is only on one side is left out."""
    return [pair for prefix in recorded for pair in zip(recorded[prefix], answered.get(prefix, []), strict=False)]


def test_every_exchange_has_its_scene() -> None:
    assert SCENES.keys() == exchanges(LATE).keys()
