"""What is done over the API to get real files: people, money with what comes due, and going back in time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from sandbox.fixtures import Fixture, check
from tests.levers import Levers
from tests.resources.charging import made

Story = Callable[[Levers], Awaitable[None]]


async def people(levers: Levers) -> None:
    """Customers are created, changed and removed."""
    api = levers.api
    one = await made(api, "/v1/customers", {"name": "Jürgen \u2028 Habermas", "meta": {"n": "1"}})
    other = await made(api, "/v1/customers", {"name": "Ada Lovelace", "email": "ada@example.com"})
    await api.put(one["uri"], {"name": "J. Habermas", "address": {"city": "Starnberg"}})
    await api.send("DELETE", other["uri"])
    await made(api, "/v1/customers")


async def money(levers: Levers) -> None:
    """A card is held, charged and refunded, a callback hears of it, and what is left falls due as time goes by."""
    api = levers.api
    await made(api, f"{api.marketplace}/callbacks", {"url": "http://127.0.0.1:1/", "method": "post"})
    await levers.pulled("PUT", "deliveries/policy", {"capture": True, "drop": ["debit.created", "card.created"]})
    buyer = await made(api, "/v1/customers", {"card": CARD})
    held = await made(api, f"{buyer['uri']}/holds", {"amount": 3000})
    debit = await made(api, f"{buyer['uri']}/debits", {"hold_uri": held["uri"], "amount": 2500})
    await made(api, debit["refunds_uri"], {"amount": 500})
    await made(api, f"{buyer['uri']}/holds", {"amount": 700})
    await levers.pulled("POST", "clock/advance", {"days": 8})


async def going_back(levers: Levers) -> None:
    """A world is remembered, changed, put back, and reset."""
    api = levers.api
    await made(api, "/v1/customers", {"name": "before"})
    await levers.pulled("PUT", "checkpoints/here")
    buyer = await made(api, "/v1/customers", {"card": CARD})
    await made(api, f"{buyer['uri']}/debits", {"amount": 1000})
    await levers.pulled("POST", "checkpoints/here/restore")
    await made(api, "/v1/customers", {"name": "after"})
    await levers.pulled("POST", "reset", {"to": "fixtures"})
    await made(api, "/v1/customers", {"name": "again"})


CARD = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}

STORIES: Mapping[str, Story] = {"people": people, "money": money, "going back": going_back}
FIXTURES: Mapping[str, Sequence[Fixture]] = {
    "people": (),
    "money": (),
    "going back": (check("one customer", {"customers": [{"name": "Zoë", "email": "zoe@example.com"}]}),),
}
"""What there is when a story begins."""
