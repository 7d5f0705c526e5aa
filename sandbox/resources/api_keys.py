"""API keys: without credentials a fresh world of one's own, with them one more key to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.call import Call, Route
from sandbox.errors import Forbidden
from sandbox.fields import Form, Meta, Nested
from sandbox.represent import Listing
from sandbox.resource import Record, embeds, given, hidden, resource
from sandbox.resources.bank_accounts import BANK_ACCOUNT
from sandbox.resources.merchants import KEY_HOLDER, OPENING, TEST_MERCHANT, Merchant, revise, underwrite


@resource(
    "api_key",
    plural="api_keys",
    prefix="AK",
    listed_under=("merchant", "secret"),
    filterable={"created_at": "datetime", "meta": "meta"},
    sortable=("created_at",),
    newest_first=False,
)
class ApiKey(Record):
    """A key as it is shown ever after: without its secret."""

    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    secret: str = hidden()
    merchant: str = hidden()


@resource("new_api_key", plural="api_keys", prefix="AK", table="api_keys", wire_type="api_key")
class NewApiKey(Record):
    """A key as it is shown once, to who made it."""

    meta: Mapping[str, str] = given(Meta(), default_factory=dict)
    secret: str = ""
    merchant: str = embeds("merchant")


_CREATE: Form = {"meta": Meta(), "merchant": Nested(form=OPENING), "bank_account": Nested(form=BANK_ACCOUNT)}


def create(call: Call) -> NewApiKey:
    """Make a key, and the merchant it belongs to where there is none yet."""
    given = call.given
    merchant = call.first(Merchant, ("part", KEY_HOLDER)) or _open(call, given)
    key = ApiKey(
        **call.born("AK"),
        meta=given.get("meta", {}),
        secret=call.new_secret(),
        merchant=merchant.id,
    )
    return call.fetch(NewApiKey, call.add(key).id)


def create_for_merchant(call: Call) -> NewApiKey:
    """Make one more key for the merchant that holds this one; raises ``Forbidden`` for any other."""
    if call.parent(Merchant).part != KEY_HOLDER:
        raise Forbidden("Not permitted to perform create on api_keys.")
    return create(call)


def index(call: Call) -> Listing[ApiKey]:
    """List the keys, oldest first."""
    return call.listing(ApiKey)


def index_of_merchant(call: Call) -> Listing[ApiKey]:
    """List a merchant's keys, oldest first."""
    return call.listing(ApiKey, ("merchant", call.parent(Merchant).id))


def retrieve(call: Call) -> ApiKey:
    """Retrieve a key."""
    return call.parent(ApiKey)


def update(call: Call) -> ApiKey:
    """Replace a key's meta where it was sent."""
    return call.change(call.parent(ApiKey), **call.given)


def delete(call: Call) -> None:
    """Delete a key; its secret opens nothing any more."""
    call.drop(call.parent(ApiKey))


def _open(call: Call, given: Mapping[str, Any]) -> Merchant:
    merchant = underwrite(call, given.get("merchant", TEST_MERCHANT), part=KEY_HOLDER)
    return revise(call, merchant, {"bank_account": given["bank_account"]}) if "bank_account" in given else merchant


_MEMBER = "/v1/api_keys/{api_key}"
_UNDER = "/v1/merchants/{merchant}/api_keys"

ROUTES = (
    Route("POST", "/v1/api_keys", create, "specified", takes=_CREATE, open="world"),
    Route("GET", "/v1/api_keys", index, "specified"),
    Route("GET", _MEMBER, retrieve, "specified"),
    Route("PUT", _MEMBER, update, "specified", takes={"meta": Meta()}),
    Route("DELETE", _MEMBER, delete, "specified"),
    Route("POST", _UNDER, create_for_merchant, "specified", takes=_CREATE),
    Route("GET", _UNDER, index_of_merchant, "specified"),
    Route("GET", f"{_UNDER}/{{api_key}}", retrieve, "specified"),
    Route("PUT", f"{_UNDER}/{{api_key}}", update, "specified", takes={"meta": Meta()}),
    Route("DELETE", f"{_UNDER}/{{api_key}}", delete, "specified"),
)
