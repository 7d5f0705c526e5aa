"""Every link of every answer, followed: nothing is dead, and no kind of record is out of reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.resource import Family
from sandbox.worlds import Worlds
from tests.api import Api
from tests.conformance.everything import Deleted, deliver, everything
from tests.conformance.setting import Setting
from tests.conftest import Wall

KINDS = {
    "account",
    "api_key",
    "bank_account",
    "bank_account_authentication",
    "callback",
    "card",
    "credit",
    "customer",
    "debit",
    "event",
    "event_callback",
    "event_callback_log",
    "hold",
    "marketplace",
    "merchant",
    "page",
    "refund",
    "reversal",
}
"""Every ``_type`` there is."""

_STATE_NAMES = ("is_valid", "is_void", "state", "status")

STATES = {
    ("bank_account", "is_valid", False),
    ("bank_account_authentication", "state", "failed"),
    ("bank_account_authentication", "state", "verified"),
    ("card", "is_valid", False),
    ("credit", "status", "failed"),
    ("credit", "status", "paid"),
    ("credit", "status", "pending"),
    ("debit", "status", "failed"),
    ("debit", "status", "pending"),
    ("debit", "status", "succeeded"),
    ("event_callback", "status", "failed"),
    ("event_callback", "status", "retrying"),
    ("event_callback", "status", "succeeded"),
    ("hold", "is_void", False),
    ("hold", "is_void", True),
    ("refund", "status", "succeeded"),
    ("reversal", "status", "succeeded"),
}
"""What has to be among what is reached."""

ROLES = {(), ("buyer",), ("merchant",), ("buyer", "merchant")}

HISTORY = {"credit", "debit", "event", "event_callback", "hold", "page", "refund"}
"""What goes on telling of something deleted: what it paid for, what happened to it, and the lists of those."""

OF_A_CUSTOMER = ("bank_accounts", "cards", "credits", "debits", "holds", "refunds", "reversals", "transactions")

FLAT = tuple(
    f"/v1/{plural}" for plural in ("bank_accounts", "callbacks", "credits", "holds", "reversals", "transactions")
)

ODD_TYPES = {("account_uri", "customer", "account"), ("logs_uri", "event_callback_log", "page")}
"""Where the API itself says another type in ``_uris`` than the one that answers (``money.md`` §4.3)."""


@dataclass
class Crawl:
    """All that was reached from a few uris by following every link."""

    api: Api
    bodies: dict[str, Any] = field(default_factory=dict)
    dead: dict[str, str] = field(default_factory=dict)
    """Where each dead link was found first."""

    async def follow(self, *uris: str) -> None:
        """Follow links until there is none that was not followed."""
        waiting = dict.fromkeys(uris, "the beginning")
        while waiting:
            uri, found_in = waiting.popitem()
            answer = await self.api.get(uri)
            if answer.status != 200:
                self.dead[uri] = found_in
                continue
            self.bodies[uri] = answer.body
            waiting |= {link: uri for link in links(answer.body) if link not in self.bodies and link not in self.dead}


def links(body: Any) -> Iterator[str]:
    """Yield every link in an answer."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name.endswith("uri") and isinstance(value, str) and value.startswith("/v1"):
                yield value
            yield from links(value)
    elif isinstance(body, list):
        for item in body:
            yield from links(item)


def records(body: Any) -> Iterator[Any]:
    """Yield every object in an answer that says where its links lead."""
    if isinstance(body, dict):
        if "_type" in body and "_uris" in body:
            yield body
        for value in body.values():
            yield from records(value)
    elif isinstance(body, list):
        for item in body:
            yield from records(item)


def is_of(uri: str, deleted: Deleted) -> bool:
    """Return whether a uri is that of something deleted, or of what hung from it."""
    return not deleted.isdisjoint(uri.partition("?")[0].split("/"))


@dataclass
class Crawled:
    """A marketplace with one of everything, crawled."""

    crawl: Crawl
    deleted: Deleted


@pytest.fixture
async def crawled(api: Api, worlds: Worlds, wall: Wall) -> Crawled:
    on = await Setting.opened(api)
    deleted = await everything(on, wall)
    world = worlds.holder(on.api.key)
    assert world is not None
    deliver(world)
    crawl = Crawl(on.api)
    await crawl.follow(on.marketplace, "/v1/merchants", "/v1/api_keys", "/v1/customers")
    return Crawled(crawl, deleted)


async def test_no_link_is_dead_but_those_of_what_was_deleted(crawled: Crawled) -> None:
    crawl, deleted = crawled.crawl, crawled.deleted

    assert {uri: found_in for uri, found_in in crawl.dead.items() if not is_of(uri, deleted)} == {}
    tell_of_it = {body["_type"] for body in crawl.bodies.values() if not crawl.dead.keys().isdisjoint(links(body))}
    assert tell_of_it <= HISTORY


async def test_every_kind_in_every_state_is_reached(crawled: Crawled) -> None:
    bodies = crawled.crawl.bodies.values()

    assert Counter(body["_type"] for body in bodies).keys() == KINDS
    assert {(body["_type"], name, body.get(name)) for body in bodies for name in _STATE_NAMES} >= STATES
    assert {tuple(sorted(body["roles"])) for body in bodies if body["_type"] == "account"} == ROLES


async def test_the_lists_that_nothing_links_to_lead_somewhere_too(crawled: Crawled) -> None:
    crawl = crawled.crawl
    customers = [uri for uri, body in crawl.bodies.items() if body["_type"] == "customer"]

    await crawl.follow(*FLAT, *(f"{uri}/{plural}" for uri in customers for plural in OF_A_CUSTOMER))

    assert {uri: found_in for uri, found_in in crawl.dead.items() if not is_of(uri, crawled.deleted)} == {}
    assert {Family.of(uri) for uri, body in crawl.bodies.items() if body["_type"] == "credit"} == set(Family)


async def test_uris_says_truly_what_each_link_leads_to(crawled: Crawled) -> None:
    bodies = crawled.crawl.bodies
    said = {
        (name, entry["key"], entry["_type"], bodies[record[name]]["_type"])
        for body in bodies.values()
        for record in records(body)
        for name, entry in record["_uris"].items()
        if record[name] in bodies
    }

    assert {one for one in said if one[0] != f"{one[1]}_uri"} == set()
    assert {(name, said_type, found) for name, _, said_type, found in said if said_type != found} == ODD_TYPES


async def test_head_answers_wherever_get_does(crawled: Crawled) -> None:
    crawl = crawled.crawl

    for uri in crawl.bodies:
        head = await crawl.api.send("HEAD", uri)

        assert (head.status, head.raw, head.headers["Content-Type"]) == (200, b"", "application/json"), uri
