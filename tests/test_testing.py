"""What a test has of a sandbox, by the plugin's own fixtures: the levers, and what strict tests do not put up with."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiohttp import ClientSession

from sandbox.call import Call, Route
from sandbox.client import Refused
from sandbox.report import wrongs
from sandbox.resources import ROUTES
from sandbox.settings import Settings
from sandbox.testing import Sandbox, Server
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.worlds import Worlds
from tests.served import Served

MAY = "2013-05-06T17:18:00Z"

still = pytest.mark.balanced_sandbox(clock=MAY)


@contextmanager
def _saying(status: int, body: bytes = b"") -> Iterator[str]:
    """Lend the url of somebody who says the same to everyone."""

    class Says(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_DELETE = do_GET

        def log_message(self, *said: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Says) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def customer(balanced_sandbox: Sandbox) -> Any:
    """A customer with a card that is good for everything."""
    made = balanced_sandbox.client.post("/v1/customers", {"name": "Alice"})
    card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}
    balanced_sandbox.client.post(made["cards_uri"], card)
    return made


# A world.


def test_a_world_is_what_its_key_opens(balanced_sandbox: Sandbox) -> None:
    me = balanced_sandbox.client.get("/v1/marketplaces")["items"][0]

    assert me["uri"] == balanced_sandbox.marketplace_uri
    assert repr(balanced_sandbox) == f"<Sandbox {balanced_sandbox.id} at {balanced_sandbox.url}>"
    assert balanced_sandbox.api_key not in repr(balanced_sandbox)


def test_all_customers_are_listed_however_many_pages_they_take(balanced_sandbox: Sandbox) -> None:
    before = len(balanced_sandbox.customers())
    balanced_sandbox.client.post("/_sandbox/invent", {"customers": 250})

    customers = balanced_sandbox.customers()

    assert len(customers) == before + 250
    assert len({customer["id"] for customer in customers}) == len(customers)


async def test_an_async_test_has_a_session_in_its_own_loop(
    balanced_sandbox: Sandbox, balanced_sandbox_client: ClientSession
) -> None:
    async with balanced_sandbox_client.get(balanced_sandbox.marketplace_uri) as answer:
        me = await answer.json()

    assert me["uri"] == balanced_sandbox.marketplace_uri


def test_more_worlds_have_nothing_in_common(
    balanced_sandbox: Sandbox, balanced_sandbox_factory: Callable[..., Sandbox], customer: Any
) -> None:
    other = balanced_sandbox_factory()

    with pytest.raises(Refused) as refused:
        other.client.get(customer["uri"])

    assert refused.value.status == 404
    assert {other.id, other.api_key, other.seed}.isdisjoint(
        {balanced_sandbox.id, balanced_sandbox.api_key, balanced_sandbox.seed}
    )


@still
def test_worlds_of_one_seed_have_the_same_records_and_keys_of_their_own(
    balanced_sandbox_factory: Callable[..., Sandbox],
) -> None:
    one, other = (balanced_sandbox_factory(seed=7, clock=MAY) for _ in range(2))

    made = [world.client.post("/v1/customers", {"name": "Alice"}) for world in (one, other)]

    assert made[0] == made[1]
    assert one.api_key != other.api_key
    assert [len(world.requests) for world in (one, other)] == [1, 1]


@still
def test_who_has_no_key_is_in_the_newest_world_of_a_marketplace(
    balanced_sandbox_factory: Callable[..., Sandbox], balanced_sandbox_server: Server
) -> None:
    old, new = (balanced_sandbox_factory(seed=7, clock=MAY) for _ in range(2))
    card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}

    balanced_sandbox_server.client().post(f"{new.marketplace_uri}/cards", card)

    assert old.marketplace_uri == new.marketplace_uri
    assert [world.client.get(f"{world.marketplace_uri}/cards")["total"] for world in (old, new)] == [0, 1]


def test_a_world_that_was_dropped_is_closed_and_can_be_dropped_again(
    balanced_sandbox_server: Server, balanced_sandbox: Sandbox
) -> None:
    first, second = balanced_sandbox_server.world(), balanced_sandbox_server.world()
    second.client.delete(f"/_sandbox/worlds/{second.id}")

    first.drop()
    first.drop()
    second.drop()

    with pytest.raises(Refused) as refused:
        first.customers()
    assert refused.value.status == 401
    assert balanced_sandbox.customers()


# Levers.


@still
def test_the_clock_stands_advances_jumps_and_runs(balanced_sandbox: Sandbox, customer: Any) -> None:
    clock = balanced_sandbox.clock
    balanced_sandbox.client.post(f"{customer['uri']}/holds", {"amount": 1000})

    assert (clock.now, clock.running) == ("2013-05-06T17:18:00.000000Z", False)
    assert clock.advance(hours=1, minutes=2, seconds=3) == 0
    assert clock.now == "2013-05-06T18:20:03.000000Z"
    assert clock.advance(days=30) > 0
    clock.advance(to=datetime(2014, 1, 1, tzinfo=UTC))
    assert clock.now == "2014-01-01T00:00:00.000000Z"
    clock.set(datetime(2014, 1, 2))
    assert clock.now == "2014-01-02T00:00:00.000000Z"
    clock.run()
    assert clock.running
    clock.freeze()
    assert not clock.running


def test_faults_happen_until_they_are_cleared(balanced_sandbox: Sandbox) -> None:
    fault = balanced_sandbox.faults.add({"operation": "customers.create"}, {"status": 503}, times=2)

    with pytest.raises(Refused) as refused:
        balanced_sandbox.client.post("/v1/customers")
    assert refused.value.status == 503
    assert [one["id"] for one in balanced_sandbox.faults] == [fault["id"]]
    balanced_sandbox.faults.clear()
    assert list(balanced_sandbox.faults) == []
    assert balanced_sandbox.client.post("/v1/customers")


def test_requests_are_a_list_to_look_through(balanced_sandbox: Sandbox, customer: Any) -> None:
    with pytest.raises(Refused):
        balanced_sandbox.client.post("/v1/customers", {"email": "nobody"})

    requests = balanced_sandbox.requests

    assert len(requests) == 3
    assert requests[-1]["refused"]["field"] == "email"
    assert [entry["status"] for entry in requests] == [201, 201, 400]
    assert requests.where(status=400, operation="customers.create") == [requests[-1]]
    requests.clear()
    assert not requests


@still
def test_a_checkpoint_brings_back_what_was(balanced_sandbox: Sandbox, customer: Any) -> None:
    before = balanced_sandbox.customers()

    with balanced_sandbox.checkpoint() as checkpoint:
        balanced_sandbox.clock.advance(days=1)
        balanced_sandbox.client.put(customer["uri"], {"name": "Bob"})
        assert customer["id"] in str(checkpoint.diff())

    assert balanced_sandbox.customers() == before
    assert balanced_sandbox.clock.now == "2013-05-06T17:18:00.000000Z"


def test_a_world_is_reset_to_its_fixtures_or_to_a_name(balanced_sandbox: Sandbox, customer: Any) -> None:
    balanced_sandbox.checkpoint("with Alice".replace(" ", "-"))

    balanced_sandbox.reset()
    assert customer["id"] not in {one["id"] for one in balanced_sandbox.customers()}
    balanced_sandbox.reset("with-Alice")
    assert customer["id"] in {one["id"] for one in balanced_sandbox.customers()}


def test_credits_are_settled_at_once(balanced_sandbox: Sandbox, customer: Any) -> None:
    account = {"name": "Alice", "account_number": "9900000001", "routing_number": "121000358", "type": "checking"}
    client = balanced_sandbox.client
    client.post(f"{customer['uri']}/debits", {"amount": 5000})
    client.post(customer["bank_accounts_uri"], account)
    credit = client.post(f"{customer['uri']}/credits", {"amount": 1000})

    assert balanced_sandbox.settle() == 1

    assert (credit["status"], client.get(credit["uri"])["status"]) == ("pending", "paid")
    balanced_sandbox.verify()


def test_an_event_is_waited_for(balanced_sandbox: Sandbox, customer: Any) -> None:
    debit = balanced_sandbox.client.post(f"{customer['uri']}/debits", {"amount": 1500})

    event = balanced_sandbox.wait_for("debit.created")

    assert event["entity"]["id"] == debit["id"]
    with pytest.raises(TimeoutError, match=r"no debit\.created within 0 seconds"):
        balanced_sandbox.wait_for("debit.created", after=event["id"], timeout=0)
    with pytest.raises(Refused):
        balanced_sandbox.wait_for("debit.created", after="EVnone")


def test_a_callback_gets_what_happens_and_gets_it_again(balanced_sandbox: Sandbox) -> None:
    with _saying(200) as url:
        balanced_sandbox.client.post("/v1/callbacks", {"url": url})
        balanced_sandbox.client.post("/v1/customers")
        assert wrongs(balanced_sandbox) == []

        (delivery,) = balanced_sandbox.deliveries
        balanced_sandbox.deliveries.replay(delivery)
        assert wrongs(balanced_sandbox) == []

    assert (delivery["type"], delivery["status"]) == ("account.created", "succeeded")
    assert len(balanced_sandbox.deliveries.where(status="succeeded")[0]["log"]) == 2


# What strict tests do not put up with.


def test_a_callback_that_nobody_takes_is_wrong(balanced_sandbox: Sandbox) -> None:
    balanced_sandbox.client.post("/v1/callbacks", {"url": "http://127.0.0.1:9/"})
    balanced_sandbox.client.post("/v1/customers")

    assert wrongs(balanced_sandbox) == ["account.created did not get to http://127.0.0.1:9/: retrying"]


def test_money_that_does_not_add_up_is_wrong(balanced_sandbox: Sandbox) -> None:
    world = balanced_sandbox.client.get("/_sandbox/dump")
    world["tables"]["marketplaces"][0]["in_escrow"] = 17
    balanced_sandbox.client.put("/_sandbox/load", world)

    (wrong,) = wrongs(balanced_sandbox)

    assert wrong.endswith("has 17 in escrow, but the book says 0")
    with pytest.raises(AssertionError, match=r"the money does not add up:\n- .* has 17 in escrow"):
        balanced_sandbox.verify()


async def test_a_fault_of_the_sandbox_itself_is_wrong_and_a_scripted_one_is_not(
    worlds: Worlds,
) -> None:
    def stumble(call: Call) -> None:
        raise ZeroDivisionError

    routes = (*ROUTES, Route("GET", "/v1/stumble", stumble, "specified"))

    def ask() -> list[str]:
        sandbox = Server(str(server.make_url("")), Settings(), Path()).world()
        sandbox.faults.add({"operation": "customers.create"}, {"status": 500})
        for path in ("/v1/stumble", "/v1/customers"):
            with pytest.raises(Refused):
                (sandbox.client.get if path == "/v1/stumble" else sandbox.client.post)(path)
        return wrongs(sandbox)

    async with Served(Application(worlds, Guard(), routes=routes)) as server:
        assert await to_thread(ask) == ["GET /v1/stumble ran into a fault of the sandbox itself"]


# A server.


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((200, b'{"status": "ready"'), "no sandbox answers at .*"),
        ((200, b'{"status": "well"}'), "what answers at .* is no sandbox"),
        ((503, b'{"detail": "the fixtures are not loaded yet"}'), "is not ready: the fixtures are not loaded yet"),
        ((500, b"[]"), "is not ready: status 500"),
    ],
)
def test_what_does_not_answer_as_a_sandbox_is_refused(answer: tuple[int, bytes], why: str) -> None:
    with _saying(*answer) as url, pytest.raises(ConnectionError, match=why):
        Server(url, Settings(), Path()).check()


def test_a_sandbox_that_is_gone_has_taken_its_worlds_along() -> None:
    made: Mapping[str, Any] = {"id": "world-2", "seed": "7", "api_key": "key", "marketplace_uri": "uri"}
    with _saying(201, str(made).replace("'", '"').encode()) as url:
        server = Server(url, Settings(), Path())
        server.world()

    server.close()
