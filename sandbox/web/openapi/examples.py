"""Examples that are real: the world of the API's own documentation, and what it answers.

Every example of an answer is what a route said, in a world that was filled from the fixture ``documented`` and in which
a little money was moved. Each is asked of that same world, so they do not depend on each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sandbox import fixtures
from sandbox.call import Route
from sandbox.clock import parse
from sandbox.errors import Refusal
from sandbox.resources import ROUTES
from sandbox.resources.deliveries import Policy
from sandbox.web.openapi.operations import listed, placeholders
from sandbox.world import World
from sandbox.worlds import Ground, Worlds

WHEN = "2013-05-06T17:18:05.000000Z"

Json = Mapping[str, Any]

CARD: Json = {
    "card_number": "4111111111111111",
    "security_code": "123",
    "expiration_month": 4,
    "expiration_year": 2014,
    "name": "Benny Riemann",
}
BANK_ACCOUNT: Json = {
    "name": "Benny Riemann",
    "account_number": "9900000002",
    "routing_number": "121000358",
    "type": "checking",
}
PERSON: Json = {
    "type": "person",
    "name": "William Henry Cavendish III",
    "email_address": "whc@example.org",
    "phone_number": "+16505551212",
    "dob": "1980-01",
    "street_address": "123 Fake St",
    "postal_code": "90210",
    "country_code": "USA",
}

_TEXTS: Json = {"description": "A guitar", "meta": {"order": "7"}}
_AMOUNTS: Json = {"amount_1": 1, "amount_2": 1}

BODIES: Mapping[str, Json] = {
    "api_keys.create": {"merchant": PERSON},
    "api_keys.create_for_merchant": {"meta": {"for": "a second shop"}},
    "api_keys.update": {"meta": {"for": "the first shop"}},
    "merchants.update": {"phone_number": "+16505551234"},
    "marketplaces.create": {"name": "Guitars", "support_email_address": "support@example.org"},
    "marketplaces.update": {"name": "Guitars and more"},
    "customers.update": {"name": "John Lee Hooker", "address": {"postal_code": "94103"}, "dob": "1917-08"},
    "accounts.create": {"name": "Benny Riemann", "email_address": "benny@example.org"},
    "accounts.update": {"name": "Benny Riemann", "meta": {"order": "7"}},
    "cards.create": CARD,
    "cards.add_to_customer": CARD,
    "cards.update": {"is_valid": False},
    "bank_accounts.create": BANK_ACCOUNT,
    "bank_accounts.add_to_customer": BANK_ACCOUNT,
    "bank_accounts.update": {"meta": {"order": "7"}},
    "verifications.confirm": _AMOUNTS,
    "verifications.confirm_latest": _AMOUNTS,
    "holds.create": {"amount": 1500, "description": "A guitar"},
    "holds.update": {"is_void": True},
    "debits.create": {"amount": 5000, "appears_on_statement_as": "GUITARS", **_TEXTS},
    "debits.create_for_hold": {"amount": 1000},
    "debits.create_for_bank_account": {"amount": 5000, **_TEXTS},
    "debits.update": _TEXTS,
    "credits.create": {"amount": 500, "bank_account": BANK_ACCOUNT},
    "credits.create_for_bank_account": {"amount": 500},
    "credits.create_for_customer": {"amount": 500},
    "credits.update": _TEXTS,
    "refunds.create": {"amount": 100},
    "refunds.update": _TEXTS,
    "reversals.create": {"amount": 100},
    "reversals.update": _TEXTS,
    "callbacks.create": {"url": "https://example.com/told", "method": "post"},
}
"""What is sent to each operation; one that is not here takes nothing, or what the fixture was filled with."""


_OTHERS: Mapping[str, Mapping[str, str]] = {
    "debits.create_for_hold": {"hold": "open_hold"},
    "holds.update": {"hold": "open_hold"},
    "verifications.create": {"bank_account": "new_bank_account"},
    "verifications.confirm": {"bank_account": "pending_bank_account"},
    "verifications.confirm_latest": {"bank_account": "pending_bank_account"},
}
"""Where an operation can only be asked of one that is in another state than most."""


class Examples:
    """What routes take and answer, asked of a world that is always the same one."""

    def __init__(self) -> None:
        self._worlds = Worlds(Ground(wall=lambda: parse(WHEN), seed="examples"))
        self._world = self._worlds.default
        documented = [fixtures.read(path) for path in fixtures.locate("documented")]
        fixtures.populate(self._world, documented)
        self._profile = next(_without_birth(one.entries["customers"][0]) for one in documented)
        self._lists = {route.path: route for route in ROUTES if listed(route)}
        self._known = {"marketplace": self._world.tools.marketplace}
        self._live()
        self._saved = self._world.saved()

    def body(self, route: Route) -> Json | None:
        """Return what is sent to a route, None for nothing."""
        if route.operation == "customers.create":
            return self._profile
        body = BODIES.get(route.operation)
        if body is None or route.method != "POST":
            return body
        uris = {
            f"{kind}_uri": f"/v1/{kind}s/{self._known[kind]}" for kind in ("account", "debit") if kind in self._known
        }
        return {**{name: uri for name, uri in uris.items() if name in route.takes}, **body}

    def answer(self, route: Route) -> Any:
        """Return what a route answers, None for no content."""
        if route.status == 204:
            return None
        try:
            body = self._asked(self._world, route)
        except Refusal:
            # What there can only be one of is made in a world that has none.
            body = self._asked(self._worlds.open_with_key({})[0], route)
        finally:
            self._world.restore(self._saved)
        return orjson.loads(body)

    def _asked(self, world: World, route: Route) -> bytes:
        path = self._path(route)
        one = [("limit", "1")] if listed(route) else []
        uri = route.path.format(**path)
        return world.perform(route, path, parameters=one, body=self.body(route), uri=uri).body

    def _path(self, route: Route) -> dict[str, str]:
        """Return whom a path names: who took part in what happened, or else who is listed first."""
        known = self._known | {kind: self._known[other] for kind, other in _OTHERS.get(route.operation, {}).items()}
        path: dict[str, str] = {}
        for name in placeholders(route.path):
            before = route.path.partition(f"/{{{name}}}")[0]
            there = self._listed(self._lists[before], path) if before in self._lists else []
            path[name] = there[0] if there and known.get(name) not in there else known[name]
        return path

    def _listed(self, listing: Route, path: Mapping[str, str]) -> list[str]:
        """Return the ids a list knows its members by."""
        body = self._world.perform(listing, path, parameters=[("limit", "100")], uri=listing.path).body
        return [item["uri"].rpartition("/")[2] for item in orjson.loads(body)["items"]]

    def _live(self) -> None:
        """Let something of every kind happen to the customer who has a card."""
        (card,) = self._world.store.rows("cards").values()
        self._known |= {"card": card["id"], "customer": card["customer"], "account": card["customer"]}
        of_customer, of_bank_account = "/v1/customers/{customer}", "/v1/bank_accounts/{bank_account}"
        self._make("callback", "/v1/callbacks")
        self._make("new_bank_account", f"{of_customer}/bank_accounts")
        self._make("bank_account", f"{of_customer}/bank_accounts")
        self._known["pending_bank_account"] = self._known["bank_account"]
        self._make("verification", f"{of_bank_account}/verifications")
        self._make("bank_account", f"{of_customer}/bank_accounts")
        self._make("verification", f"{of_bank_account}/verifications")
        self._do("PUT", f"{of_bank_account}/verification")
        self._make("bank_debit", f"{of_bank_account}/debits")
        self._known["hold"] = self._make("debit", f"{of_customer}/debits")["hold"]["id"]
        self._make("credit", f"{of_customer}/credits")
        self._make("refund", "/v1/marketplaces/{marketplace}/debits/{debit}/refunds")
        self._make("reversal", "/v1/credits/{credit}/reversals")
        self._make("open_hold", f"{of_customer}/holds")
        self._world.deliveries.set_policy(Policy(capture=True))
        self._world.deliveries.pull()

    def _make(self, name: str, path: str) -> Any:
        made = self._do("POST", path)
        self._known[name] = made["id"]
        return made

    def _do(self, method: str, path: str) -> Any:
        route = next(one for one in ROUTES if (one.method, one.path) == (method, path))
        named = {kind: self._known[kind] for kind in placeholders(path)}
        return orjson.loads(self._world.perform(route, named, body=self.body(route), uri=path).body)


def _without_birth(entry: Json) -> Json:
    return {name: value for name, value in entry.items() if name not in ("$id", "id", "created_at")}
