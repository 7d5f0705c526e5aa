"""The money's invariants: a good world breaks none, and each that is broken is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox.world import World
from sandbox.worlds import Worlds
from tests.api import Api
from tests.conftest import Wall
from tests.levers import Levers
from tests.resources.charging import made, payer

ACCOUNT = {"name": "Johann", "account_number": "9900000001", "routing_number": "121000358", "type": "checking"}


class Books:
    """A world in which all kinds of money have moved, to be tampered with."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: dict[str, str] = {}

    def first(self, table: str) -> dict[str, Any]:
        return dict(next(iter(self.world.store.rows(table).values())))

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self.world.store.transaction():
            yield

    def change(self, table: str, identifier: str, **fields: Any) -> None:
        with self.writing():
            self.world.store.put(table, {**self.world.store.rows(table)[identifier], **fields})

    def copy(self, table: str, identifier: str, **fields: Any) -> None:
        with self.writing():
            self.world.store.put(table, {**self.world.store.rows(table)[identifier], "id": "COPY", **fields})

    def drop(self, table: str, identifier: str) -> None:
        with self.writing():
            self.world.store.drop(table, identifier)

    def entry(self, because: str, side: str = "escrow") -> dict[str, Any]:
        rows = self.world.store.rows("entries").values()
        return dict(next(row for row in rows if row["because"] == because and row["side"] == side))


@pytest.fixture
async def books(api: Api, worlds: Worlds) -> Books:
    books = Books(worlds.default)
    customer = await payer(api)
    loose = await made(api, f"{customer['uri']}/holds", {"amount": 700})
    hold = await made(api, f"{customer['uri']}/holds", {"amount": 900})
    captured = await made(api, f"{customer['uri']}/debits", {"hold_uri": hold["uri"], "amount": 800})
    debit = await made(api, f"{customer['uri']}/debits", {"amount": 5000})
    refund = await made(api, debit["refunds_uri"], {"amount": 100})
    credit = await made(api, "/v1/credits", {"amount": 300, "bank_account": ACCOUNT})
    worlds.default.settle()
    reversal = await made(api, f"{api.marketplace}/credits/{credit['id']}/reversals", {"amount": 50})
    books.ids = {
        "customer": customer["id"],
        "loose": loose["id"],
        "hold": hold["id"],
        "captured": captured["id"],
        "debit": debit["id"],
        "refund": refund["id"],
        "credit": credit["id"],
        "reversal": reversal["id"],
        "marketplace": api.marketplace.rpartition("/")[2],
    }
    return books


async def test_a_world_in_which_money_has_moved_is_good(books: Books, levers: Levers) -> None:
    assert books.world.verify() == []
    assert await levers.pulled("GET", "verify") == {"good": True, "violations": []}


Tamper = Callable[[Books], None]

PLANTED: dict[str, tuple[Tamper, str]] = {
    "the two sides of a movement differ": (
        lambda one: one.change("entries", one.entry(one.ids["debit"], "outside")["id"], amount=-4000),
        "the entries of {debit} come to 1000, not to zero",
    ),
    "escrow is not what the book says": (
        lambda one: one.change("marketplaces", one.ids["marketplace"], in_escrow=1),
        "{marketplace} has 1 in escrow, but the book says 5450",
    ),
    "escrow is less than nothing": (
        lambda one: one.change("marketplaces", one.ids["marketplace"], in_escrow=-1),
        "{marketplace} has -1 in escrow, which is less than nothing",
    ),
    "a debit says it has moved other cents": (
        lambda one: one.change("debits", one.ids["debit"], amount=5001),
        "{debit} is succeeded, which moves 5001, but the book says 5000",
    ),
    "a failed debit has moved money": (
        lambda one: one.change("debits", one.ids["captured"], status="failed"),
        "{captured} is failed, which moves 0, but the book says 800",
    ),
    "a failed credit has kept its money": (
        lambda one: one.change("credits", one.ids["credit"], status="failed"),
        "{credit} is failed, which moves 0, but the book says -300",
    ),
    "a refund has moved nothing": (
        lambda one: one.drop("entries", one.entry(one.ids["refund"])["id"]),
        "{refund} is succeeded, which moves -100, but the book says 0",
    ),
    "a reversal has moved other cents": (
        lambda one: one.change("reversals", one.ids["reversal"], amount=60),
        "{reversal} is succeeded, which moves 60, but the book says 50",
    ),
    "a hold was captured twice": (
        lambda one: one.copy("debits", one.ids["captured"]),
        "{hold} was captured 2 times",
    ),
    "a debit captured a hold that names another": (
        lambda one: one.change("holds", one.ids["hold"], debit=one.ids["debit"]),
        "{captured} captured {hold}, which names {debit}",
    ),
    "a hold names a debit that is not there": (
        lambda one: one.change("holds", one.ids["loose"], debit="WD0"),
        "{loose} was captured by WD0, which is not there",
    ),
    "a debit captured a hold that is not there": (
        lambda one: one.drop("holds", one.ids["hold"]),
        "{captured} captured {hold}, which is not there",
    ),
    "a void hold was captured": (
        lambda one: one.change("holds", one.ids["hold"], is_void=True),
        "{hold} is void, and was captured by {captured}",
    ),
    "more was captured than was held": (
        lambda one: one.change("holds", one.ids["hold"], amount=799),
        "{captured} is over 800, more than the 799 of {hold}",
    ),
    "more was refunded than debited": (
        lambda one: one.change("refunds", one.ids["refund"], amount=5001),
        "the refunds of {debit} come to 5001, more than its 5000",
    ),
    "more was reversed than credited": (
        lambda one: one.change("reversals", one.ids["reversal"], amount=301),
        "the reversals of {credit} come to 301, more than its 300",
    ),
    "a debit that has not succeeded was refunded": (
        lambda one: one.change("debits", one.ids["debit"], status="pending"),
        "{debit} is pending, and has refunds",
    ),
    "a credit that was not paid was reversed": (
        lambda one: one.change("credits", one.ids["credit"], status="failed"),
        "{credit} is failed, and has reversals",
    ),
    "the book has what moved nothing": (
        lambda one: one.drop("debits", one.ids["debit"]),
        "there are entries of {debit}, which is not there",
    ),
    "a refund is of a debit that is not there": (
        lambda one: one.drop("debits", one.ids["debit"]),
        "there are refunds of {debit}, which is not there",
    ),
}


NOBODYS = {
    "escrow is not what the book says",
    "escrow is less than nothing",
    "the book has what moved nothing",
    "a failed credit has kept its money",
    "a reversal has moved other cents",
    "more was reversed than credited",
    "a credit that was not paid was reversed",
}
"""What is wrong with the whole only: the credit went to an account that is nobody's."""


@pytest.mark.parametrize("planted", PLANTED)
async def test_what_is_broken_of_a_customer_is_named_with_it_and_nothing_else(books: Books, planted: str) -> None:
    tamper, expected = PLANTED[planted]

    tamper(books)

    found = books.world.verify(books.ids["customer"])
    assert (expected.format(**books.ids) in found) is (planted not in NOBODYS)
    assert {*found} <= {*books.world.verify()}


@pytest.mark.parametrize("planted", PLANTED)
async def test_what_is_broken_is_named(books: Books, levers: Levers, planted: str) -> None:
    tamper, expected = PLANTED[planted]

    tamper(books)

    found = await levers.pulled("GET", "verify")
    assert found["good"] is False
    assert expected.format(**books.ids) in found["violations"]


async def test_verifying_does_first_what_has_fallen_due(books: Books, wall: Wall) -> None:
    wall.moment += 10**14

    assert books.world.verify() == []
    assert books.world.store.rows("holds")[books.ids["loose"]]["is_expired"] is True
