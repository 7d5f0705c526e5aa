"""Showing records: links, what is embedded, views, pages; and bytes that are kept no longer than they are true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import represent
from sandbox.call import Born
from sandbox.records import REMOVED, Records
from sandbox.represent import Bodies, Listing, page_frame
from sandbox.resource import Family, Place, Record
from sandbox.resources.parties import Customer
from sandbox.store import Store
from tests.kinds import MARKETPLACE, TABLES, Letter, Parcel, Receipt, Sender, declared
from tests.store.undone import undone

AT = "2013-05-06T17:18:03.439563Z"
PARCEL: Born = {"id": "PA1", "created_at": AT}

ROOT = Place(MARKETPLACE, Family.ROOT)
INSIDE = Place(MARKETPLACE, Family.MARKETPLACE)
CUSTOMERS = Place(MARKETPLACE, Family.CUSTOMERS)
ZOE = Sender(id="SE1", created_at=AT, name="Zoë", password="s3cret")

SENDER_BODY = {
    "_type": "sender",
    "_uris": {"parcels_uri": {"_type": "page", "key": "parcels"}},
    "uri": "/v1/senders/SE1",
    "id": "SE1",
    "created_at": AT,
    "name": "Zoë",
    "parcels_uri": f"{MARKETPLACE}/senders/SE1/parcels",
}


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    with declared():
        yield


@pytest.fixture
def store() -> Store:
    return Store.open(TABLES)


@pytest.fixture
def bodies(store: Store) -> Bodies:
    return Bodies(Records(store))


def keep(store: Store, *records: Record) -> None:
    with store.transaction():
        for record in records:
            store.put(record.shape.table, record.document())


def remove(store: Store, record: Record) -> None:
    with store.transaction():
        store.drop(record.shape.table, record.id)
        store.put(REMOVED, record.document())


def shown(bodies: Bodies, record: Record, at: Place = ROOT) -> Any:
    return orjson.loads(bodies.of(record, at))


def test_a_record_shows_its_fields_and_where_its_collections_are(store: Store, bodies: Bodies) -> None:
    keep(store, ZOE)

    assert shown(bodies, ZOE) == SENDER_BODY


def test_what_is_hidden_is_not_shown(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5, shelf="left")
    keep(store, ZOE, parcel)

    assert b"s3cret" not in bodies.of(ZOE, ROOT)
    assert "shelf" not in shown(bodies, parcel)


def test_what_is_absent_is_not_shown_and_null_and_empty_are(store: Store, bodies: Bodies) -> None:
    absent = Parcel(id="PA1", created_at=AT, weight=5)
    null = Parcel(id="PA2", created_at=AT, weight=5, address=None)
    empty = Parcel(id="PA3", created_at=AT, weight=5, address={})
    keep(store, absent, null, empty)

    assert "address" not in shown(bodies, absent)
    assert shown(bodies, null)["address"] is None
    assert shown(bodies, empty)["address"] == {}


def test_a_relation_is_embedded_on_top_and_a_link_inside(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5, sender="SE1")
    receipt = Receipt(id="RE1", created_at=AT, parcel={"kind": "parcel", "document": parcel.document()})
    keep(store, ZOE, parcel, receipt)

    top = shown(bodies, parcel)
    inside = shown(bodies, receipt)["parcel"]

    assert top["sender"] == SENDER_BODY
    assert "sender_uri" not in top
    assert inside["sender_uri"] == "/v1/senders/SE1"
    assert inside["_uris"]["sender_uri"] == {"_type": "sender", "key": "sender"}
    assert "sender" not in inside


def test_a_relation_to_nobody_is_null_on_top_and_inside_and_has_no_link(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5)
    receipt = Receipt(id="RE1", created_at=AT, parcel={"kind": "parcel", "document": parcel.document()})
    keep(store, parcel, receipt)

    assert shown(bodies, parcel)["sender"] is None
    assert shown(bodies, receipt)["parcel"]["sender_uri"] is None
    assert shown(bodies, parcel)["_uris"] == shown(bodies, receipt)["parcel"]["_uris"] == {}


def test_what_was_never_a_record_is_embedded_as_it_is_and_has_no_link(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5, sender={"name": "nobody we know"})
    receipt = Receipt(id="RE1", created_at=AT, parcel={"kind": "parcel", "document": parcel.document()})
    keep(store, parcel, receipt)

    assert shown(bodies, parcel)["sender"] == {"_type": "sender", "_uris": {}, "name": "nobody we know"}
    assert shown(bodies, receipt)["parcel"]["sender_uri"] is None


def test_a_pointer_is_a_link_everywhere_and_listed_when_it_leads_somewhere(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5, back_to="SE1")
    keep(store, ZOE, parcel)

    body = shown(bodies, parcel)

    assert body["back_to_uri"] == "/v1/senders/SE1"
    assert body["_uris"] == {"back_to_uri": {"_type": "sender", "key": "back_to"}}


def test_a_pointer_may_lead_to_any_kind_through_a_family_of_its_own_and_be_left_out_of_the_links(
    store: Store, bodies: Bodies
) -> None:
    first = Parcel(id="PA1", created_at=AT, weight=5, next="PA2")
    keep(store, first, Parcel(id="PA2", created_at=AT, weight=5))

    body = shown(bodies, first)

    assert body["uri"] == "/v1/parcels/PA1"
    assert body["next_uri"] == f"{MARKETPLACE}/parcels/PA2"
    assert body["_uris"] == {}


def test_a_view_leaves_out_what_is_not_for_it(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5)
    keep(store, parcel)

    root, inside, customers = (shown(bodies, parcel, at) for at in (ROOT, INSIDE, CUSTOMERS))

    assert ("stamps" in root, "stamps" in inside, "stamps" in customers) == (False, True, True)
    assert ("account" in root, "account" in inside, "account" in customers) == (True, True, False)
    assert root["uri"] == "/v1/parcels/PA1"
    assert inside["uri"] == f"{MARKETPLACE}/parcels/PA1"


def test_a_face_has_its_own_type_and_says_what_follows_from_the_rest(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=50, shelf="dear Zoë")
    keep(store, parcel)

    assert shown(bodies, Letter.stored(parcel.document())) == {
        "_type": "mail",
        "_uris": {},
        "uri": "/v1/letters/PA1",
        "id": "PA1",
        "created_at": AT,
        "weight": 50,
        "text": "dear Zoë",
        "is_heavy": True,
    }


def test_a_party_is_shown_as_a_customer_and_once_more_as_an_account(store: Store, bodies: Bodies) -> None:
    payer = Customer(id="CU1", created_at=AT, email="zoe@example.com")
    parcel = Parcel(**PARCEL, weight=5, payer="CU1")
    receipt = Receipt(id="RE1", created_at=AT, parcel={"kind": "parcel", "document": parcel.document()})
    keep(store, payer, parcel, receipt)

    top, inside = shown(bodies, parcel), shown(bodies, receipt)["parcel"]

    assert (top["payer"]["uri"], top["payer"]["_type"]) == ("/v1/customers/CU1", "customer")
    assert (top["account"]["uri"], top["account"]["_type"]) == (f"{MARKETPLACE}/accounts/CU1", "account")
    assert top["account"]["email_address"] == "zoe@example.com"
    assert inside["payer_uri"] == "/v1/customers/CU1"
    assert inside["account_uri"] == f"{MARKETPLACE}/accounts/CU1"
    assert inside["_uris"] == {
        "payer_uri": {"_type": "customer", "key": "payer"},
        "account_uri": {"_type": "customer", "key": "account"},
    }
    assert "account" not in shown(bodies, parcel, CUSTOMERS)


def test_what_was_is_shown_as_it_was_and_inside_the_marketplace(store: Store, bodies: Bodies) -> None:
    before, after = Parcel(**PARCEL, weight=5), Parcel(**PARCEL, weight=6)
    receipt = Receipt(id="RE1", created_at=AT, parcel={"kind": "parcel", "document": before.document()})
    keep(store, after, receipt)

    assert shown(bodies, receipt)["parcel"]["weight"] == 5
    assert shown(bodies, receipt)["parcel"]["uri"] == f"{MARKETPLACE}/parcels/PA1"


def test_a_deleted_relation_is_still_shown(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5, sender="SE1", back_to="SE1")
    keep(store, ZOE, parcel)
    before = bodies.of(parcel, ROOT)

    remove(store, ZOE)

    assert bodies.of(parcel, ROOT) == before
    assert Bodies(Records(store)).of(parcel, ROOT) == before


def test_a_relation_that_never_was_is_a_fault_of_ours(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5, back_to="SE9")
    keep(store, parcel)

    with pytest.raises(LookupError, match="sender SE9"):
        bodies.of(parcel, ROOT)


# Bytes are kept while every document they were made from is still the one in the store.


def test_a_body_is_made_once_while_nothing_it_shows_changes(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5, sender="SE1")
    keep(store, ZOE, parcel)
    before = bodies.of(parcel, ROOT)

    keep(store, Sender(id="SE2", created_at=AT, name="somebody else"))

    assert bodies.of(parcel, ROOT) is before


def test_a_body_is_made_anew_when_its_record_changes(store: Store, bodies: Bodies) -> None:
    keep(store, Parcel(**PARCEL, weight=5))
    bodies.of(Parcel(**PARCEL, weight=5), ROOT)

    keep(store, Parcel(**PARCEL, weight=6))

    assert shown(bodies, Parcel(**PARCEL, weight=6))["weight"] == 6


def test_a_body_is_of_what_is_kept_even_if_an_older_record_is_shown(store: Store, bodies: Bodies) -> None:
    older, newer = Parcel(**PARCEL, weight=5), Parcel(**PARCEL, weight=6)
    keep(store, newer)

    assert shown(bodies, older)["weight"] == 6
    assert shown(bodies, newer)["weight"] == 6


@pytest.mark.parametrize("link", ["sender", "back_to"])
def test_a_body_is_made_anew_when_a_record_it_shows_changes_or_goes(store: Store, bodies: Bodies, link: str) -> None:
    fields: dict[str, Any] = {link: "SE1"}
    parcel = Parcel(**PARCEL, weight=5, **fields)
    keep(store, ZOE, parcel)
    before = bodies.of(parcel, ROOT)

    keep(store, Sender(id="SE1", created_at=AT, name="Zoe"))
    changed = bodies.of(parcel, ROOT)
    remove(store, Sender(id="SE1", created_at=AT, name="Zoe"))
    gone = bodies.of(parcel, ROOT)

    assert changed is not before
    assert gone is not changed
    if link == "sender":
        assert orjson.loads(changed)["sender"]["name"] == orjson.loads(gone)["sender"]["name"] == "Zoe"


def test_a_body_is_made_anew_when_a_link_of_what_it_shows_changes(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5, back_to="SE1")
    receipt = Receipt(id="RE1", created_at=AT, parcel={"kind": "parcel", "document": parcel.document()})
    keep(store, ZOE, receipt)
    before = bodies.of(receipt, ROOT)

    keep(store, Sender(id="SE1", created_at=AT, name="Zoe"))

    assert bodies.of(receipt, ROOT) is not before


def test_a_body_of_a_transaction_that_failed_is_not_shown_afterwards(store: Store, bodies: Bodies) -> None:
    before = Parcel(**PARCEL, weight=5)
    keep(store, before)
    bodies.of(before, ROOT)

    with undone(store):
        store.put("parcels", Parcel(**PARCEL, weight=6).document())
        assert shown(bodies, Parcel(**PARCEL, weight=6))["weight"] == 6

    assert shown(bodies, before)["weight"] == 5


def test_each_view_and_each_face_has_bytes_of_its_own(store: Store, bodies: Bodies) -> None:
    parcel = Parcel(**PARCEL, weight=5)
    letter = Letter.stored(parcel.document())
    keep(store, parcel)

    assert len({bodies.of(one, at) for one in (parcel, letter) for at in (ROOT, INSIDE)}) == 3
    assert shown(bodies, letter)["uri"] == "/v1/letters/PA1"


def test_a_body_is_made_anew_when_the_marketplace_comes_to_be(store: Store, bodies: Bodies) -> None:
    keep(store, ZOE)
    bodies.of(ZOE, Place("/v1/marketplaces/", Family.ROOT))

    assert shown(bodies, ZOE)["parcels_uri"] == f"{MARKETPLACE}/senders/SE1/parcels"


def test_memory_is_bounded(store: Store, bodies: Bodies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(represent, "_KEPT", 2)
    parcels = [Parcel(id=f"PA{number}", created_at=AT, weight=number) for number in range(5)]
    keep(store, *parcels)

    assert [shown(bodies, parcel)["weight"] for parcel in parcels] == [0, 1, 2, 3, 4]
    assert len(bodies._ready) <= 2


# Pages (``entities.md`` §4.3).


def test_an_empty_page_is_the_documented_one(bodies: Bodies) -> None:
    listing: Listing[Record] = Listing([], total=0, limit=10, offset=0, path="/v1/customers")

    assert orjson.loads(bodies.page(listing, ROOT)) == {
        "_type": "page",
        "_uris": {
            "first_uri": {"_type": "page", "key": "first"},
            "next_uri": {"_type": "page", "key": "next"},
            "previous_uri": {"_type": "page", "key": "previous"},
            "last_uri": {"_type": "page", "key": "last"},
        },
        "uri": "/v1/customers?limit=10&offset=0",
        "first_uri": "/v1/customers?limit=10&offset=0",
        "last_uri": "/v1/customers?limit=10&offset=0",
        "next_uri": None,
        "previous_uri": None,
        "items": [],
        "limit": 10,
        "offset": 0,
        "total": 0,
    }


def test_a_page_holds_the_bodies_of_its_records_in_order(store: Store, bodies: Bodies) -> None:
    parcels = [Parcel(id=f"PA{number}", created_at=AT, weight=number) for number in (3, 1, 2)]
    keep(store, *parcels)

    page = orjson.loads(bodies.page(Listing(parcels, total=7, limit=3, offset=3, path="/v1/parcels"), ROOT))

    assert page["items"] == [shown(bodies, parcel) for parcel in parcels]
    assert page["total"] == 7


@pytest.mark.parametrize(("total", "limit", "last"), [(8, 2, 6), (19, 10, 10), (222, 7, 217), (5, 2, 4), (10, 10, 0)])
def test_the_last_page_begins_where_the_recorded_ones_do(total: int, limit: int, last: int) -> None:
    frame = page_frame(Listing([], total, limit, offset=0, path="/v1/holds"))

    assert frame["last_uri"] == f"/v1/holds?limit={limit}&offset={last}"


def test_what_else_was_asked_for_is_kept_before_limit_and_offset() -> None:
    asked = [("sort", "created_at,desc"), ("meta.a b", "ü&="), ("amount[>]", "1")]
    query = "sort=created_at%2Cdesc&meta.a+b=%C3%BC%26%3D&amount%5B%3E%5D=1"

    frame = page_frame(Listing([], total=30, limit=10, offset=10, path="/v1/holds", parameters=asked))

    assert frame["uri"] == f"/v1/holds?{query}&limit=10&offset=10"
    assert frame["next_uri"] == f"/v1/holds?{query}&limit=10&offset=20"
    assert frame["previous_uri"] == f"/v1/holds?{query}&limit=10&offset=0"


def test_a_page_may_say_more() -> None:
    frame = page_frame(Listing([], 0, 10, 0, "/v1/transactions", more=(("debits", 2),)))

    assert frame["debits"] == 2


@given(total=st.integers(0, 1000), limit=st.integers(1, 100), offset=st.integers(0, 1100))
def test_following_the_links_of_a_page_leads_over_every_record_once(total: int, limit: int, offset: int) -> None:
    def frame(offset: int) -> dict[str, Any]:
        return page_frame(Listing([], total, limit, offset, "/v1/holds"))

    def offset_of(uri: str) -> int:
        asked = dict(parse_qsl(urlsplit(uri).query))
        assert asked["limit"] == str(limit)
        return int(asked["offset"])

    here = frame(offset)
    assert offset_of(here["uri"]) == offset
    assert offset_of(here["first_uri"]) == 0
    assert frame(offset_of(here["last_uri"]))["next_uri"] is None
    assert (here["next_uri"] is None) == (offset + limit >= total)
    assert (here["previous_uri"] is None) == (offset == 0)
    if here["next_uri"]:
        assert offset_of(here["next_uri"]) == offset + limit
    if here["previous_uri"]:
        assert offset_of(here["previous_uri"]) == max(offset - limit, 0)

    seen: list[int] = []
    page = frame(0)
    while True:
        start = offset_of(page["uri"])
        seen += range(start, min(start + limit, total))
        if page["next_uri"] is None:
            break
        page = frame(offset_of(page["next_uri"]))
    assert seen == list(range(total))
    assert page["uri"] == page["last_uri"]
