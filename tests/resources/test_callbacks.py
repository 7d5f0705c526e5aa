"""Callbacks over HTTP, and the outbox that whoever sends events to them goes by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox import clock
from sandbox.call import Call
from sandbox.resources import event_callbacks
from sandbox.resources.event_callbacks import ATTEMPTS, Attempt, EventCallback, attempted, outbox, pause_after
from sandbox.worlds import Worlds
from tests.api import Api
from tests.conftest import Wall
from tests.resources.conftest import Untouched
from tests.resources.made import card, made, shown

KEYS = {"_type", "_uris", "id", "method", "uri", "url"}
ON_ITS_WAY = {
    "_type", "_uris", "attempt_limit", "attempts", "attempts_remaining", "callback_uri", "event_uri", "id", "logs_uri",
    "status", "uri", "url",
}  # fmt: skip
LOG = {
    "_type", "_uris", "callback_uri", "event_uri", "occurred_at", "request_body", "request_mime_type", "response_body",
    "response_mime_type", "response_status", "status", "uri",
}  # fmt: skip

URL = "http://www.example.com/callback"
TAKEN = Attempt(
    request_body='{"type":"card.created"}',
    request_mime_type="application/json",
    response_body="thanks",
    response_mime_type="text/plain",
    response_status=200,
)
REFUSED = Attempt(request_body="{}", request_mime_type="application/json", response_status=500)
LOST = Attempt(request_body="{}", request_mime_type="application/json")


class Sender:
    """Stands in for whoever sends what is in the outbox."""

    def __init__(self, worlds: Worlds) -> None:
        self._world = worlds.default

    @contextmanager
    def _call(self) -> Iterator[Call]:
        with self._world.store.transaction():
            yield Call(self._world.tools, self._world.clock.now())

    def outbox(self) -> list[EventCallback]:
        with self._call() as call:
            return outbox(call)

    def send(self, attempt: Attempt) -> None:
        """Send the first thing there is, with this success."""
        with self._call() as call:
            attempted(call, outbox(call)[0], attempt)


@pytest.fixture
def sender(worlds: Worlds) -> Sender:
    return Sender(worlds)


async def callback(api: Api, url: str = URL, **body: Any) -> Any:
    """Return a new callback."""
    return await made(api, f"{api.marketplace}/callbacks", {"url": url, **body})


async def happened(api: Api) -> Any:
    """Have something happen, and return the event."""
    token = await card(api)
    page = await shown(api, "/v1/events?type=card.created&limit=100")
    return next(event for event in page["items"] if event["entity"]["id"] == token["id"])


async def on_its_way(api: Api) -> Any:
    """Return how far a new event is on its way to the one callback."""
    event = await happened(api)
    (found,) = (await shown(api, event["callbacks_uri"]))["items"]
    return found


# Register


@pytest.mark.parametrize("path", ["/v1/callbacks", "{marketplace}/callbacks"])
async def test_a_callback_is_registered_and_its_uri_is_flat(api: Api, path: str) -> None:
    answer = await api.post(path.format(marketplace=api.marketplace), {"url": URL})

    assert (answer.status, answer.reason) == (201, "CREATED")
    assert answer.body.keys() == KEYS
    identifier = answer.body["id"]
    assert answer.body == {
        "_type": "callback",
        "_uris": {},
        "id": identifier,
        "method": "post",
        "uri": f"/v1/callbacks/{identifier}",
        "url": URL,
    }
    assert identifier.startswith("CB")
    for found in (answer.body["uri"], f"{api.marketplace}/callbacks/{identifier}"):
        assert await shown(api, found) == answer.body


@pytest.mark.parametrize("method", ["post", "put", "get"])
async def test_a_callback_names_its_method(api: Api, method: str) -> None:
    assert (await callback(api, method=method))["method"] == method


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Missing required field [url]"),
        ({"url": "example"}, 'Invalid field [url] - "example" must be an http or https url'),
        ({"url": "ftp://example.com/"}, 'Invalid field [url] - "ftp://example.com/" must be an http or https url'),
        ({"url": URL, "method": "delete"}, 'Invalid field [method] - "delete" must be one of post, put, get'),
    ],
)
@pytest.mark.parametrize("path", ["/v1/callbacks", "{marketplace}/callbacks"])
async def test_what_cannot_be_called_back_is_refused(
    api: Api, untouched: Untouched, path: str, body: dict[str, Any], sentence: str
) -> None:
    with untouched():
        answer = await api.post(path.format(marketplace=api.marketplace), body)

    assert answer.refusal == (400, "request", "request", sentence)


async def test_callbacks_are_listed_newest_first(api: Api) -> None:
    first, second = await callback(api), await callback(api)

    pages = [await shown(api, path) for path in ("/v1/callbacks", f"{api.marketplace}/callbacks")]

    assert [page["items"] for page in pages] == [[second, first]] * 2
    assert pages[1]["uri"] == f"{api.marketplace}/callbacks?limit=10&offset=0"


@pytest.mark.parametrize("path", ["/v1/callbacks/{id}", "{marketplace}/callbacks/{id}"])
async def test_a_deleted_callback_is_gone(api: Api, path: str) -> None:
    registered = await callback(api)

    answer = await api.delete(path.format(marketplace=api.marketplace, id=registered["id"]))

    assert (answer.status, answer.reason, answer.raw) == (204, "NO CONTENT", b"")
    assert (await api.get(registered["uri"])).status == 404
    assert (await shown(api, "/v1/callbacks"))["total"] == 0


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_callback_that_is_not_there_is_not_found(
    api: Api, stranger: Api, untouched: Untouched, method: str
) -> None:
    theirs = await callback(stranger)

    with untouched():
        answers = [await api.send(method, path) for path in ("/v1/callbacks/CB123", theirs["uri"])]

    assert [answer.status for answer in answers] == [404, 404]


async def test_a_callback_is_not_changed(api: Api, untouched: Untouched) -> None:
    registered = await callback(api)

    with untouched():
        answer = await api.put(registered["uri"], {"url": "http://elsewhere.example.com/"})

    assert answer.refusal[:3] == (405, "request", "method-not-allowed")


# Events on their way


async def test_every_callback_is_told_of_every_event_from_then_on(api: Api) -> None:
    before = await happened(api)
    first, second = await callback(api), await callback(api, "https://www.example.com/other", method="put")

    event = await happened(api)

    assert before["callback_statuses"]["pending"] == 0
    assert event["callback_statuses"] == {"failed": 0, "pending": 2, "retrying": 0, "succeeded": 0}
    page = await shown(api, event["callbacks_uri"])
    assert [one["callback_uri"] for one in page["items"]] == [first["uri"], second["uri"]]
    assert [one["url"] for one in page["items"]] == [first["url"], second["url"]]
    assert (await shown(api, before["callbacks_uri"]))["items"] == []


async def test_an_event_callback_says_how_far_it_is(api: Api) -> None:
    registered, event = await callback(api), await happened(api)

    (item,) = (await shown(api, event["callbacks_uri"]))["items"]

    assert item.keys() == ON_ITS_WAY
    uri = f"{event['uri']}/callbacks/{registered['id']}"
    assert item == {
        "_type": "event_callback",
        "_uris": {"logs_uri": {"_type": "event_callback_log", "key": "logs"}},
        "id": registered["id"],
        "status": "pending",
        "attempts": 0,
        "attempt_limit": 10,
        "attempts_remaining": 10,
        "url": URL,
        "event_uri": event["uri"],
        "callback_uri": registered["uri"],
        "logs_uri": f"{uri}/logs",
        "uri": uri,
    }
    assert await shown(api, uri) == item
    assert (await shown(api, item["logs_uri"]))["items"] == []


async def test_other_worlds_hear_nothing(api: Api, stranger: Api) -> None:
    await callback(api)

    event = await happened(stranger)

    assert event["callback_statuses"]["pending"] == 0


async def test_what_is_refused_is_told_to_nobody(api: Api, untouched: Untouched) -> None:
    await callback(api)

    with untouched():
        answer = await api.post(f"{api.marketplace}/cards", {"card_number": "4222222222222220"})

    assert answer.status == 400


async def test_the_outbox_is_in_the_order_things_happened(api: Api, wall: Wall, sender: Sender) -> None:
    first, second = await callback(api), await callback(api)
    early = await happened(api)
    wall.moment += clock.SECOND
    late = await happened(api)

    waiting = sender.outbox()

    assert [(one.event, one.callback) for one in waiting] == [
        (event["id"], registered["id"]) for event in (early, late) for registered in (first, second)
    ]
    assert {(one.method, one.url) for one in waiting} == {("post", URL)}


# Attempts


async def test_a_taken_event_has_succeeded_and_has_a_log(api: Api, wall: Wall, sender: Sender) -> None:
    await callback(api)
    before = await on_its_way(api)
    wall.moment += clock.SECOND

    sender.send(TAKEN)

    after = await shown(api, before["uri"])
    assert after == before | {"status": "succeeded", "attempts": 1, "attempts_remaining": 9}
    event = await shown(api, before["event_uri"])
    assert event["callback_statuses"] == {"failed": 0, "pending": 0, "retrying": 0, "succeeded": 1}
    assert sender.outbox() == []
    page = await shown(api, before["logs_uri"])
    (log,) = page["items"]
    assert log.keys() == LOG
    expected = {
        "_type": "event_callback_log",
        "_uris": {},
        "status": "succeeded",
        "occurred_at": "2013-05-06T17:18:04.439563Z",
        "event_uri": before["event_uri"],
        "callback_uri": before["callback_uri"],
        "request_body": '{"type":"card.created"}',
        "request_mime_type": "application/json",
        "response_body": "thanks",
        "response_mime_type": "text/plain",
        "response_status": 200,
    }
    assert {key: log[key] for key in expected} == expected
    assert log["uri"].startswith(f"{before['logs_uri']}/")
    assert await shown(api, log["uri"]) == log


@pytest.mark.parametrize("attempt", [REFUSED, LOST])
async def test_what_was_not_taken_is_tried_again_ten_minutes_later(
    api: Api, wall: Wall, sender: Sender, attempt: Attempt
) -> None:
    await callback(api)
    before = await on_its_way(api)

    sender.send(attempt)

    after = await shown(api, before["uri"])
    assert (after["status"], after["attempts"], after["attempts_remaining"]) == ("retrying", 1, 9)
    assert (await shown(api, before["event_uri"]))["callback_statuses"]["retrying"] == 1
    assert sender.outbox() == []
    wall.moment += 600 * clock.SECOND
    assert (await shown(api, before["uri"]))["status"] == "retrying"
    assert [one.event for one in sender.outbox()] == [before["event_uri"].rpartition("/")[2]]
    sender.send(TAKEN)
    assert (await shown(api, before["uri"]))["status"] == "succeeded"
    logs = (await shown(api, before["logs_uri"]))["items"]
    assert [log["status"] for log in logs] == ["failed", "succeeded"]


async def test_ten_attempts_are_all_there_are(api: Api, wall: Wall, sender: Sender) -> None:
    await callback(api)
    before = await on_its_way(api)

    for attempt in range(1, ATTEMPTS):
        sender.send(REFUSED)
        wall.moment += pause_after(attempt)
        await api.get("/v1/events")
    sender.send(REFUSED)
    wall.moment += 30 * clock.DAY

    after = await shown(api, before["uri"])
    assert (after["status"], after["attempts"], after["attempts_remaining"]) == ("failed", 10, 0)
    assert (await shown(api, before["event_uri"]))["callback_statuses"]["failed"] == 1
    assert sender.outbox() == []
    assert (await shown(api, before["logs_uri"]))["total"] == 10


def test_all_attempts_are_within_a_week() -> None:
    pauses = [pause_after(attempt) for attempt in range(1, ATTEMPTS)]

    assert pauses[0] == 600 * clock.SECOND
    assert pauses == sorted(set(pauses))
    assert sum(pauses) < 7 * clock.DAY


async def test_logs_are_filtered_and_sorted(api: Api, wall: Wall, sender: Sender) -> None:
    await callback(api)
    before = await on_its_way(api)
    sender.send(LOST)
    wall.moment += clock.DAY
    await api.get("/v1/events")
    sender.send(TAKEN)

    async def statuses(query: str) -> list[str]:
        return [log["status"] for log in (await shown(api, f"{before['logs_uri']}?{query}"))["items"]]

    assert await statuses("") == ["failed", "succeeded"]
    assert await statuses("sort=occurred_at,desc") == ["succeeded", "failed"]
    assert await statuses("status=failed") == ["failed"]


# Replay


@pytest.mark.parametrize("attempt", [TAKEN, LOST])
async def test_a_replay_begins_anew(api: Api, wall: Wall, sender: Sender, attempt: Attempt) -> None:
    await callback(api)
    before = await on_its_way(api)
    sender.send(attempt)

    answer = await api.put(before["uri"])

    assert (answer.status, answer.body) == (200, before)
    statuses = (await shown(api, before["event_uri"]))["callback_statuses"]
    assert statuses == {"failed": 0, "pending": 1, "retrying": 0, "succeeded": 0}
    assert len(sender.outbox()) == 1
    assert (await shown(api, before["logs_uri"]))["total"] == 1
    wall.moment += clock.DAY
    assert (await shown(api, before["uri"]))["status"] == "pending"


async def test_a_replay_of_what_is_still_to_be_sent_changes_nothing(api: Api, untouched: Untouched) -> None:
    await callback(api)
    before = await on_its_way(api)

    with untouched():
        answer = await api.put(before["uri"])

    assert (answer.status, answer.body) == (200, before)


# A callback that goes


@pytest.mark.parametrize("attempt", [None, LOST])
async def test_what_a_deleted_callback_has_not_taken_has_failed(
    api: Api, wall: Wall, sender: Sender, attempt: Attempt | None
) -> None:
    registered = await callback(api)
    before = await on_its_way(api)
    if attempt:
        sender.send(attempt)

    await api.delete(registered["uri"])

    after = await shown(api, before["uri"])
    assert (after["status"], after["callback_uri"]) == ("failed", registered["uri"])
    assert (await shown(api, before["event_uri"]))["callback_statuses"]["failed"] == 1
    wall.moment += clock.DAY
    assert (await happened(api))["callback_statuses"] == {"failed": 0, "pending": 0, "retrying": 0, "succeeded": 0}
    assert sender.outbox() == []


async def test_what_a_deleted_callback_has_taken_stays_so(api: Api, sender: Sender) -> None:
    registered = await callback(api)
    before = await on_its_way(api)
    sender.send(TAKEN)

    await api.delete(registered["uri"])

    assert (await shown(api, before["uri"]))["status"] == "succeeded"


async def test_nothing_is_replayed_to_a_deleted_callback(api: Api, untouched: Untouched) -> None:
    registered = await callback(api)
    before = await on_its_way(api)
    await api.delete(registered["uri"])

    with untouched():
        answer = await api.put(before["uri"])

    assert answer.status == 404


async def test_a_callback_deleted_while_it_is_called_is_not_called_again(
    worlds: Worlds, api: Api, sender: Sender
) -> None:
    registered = await callback(api)
    before = await on_its_way(api)
    (sent,) = sender.outbox()
    await api.delete(registered["uri"])
    world = worlds.default

    with world.store.transaction():
        event_callbacks.attempted(Call(world.tools, world.clock.now()), sent, LOST)

    assert (await shown(api, before["uri"]))["status"] == "failed"
    assert (await shown(api, before["logs_uri"]))["total"] == 1
    assert not any(due.duty == event_callbacks.SEND_AGAIN for due in world.tools.schedule)


async def test_what_is_not_there_is_not_found(api: Api, sender: Sender, untouched: Untouched) -> None:
    registered = await callback(api)
    before, other = await on_its_way(api), await on_its_way(api)
    sender.send(TAKEN)
    (log,) = (await shown(api, before["logs_uri"]))["items"]
    identifier = log["uri"].rpartition("/")[2]
    paths = (
        f"/v1/events/EV123/callbacks/{registered['id']}",
        f"{before['event_uri']}/callbacks/CB123",
        f"{before['logs_uri']}/LG123",
        f"{other['logs_uri']}/{identifier}",
    )

    with untouched():
        answers = [await api.get(path) for path in paths]

    assert [answer.status for answer in answers] == [404] * 4
