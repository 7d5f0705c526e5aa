"""What was there when the recordings were made, made again through the API: one scene an exchange.

A scene returns who plays which part in the recorded request: our ids by the prefix of the recorded ones. Bodies are
those of the recordings themselves, so that what is shown later has the recorded names, amounts and texts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.conformance.recordings import LATE, exchanges
from tests.conformance.setting import Setting

Cast = Mapping[str, str]
Scene = Callable[[Setting], Awaitable[Cast]]


def asked(name: str) -> dict[str, Any]:
    """Return the body of a recorded request."""
    return dict(exchanges(LATE)[name].asked or {})


async def nothing(on: Setting) -> Cast:
    return {}


# Accounts


async def a_card(on: Setting) -> Cast:
    return {"CC": (await on.card(**asked("card_create")))["id"]}


async def _buyer(on: Setting) -> Any:
    return await on.account(card_uri=(await on.card(**asked("card_create")))["uri"])


async def a_buyer_and_a_card(on: Setting) -> Cast:
    return {"CU": (await _buyer(on))["id"], **await a_card(on)}


async def a_buyer_and_a_bank_account(on: Setting) -> Cast:
    return {"CU": (await _buyer(on))["id"], **await a_bank_account(on)}


# Bank accounts and their verifications


async def _bank_account(on: Setting, **given: Any) -> Any:
    return await on.bank_account(**asked("bank_account_create") | given)


async def a_bank_account(on: Setting) -> Cast:
    return {"BA": (await _bank_account(on))["id"]}


async def _verification(on: Setting) -> Any:
    bank_account = await _bank_account(on)
    await on.customer(bank_account_uri=bank_account["uri"])
    return bank_account, await on.made(bank_account["verifications_uri"])


async def a_customers_bank_account(on: Setting) -> Cast:
    bank_account = await _bank_account(on)
    await on.customer(bank_account_uri=bank_account["uri"])
    return {"BA": bank_account["id"]}


async def a_verification(on: Setting) -> Cast:
    bank_account, verification = await _verification(on)
    return {"BA": bank_account["id"], "BZ": verification["id"]}


async def six_bank_accounts(on: Setting) -> Cast:
    for _ in range(3):  # besides the owner's
        await _bank_account(on)
    verified = await _bank_account(on, routing_number="321174851")
    await on.customer(address={"country_code": "USA"}, bank_account_uri=verified["uri"])
    await on.verified(verified)
    return await a_bank_account(on)


# Callbacks


async def a_callback(on: Setting) -> Cast:
    return {"CB": (await on.made(f"{on.marketplace}/callbacks", asked("callback_create")))["id"]}


# Cards


async def a_card_with_meta(on: Setting) -> Cast:
    return {"CC": (await on.card(**asked("card_create"), **asked("card_update")))["id"]}


async def four_cards(on: Setting) -> Cast:
    for _ in range(2):
        await a_card(on)
    buyer = await _buyer(on)
    await on.changed(buyer["uri"], {"bank_account_uri": (await _bank_account(on))["uri"]})
    return await a_card(on)


# Credits


async def escrow(on: Setting) -> Cast:
    await on.escrow()
    return {}


async def a_bank_account_to_credit(on: Setting) -> Cast:
    await on.escrow()
    return await a_bank_account(on)


async def _payee(on: Setting) -> Any:
    await on.escrow()
    bank_account, _ = await _verification(on)
    (payee,) = (await on.api.get("/v1/customers?limit=1")).body["items"]
    assert payee["destination_uri"].endswith(bank_account["id"])
    return payee


async def a_payee(on: Setting) -> Cast:
    return {"CU": (await _payee(on))["id"]}


async def a_credit_of_a_customer(on: Setting) -> Cast:
    payee = await _payee(on)
    await on.credit(payee, **asked("customer_credit"))
    return {"CU": payee["id"]}


async def a_credit_of_a_new_bank_account(on: Setting) -> Cast:
    await on.escrow()
    credit = await on.made(f"{on.marketplace}/credits", asked("credit_create_new_bank_account"))
    return {"CR": credit["id"]}


async def a_credit_of_a_bank_account(on: Setting) -> Cast:
    await on.escrow()
    bank_account = await _bank_account(on)
    await on.credit(bank_account, **asked("credit_create_existing_bank_account"))
    return {"BA": bank_account["id"]}


async def two_credits(on: Setting) -> Cast:
    await a_credit_of_a_new_bank_account(on)
    return await a_credit_of_a_bank_account(on)


# Customers


async def a_customer(on: Setting) -> Cast:
    return {"CU": (await on.customer())["id"]}


async def a_customer_and_a_bank_account(on: Setting) -> Cast:
    return {**await a_customer(on), **await a_bank_account(on)}


async def a_customer_and_a_card(on: Setting) -> Cast:
    return {**await a_customer(on), **await a_card(on)}


async def _payer(on: Setting) -> Any:
    return await on.customer(card_uri=(await on.card(**asked("card_create")))["uri"])


async def a_payer(on: Setting) -> Cast:
    return {"CU": (await _payer(on))["id"]}


# Debits


async def _debit(on: Setting, payer: Any = None) -> Any:
    return await on.debit(payer or await _payer(on), **asked("debit_create"))


async def a_debit(on: Setting) -> Cast:
    return {"WD": (await _debit(on))["id"]}


async def three_debits(on: Setting) -> Cast:
    payer = await _payer(on)
    return {"WD": [(await _debit(on, payer))["id"] for _ in range(3)][-1]}


# Events


async def the_event_of_the_owners_bank_account(on: Setting) -> Cast:
    (event,) = (await on.api.get("/v1/events?type=bank_account.created")).body["items"]
    return {"EV": event["id"]}


async def eighty_seven_events(on: Setting) -> Cast:
    while (await on.api.get("/v1/events?limit=1")).body["total"] < 87:
        await on.customer()
    return await the_event_of_the_owners_bank_account(on)


# Holds


async def _hold(on: Setting, payer: Any) -> Any:
    hold = asked("hold_create")
    del hold["source_uri"]  # the payer's only card
    return await on.hold(payer, **hold)


async def a_hold(on: Setting) -> Cast:
    payer = await _payer(on)
    return {"CU": payer["id"], "HL": (await _hold(on, payer))["id"]}


async def five_holds(on: Setting) -> Cast:
    payer = await _payer(on)
    for _ in range(4):
        await _debit(on, payer)
    return await a_hold(on)


async def a_payer_and_the_card(on: Setting) -> Cast:
    card = await on.card(**asked("card_create"))
    return {"CU": (await on.customer(card_uri=card["uri"]))["id"], "CC": card["id"]}


# Refunds


async def a_customers_debit(on: Setting) -> Cast:
    debit = await _debit(on)
    return {"CU": debit["customer"]["id"], "WD": debit["id"]}


async def a_refund(on: Setting) -> Cast:
    debit = await _debit(on)
    given = {name: value for name, value in asked("refund_create").items() if name != "debit_uri"}
    return {"CU": debit["customer"]["id"], "RF": (await on.refund(debit, **given))["id"]}


async def two_refunds(on: Setting) -> Cast:
    await on.refund(await _debit(on))
    return await a_refund(on)


SCENES: Mapping[str, Scene] = {
    "account_add_card": a_buyer_and_a_card,
    "account_create": nothing,
    "account_create_buyer": a_card,
    "account_create_merchant": a_buyer_and_a_bank_account,
    "account_underwrite_business": nothing,
    "account_underwrite_person": nothing,
    "bank_account_create": nothing,
    "bank_account_delete": a_bank_account,
    "bank_account_invalid_routing_number": nothing,
    "bank_account_list": six_bank_accounts,
    "bank_account_show": a_bank_account,
    "bank_account_verification_create": a_customers_bank_account,
    "bank_account_verification_show": a_verification,
    "bank_account_verification_update": a_verification,
    "callback_create": nothing,
    "callback_delete": a_callback,
    "callback_list": a_callback,
    "callback_show": a_callback,
    "card_create": nothing,
    "card_delete": a_card,
    "card_invalidate": a_card_with_meta,
    "card_list": four_cards,
    "card_show": a_card,
    "card_update": a_card,
    "credit_bank_account_list": a_credit_of_a_bank_account,
    "credit_create_existing_bank_account": a_bank_account_to_credit,
    "credit_create_new_bank_account": escrow,
    "credit_customer_list": a_credit_of_a_customer,
    "credit_failed_state": escrow,
    "credit_list": two_credits,
    "credit_paid_state": escrow,
    "credit_pending_state": escrow,
    "credit_show": a_credit_of_a_new_bank_account,
    "customer_add_bank_account": a_customer_and_a_bank_account,
    "customer_add_card": a_customer_and_a_card,
    "customer_create": nothing,
    "customer_create_debit": a_payer,
    "customer_credit": a_payee,
    "customer_delete": a_customer,
    "debit_create": a_payer,
    "debit_customer_list": a_payer,
    "debit_list": three_debits,
    "debit_refund": a_debit,
    "debit_show": a_debit,
    "debit_update": a_debit,
    "event_list": eighty_seven_events,
    "event_show": the_event_of_the_owners_bank_account,
    "hold_capture": a_hold,
    "hold_create": a_payer_and_the_card,
    "hold_customer_list": a_hold,
    "hold_list": five_holds,
    "hold_show": a_hold,
    "hold_update": a_hold,
    "hold_void": a_hold,
    "refund_create": a_customers_debit,
    "refund_customer_list": a_refund,
    "refund_list": two_refunds,
    "refund_show": a_refund,
    "refund_update": a_refund,
}
"""What is set up before each exchange."""
