"""Time passes over HTTP: what falls due is done in order, each thing at its own moment and with its events."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import clock
from tests.conftest import Wall
from tests.levers import Levers, problem
from tests.resources.charging import GOOD, made, payer, shown

ACCOUNT = {"name": "Johann", "routing_number": "121000358", "type": "checking"}
PENDING = "9900000000"


async def begins(levers: Levers, now: str) -> None:
    await levers.pulled("PUT", "clock", {"now": now, "running": False})


async def pending_credit(levers: Levers, amount: int = 100) -> Any:
    body = {"amount": amount, "bank_account": {**ACCOUNT, "account_number": PENDING}}
    credit = await made(levers.api, "/v1/credits", body)
    assert credit["status"] == "pending"
    return credit


async def pending_debit(levers: Levers) -> Any:
    account = await made(levers.api, "/v1/bank_accounts", {**ACCOUNT, "account_number": PENDING})
    await made(levers.api, "/v1/customers", {"bank_account_uri": account["uri"]})
    verification = await made(levers.api, account["verifications_uri"])
    await levers.api.put(verification["uri"], {"amount_1": 1, "amount_2": 1})
    debit = await made(levers.api, account["debits_uri"], {"amount": 2500})
    assert debit["status"] == "pending"
    return debit


def paid(levers: Levers, credit: Any) -> str:
    """Return where a credit says when it was paid, which its flat uri does not."""
    return f"{levers.api.marketplace}/credits/{credit['id']}"


async def held(levers: Levers) -> Any:
    customer = await payer(levers.api)
    return await made(levers.api, f"{customer['uri']}/holds", {"amount": 700})


async def funded(levers: Levers) -> None:
    card = {"card_number": GOOD, "expiration_month": 12, "expiration_year": 2110}
    customer = await made(levers.api, "/v1/customers", {"card": card})
    await made(levers.api, f"{customer['uri']}/debits", {"amount": 50_000})


async def what_happened(levers: Levers, after: str) -> list[tuple[str, str]]:
    """Return the moment and the type of the events after a moment, in the order they are listed."""
    page = await shown(levers.api, "/v1/events?limit=100")
    return [(one["occurred_at"], one["type"]) for one in page["items"] if one["occurred_at"] > after]


async def test_a_year_s_jump_does_everything_in_order_each_at_its_own_moment(levers: Levers) -> None:
    await begins(levers, "2013-05-09T12:00:00Z")  # a Thursday
    await funded(levers)
    hold = await held(levers)
    debit = await pending_debit(levers)
    await levers.pulled("POST", "clock/advance", {"days": 1})
    credit = await pending_credit(levers)

    done = await levers.pulled("POST", "clock/advance", {"days": 365})

    assert (done["done"], done["now"]) == (3, "2014-05-10T12:00:00.000000Z")
    assert done["next"] is None
    assert await what_happened(levers, "2013-05-10T12:00:00.001") == [
        ("2013-05-10T22:00:00.000000Z", "debit.succeeded"),
        ("2013-05-13T22:00:00.000000Z", "credit.succeeded"),
    ]
    assert (await shown(levers.api, debit["uri"]))["available_at"] == "2013-05-10T22:00:00.000000Z"
    assert (await shown(levers.api, paid(levers, credit)))["available_at"] == "2013-05-13T22:00:00.000000Z"
    assert (await shown(levers.api, hold["uri"]))["is_void"] is True
    assert (await levers.pulled("GET", "verify"))["good"]


async def test_many_small_steps_come_to_the_same_as_one_jump(levers: Levers) -> None:
    await begins(levers, "2013-05-09T12:00:00Z")
    await levers.pulled("PUT", "checkpoints/before")

    async def lived(*steps: int) -> tuple[Any, bytes]:
        await levers.pulled("POST", "checkpoints/before/restore")
        await funded(levers)
        await held(levers)
        await pending_debit(levers)
        await pending_credit(levers)
        done = [(await levers.pulled("POST", "clock/advance", {"hours": hours}))["done"] for hours in steps]
        await levers.api.get("/v1/customers")
        return sum(done), (await levers.api.get("/v1/events?limit=100")).raw

    assert await lived(240) == await lived(*[12] * 20)


@pytest.mark.parametrize(
    ("created", "settled"),
    [
        ("2012-02-28T12:00:00Z", "2012-02-29T23:00:00.000000Z"),  # leap day, in winter: Pacific is 8 hours behind
        ("2012-02-29T12:00:00Z", "2012-03-01T23:00:00.000000Z"),
        ("2100-02-26T12:00:00Z", "2100-03-01T23:00:00.000000Z"),  # a Friday of no leap year
        ("2013-03-08T12:00:00Z", "2013-03-11T22:00:00.000000Z"),  # the clocks went forward on the Sunday between
        ("2013-11-01T12:00:00Z", "2013-11-04T23:00:00.000000Z"),  # and back
    ],
)
async def test_money_settles_by_the_calendar_of_the_pacific_coast(levers: Levers, created: str, settled: str) -> None:
    world = (await levers.post("worlds", {"clock": created})).body
    own = Levers(levers.api.with_key(world["api_key"]))
    own.api.marketplace = world["marketplace_uri"]
    await funded(own)
    credit = await pending_credit(own)

    assert (await own.pulled("GET", "clock"))["next"]["at"] == settled

    before = clock.stamp(clock.parse(settled) - 1)
    assert (await own.pulled("POST", "clock/advance", {"to": before}))["done"] == 0
    assert (await shown(own.api, credit["uri"]))["status"] == "pending"
    assert (await own.pulled("POST", "clock/advance", {"to": settled}))["done"] == 1
    assert (await shown(own.api, credit["uri"]))["status"] == "paid"


@pytest.mark.parametrize(
    ("created", "expires"),
    [
        ("2012-02-23T12:00:00Z", "2012-03-01T12:00:00.000000Z"),
        ("2013-03-08T12:00:00Z", "2013-03-15T12:00:00.000000Z"),  # seven times 24 hours, whatever local clocks do
    ],
)
async def test_a_hold_lasts_seven_days_of_24_hours(levers: Levers, created: str, expires: str) -> None:
    world = (await levers.post("worlds", {"clock": created})).body
    own = Levers(levers.api.with_key(world["api_key"]))
    own.api.marketplace = world["marketplace_uri"]

    hold = await held(own)

    assert hold["expires_at"] == expires
    await own.pulled("PUT", "clock", {"now": clock.stamp(clock.parse(expires) - 1)})
    assert (await shown(own.api, hold["uri"]))["is_void"] is False
    await own.pulled("POST", "clock/advance", {"seconds": 0.000001})
    assert (await shown(own.api, hold["uri"]))["is_void"] is True


async def test_what_is_pending_is_settled_now_on_demand_and_holds_stay(levers: Levers) -> None:
    await begins(levers, "2013-05-09T12:00:00Z")
    await funded(levers)
    hold, debit, credit = await held(levers), await pending_debit(levers), await pending_credit(levers)

    assert await levers.pulled("POST", "settle") == {"settled": 2}

    assert (await shown(levers.api, debit["uri"]))["available_at"] == "2013-05-09T12:00:00.000000Z"
    assert (await shown(levers.api, credit["uri"]))["status"] == "paid"
    assert (await shown(levers.api, hold["uri"]))["is_void"] is False
    assert await levers.pulled("POST", "settle") == {"settled": 0}
    assert (await levers.pulled("POST", "clock/advance", {"days": 5}))["done"] == 0


async def test_settling_leaves_what_fell_due_before_at_its_own_moment(levers: Levers, wall: Wall) -> None:
    await funded(levers)
    credit = await pending_credit(levers)
    wall.moment += 5 * clock.DAY

    assert await levers.pulled("POST", "settle") == {"settled": 0}

    assert (await shown(levers.api, paid(levers, credit)))["available_at"] == "2013-05-07T22:00:00.000000Z"


async def test_time_never_goes_back(levers: Levers) -> None:
    await begins(levers, "2020-02-29")

    for method, path, body in (
        ("put", "clock", {"now": "2020-02-28T23:59:59.999999Z"}),
        ("post", "clock/advance", {"to": "2019-02-28"}),
    ):
        status, _, detail = problem(await getattr(levers, method)(path, body))
        assert status == 400
        assert detail.endswith("is before 2020-02-29T00:00:00.000000Z, and this clock never goes back")


async def test_one_world_s_time_is_no_other_s(levers: Levers) -> None:
    other = Levers(levers.api.with_key((await levers.post("worlds")).body["api_key"]))

    await levers.pulled("POST", "clock/advance", {"days": 365})

    assert (await other.pulled("GET", "clock"))["now"].startswith("2013-05-06")
