"""A marketplace that has one of everything, in every state it can be in; and which of it was deleted again."""

from __future__ import annotations

from sandbox import clock
from sandbox.call import Call
from sandbox.resources.event_callbacks import Attempt, attempted, outbox
from sandbox.world import World
from tests.api import Api
from tests.conformance.setting import BANK_ACCOUNT, CARD, MERCHANT, Body, Setting
from tests.conftest import Wall

Deleted = set[str]
"""The ids of what was deleted: links of what happened to it before may still name it."""


async def everything(on: Setting, wall: Wall) -> Deleted:
    """Fill a marketplace; the clock moves on, so that what can be pending is so, and what can expire has."""
    await _parties(on)
    payer = await on.customer(name="Sonya Kovalevsky", email="sonya@example.org", card=CARD)
    await on.debit(payer, 1_000_000)
    await _holds(on, payer, wall)
    deleted = await _keys(on) | await _cards(on) | await _callbacks(on)
    deleted |= await _bank_accounts(on)
    await _debits(on, payer)
    await _credits(on)
    return deleted | await _deleted_customer(on)


async def _parties(on: Setting) -> None:
    await on.account()
    await on.account(card=CARD, email_address="buyer@example.org")
    await on.account(merchant=MERCHANT, bank_account=BANK_ACCOUNT)
    await on.account(merchant={**MERCHANT, "type": "business", "tax_id": "211111111"}, card=CARD)
    await on.customer()
    await on.customer(name="Évariste", dob="1811-10", address={"postal_code": "92340"}, card=CARD)


async def _deleted_customer(on: Setting) -> Deleted:
    customer = await on.customer(card=CARD, bank_account=BANK_ACCOUNT)
    instruments = (customer["source_uri"], customer["destination_uri"])
    await _delete(on.api, customer)
    return {customer["id"], *(uri.rpartition("/")[2] for uri in instruments)}


async def _keys(on: Setting) -> Deleted:
    await on.made("/v1/api_keys")
    return await _delete(on.api, await on.made("/v1/api_keys"))


async def _holds(on: Setting, payer: Body, wall: Wall) -> None:
    await on.hold(payer)  # expires
    wall.moment += 8 * clock.DAY
    await on.hold(payer)
    for amount in (5000, 909):
        captured = await on.hold(payer)
        await on.made(f"{captured['uri']}/debits", {"amount": amount})
    voided = await on.hold(payer)
    await on.changed(voided["uri"], {"is_void": True})


async def _cards(on: Setting) -> Deleted:
    await on.card()
    invalid = await on.card()
    await on.changed(invalid["uri"], {"is_valid": False})
    former = await on.customer(card=CARD)
    await on.changed(former["source_uri"], {"is_valid": False})
    payer = await on.customer(card=CARD)
    await on.refund(await on.debit(payer))
    charged = (await on.api.get(payer["source_uri"])).body
    return await _delete(on.api, charged) | await _delete(on.api, await on.card())


async def _bank_accounts(on: Setting) -> Deleted:
    await on.bank_account()
    await on.verified(await on.bank_account())
    started = await on.made((await on.bank_account())["verifications_uri"])
    for _ in range(started["remaining_attempts"]):
        assert (await on.api.put(started["uri"], {"amount_1": 5, "amount_2": 7})).status == 409
    invalid = await on.bank_account()
    await on.changed(invalid["uri"], {"is_valid": False})
    credited = await on.bank_account()
    await on.credit(credited)
    return await _delete(on.api, credited) | await _delete(on.api, await on.bank_account())


async def _debits(on: Setting, payer: Body) -> None:
    seller = await on.account(merchant=MERCHANT)
    debit = await on.debit(payer, on_behalf_of_uri=seller["uri"])
    await on.refund(debit, amount=100)
    await on.made(f"{payer['uri']}/refunds", {"debit_uri": debit["uri"], "amount": 200})
    for number in ("9900000000", "9900000002", "9900000004"):  # pending, succeeded, failed
        bank_account = await on.bank_account(account_number=number)
        await on.customer(bank_account_uri=bank_account["uri"])
        await on.verified(bank_account)
        await on.made(bank_account["debits_uri"], {"amount": 5000})


async def _credits(on: Setting) -> None:
    payee = await on.customer(bank_account=BANK_ACCOUNT)
    account = await on.account(bank_account=BANK_ACCOUNT)
    for paid in (await on.credit(payee), await on.credit(account), await on.credit(await on.bank_account())):
        await on.made(paid["reversals_uri"], {"amount": 50})
    for number in ("9900000000", "9900000003", "9900000005"):  # pending, paid, failed
        described = {**BANK_ACCOUNT, "account_number": number}
        await on.made("/v1/credits", {"amount": 100, "bank_account": described})
        credit = await on.made(f"{on.marketplace}/credits", {"amount": 100, "bank_account": described})
        if credit["status"] == "paid":
            await on.made(credit["reversals_uri"])


async def _callbacks(on: Setting) -> Deleted:
    await on.made("/v1/callbacks", {"url": "http://www.example.com/callback", "method": "put"})
    forgotten = await on.made("/v1/callbacks", {"url": "http://www.example.com/forgotten"})
    await on.customer()
    return await _delete(on.api, forgotten)


async def _delete(api: Api, record: Body) -> Deleted:
    assert (await api.delete(record["uri"])).status == 204
    return {record["id"]}


def deliver(world: World) -> None:
    """Note an attempt at everything that is to be sent to callbacks, taken by some and not by others."""
    with world.store.transaction():
        call = Call(world.tools, world.clock.now())
        for number, delivery in enumerate(outbox(call)):
            attempted(call, delivery, Attempt(response_status=200 if number % 2 else 500))
