"""What a verb is handed, and the routes that lead to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.bank import Bank
from sandbox.call import Call, Result, Route, Tools
from sandbox.errors import Forbidden, Invalid, NotFound
from sandbox.fields import Integer, Text, Uri
from sandbox.ids import Ids
from sandbox.records import REMOVED
from sandbox.resource import ABSENT, Family, Record
from sandbox.store import Document, Query, Store
from tests.conftest import NOW
from tests.kinds import TABLES, Letter, Parcel, Sender, declared

AT = "2013-05-06T17:18:03.439563Z"

Emitted = list[tuple[str, str, Document]]


def ship(call: Call) -> Result:
    """A verb; what it would do is of no concern here."""


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    with declared():
        yield


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store.open({**TABLES, "schedule": ()})
    with store.transaction():
        yield store


@pytest.fixture
def emitted() -> Emitted:
    return []


@pytest.fixture
def tools(store: Store, emitted: Emitted) -> Tools:
    def emit(call: Call, name: str, record: Record, document: Document) -> None:
        emitted.append((f"{record.shape.emits}.{name}", record.id, document))

    return Tools(store, Ids("a seed"), emit)


@pytest.fixture
def call(tools: Tools) -> Call:
    return Call(tools, NOW)


def route(method: str, path: str, **how: Any) -> Route:
    return Route(method, path, ship, "ours", **how)


def parcel(identifier: str = "PA1", weight: int = 5, **fields: Any) -> Parcel:
    return Parcel(id=identifier, created_at=fields.pop("created_at", AT), weight=weight, **fields)


def sender(identifier: str = "SE1") -> Sender:
    return Sender(id=identifier, created_at=AT, name=identifier)


# Routes.


@pytest.mark.parametrize(("method", "status"), [("POST", 201), ("GET", 200), ("PUT", 200), ("DELETE", 204)])
def test_the_method_says_the_status_of_a_good_answer(method: str, status: int) -> None:
    assert route(method, "/v1/parcels").status == status


def test_an_operation_is_named_after_its_module_and_its_verb() -> None:
    assert route("POST", "/v1/parcels").operation == "test_call.ship"


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/v1/parcels", ("index", "parcels")),
        ("GET", "/v1/parcels/{parcel}", ("show", "parcels")),
        ("POST", "/v1/parcels", ("create", "parcels")),
        ("PUT", "/v1/parcels/{parcel}", ("update", "parcels")),
        ("DELETE", "/v1/parcels/{parcel}", ("delete", "parcels")),
        ("GET", "/v1/senders/{sender}/parcels", ("index", "parcels")),
    ],
)
def test_a_route_knows_what_it_permits(method: str, path: str, permission: tuple[str, str]) -> None:
    assert route(method, path).permission == permission


def test_answers_are_shown_in_the_family_of_the_path_unless_the_route_says_otherwise() -> None:
    path = "/v1/marketplaces/{marketplace}/parcels"

    assert route("GET", path).family is Family.MARKETPLACE
    assert route("GET", path, view=Family.ROOT).family is Family.ROOT


# What the path names.


def test_the_records_of_the_path_are_found_before_the_verb_is_called(tools: Tools, call: Call) -> None:
    kept = call.add(sender())

    asked = Call(tools, NOW, path={"sender": "SE1"})

    assert asked.at == {"sender": kept}
    assert asked.parent(Sender) == kept


@pytest.mark.parametrize("path", [{"sender": "SE9"}, {"sender": "SE1", "parcel": "PA9"}])
def test_a_path_that_names_what_is_not_there_is_not_found(tools: Tools, call: Call, path: dict[str, str]) -> None:
    call.add(sender())

    with pytest.raises(NotFound):
        Call(tools, NOW, path=path)


@pytest.mark.parametrize("owner", ["SE2", None])
def test_a_record_is_not_found_under_a_parent_that_is_not_its_own(tools: Tools, call: Call, owner: str | None) -> None:
    for record in (sender("SE1"), sender("SE2"), parcel(sender=owner)):
        call.add(record)

    with pytest.raises(NotFound):
        Call(tools, NOW, path={"sender": "SE1", "parcel": "PA1"})


def test_a_record_is_found_under_its_own_parent(tools: Tools, call: Call) -> None:
    call.add(sender())
    call.add(parcel(sender="SE1"))

    assert Call(tools, NOW, path={"sender": "SE1", "parcel": "PA1"}).parent(Parcel).id == "PA1"


def test_a_record_that_has_no_such_parent_is_found_under_any(tools: Tools, call: Call) -> None:
    call.add(parcel())
    call.add(sender())

    assert Call(tools, NOW, path={"parcel": "PA1", "sender": "SE1"}).parent(Sender).id == "SE1"


# What was given.


def test_what_was_given_is_read_by_the_form_of_the_route(tools: Tools) -> None:
    takes = {"weight": Integer(required=True)}

    asked = Call(tools, NOW, route("POST", "/v1/parcels", takes=takes), body={"weight": "5", "colour": "red"})

    assert asked.given == {"weight": 5}
    assert asked.raw == {"weight": "5", "colour": "red"}
    assert asked.read({"colour": Text()}) == {"colour": "red"}


def test_what_was_given_is_refused_when_it_is_looked_at(tools: Tools) -> None:
    asked = Call(tools, NOW, route("POST", "/v1/parcels", takes={"weight": Integer(required=True)}))

    with pytest.raises(Invalid, match="Missing required field"):
        assert asked.given


def test_a_uri_resolves_to_a_record_of_this_world(tools: Tools, call: Call) -> None:
    call.add(sender())
    asked = Call(tools, NOW, body={"from": "/v1/senders/SE1"})

    assert asked.read({"from": Uri(kind="sender")}) == {"from": "SE1"}


def test_a_call_without_a_route_takes_nothing(call: Call) -> None:
    assert call.given == {}


def test_the_bank_is_the_one_of_the_world_unless_a_fault_brings_another(tools: Tools, call: Call) -> None:
    scripted = Bank("fails")

    assert call.bank is tools.bank
    assert Call(tools, NOW, bank=scripted).bank is scripted


# What is born.


def test_a_record_is_born_now_with_an_id_of_its_own(call: Call) -> None:
    one, other = call.born("PA"), call.born("PA")

    assert one["created_at"] == other["created_at"] == AT
    assert one["id"] != other["id"]
    assert one["id"].startswith("PA")
    assert call.today == "2013-05-06"


def test_a_fixture_may_say_the_id_and_the_time_also_of_the_parts(tools: Tools) -> None:
    preset = {"id": "PA7", "created_at": "2012-01-01T00:00:00.000000Z", "label": {"id": "LE7"}}

    planted = Call(tools, NOW, preset=preset)

    assert planted.born("PA") == {"id": "PA7", "created_at": "2012-01-01T00:00:00.000000Z"}
    assert planted.born("LE", "label") == {"id": "LE7", "created_at": AT}
    assert planted.born("LE", "stamp")["id"] not in ("PA7", "LE7")


def test_events_secrets_and_transaction_numbers_are_never_drawn_twice(call: Call) -> None:
    assert call.born_event() != call.born_event()
    assert call.born_event()["created_at"] == AT
    assert call.new_secret() != call.new_secret()
    assert call.new_transaction_number("W") != call.new_transaction_number("W")


# What is kept.


def test_what_is_added_is_kept_and_its_creation_told(call: Call, emitted: Emitted) -> None:
    added = call.add(parcel())

    assert call.fetch(Parcel, "PA1") == added
    assert [(name, identifier) for name, identifier, _ in emitted] == [("parcel.created", "PA1")]
    assert Parcel.stored(emitted[0][2]) == added


def test_a_change_replaces_what_it_names_and_is_told(call: Call, emitted: Emitted) -> None:
    before = call.add(parcel(meta={"a": "b"}))

    after = call.change(before, is_lost=True, insured=100)

    assert after == parcel(meta={"a": "b"}, is_lost=True, insured=100)
    assert before == parcel(meta={"a": "b"})
    assert call.fetch(Parcel, "PA1") is after
    assert emitted[-1][0] == "parcel.updated"
    assert Parcel.stored(emitted[-1][2]) == after


def test_an_event_has_the_name_it_is_given_or_is_not_told_at_all(call: Call, emitted: Emitted) -> None:
    call.change(call.change(call.add(parcel(), None), None, is_lost=True), "found", is_lost=False)

    assert [name for name, _, _ in emitted] == ["parcel.found"]


def test_a_resource_that_emits_nothing_is_quiet(call: Call, emitted: Emitted) -> None:
    call.drop(call.change(call.add(sender()), name="another"))

    assert emitted == []


def test_what_a_fixture_plants_was_always_there_and_is_not_told(tools: Tools, emitted: Emitted) -> None:
    Call(tools, NOW, preset={}).add(parcel())

    assert emitted == []


def test_a_change_to_what_it_was_is_no_update(call: Call, store: Store, emitted: Emitted) -> None:
    before = call.add(parcel(insured=100))
    document = store.get("parcels", "PA1")

    call.change(before, insured=100, is_lost=False)

    assert store.get("parcels", "PA1") is document
    assert [name for name, _, _ in emitted] == ["parcel.created"]


def test_a_change_of_one_face_leaves_the_fields_of_the_other_alone(call: Call) -> None:
    call.add(parcel(insured=100, shelf="dear Zoë"))

    letter = call.change(call.fetch(Letter, "PA1"), text="dear Ada")

    assert letter.text == "dear Ada"
    assert call.fetch(Parcel, "PA1") == parcel(insured=100, shelf="dear Ada")


def test_a_change_may_take_a_field_away(call: Call, store: Store) -> None:
    call.change(call.add(parcel(address={"line1": "Rome"})), address=ABSENT)

    assert "address" not in (store.get("parcels", "PA1") or {})
    assert call.fetch(Parcel, "PA1").address is ABSENT


def test_what_is_dropped_is_gone_told_and_kept_for_those_who_show_it(
    call: Call, store: Store, emitted: Emitted
) -> None:
    call.drop(call.add(parcel()))

    assert call.find(Parcel, "PA1") is None
    with pytest.raises(NotFound):
        call.fetch(Parcel, "PA1")
    assert Parcel.stored(store.get(REMOVED, "PA1") or {}) == parcel()
    assert emitted[-1][:2] == ("parcel.deleted", "PA1")


def test_only_what_is_there_can_be_dropped(call: Call) -> None:
    with pytest.raises(AssertionError):
        call.drop(parcel())


# What there is.


def test_the_first_is_the_oldest_and_all_are_newest_first(call: Call) -> None:
    for identifier, owner in (("PA1", "SE1"), ("PA2", "SE2"), ("PA3", "SE1")):
        call.add(parcel(identifier, sender=owner))

    under = ("sender", "SE1")
    assert [one.id for one in call.all(Parcel)] == ["PA3", "PA2", "PA1"]
    assert [one.id for one in call.all(Parcel, under)] == ["PA3", "PA1"]
    assert call.count(Parcel, under) == 2
    assert [one.id for one in (call.first(Parcel), call.first(Parcel, ("sender", "SE2"))) if one] == ["PA1", "PA2"]
    assert call.first(Parcel, ("sender", "SE9")) is None


def test_the_one_record_a_world_has_is_given_or_the_request_is_forbidden(tools: Tools, call: Call) -> None:
    with pytest.raises(Forbidden, match=r"Not permitted to perform create on senders\."):
        call.the(Sender)
    with pytest.raises(Forbidden, match=r"Not permitted to perform index on parcels\."):
        Call(tools, NOW, route("GET", "/v1/parcels")).the(Sender)

    call.add(sender())

    assert call.the(Sender).id == "SE1"


def test_the_marketplace_is_in_every_uri_once_it_is_there(tools: Tools, call: Call, store: Store) -> None:
    call.add(parcel())
    assert call.marketplace == ""

    store.put("marketplaces", {"id": "TEST-MP1", "created_at": AT})

    assert call.marketplace == "TEST-MP1"
    assert call.uri_of(parcel()) == "/v1/marketplaces/TEST-MP1/parcels/PA1"
    assert Call(tools, NOW, route("GET", "/v1/parcels")).uri_of(parcel()) == "/v1/parcels/PA1"


# Lists.


def listed(tools: Tools, *parameters: tuple[str, str], **how: Any) -> list[str]:
    asked = Call(tools, NOW, route("GET", "/v1/parcels"), parameters=parameters, uri="/v1/parcels")
    return [record.id for record in asked.listing(Parcel, **how).records]


def test_a_list_is_newest_first_unless_the_resource_says_otherwise(tools: Tools, call: Call) -> None:
    for number in range(3):
        call.add(parcel(f"PA{number}"))

    assert listed(tools) == ["PA2", "PA1", "PA0"]
    assert [one.id for one in call.listing(Letter).records] == ["PA0", "PA1", "PA2"]


def test_a_list_is_what_was_asked_for_of_what_there_is(tools: Tools, call: Call) -> None:
    for number in range(4):
        call.add(parcel(f"PA{number}", weight=number, sender=f"SE{number % 2}", insured=number))

    assert listed(tools, ("weight[>]", "0"), ("limit", "2")) == ["PA3", "PA2"]
    assert listed(tools, ("sort", "weight,asc"), ("offset", "1")) == ["PA1", "PA2", "PA3"]
    assert listed(tools, under=("sender", "SE1")) == ["PA3", "PA1"]
    assert listed(tools, where=Query().weight < 2) == ["PA1", "PA0"]
    assert listed(tools, ("weight[>]", "0"), where=Query().weight < 2) == ["PA1"]


def test_a_filter_is_named_as_the_face_names_the_field_whatever_it_is_kept_under(tools: Tools, call: Call) -> None:
    call.add(parcel("PA1", insured=100))
    call.add(parcel("PA2", insured=200))

    assert listed(tools, ("insured", "100")) == ["PA1"]


def test_a_page_knows_what_it_was_asked_for(tools: Tools, call: Call) -> None:
    for number in range(3):
        call.add(parcel(f"PA{number}"))
    asked = Call(tools, NOW, parameters=[("limit", "2"), ("weight", "5"), ("offset", "1")], uri="/v1/parcels")

    page = asked.listing(Parcel)

    assert (page.total, page.limit, page.offset, page.path) == (3, 2, 1, "/v1/parcels")
    assert page.parameters == [("weight", "5")]


@pytest.mark.parametrize(("offset", "limit"), [(0, 10), (0, 2), (1, 2), (3, 2), (4, 3), (9, 2)])
def test_a_page_over_several_kinds_is_in_one_order(tools: Tools, call: Call, offset: int, limit: int) -> None:
    for number in range(5):
        at = f"2013-05-06T17:18:0{number}.000000Z"
        if number % 2:
            call.add(parcel(f"PA{number}", created_at=at))
        else:
            call.add(Sender(id=f"SE{number}", created_at=at, name="Zoë"))
    asked = Call(tools, NOW, parameters=[("limit", str(limit)), ("offset", str(offset))], uri="/v1/things")

    kinds: dict[type[Record], None] = {Parcel: None, Sender: None}
    page, counts = asked.mixed(kinds, asked.asked({}, ()))

    assert [one.id for one in page.records] == ["SE4", "PA3", "SE2", "PA1", "SE0"][offset:][:limit]
    assert (page.total, counts) == (5, {"parcel": 2, "sender": 3})


def test_a_page_over_several_kinds_may_be_sorted_and_narrowed(tools: Tools, call: Call) -> None:
    for identifier, weight, owner in (("PA1", 3, "SE1"), ("PA2", 1, "SE1"), ("PA3", 2, "SE2")):
        call.add(parcel(identifier, weight, sender=owner))
    asked = Call(tools, NOW, parameters=[("sort", "weight,asc"), ("weight[<]", "3")])
    wanted = asked.asked(Parcel.shape.filterable, Parcel.shape.sortable)

    everyone, _ = asked.mixed({Parcel: None}, wanted)
    one, _ = asked.mixed({Parcel: ("sender", "SE1")}, wanted)

    assert [record.id for record in everyone.records] == ["PA2", "PA3"]
    assert [record.id for record in one.records] == ["PA2"]
