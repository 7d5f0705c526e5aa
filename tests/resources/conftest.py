"""What the tests of resources share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from sandbox import fixtures
from sandbox.call import Call
from sandbox.resources import book
from sandbox.resources.bank_accounts import BankAccount
from sandbox.resources.parties import allow_debits
from sandbox.worlds import Worlds
from tests.api import Api

Untouched = Callable[[], AbstractContextManager[None]]
Fund = Callable[[int], None]
Verify = Callable[[Any], None]


@pytest.fixture
def untouched(worlds: Worlds) -> Untouched:
    """Return what makes a ``with``: at its end the world has the documents it had at its beginning."""

    @contextmanager
    def untouched() -> Iterator[None]:
        before = _documents(worlds)
        yield
        assert _documents(worlds) == before

    return untouched


@pytest.fixture
def stranger(client: Any, worlds: Worlds) -> Api:
    """Return the way into another world, which has a marketplace of its own."""
    world = worlds.create()
    fixtures.populate(world, [])
    return Api(client, world.api_key, world.marketplace_uri)


@pytest.fixture
def fund(worlds: Worlds) -> Fund:
    """Return what puts cents into escrow without a debit, which would be one more transaction."""
    world = worlds.default

    def fund(cents: int) -> None:
        with world.store.transaction():
            book.move(Call(world.tools, world.clock.now()), cents, "a test")

    return fund


@pytest.fixture
def verify(worlds: Worlds) -> Verify:
    """Return what lets a customer's bank account be debited, without the deposits that are guessed first."""
    world = worlds.default

    def verify(bank_account: Any) -> None:
        call = Call(world.tools, world.clock.now())
        with world.store.transaction():
            verified = call.change(call.fetch(BankAccount, bank_account["id"]), None, can_debit=True)
            if verified.customer is not None:
                allow_debits(call, verified.customer, verified.id)

    return verify


def _documents(worlds: Worlds) -> dict[str, dict[str, Any]]:
    store = worlds.default.store
    return {table: dict(store.rows(table)) for table in store.tables()}
