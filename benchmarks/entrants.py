"""Who takes part: the bare application and sandboxes of several sizes, each with its way to ask for an operation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.load import Ask
from benchmarks.operations import OPERATIONS, PERSON
from benchmarks.served import Served
from sandbox.client import Client

BARE, SANDBOX = "bare", "sandbox"

JSON = {"Content-Type": "application/json"}
CONTROL = {**JSON, "X-Sandbox-Control": "1"}

BEGINNING = "begin"
"""The checkpoint a sandbox is put back to."""

_PARTS = 10  # of a list, from each of which some customers are taken
_PATIENCE = 300.0  # seconds for an answer
_CARD = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}
_DEBIT = {"amount": 5000, "description": "Porridge, three bowls"}


@dataclass(frozen=True, slots=True)
class Entrant:
    """A server that takes part, and how many customers it has."""

    name: str
    customers: int
    served: Served
    asks: Mapping[str, Ask]
    """How it is asked for an operation, for those it has."""
    put_back: Callable[[], None] = field(default=lambda: None)
    """Makes it what it was before anything changed."""
    events: Callable[[], int] | None = None
    """Counts what it says has happened, which is not less than what it was asked to do."""
    may_stall: bool = False
    """Whether it may answer nothing in the time there is."""


def of_bare(served: Served, api_key: str) -> Entrant:
    """Return the bare application, asked with the headers a sandbox takes."""
    asks = {name: _ask(served, name, [f"/{name}"], api_key) for name in OPERATIONS}
    return Entrant(BARE, 0, served, asks)


def of_sandbox(served: Served, customers: int) -> Entrant:
    """Return a sandbox, some of whose customers have every field, a card and a debit from now on."""
    client = Client(served.url, served.api_key, timeout=_PATIENCE)
    pages = _pages(client)
    found = dict.fromkeys(item["uri"] for page in pages for item in client.get(page)["items"])
    uris = [uri for uri in found if uri.startswith("/v1/customers/CU")]
    emails = [f"alice{number}@example.com" for number, _ in enumerate(uris)]
    for uri, email in zip(uris, emails, strict=True):
        client.put(uri, {**PERSON, "email": email, "card": _CARD})
        client.post(f"{uri}/debits", _DEBIT)
    client.put(f"/_sandbox/checkpoints/{BEGINNING}")
    paths = {
        "get": _various(uris, _PARTS * 10),
        "page": _various(pages, _PARTS),
        "filter": _various([f"/v1/customers?email={email}" for email in emails], _PARTS * 10),
        "verify": [f"/_sandbox/verify?customer={uri.rpartition('/')[2]}" for uri in uris],
        "update": uris,
        "create": ["/v1/customers"],
        "debit": [f"{uri}/debits" for uri in uris],
    }
    return Entrant(
        SANDBOX,
        customers,
        served,
        {name: _ask(served, name, of, served.api_key) for name, of in paths.items()},
        put_back=lambda: client.post("/_sandbox/reset", {"to": BEGINNING}),
        events=lambda: total(client, "events"),
    )


def to_create(served: Served) -> Ask:
    """Return how a sandbox is asked to create a customer."""
    return _ask(served, "create", ["/v1/customers"], served.api_key)


def total(client: Client, plural: str) -> int:
    """Return how many records of a kind there are."""
    number: int = client.get(f"/v1/{plural}?limit=1")["total"]
    return number


def credentials(api_key: str) -> dict[str, str]:
    """Return the header that says whose world it is."""
    return {"Authorization": aiohttp.encode_basic_auth(api_key)}


def _pages(client: Client) -> list[str]:
    """Return the paths of full pages of ten, spread over the list of customers."""
    last = max(total(client, "customers") - 10, 0)
    offsets = dict.fromkeys(last * part // _PARTS for part in range(_PARTS))
    return [f"/v1/customers?limit=10&offset={offset}" for offset in offsets]


def _various(paths: Sequence[str], many: int) -> list[str]:
    """Return so many paths to these: a small world is asked as many different things as a large one."""
    turns = ((paths[number % len(paths)], number // len(paths)) for number in range(many))
    return [f"{path}{'&' if '?' in path else '?'}turn={turn}" if turn else path for path, turn in turns]


def _ask(served: Served, name: str, paths: list[str], api_key: str) -> Ask:
    operation = OPERATIONS[name]
    return Ask(
        operation.method,
        served.url,
        paths,
        _body(name) if operation.changes else "",
        credentials(api_key) | (JSON if operation.changes else {}),
        operation.status,
        (operation.size // 2, operation.size * 2),
    )


def _body(name: str) -> str:
    body: Mapping[str, Any] = _DEBIT if name == "debit" else PERSON
    return json.dumps(body)
