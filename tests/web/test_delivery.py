"""Delivery, held against a real HTTP server that fails, hangs, redirects and recovers."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import orjson
import pytest
from aiohttp import web

from sandbox import clock, fixtures
from sandbox.resources.deliveries import Policy
from sandbox.resources.event_callbacks import ATTEMPTS, pause_after
from sandbox.web import delivery
from sandbox.web.delivery import AT_A_TIME, MOST_READ
from sandbox.worlds import Ground, Worlds
from tests.conftest import NOW, Wall
from tests.web.listener import PATIENCE, Answering, Lab, Listener, calling, fail, listening, take


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with listening() as opened:
        yield opened


@pytest.fixture
async def lab(worlds: Worlds) -> AsyncIterator[Lab]:
    async with calling(worlds) as opened:
        yield opened


class Gate:
    """Lets an answer pass only when it is opened."""

    def __init__(self, answer: Answering = take) -> None:
        self._answer = answer
        self._open = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        await self._open.wait()
        return await self._answer(request)

    def open(self) -> None:
        self._open.set()


# What is sent


@pytest.mark.parametrize("method", ["post", "put"])
async def test_a_callback_is_told_the_bare_event_as_the_api_shows_it(lab: Lab, listener: Listener, method: str) -> None:
    shown: list[bytes] = []

    async def look(request: web.Request) -> web.StreamResponse:
        identifier = orjson.loads(await request.read())["id"]
        shown.append((await lab.api.get(f"/v1/events/{identifier}")).raw)
        return await take(request)

    listener.answer = look
    await lab.register(listener.url, method)

    await lab.happen()

    await lab.until("succeeded")
    (told,) = listener.told
    assert (told.method, told.path) == (method.upper(), "/told")
    assert told.headers["Content-Type"] == "application/json"
    assert "Cookie" not in told.headers
    assert "Authorization" not in told.headers
    assert told.body == shown[0]
    assert told.event["callback_statuses"]["pending"] == 1


async def test_a_callback_that_wants_get_is_told_nothing_but_that_something_happened(
    lab: Lab, listener: Listener
) -> None:
    await lab.register(listener.url, "get")

    await lab.happen()

    (sent,) = await lab.until("succeeded")
    (told,) = listener.told
    assert (told.method, told.body) == ("GET", b"")
    assert "Content-Type" not in told.headers
    (log,) = sent["log"]
    assert (log["request_body"], log["request_mime_type"]) == (None, None)


async def test_an_attempt_is_seen_in_the_api_at_the_worlds_moment(lab: Lab, wall: Wall, listener: Listener) -> None:
    await lab.register(listener.url)

    event = await lab.happen()

    await lab.until("succeeded")
    (item,) = (await lab.api.get(f"/v1/events/{event}/callbacks")).body["items"]
    assert (item["status"], item["attempts"]) == ("succeeded", 1)
    (log,) = (await lab.api.get(item["logs_uri"])).body["items"]
    assert log["occurred_at"] == clock.stamp(NOW)
    assert log["request_body"].encode() == listener.told[0].body
    assert (log["status"], log["response_status"]) == ("succeeded", 200)
    assert (log["response_body"], log["response_mime_type"]) == ("thanks", "text/plain")


async def test_other_requests_do_not_wait_for_a_callback(lab: Lab, listener: Listener) -> None:
    listener.answer = gate = Gate()
    await lab.register(listener.url)
    await lab.happen()
    await listener.hears(1)

    answer = await lab.api.get("/v1/events")

    assert answer.status == 200
    assert (await lab.deliveries())[0]["status"] == "pending"
    gate.open()
    await lab.until("succeeded")


# What fails


async def redirect(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/elsewhere"}, text="over there")


async def close(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hang(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("nothing sets it")


async def dawdle(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"so far")
    return await hang(request)


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (fail, 500, "no"),
        (redirect, 302, "over there"),
        (close, None, "Server disconnected"),
        (hang, None, "no whole answer within 0.2 seconds"),
        (dawdle, None, "no whole answer within 0.2 seconds"),
    ],
)
async def test_what_no_callback_took_is_to_be_tried_again(
    worlds: Worlds, listener: Listener, answer: Answering, status: int | None, why: str
) -> None:
    listener.answer = answer
    async with calling(worlds, seconds=0.2) as lab:
        await lab.register(listener.url)
        await lab.happen()

        (sent,) = await lab.until("retrying")

    (log,) = sent["log"]
    assert (log["status"], log["response_status"], log["response_body"]) == ("failed", status, why)
    assert [told.path for told in listener.told] == ["/told"]
    assert sent["next_try"] == clock.stamp(NOW + pause_after(1))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://169.254.169.254/latest/meta-data", "nothing is sent to 169.254.169.254: it is link-local"),
        ("http://[fd00:ec2::254]/", "nothing is sent to fd00:ec2::254: it is a cloud's metadata service"),
        ("http://[::ffff:169.254.169.254]/", "nothing is sent to ::ffff:"),
        ("http://0.0.0.0:{port}/", "nothing is sent to 0.0.0.0: it is no address of anyone"),
        ("http://[::]:{port}/", "nothing is sent to ::: it is no address of anyone"),
        ("http://192.0.2.1/", "nothing is sent to 192.0.2.1: it is public"),
        ("http://2130706433:{port}/", ""),
        ("http://127.1:{port}/", ""),
        ("http://127.0.0.1:1/", "Connect call failed"),
        ("http://127.0.0.1:99999/", ""),
        ("http://a..b/", ""),
        ("https://127.0.0.1:{port}/", ""),
    ],
)
async def test_a_target_that_cannot_or_must_not_be_reached_is_a_failed_attempt_that_says_why(
    lab: Lab, listener: Listener, url: str, why: str
) -> None:
    await lab.register(url.format(port=listener.url.rpartition(":")[2].partition("/")[0]))

    await lab.happen()

    (sent,) = await lab.until("retrying")
    (log,) = sent["log"]
    assert why in log["response_body"]
    assert log["response_body"]
    assert (log["response_status"], log["response_mime_type"]) == (None, None)
    assert listener.told == []


async def test_a_name_of_this_machine_is_called(lab: Lab, listener: Listener) -> None:
    await lab.register(listener.url.replace("127.0.0.1", "localhost"))

    await lab.happen()

    await lab.until("succeeded")


async def test_only_the_beginning_of_a_huge_answer_is_read(lab: Lab, listener: Listener) -> None:
    async def pour(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * MOST_READ * 16)

    listener.answer = pour
    await lab.register(listener.url)

    await lab.happen()

    (sent,) = await lab.until("succeeded")
    (log,) = sent["log"]
    assert log["response_body"] == "x" * MOST_READ


async def test_what_an_answer_gives_away_is_not_kept(lab: Lab, listener: Listener) -> None:
    async def blab(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b'{"card_number": "4111111111111111"}\nand \xff', content_type="application/json")

    listener.answer = blab
    await lab.register(listener.url)

    await lab.happen()

    (sent,) = await lab.until("succeeded")
    (log,) = sent["log"]
    assert log["response_body"] == '{"card_number": "***"}\nand \N{REPLACEMENT CHARACTER}'


# Again


async def test_a_callback_that_recovers_is_told_after_all(lab: Lab, wall: Wall, listener: Listener) -> None:
    listener.answer = fail
    await lab.register(listener.url)
    await lab.happen()
    await lab.until("retrying")
    listener.answer = take

    wall.moment += pause_after(1)
    await lab.api.get("/v1/events")

    (sent,) = await lab.until("succeeded")
    assert (sent["attempts"], sent["next_try"]) == (2, None)
    assert [log["response_status"] for log in sent["log"]] == [500, 200]


async def test_a_standing_clock_tries_ten_times_later_and_later_when_it_is_advanced(
    lab: Lab, listener: Listener
) -> None:
    listener.answer = fail
    await lab.pull("PUT", "clock", {"running": False})
    await lab.register(listener.url)
    await lab.happen()

    moment = NOW
    for attempt in range(1, ATTEMPTS):
        (sent,) = await lab.until("retrying", attempts=attempt)
        assert sent["next_try"] == clock.stamp(moment + pause_after(attempt))
        await lab.advance(pause_after(attempt) - clock.SECOND)
        assert lab.world.deliveries.waiting() == []
        await lab.advance(clock.SECOND)
        moment += pause_after(attempt)
    (sent,) = await lab.until("failed")
    await lab.advance(30 * clock.DAY)

    assert (sent["attempts"], sent["next_try"]) == (ATTEMPTS, None)
    assert len(listener.told) == ATTEMPTS
    occurred = [clock.parse(log["occurred_at"]) for log in sent["log"]]
    assert [after - before for before, after in pairwise(occurred)] == [
        pause_after(attempt) for attempt in range(1, ATTEMPTS)
    ]


async def test_a_running_clock_tries_again_by_itself(listener: Listener) -> None:
    worlds = Worlds(Ground(wall=lambda: time.time_ns() // 1000, seed="tests", begins=NOW, runs=True))
    fixtures.populate(worlds.default, [])
    listener.answer = fail
    async with calling(worlds) as lab:
        await lab.register(listener.url)
        await lab.happen()
        (sent,) = await lab.until("retrying")
        listener.answer = take

        soon = clock.parse(sent["next_try"]) - clock.SECOND // 20
        await lab.pull("PUT", "clock", {"now": clock.stamp(soon), "running": True})

        (sent,) = await lab.until("succeeded")
    assert sent["attempts"] == 2
    assert clock.parse(sent["log"][1]["occurred_at"]) >= soon


@pytest.mark.parametrize("first", [take, fail])
async def test_a_put_sends_an_event_anew(lab: Lab, listener: Listener, first: Answering) -> None:
    listener.answer = first
    await lab.register(listener.url)
    event = await lab.happen()
    await lab.until("succeeded" if first is take else "retrying")
    listener.answer = take
    (item,) = (await lab.api.get(f"/v1/events/{event}/callbacks")).body["items"]

    answer = await lab.api.put(item["uri"])

    assert (answer.status, answer.body["status"], answer.body["attempts"]) == (200, "pending", 0)
    (sent,) = await lab.until("succeeded", attempts=2)
    assert sent["attempts"] == 1
    assert [told.event["id"] for told in listener.told] == [event, event]


# One after the other


async def test_a_callback_is_told_in_order_and_one_thing_at_a_time(lab: Lab, listener: Listener) -> None:
    listener.answer = gate = Gate()
    await lab.register(listener.url)
    events = [await lab.happen() for _ in range(5)]

    gate.open()
    await lab.until(*["succeeded"] * 5)

    assert [told.event["id"] for told in listener.told] == events
    assert listener.most_at_once == 1


async def test_what_is_retried_holds_nothing_up(lab: Lab, listener: Listener) -> None:
    listener.answer = fail
    await lab.register(listener.url)
    await lab.happen()
    await lab.until("retrying")
    listener.answer = take

    await lab.happen()

    await lab.until("retrying", "succeeded")


async def test_at_most_eight_callbacks_are_called_at_a_time(lab: Lab, listener: Listener) -> None:
    count = AT_A_TIME + 4
    listener.answer = gate = Gate()
    for _ in range(count):
        await lab.register(listener.url)
    await lab.happen()
    await listener.hears(AT_A_TIME)
    for _ in range(20):
        await lab.api.get("/v1/events")  # time enough for a ninth

    assert len(listener.told) == AT_A_TIME
    gate.open()
    await lab.until(*["succeeded"] * count)
    assert listener.most_at_once == AT_A_TIME == 8
    assert len(listener.told) == count


# What changes while a callback is called


async def test_a_callback_deleted_while_it_is_called_is_told_no_more(lab: Lab, listener: Listener) -> None:
    listener.answer = gate = Gate(fail)
    callback = await lab.register(listener.url)
    await lab.happen()
    await lab.happen()
    await listener.hears(1)

    await lab.api.delete(callback["uri"])
    gate.open()

    first, second = await lab.until("failed", "failed")
    while not first["log"]:
        await lab.pulse.next(lab.world, within=PATIENCE)
        first, second = lab.world.deliveries.all()
    assert [len(one["log"]) for one in (first, second)] == [1, 0]
    assert len(listener.told) == 1


async def test_a_world_that_is_dropped_tells_nobody(lab: Lab, listener: Listener, caplog: Any) -> None:
    listener.answer = gate = Gate()
    name = (await lab.pull("POST", "worlds")).body["id"]
    world = lab.worlds.get(name)
    assert world is not None
    stranger = Lab(lab.client, lab.worlds, lab.pulse)
    stranger.world, stranger.api = world, lab.api.with_key(world.api_key)
    stranger.api.marketplace = world.marketplace_uri
    await stranger.register(listener.url)
    await stranger.happen()
    await stranger.happen()
    await listener.hears(1)

    assert (await lab.pull("DELETE", f"worlds/{name}")).status == 204
    gate.open()
    await lab.register(listener.url)
    event = await lab.happen()

    await lab.until("succeeded")
    assert [told.event["id"] for told in listener.told][1:] == [event]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_world_put_back_keeps_nothing_of_what_was_under_way(lab: Lab, listener: Listener) -> None:
    listener.answer = gate = Gate()
    await lab.register(listener.url)
    await lab.pull("PUT", "checkpoints/before")
    await lab.happen()
    await listener.hears(1)

    await lab.pull("POST", "checkpoints/before/restore")
    before = lab.world.dump()
    gate.open()
    await lab.pulse.next(lab.world, within=PATIENCE)

    assert lab.world.dump() == before


async def test_what_waits_is_captured_while_a_callback_is_called(lab: Lab, listener: Listener) -> None:
    listener.answer = gate = Gate()
    await lab.register(listener.url)
    first, second = await lab.happen(), await lab.happen()
    await listener.hears(1)

    await lab.pull("PUT", "deliveries/policy", {"capture": True})
    gate.open()

    await lab.until("succeeded", "pending")
    (item,) = (await lab.pull("POST", "deliveries/pull")).body["items"]
    assert [told.event["id"] for told in listener.told] == [first]
    assert item["event"]["id"] == second


async def test_what_cannot_be_sent_is_logged_and_holds_up_no_other_callback(lab: Lab, listener: Listener) -> None:
    broken, sound = await lab.register(listener.url), await lab.register(listener.url)
    listener.answer = gate = Gate()
    event = await lab.happen()
    await listener.hears(2)
    lost = await lab.happen()
    with lab.world.store.transaction():
        lab.world.store.drop("event_callbacks", f"{lost}/{sound['id']}")
        lab.world.store.drop("events", lost)

    with Warned() as warned:
        gate.open()
        await warned.wait(f"a fault of the sandbox: default, {broken['id']}")

    shown = (await lab.api.get(f"/v1/events/{event}/callbacks")).body["items"]
    assert shown[0]["status"] == "succeeded"


class Warned(logging.Handler):
    """Waits for a line in the log of the courier."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: asyncio.Queue[str] = asyncio.Queue()

    def __enter__(self) -> Self:
        logging.getLogger(delivery.__name__).addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger(delivery.__name__).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.put_nowait(record.getMessage())

    async def wait(self, text: str) -> None:
        async with asyncio.timeout(PATIENCE):
            assert text in await self._lines.get()


# Trouble that faults make


async def test_a_fault_has_everything_told_twice(lab: Lab, listener: Listener) -> None:
    await lab.pull("POST", "faults", {"do": {"duplicate_delivery": True}, "on": {"operation": "cards.create"}})
    await lab.register(listener.url)

    event = await lab.happen()

    (sent,) = await lab.until("succeeded", attempts=2)
    assert [told.event["id"] for told in listener.told] == [event, event]
    assert (sent["attempts"], sent["copies"]) == (1, 0)


async def test_a_copy_of_what_was_not_taken_changes_nothing(lab: Lab, listener: Listener) -> None:
    listener.answer = fail
    await lab.register(listener.url)

    await lab.happen(headers={"X-Sandbox-Fault": '{"do": {"duplicate_delivery": true}}'})

    (sent,) = await lab.until("retrying", attempts=2)
    assert sent["attempts"] == 1
    assert sent["next_try"] == clock.stamp(NOW + pause_after(1))


@pytest.mark.parametrize("do", [{"status_after_commit": 500}, {"decline": "card-declined"}])
async def test_an_event_is_told_exactly_when_it_happened_whatever_the_answer(
    lab: Lab, listener: Listener, do: dict[str, Any]
) -> None:
    await lab.register(listener.url)
    header = {"X-Sandbox-Fault": orjson.dumps({"do": do}).decode()}
    card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}

    answer = await lab.api.post(f"{lab.api.marketplace}/cards", card, headers=header)

    assert answer.status >= 400
    if "decline" in do:
        assert lab.world.deliveries.all() == []
    else:
        await lab.until("succeeded")


# Restart


@contextmanager
def opened(folder: Path, wall: Wall) -> Iterator[Worlds]:
    worlds = Worlds(Ground(wall=wall, seed="tests", folder=folder, fsync="always"))
    if worlds.default.is_empty:
        fixtures.populate(worlds.default, [])
    yield worlds
    worlds.close()


async def test_what_was_under_way_is_sent_once_more_after_a_restart(
    tmp_path: Path, wall: Wall, listener: Listener
) -> None:
    listener.answer = hang
    with opened(tmp_path, wall) as worlds:
        async with calling(worlds) as lab:
            await lab.register(listener.url)
            first, second = await lab.happen(), await lab.happen()
            await listener.hears(1)
    listener.answer = take

    with opened(tmp_path, wall) as worlds:
        async with calling(worlds) as lab:
            deliveries = await lab.until("succeeded", "succeeded")

    assert [told.event["id"] for told in listener.told] == [first, first, second]
    assert [one["attempts"] for one in deliveries] == [1, 1]


async def test_what_fell_due_while_nobody_ran_is_sent_after_a_restart(
    tmp_path: Path, wall: Wall, listener: Listener
) -> None:
    listener.answer = fail
    with opened(tmp_path, wall) as worlds:
        async with calling(worlds) as lab:
            await lab.register(listener.url)
            await lab.happen()
            await lab.until("retrying")
    listener.answer = take
    wall.moment += clock.DAY

    with opened(tmp_path, wall) as worlds:
        async with calling(worlds) as lab:
            (sent,) = await lab.until("succeeded")

    assert sent["attempts"] == 2


async def test_an_attempt_is_on_the_disk_when_it_is_known(tmp_path: Path, wall: Wall, listener: Listener) -> None:
    listener.answer = gate = Gate()
    with opened(tmp_path, wall) as worlds:
        async with calling(worlds) as lab:
            await lab.register(listener.url)
            await lab.happen()

            gate.open()
            await lab.pulse.next(lab.world, within=PATIENCE)

            assert lab.world.deliveries.all()[0]["status"] == "succeeded"
            assert not lab.world.store.unsynced


# Trouble with the disk


@contextmanager
def failing(call: str, number: int) -> Iterator[None]:
    """Let the system refuse something, as a full or a broken disk does."""
    with patch.object(os, call, side_effect=OSError(number, os.strerror(number))):
        yield


async def test_what_could_not_be_noted_is_told_again(tmp_path: Path, wall: Wall, listener: Listener) -> None:
    listener.answer = gate = Gate()
    with opened(tmp_path, wall) as worlds:
        async with calling(worlds) as lab:
            await lab.register(listener.url)
            event = await lab.happen()
            await listener.hears(1)

            with Warned() as warned, failing("write", errno.ENOSPC):
                gate.open()
                await warned.wait("no more is sent to")
            await lab.pull("POST", "settle")

            (sent,) = await lab.until("succeeded")

    assert sent["attempts"] == 1
    assert [told.event["id"] for told in listener.told] == [event, event]


async def test_a_full_disk_keeps_nobody_from_reading(tmp_path: Path, wall: Wall, listener: Listener) -> None:
    listener.answer = hang
    with opened(tmp_path, wall) as worlds:
        async with calling(worlds) as lab:
            await lab.register(listener.url)
            await lab.happen()
            await listener.hears(1)
            lab.world.deliveries.set_policy(Policy(drop=("card.created",)))

            with Warned() as warned, failing("write", errno.ENOSPC):
                answer = await lab.api.get("/v1/events")
                await warned.wait("nothing is sent: ")

    assert answer.status == 200


async def test_a_broken_disk_sends_nothing_until_a_restart(tmp_path: Path, wall: Wall, listener: Listener) -> None:
    listener.answer = gate = Gate()
    with opened(tmp_path, wall) as worlds:
        async with calling(worlds) as lab:
            await lab.register(listener.url)
            event = await lab.happen()
            await listener.hears(1)

            with Warned() as warned, failing("fsync", errno.EIO):
                gate.open()
                await warned.wait("no more is sent to")
            for _ in range(5):
                assert (await lab.api.get("/v1/events")).status == 200

    assert len(listener.told) == 1
    with opened(tmp_path, wall) as worlds:
        async with calling(worlds) as lab:
            await lab.until("succeeded")
    assert [told.event["id"] for told in listener.told] == [event, event]
