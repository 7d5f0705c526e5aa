"""What the API answers, as aiohttp sends it."""

from __future__ import annotations

from functools import cache, lru_cache

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import LooseHeaders

from sandbox.errors import Refusal, envelope, phrase
from sandbox.redact import conceal
from sandbox.web.answers import SERVER, Pairs
from sandbox.world import Answer

# Exactly this and no charset: the official Python client looks the whole value up.
_JSON = ((hdrs.CONTENT_TYPE, "application/json"),)


def error(refusal: Refusal, request_id: str) -> bytes:
    """Return the envelope of a refusal; what it repeats of the request holds no card number and no API key."""
    body = envelope(refusal, request_id)
    body["description"] = conceal(body["description"], _may_be_key)
    if refusal.extras:
        body["extras"] = {name: conceal(detail, _may_be_key) for name, detail in refusal.extras.items()}
    return orjson.dumps(body)


def _may_be_key(secret: str) -> bool:
    return True


def respond(answered: Answer | web.StreamResponse, guarded: Pairs) -> web.StreamResponse:
    """Return an answer with the headers of the guard, and of the API where it is one of the API's."""
    if not isinstance(answered, Answer):
        answered.headers.extend(guarded)
        return answered
    response = web.Response(
        status=answered.status,
        reason=_reason(answered.status),
        body=answered.body or None,
        headers=_headers(guarded, bool(answered.body)),
    )
    if answered.headers:
        response.headers.update(answered.headers)  # a preflight's say again what all say
    return response


@cache
def _reason(status: int) -> str:
    return phrase(status).upper()


@lru_cache  # for the few origins that pages come from; a dict of aiohttp's own is copied quickly
def _headers(guarded: Pairs, has_body: bool) -> LooseHeaders:
    response = web.Response(headers=(*SERVER, *(_JSON if has_body else ()), *guarded))
    return response.headers
