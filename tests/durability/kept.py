"""What a server shows after it was killed, held against what was answered before and what was not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.durability.acts import Book, Key, View
from tests.durability.server import Server


@dataclass(frozen=True, slots=True)
class Judged:
    """What is wrong, what counts from here on, and how many of the unanswered acts were done."""

    lost: Sequence[str]
    torn: Sequence[str]
    book: Book
    done: int


def judge(book: Book, unanswered: Sequence[Book], found: Book) -> Judged:
    """Return what is wrong with what was found.

    What was answered looks as it did; an unanswered act left everything that it leaves behind, or nothing; and nothing
    else is there.
    """
    expected, torn, done = dict(book), [], 0
    for leaves in unanswered:
        if all(found.get(key) == view for key, view in leaves.items()):
            done += 1
        elif any(found.get(key) != book.get(key) for key in leaves):
            torn += [f"torn: {_told(key, view, found)}" for key, view in leaves.items()]
        expected |= {key: found[key] for key in leaves if key in found}
    differing = (key for key in {**expected, **found} if expected.get(key) != found.get(key))
    return Judged([_told(key, expected.get(key), found) for key in differing], torn, expected, done)


def _told(key: Key, view: View | None, found: Book) -> str:
    return f"{' '.join(key)}: {view} was expected, {found.get(key)} is there"


async def shown(server: Server, events: list[Any]) -> Book:
    """Return every tagged record as a server shows it while nobody writes.

    Events are many and never change, so only those after the known ones are read, and added to them.
    """
    customers = await server.items("/v1/customers")
    cards = await server.items(f"{server.marketplace_uri}/cards")
    transactions = await server.items("/v1/transactions")
    events += await server.items("/v1/events", len(events))
    looks = dict(_looks(item) for item in (*customers, *cards, *transactions))
    types: defaultdict[Key, tuple[str, ...]] = defaultdict(tuple)
    for event in events:
        types[_key(event["entity"])] += (event["type"],)
    return {key: View(looks.get(key), types[key]) for key in {**looks, **types} if key[1]}


def _looks(item: Mapping[str, Any]) -> tuple[Key, tuple[Any, ...]]:
    kind, tag = _key(item)
    if kind == "customer":
        return (kind, tag), (item["name"],)
    if kind == "card":
        return (kind, tag), (item["meta"].get("tag"),)
    if kind == "hold":
        debit = item["debit"]
        status = "void" if item["is_void"] else "active" if debit is None else "captured"
        return (kind, tag), (item["amount"], status, debit and debit["description"])
    of = item["hold"] if kind == "debit" else item["debit"]
    return (kind, tag), (item["amount"], item["status"], of["description"])


def _key(item: Mapping[str, Any]) -> Key:
    """Return a record's key; its tag is empty where it is none of the clients'."""
    kind = "customer" if item["_type"] == "account" else item["_type"]
    return kind, item["meta"].get("tag", "") if kind in ("customer", "card") else item.get("description") or ""
