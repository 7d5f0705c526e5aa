"""The OpenAPI document: valid, complete, the same every time, and true of the examples in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from sandbox.call import Route
from sandbox.codes import CODES, RULES
from sandbox.errors import Refusal
from sandbox.fields import Choice, Text
from sandbox.json_schema import describe, schema_of
from sandbox.resource import KINDS
from sandbox.resources import ROUTES, customers
from sandbox.resources.refusals import REFUSALS
from sandbox.web import openapi
from sandbox.web.control import LEVERS
from sandbox.web.openapi.types import Components, either
from sandbox.web.shapes import Rule
from tests import conforming
from tests.api import Api
from tests.conforming import DOCUMENT

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"
WRITE_IT = "balanced-sandbox openapi --reference > docs/reference.md"

OPERATIONS = list(conforming.operations())

SCRIPTED_ONLY = {
    "authorization-failed",
    "funding-destination-declined",
    "capture-void-attempt",
    "hold-not-associated-account",
    "hold-not-associated-marketplace",
    "bank-account-authentication-not-pending",
    "bank-account-no-account",
    "funding-source-not-associated",
    "funding-source-already-associated",
    "funding-source-not-refundable",
    "funding-source-not-hold",
    "funding-destination-already-associated",
    "cannot-associate-bank-account",
    "cannot-associate-card",
    "cannot-associate-merchant-with-account",
    "cannot-underwrite-account",
    "address-verification-failed",
    "identity-verification-error",
} - {code for codes in REFUSALS.values() for code in codes}
"""Codes of the books that only a fault can have this sandbox answer."""


def declared(method: str, path: str) -> Any:
    return DOCUMENT["paths"][path][method.lower()]


def named(one: Any) -> str:
    return f"{one[0]} {one[1]}"


# Valid and complete.


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")

    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_route_and_every_lever_is_in_it_and_nothing_else() -> None:
    served = {(route.method, route.path) for route in ROUTES}
    pulled = {(lever.method, f"/_sandbox/{lever.path}") for lever in LEVERS}

    assert {(method, path) for method, path, _ in OPERATIONS} == served | pulled


def test_no_two_operations_have_the_same_id() -> None:
    ids = [one.id for _, _, one in OPERATIONS]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_an_operation_says_what_its_route_declares(route: Route) -> None:
    operation = declared(route.method, route.path)
    parameters = [conforming.resolve(one["$ref"]) for one in operation["parameters"]]

    assert operation["operationId"].startswith(route.operation)
    assert operation["summary"]
    assert operation["x-evidence"] == route.evidence
    assert [one["name"] for one in parameters if one["in"] == "path"] == re.findall(r"\{(\w+)\}", route.path)
    assert ("requestBody" in operation) == bool(route.takes)
    assert {str(route.status), "400", "401", "403", "408", "413", "415", "500", "503"} <= operation["responses"].keys()
    assert ("404" in operation["responses"]) == ("{" in route.path)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.takes], ids=lambda route: f"{route.path}")
def test_a_body_is_taken_as_json_and_as_a_form(route: Route) -> None:
    content = declared(route.method, route.path)["requestBody"]["content"]

    assert content.keys() == {"application/json", "application/x-www-form-urlencoded"}
    assert content["application/json"]["schema"] == content["application/x-www-form-urlencoded"]["schema"]
    taken = conforming.resolve(content["application/json"]["schema"]["$ref"])
    form = taken.get("anyOf", [taken])[0]
    assert route.takes.keys() <= form["properties"].keys()


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: f"{lever.method} {lever.path}")
def test_a_lever_says_what_it_does_takes_and_answers(lever: Any) -> None:
    operation = declared(lever.method, f"/_sandbox/{lever.path}")

    assert operation["summary"], f"the pull function of {lever.path} has no docstring"
    assert (lever.answers is None) == (lever.method == "DELETE"), f"the row of {lever.path} names no `answers`"
    assert isinstance(lever.asks, dict), f"the parameters of {lever.path} have no types"
    parameters = [conforming.resolve(one["$ref"]) if "$ref" in one else one for one in operation["parameters"]]
    assert {one["name"] for one in parameters if one["in"] == "query"} == {*lever.asks, "world"}
    assert ("requestBody" in operation) == bool(lever.takes)
    changes = lever.method != "GET"
    assert all(("control" in one) == changes for one in operation["security"])


def test_every_list_can_be_asked_for_what_its_kind_declares() -> None:
    parameters = [conforming.resolve(one["$ref"])["name"] for one in declared("GET", "/v1/credits")["parameters"]]
    shape = KINDS["credit"].shape

    assert {*shape.filterable, "limit", "offset", "sort"} <= {*parameters}
    assert {"amount[>=]", "created_at[<]", "status[!in]", "meta[!contains]"} <= {*parameters}


def test_a_route_that_opens_a_world_needs_no_key_and_the_others_do() -> None:
    without = {(route.method, route.path) for route in ROUTES if {} in declared(route.method, route.path)["security"]}

    assert without == {(route.method, route.path) for route in ROUTES if route.open}


# Refusals.


def test_every_code_is_one_a_verb_declares_or_one_only_a_fault_has() -> None:
    declared = {code for codes in REFUSALS.values() for code in codes}

    assert declared <= {*RULES}
    assert {*CODES} - declared == SCRIPTED_ONLY


def test_every_verb_that_declares_refusals_is_one_of_a_route() -> None:
    assert REFUSALS.keys() <= {route.verb for route in ROUTES}


def test_a_refusal_stands_under_its_status_with_its_sentence() -> None:
    responses = declared("POST", "/v1/customers/{customer}/debits")["responses"]

    declined = conforming.resolve(responses["402"]["$ref"])
    assert "R530: Customer call bank." in declined["description"]
    schema = declined["content"]["application/json"]["schema"]
    assert schema["properties"]["category_code"]["enum"] == ["card-declined"]


# Examples.


def examples() -> Iterator[Any]:
    for method, path, one in OPERATIONS:
        contents = {status: f"{at}/content" for status, at in one.responses.items()}
        if one.takes:
            contents["body"] = f"{one.at}/requestBody/content"
        for status, at in contents.items():
            for media, content in holder(at).items():
                pointer = f"{at}/{media.replace('/', '~1')}/schema"
                given = [content["example"]] if "example" in content else []
                given += [example["value"] for example in content.get("examples", {}).values()]
                yield from (pytest.param(pointer, value, id=f"{method} {path} {status} {media}") for value in given)


def holder(at: str) -> Any:
    parent, _, name = at.rpartition("/")
    return conforming.resolve(parent).get(name, {})


@pytest.mark.parametrize(("pointer", "value"), list(examples()))
def test_an_example_is_what_its_schema_says(pointer: str, value: Any) -> None:
    assert conforming.faults(pointer, value) == []


@pytest.mark.parametrize("route", [route for route in ROUTES if route.status != 204], ids=lambda route: route.path)
def test_every_good_answer_of_the_api_has_an_example_and_every_body_too(route: Route) -> None:
    operation = declared(route.method, route.path)

    assert operation["responses"][str(route.status)]["content"]["application/json"]["example"]
    if route.takes:
        assert operation["requestBody"]["content"]["application/json"]["example"]


def test_the_examples_are_those_of_the_documentation() -> None:
    example = declared("POST", "/v1/customers")["responses"]["201"]["content"]["application/json"]["example"]

    assert (example["name"], example["twitter"], example["ssn_last4"]) == ("John Lee Hooker", "@balanced", "xxxx")


# Links.


def test_what_was_made_leads_to_itself_and_to_what_hangs_from_it() -> None:
    links = declared("POST", "/v1/customers")["responses"]["201"]["links"]

    assert {"customers.retrieve", "customers.update", "customers.delete"} <= links.keys()
    assert links["customers.retrieve"]["parameters"] == {"customer": "$response.body#/id"}
    assert any(name.startswith("debits.create") for name in links)


def test_every_link_leads_to_an_operation_and_says_all_of_its_path() -> None:
    paths = {one.id: path for _, path, one in OPERATIONS}
    links = [
        link
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]

    assert links
    for link in links:
        assert {*link["parameters"]} == {*re.findall(r"\{(\w+)\}", paths[link["operationId"]])}


def test_what_a_record_may_not_have_yet_is_no_link_of_its_birth() -> None:
    links = declared("POST", "/v1/bank_accounts")["responses"]["201"]["links"]

    assert "verifications.create.bank_accounts.verifications" in links
    assert not {"verifications.retrieve_latest", "verifications.confirm_latest"} & links.keys()


@pytest.mark.parametrize("path", ["/v1/customers", "/_sandbox/reset", "/_sandbox/deliveries/policy"])
def test_where_nothing_has_to_be_said_null_is_a_body_too(path: str) -> None:
    (operation,) = (one for method, asked, one in OPERATIONS if asked == path and method in ("POST", "PUT"))

    assert operation.takes
    assert conforming.faults(operation.takes, None) == []
    assert conforming.faults(operation.takes, {}) == []


# Served and printed.


async def test_the_document_is_served_with_the_levers(api: Api) -> None:
    answer = await api.get("/_sandbox/openapi.json")

    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.body == DOCUMENT


def test_the_document_is_the_same_in_every_process() -> None:
    printed = subprocess.run([sys.executable, "-m", "sandbox", "openapi"], capture_output=True, check=True, text=True)

    assert json.loads(printed.stdout) == DOCUMENT


def test_the_page_is_the_one_of_this_document() -> None:
    assert REFERENCE.read_text() == openapi.written(DOCUMENT), f"docs/reference.md is stale; write it by: {WRITE_IT}"


def test_the_page_names_every_path_and_every_code() -> None:
    page = openapi.written(DOCUMENT)

    assert [path for _, path, _ in OPERATIONS if path not in page] == []
    assert [code for codes in REFUSALS.values() for code in codes if f"`{code}`" not in page] == []


# What it is made of.


def test_a_reader_nobody_described_is_an_error() -> None:
    class Silent:
        required = False
        also = ()

        def read(self, raw: Any, find: Any) -> Any:
            return raw

    with pytest.raises(TypeError, match="Silent"):
        describe(Silent())


def test_a_field_with_two_names_is_required_under_either() -> None:
    form = {"routing_number": Text(required=True, also=("bank_code",))}

    rule, _ = schema_of(form)["allOf"]
    assert rule == {"anyOf": [{"required": ["routing_number"]}, {"required": ["bank_code"]}]}


def test_another_name_is_not_read_beside_the_field_itself() -> None:
    schema = Draft202012Validator(schema_of({"type": Choice(words=("checking",), also=("account_type",))}))

    assert schema.is_valid({"type": "checking", "account_type": "AAA"})
    assert schema.is_valid({"account_type": "checking"})
    assert not schema.is_valid({"account_type": "AAA"})


def test_a_type_json_has_no_word_for_is_an_error() -> None:
    with pytest.raises(TypeError, match="no word"):
        Components().of(bytes)


def test_two_schemas_of_one_name_are_an_error() -> None:
    components = Components()
    components.ref("Card", {"type": "object"})

    with pytest.raises(ValueError, match="Card"):
        components.ref("Card", {"type": "array"})


def test_a_key_that_need_not_be_there_is_not_required() -> None:
    components = Components()

    components.of(Rule)

    assert components.schemas["Rule"]["required"] == ["do"]


def test_one_type_or_another_is_a_list_of_them_and_the_same_twice_is_one() -> None:
    assert either([{"type": "string"}, {"type": "null"}]) == {"type": ["string", "null"]}
    assert either([{"type": "string"}, {"type": "string"}]) == {"type": "string"}
    assert either([{"enum": ["a"]}, {"type": "null"}]) == {"enum": ["a", None]}


def test_a_summary_is_the_first_sentence_a_verb_says_of_itself() -> None:
    assert declared("POST", "/v1/customers")["summary"] == (customers.create.__doc__ or "").rstrip(".")


def test_every_refusal_any_request_can_meet_is_among_the_responses() -> None:
    statuses = {kind.status for kind in Refusal.__subclasses__()} - {300, 402, 405, 409}

    assert {str(status) for status in statuses} <= declared("GET", "/v1/customers/{customer}")["responses"].keys()
