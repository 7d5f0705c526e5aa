"""Declaring a resource: one class says what is given, kept, hidden, linked and embedded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.call import Born
from sandbox.resource import (
    ABSENT,
    EVERYWHERE,
    KINDS,
    NOT_CUSTOMERS,
    NOT_ROOT,
    ROOT_ONLY,
    Family,
    Field,
    Place,
    Record,
    kind_of,
)
from tests.kinds import Letter, Parcel, Receipt, Sender, declared

BORN: Born = {"id": "PA1", "created_at": "2013-05-06T17:18:03.439563Z"}


@pytest.fixture
def kinds() -> Iterator[None]:
    with declared():
        yield


def field(kind: type[Record], name: str) -> Field:
    return next(one for one in kind.shape.fields if one.name == name)


def test_a_shape_says_what_was_declared() -> None:
    shape = Parcel.shape

    assert (shape.kind, shape.plural, shape.prefix, shape.emits) == ("parcel", "parcels", "PA", "parcel")
    assert shape.listed_under == ("sender",)
    assert shape.filterable == {"weight": "integer", "meta": "meta", "insured": "integer"}
    assert shape.sortable == ("weight",)


def test_table_and_type_are_named_after_the_resource_unless_it_says_otherwise() -> None:
    assert (Parcel.shape.table, Parcel.shape.wire_type) == ("parcels", "parcel")
    assert (Letter.shape.table, Letter.shape.wire_type) == ("parcels", "mail")


def test_a_resource_is_quiet_unlisted_and_newest_first_unless_it_says_otherwise() -> None:
    shape = Sender.shape

    assert (shape.emits, shape.listed_under, shape.newest_first) == ("", (), True)
    assert Letter.shape.newest_first is False


def test_fields_are_in_the_order_they_are_declared_in_after_those_of_every_record() -> None:
    assert [one.name for one in Parcel.shape.fields] == [
        "id", "created_at", "weight", "meta", "address", "insured", "is_lost", "stamps", "sender", "payer", "account",
        "back_to", "next", "shelf",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("id", "kept"),
        ("weight", "kept"),
        ("is_lost", "kept"),
        ("stamps", "kept"),
        ("sender", "embeds"),
        ("account", "embeds"),
        ("back_to", "points_to"),
        ("shelf", "hidden"),
    ],
)
def test_a_field_has_the_role_it_is_declared_with(name: str, role: str) -> None:
    assert field(Parcel, name).role == role


def test_only_what_is_declared_as_given_may_be_given() -> None:
    assert list(Parcel.shape.given) == ["weight", "meta", "address", "insured"]
    assert list(Sender.shape.given) == ["name"]


def test_a_party_is_embedded_once_more_as_account_but_kept_once() -> None:
    payer, account = field(Parcel, "payer"), field(Parcel, "account")

    assert (payer.attribute, payer.target, payer.views) == ("payer", "customer", EVERYWHERE)
    assert (account.attribute, account.target, account.views) == ("payer", "account", NOT_CUSTOMERS)
    assert (payer.kept, account.kept) == (True, False)


def test_a_record_does_not_change() -> None:
    parcel: Any = Parcel(**BORN, weight=5)

    with pytest.raises(FrozenInstanceError):
        parcel.weight = 6


def test_what_is_stored_has_every_field_under_its_key_and_nothing_that_is_absent() -> None:
    parcel = Parcel(**BORN, weight=5, insured=100, sender="SE1")

    assert parcel.document() == {
        **BORN,
        "weight": 5,
        "meta": {},
        "insured_for": 100,
        "is_lost": False,
        "stamps": 1,
        "sender": "SE1",
        "payer": None,
        "back_to": None,
        "next": None,
        "shelf": None,
    }


@pytest.mark.parametrize("address", [ABSENT, None, {}, {"line1": "Rome"}])
def test_absent_null_and_empty_stay_apart(address: Any) -> None:
    parcel = Parcel(**BORN, weight=5, address=address)

    assert Parcel.stored(parcel.document()).address == address


def test_a_document_of_an_older_version_takes_the_defaults() -> None:
    assert Parcel.stored({**BORN, "weight": 5}) == Parcel(**BORN, weight=5)


def test_what_the_store_adds_to_a_document_is_no_field() -> None:
    assert Parcel.stored({**BORN, "weight": 5, "_seq": 7}) == Parcel(**BORN, weight=5)


def test_two_faces_read_the_same_document_each_in_its_own_words() -> None:
    document = Parcel(**BORN, weight=5, shelf="dear Zoë").document()

    assert Letter.stored(document) == Letter(**BORN, weight=5, text="dear Zoë")


texts = st.text()


@given(
    weight=st.integers(),
    meta=st.dictionaries(texts, texts),
    address=st.sampled_from([ABSENT, None]) | st.dictionaries(texts, texts),
    sender=st.none() | texts | st.dictionaries(texts, texts),
    shelf=st.none() | texts,
    is_lost=st.booleans(),
)
def test_a_record_is_read_as_it_was_stored(**fields: Any) -> None:
    parcel = Parcel(**BORN, **fields)

    assert Parcel.stored(parcel.document()) == parcel


def test_a_record_has_its_uri_at_the_root_and_its_collections_under_it_unless_it_says_otherwise() -> None:
    at = Place("/v1/marketplaces/TEST-MP1", Family.ROOT)
    receipt = Receipt(id="RE1", created_at="", parcel={"kind": "parcel", "document": {}})

    assert receipt.uri(at) == receipt.home(at) == "/v1/receipts/RE1"
    assert receipt.more(at) == {}
    assert Receipt.stored_id("RE1", {}) == "RE1"


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/v1/customers", Family.ROOT),
        ("/v1/customers/{customer}", Family.CUSTOMERS),
        ("/v1/customers/{customer}/cards/{card}", Family.CUSTOMERS),
        ("/v1/bank_accounts/{bank_account}", Family.ROOT),
        ("/v1/marketplaces", Family.ROOT),
        ("/v1/marketplaces/{marketplace}", Family.MARKETPLACE),
        ("/v1/marketplaces/{marketplace}/cards", Family.MARKETPLACE),
        ("/v1/marketplaces/{marketplace}/accounts", Family.ACCOUNTS),
        ("/v1/marketplaces/{marketplace}/accounts/{account}/debits", Family.ACCOUNTS),
        ("/v1/merchants/{merchant}/accounts", Family.ROOT),
    ],
)
def test_the_path_says_through_which_family_a_record_is_reached(path: str, family: Family) -> None:
    assert Family.of(path) is family


def test_the_views_leave_out_what_their_names_say() -> None:
    assert frozenset(Family) == EVERYWHERE
    assert frozenset({Family.ROOT}) == ROOT_ONLY
    assert EVERYWHERE - ROOT_ONLY == NOT_ROOT
    assert EVERYWHERE - {Family.CUSTOMERS} == NOT_CUSTOMERS


@pytest.mark.usefixtures("kinds")
def test_an_id_tells_its_kind_by_its_first_letters() -> None:
    assert kind_of("PA749LgQpQRtRBWBHYDVzmfL") == "parcel"
    assert kind_of("SE1") == "sender"
    assert KINDS["parcel"] is Parcel


def test_a_party_is_a_customer_whether_it_was_born_as_one_or_as_an_account() -> None:
    assert kind_of("CU1") == kind_of("AC1") == "customer"


def test_what_a_test_declares_is_not_left_behind() -> None:
    assert "parcel" not in KINDS
    with pytest.raises(KeyError):
        kind_of("PA1")
