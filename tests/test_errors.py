"""Refusals: what each says and the envelope it travels in, key by key (``money.md`` §2, §3)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import errors
from sandbox.errors import (
    PHRASES,
    BadRequest,
    Conflict,
    Declined,
    ExpectationFailed,
    Forbidden,
    Invalid,
    NotAllowed,
    NotFound,
    Redirect,
    Refusal,
    RequestTimeout,
    Scripted,
    Surprise,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedEncoding,
    UnsupportedType,
    envelope,
    phrase,
)

REQUEST = "OHMe956b8424d4c11e3b9de026ba7cd33d0"
NOT_FOUND = (
    "The requested URL was not found on the server.  "
    "If you entered the URL manually please check your spelling and try again."
)

# Each refusal with its status, reason, type, code and sentence.
REFUSALS = [
    (
        Redirect("person-kyc", "Person KYC failed.", "/kyc"),
        (300, "Multiple Choices", "redirect", "person-kyc", "Person KYC failed."),
    ),
    (
        Invalid("Unable to sort on unknown field"),
        (400, "Bad Request", "request", "request", "Unable to sort on unknown field"),
    ),
    (
        Invalid.body("it is not UTF-8"),
        (400, "Bad Request", "request", "request", "Request body is not valid: it is not UTF-8"),
    ),
    (
        Invalid.field("amount", '"52.12" is not an integer'),
        (400, "Bad Request", "request", "request", 'Invalid field [amount] - "52.12" is not an integer'),
    ),
    (
        Invalid.missing("amount"),
        (400, "Bad Request", "request", "request", "Missing required field [amount]"),
    ),
    (
        BadRequest("Routing number is invalid.", code="invalid-routing-number"),
        (400, "Bad Request", "request", "invalid-routing-number", "Routing number is invalid."),
    ),
    (
        Unauthorized("index", "customers"),
        (
            401,
            "Unauthorized",
            "permission",
            "authentication-required",
            "Not permitted to perform index on customers.",
        ),
    ),
    (
        Declined("R530: Customer call bank."),
        (402, "Payment Required", "banking", "card-declined", "R530: Customer call bank."),
    ),
    (
        Declined("No.", code="authorization-failed"),
        (402, "Payment Required", "banking", "authorization-failed", "No."),
    ),
    (
        Forbidden("Not permitted to perform create on debits."),
        (403, "Forbidden", "permission", "not-authorized", "Not permitted to perform create on debits."),
    ),
    (NotFound(), (404, "Not Found", "request", "not-found", NOT_FOUND)),
    (
        NotAllowed("GET, HEAD"),
        (
            405,
            "Method Not Allowed",
            "request",
            "method-not-allowed",
            "The method is not allowed for the requested URL.",
        ),
    ),
    (
        RequestTimeout(),
        (408, "Request Timeout", "request", "request", "Request body did not arrive in time"),
    ),
    (
        Conflict("marketplace-already-created", "Marketplace already created."),
        (409, "Conflict", "logical", "marketplace-already-created", "Marketplace already created."),
    ),
    (
        TooLarge(1024),
        (413, "Request Entity Too Large", "request", "request", "Request body is larger than 1024 bytes"),
    ),
    (
        UnsupportedEncoding(),
        (
            415,
            "Unsupported Media Type",
            "request",
            "request",
            "Content encoding is not supported; send gzip, deflate or none",
        ),
    ),
    (
        ExpectationFailed(),
        (417, "Expectation Failed", "request", "request", "The only expectation that can be met is 100-continue"),
    ),
    (
        UnsupportedType("text/xml"),
        (
            415,
            "Unsupported Media Type",
            "request",
            "request",
            'Content type "text/xml" is not supported; send application/json or application/x-www-form-urlencoded',
        ),
    ),
    (
        Scripted(429),
        (429, "Too Many Requests", "request", "scripted", "A fault of the sandbox was told to answer this."),
    ),
    (
        Surprise(),
        (
            500,
            "Internal Server Error",
            "request",
            "internal-server-error",
            "The sandbox ran into a fault of its own; its log has the details.",
        ),
    ),
    (
        Unavailable("Nothing was changed: the disk is full."),
        (
            503,
            "Service Unavailable",
            "request",
            "service-unavailable",
            "Nothing was changed: the disk is full.",
        ),
    ),
]

names = st.text(min_size=1)
details = st.none() | st.text(min_size=1)


@pytest.mark.parametrize(("refusal", "shown"), REFUSALS, ids=[type(refusal).__name__ for refusal, _ in REFUSALS])
def test_a_refusal_has_its_status_its_category_and_its_sentence(
    refusal: Refusal, shown: tuple[int, str, str, str, str]
) -> None:
    status, reason, category_type, category_code, sentence = shown

    body = envelope(refusal, REQUEST)

    assert body["status_code"] == status
    assert body["status"] == reason
    assert body["category_type"] == category_type
    assert body["category_code"] == category_code
    assert body["description"] == f"{sentence} Your request id is {REQUEST}."
    assert body["request_id"] == REQUEST
    assert body["_uris"] == {}


def test_every_refusal_is_in_the_table() -> None:
    declared = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Refusal)}

    assert declared - {Refusal} == {type(refusal) for refusal, _ in REFUSALS}


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status_has_the_reason_it_is_known_by(status: int) -> None:
    known = {one.value: one.phrase for one in HTTPStatus}

    # 413 has a newer name, which no client of the time knew.
    assert phrase(status) == ("Request Entity Too Large" if status == 413 else known.get(status, "Scripted"))
    assert PHRASES.get(status, phrase(status)) == phrase(status)


@pytest.mark.parametrize("refusal", [refusal for refusal, _ in REFUSALS], ids=lambda refusal: type(refusal).__name__)
def test_an_error_has_exactly_the_documented_keys(refusal: Refusal) -> None:
    keys = {"_uris", "status", "status_code", "category_type", "category_code", "description", "request_id"}
    if not isinstance(refusal, NotFound):
        keys |= {"additional", "extras"}
    if isinstance(refusal, Redirect):
        keys |= {"redirect_uri", "friendly_html"}

    assert envelope(refusal, REQUEST).keys() == keys


def test_additional_and_extras_are_null_and_empty_unless_there_is_more_to_say() -> None:
    body = envelope(Conflict("marketplace-already-created", "Marketplace already created."), REQUEST)

    assert body["additional"] is None
    assert body["extras"] == {}


def test_what_the_processor_said_is_additional() -> None:
    body = envelope(Declined("R530: Customer call bank.", additional="Customer call bank."), REQUEST)

    assert body["additional"] == "Customer call bank."
    assert body["extras"] == {}


def test_a_conflict_may_name_what_is_in_the_way() -> None:
    body = envelope(
        Conflict("duplicate-email-address", "Taken.", extras={"account_uri": "/v1/accounts/AC1"}),
        REQUEST,
    )

    assert body["extras"] == {"account_uri": "/v1/accounts/AC1"}


@pytest.mark.parametrize(
    ("refusal", "recorded"),
    [
        (
            Invalid.missing("amount"),
            {
                "_uris": {},
                "additional": None,
                "category_code": "request",
                "category_type": "request",
                "description": f"Missing required field [amount] Your request id is {REQUEST}.",
                "extras": {"amount": "Missing required field [amount]"},
                "request_id": REQUEST,
                "status": "Bad Request",
                "status_code": 400,
            },
        ),
        (
            BadRequest(
                "Routing number is invalid.",
                code="invalid-routing-number",
                extras={"routing_number": "Routing number is invalid."},
            ),
            {
                "_uris": {},
                "additional": None,
                "category_code": "invalid-routing-number",
                "category_type": "request",
                "description": f"Routing number is invalid. Your request id is {REQUEST}.",
                "extras": {"routing_number": "Routing number is invalid."},
                "request_id": REQUEST,
                "status": "Bad Request",
                "status_code": 400,
            },
        ),
        (
            Invalid.field("routing_number", '"321171184abc" must have length <= 9'),
            {
                "_uris": {},
                "additional": None,
                "category_code": "request",
                "category_type": "request",
                "description": (
                    'Invalid field [routing_number] - "321171184abc" must have length <= 9 '
                    f"Your request id is {REQUEST}."
                ),
                "extras": {"routing_number": '"321171184abc" must have length <= 9'},
                "request_id": REQUEST,
                "status": "Bad Request",
                "status_code": 400,
            },
        ),
        (
            NotFound(),
            {
                "_uris": {},
                "category_code": "not-found",
                "category_type": "request",
                "description": f"{NOT_FOUND} Your request id is {REQUEST}.",
                "request_id": REQUEST,
                "status": "Not Found",
                "status_code": 404,
            },
        ),
    ],
    ids=["missing", "routing number", "too long", "not found"],
)
def test_an_error_is_the_recorded_one(refusal: Refusal, recorded: dict[str, Any]) -> None:
    assert envelope(refusal, REQUEST) == recorded


@pytest.mark.parametrize("refusal", [refusal for refusal, _ in REFUSALS], ids=lambda refusal: type(refusal).__name__)
def test_a_sentence_about_fields_or_the_body_has_no_full_stop_and_any_other_has(refusal: Refusal) -> None:
    assert refusal.sentence.endswith(".") == (refusal.category_code != "request")


@given(st.dictionaries(names, details, min_size=1))
def test_every_wrong_field_is_in_the_extras_and_the_first_is_the_description(faults: dict[str, str | None]) -> None:
    refusal = Invalid.fields(faults)

    name, detail = next(iter(faults.items()))
    alone = Invalid.missing(name) if detail is None else Invalid.field(name, detail)
    assert list(refusal.extras) == list(faults)
    assert refusal.sentence == alone.sentence
    assert refusal.extras[name] == alone.extras[name]


@pytest.mark.parametrize(
    ("refusal", "rule"),
    [
        (Invalid("A query string has at most 100 parameters"), "request"),
        (Invalid.body("it is not UTF-8"), "unreadable-body"),
        (Invalid.field("amount", '"x" is not an integer'), "invalid-field"),
        (Invalid.missing("amount"), "missing-field"),
        (Invalid.fields({"amount": None, "name": "is wrong"}), "missing-field"),
        (Invalid.fields({"name": "is wrong", "amount": None}), "invalid-field"),
        (BadRequest("No.", code="invalid-routing-number"), "invalid-routing-number"),
        (Conflict("card-not-valid", "Card CC1 is not valid."), "card-not-valid"),
        (NotFound(), "not-found"),
    ],
)
def test_the_rule_that_refused_has_a_name(refusal: Refusal, rule: str) -> None:
    assert refusal.rule == rule


@pytest.mark.parametrize(
    ("refusal", "headers"),
    [
        (Unauthorized("index", "customers"), {"WWW-Authenticate": 'Basic realm="Balanced"'}),
        (NotAllowed("GET, HEAD"), {"Allow": "GET, HEAD"}),
        (Redirect("person-kyc", "Person KYC failed.", "/kyc"), {"Location": "/kyc"}),
        (NotFound(), {}),
    ],
)
def test_some_refusals_travel_with_a_header(refusal: Refusal, headers: dict[str, str]) -> None:
    assert refusal.headers == headers


def test_a_redirect_says_in_its_body_too_where_to_go() -> None:
    body = envelope(Redirect("person-kyc", "Person KYC failed.", "/kyc"), REQUEST)

    assert body["redirect_uri"] == "/kyc"
    assert '<a href="/kyc">' in body["friendly_html"]
