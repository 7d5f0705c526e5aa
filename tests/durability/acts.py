"""What one client does to records of its own, and what each act must leave behind: wholly, or not at all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

CARD = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}

Key = tuple[str, str]
"""A record's kind, and the tag it was given when it was made."""


@dataclass(frozen=True, slots=True)
class View:
    """How a record looks, None once it is deleted, and the types of the events beside it, oldest first."""

    looks: tuple[Any, ...] | None
    events: tuple[str, ...]

    def then(self, looks: tuple[Any, ...] | None, *events: str) -> View:
        """Return how it looks after something more has happened to it."""
        return View(looks, self.events + events)


Book = Mapping[Key, View]

CARDED = ("card.created", "card.updated")
DEBITED = ("debit.created", "debit.succeeded")
REFUNDED = ("refund.created", "refund.succeeded")


@dataclass(frozen=True, slots=True)
class Act:
    """One request, all that it leaves behind, and how its client goes on once it is answered."""

    what: str
    method: str
    uri: str
    body: Mapping[str, Any] | None
    leaves: Book
    go_on: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Own:
    """A record that a client may act on, as it was answered."""

    tag: str
    uri: str
    body: Mapping[str, Any]
    amount: int = 0


class Client:
    """One of eight: it takes up a record, acts on it, and goes on with it only after an answer."""

    def __init__(self, name: str, chance: Random, book: dict[Key, View]) -> None:
        self._chance = chance
        self._book = book
        self._tags = (f"{name}/{number}" for number in itertools.count())
        self._fresh: list[Own] = []  # customers no money was moved for
        self._payers: list[Own] = []
        self._holds: list[Own] = []
        self._debits: list[Own] = []

    def acts(self) -> Iterator[Act]:
        """Yield what this client does next, without an end."""
        while True:
            possible = [self._create]
            possible += [self._update, self._delete, self._first_hold] if self._fresh else []
            possible += [self._hold, self._debit] if self._payers else []
            possible += [self._capture, self._void] if self._holds else []
            possible += [self._refund] if self._debits else []
            yield self._chance.choice(possible)()

    def answered(self, act: Act, body: Any) -> None:
        """Write down what an act left behind, and go on."""
        self._book.update(act.leaves)
        act.go_on(body)

    def _create(self) -> Act:
        tag = next(self._tags)
        meta = {"tag": tag}
        body = {"name": "John Lee Hooker", "meta": meta, "card": {**CARD, "meta": meta}}
        leaves = {
            ("customer", tag): View((body["name"],), ("account.created",)),
            ("card", tag): View((tag,), CARDED),
        }
        return Act("create", "POST", "/v1/customers", body, leaves, self._keep(self._fresh, tag))

    def _update(self) -> Act:
        customer = self._take(self._fresh)
        key, name = ("customer", customer.tag), f"Richie {self._chance.randrange(1_000_000)}"
        body = {"name": name, "meta": {"tag": customer.tag}}
        leaves = {key: self._book[key].then((name,), "account.updated")}
        return Act("update", "PUT", customer.uri, body, leaves, self._keep(self._fresh, customer.tag))

    def _delete(self) -> Act:
        customer = self._take(self._fresh)
        key, card = ("customer", customer.tag), ("card", customer.tag)
        leaves = {key: self._book[key].then(None, "account.deleted"), card: self._book[card].then(None)}
        return Act("delete", "DELETE", customer.uri, None, leaves, lambda _: None)

    def _first_hold(self) -> Act:
        self._payers.append(self._take(self._fresh))
        return self._hold()

    def _hold(self) -> Act:
        payer, tag, amount = self._chance.choice(self._payers), next(self._tags), self._chance.randrange(50, 2_000)
        body = {"amount": amount, "description": tag}
        leaves = {("hold", tag): View((amount, "active", None), ("hold.created",))}
        return Act("hold", "POST", payer.body["holds_uri"], body, leaves, self._keep(self._holds, tag, amount))

    def _capture(self) -> Act:
        hold, tag = self._take(self._holds), next(self._tags)
        body = {"hold_uri": hold.uri, "description": tag}
        key = ("hold", hold.tag)
        leaves = {
            key: self._book[key].then((hold.amount, "captured", tag), "hold.captured"),
            ("debit", tag): View((hold.amount, "succeeded", hold.tag), DEBITED),
        }
        uri = hold.body["customer"]["debits_uri"]
        return Act("capture", "POST", uri, body, leaves, self._keep(self._debits, tag, hold.amount))

    def _void(self) -> Act:
        hold = self._take(self._holds)
        key = ("hold", hold.tag)
        leaves = {key: self._book[key].then((hold.amount, "void", None), "hold.voided")}
        return Act("void", "PUT", hold.uri, {"is_void": True}, leaves, lambda _: None)

    def _debit(self) -> Act:
        payer, tag, amount = self._chance.choice(self._payers), next(self._tags), self._chance.randrange(50, 2_000)
        body = {"amount": amount, "description": tag}
        leaves = {
            ("hold", tag): View((amount, "captured", tag), ("hold.created", "hold.captured")),
            ("debit", tag): View((amount, "succeeded", tag), DEBITED),
        }
        return Act("debit", "POST", payer.body["debits_uri"], body, leaves, self._keep(self._debits, tag, amount))

    def _refund(self) -> Act:
        debit, tag = self._take(self._debits), next(self._tags)
        amount = self._chance.randint(1, debit.amount)
        body = {"amount": amount, "description": tag}
        leaves = {("refund", tag): View((amount, "succeeded", debit.tag), REFUNDED)}
        return Act("refund", "POST", debit.body["refunds_uri"], body, leaves, lambda _: None)

    def _take(self, those: list[Own]) -> Own:
        """Take a record up: nobody acts on it again unless this act is answered."""
        return those.pop(self._chance.randrange(len(those)))

    def _keep(self, those: list[Own], tag: str, amount: int = 0) -> Callable[[Any], None]:
        return lambda body: those.append(Own(tag, body["uri"], body, amount))
