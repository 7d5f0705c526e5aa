"""A marketplace of one's own, and what is to be in it before something is asked: all of it made through the API."""

from __future__ import annotations

from typing import Any

from tests.api import Api

Body = dict[str, Any]

CARD: Body = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}
DECLINING_CARD: Body = {**CARD, "card_number": "4444444444444448"}
BANK_ACCOUNT: Body = {
    "name": "Johann Bernoulli",
    "account_number": "9900000002",
    "routing_number": "121000358",
    "type": "checking",
}
MERCHANT: Body = {
    "type": "person",
    "name": "Leonhard Euler",
    "dob": "1983-04",
    "phone_number": "+16505551234",
    "postal_code": "94110",
    "street_address": "121 Bernoulli Row",
}


class Setting:
    """A fresh marketplace, and the creations every test needs, each returning what was answered."""

    def __init__(self, api: Api, marketplace: str) -> None:
        self.api = api
        self.marketplace = marketplace

    @classmethod
    async def opened(cls, api: Api) -> Setting:
        """Open a world as a caller without credentials does, and make its marketplace."""
        key = (await api.with_key("").post("/v1/api_keys")).body["secret"]
        own = api.with_key(key)
        own.marketplace = (await own.post("/v1/marketplaces")).body["uri"]
        return cls(own, own.marketplace)

    async def made(self, path: str, body: Body | None = None) -> Any:
        """Create something and return it."""
        answer = await self.api.post(path, body)
        assert answer.status == 201, answer.raw
        return answer.body

    async def changed(self, path: str, body: Body) -> Any:
        """Change something and return it as it is then."""
        answer = await self.api.put(path, body)
        assert answer.status == 200, answer.raw
        return answer.body

    async def account(self, **given: Any) -> Any:
        return await self.made(f"{self.marketplace}/accounts", given)

    async def customer(self, **given: Any) -> Any:
        return await self.made("/v1/customers", given)

    async def card(self, **given: Any) -> Any:
        return await self.made(f"{self.marketplace}/cards", CARD | given)

    async def bank_account(self, **given: Any) -> Any:
        return await self.made("/v1/bank_accounts", BANK_ACCOUNT | given)

    async def verified(self, bank_account: Body) -> Any:
        """Verify a bank account, and return the verification."""
        started = await self.made(bank_account["verifications_uri"])
        return await self.changed(started["uri"], {"amount_1": 1, "amount_2": 1})

    async def hold(self, customer: Body, amount: int = 5000, **given: Any) -> Any:
        return await self.made(f"{customer['uri']}/holds", {"amount": amount, **given})

    async def debit(self, customer: Body, amount: int = 5000, **given: Any) -> Any:
        return await self.made(f"{customer['uri']}/debits", {"amount": amount, **given})

    async def refund(self, debit: Body, **given: Any) -> Any:
        return await self.made(debit["refunds_uri"], given)

    async def credit(self, to: Body, amount: int = 100, **given: Any) -> Any:
        """Pay out to a customer or to a bank account."""
        return await self.made(f"{to['uri']}/credits", {"amount": amount, **given})

    async def escrow(self, cents: int = 1_000_000) -> None:
        """Bring money into escrow, so that there is something to pay out."""
        await self.debit(await self.customer(card=CARD), cents)
