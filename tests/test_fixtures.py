"""Fixtures: found, read, checked, loaded, and described by a schema."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sandbox import fixtures
from sandbox.call import Route
from sandbox.fixtures import BadFixture, bundle, reading
from sandbox.fixtures.collection import COLLECTIONS
from sandbox.redact import conceal
from sandbox.resources import ROUTES
from sandbox.world import World
from sandbox.worlds import Ground, Worlds
from tests.shared import example, needs_shared

NOW = 1367860683439563
BORN = "2013-05-06T17:18:03.439563Z"
SCHEMA = Draft202012Validator(fixtures.schema())


def empty_world(folder: Path | None = None) -> World:
    return Worlds(Ground(wall=lambda: NOW, seed="7", folder=folder)).default


def populated(*raws: Any) -> World:
    world = empty_world()
    fixtures.populate(world, [fixtures.check(f"{number}.json", raw) for number, raw in enumerate(raws)])
    return world


@pytest.fixture(name="world")
def a_world_with_its_marketplace() -> World:
    return populated()


def load(world: World, raw: Any) -> None:
    fixtures.load(world, [fixtures.check("shop.json", raw)])


def get(world: World, path: str) -> Any:
    """Return what a GET answers, of a collection without parents or of one record in it."""
    collection, _, identifier = path.removeprefix("/v1/").partition("/")
    wanted = f"/v1/{collection}/{{" if identifier else f"/v1/{collection}"
    route = next(route for route in ROUTES if route.method == "GET" and _matches(route, wanted))
    ids = {route.path.split("{")[-1].rstrip("}"): identifier} if identifier else {}
    return json.loads(world.perform(route, ids, uri=path).body)


def _matches(route: Route, wanted: str) -> bool:
    return route.path.startswith(wanted) and "/" not in route.path[len(wanted) :]


def customers(world: World) -> Any:
    return get(world, "/v1/customers")["items"]


def contents(world: World) -> Any:
    """Return all that is in a world's store, the sequence included."""
    return {table: dict(world.store.rows(table)) for table in world.store.tables()}, world.store.checkpoint().sequence


def refused(raw: Any) -> BadFixture:
    with pytest.raises(BadFixture) as caught:
        populated(raw)
    return caught.value


# Bundled ones.


def test_the_bundled_fixtures_are_named_after_their_files() -> None:
    assert {"documented", "shop"} <= set(fixtures.bundled())
    assert "schema" not in fixtures.bundled()


@pytest.mark.parametrize("name", fixtures.bundled())
def test_a_bundled_fixture_fills_an_empty_world(name: str) -> None:
    world = empty_world()

    fixtures.populate(world, [fixtures.read(path) for path in fixtures.locate(name)])

    assert customers(world)


@pytest.mark.parametrize("name", fixtures.bundled())
def test_a_bundled_fixture_follows_the_schema_it_points_to(name: str) -> None:
    [path] = fixtures.locate(name)
    raw = json.loads(path.read_bytes())

    SCHEMA.validate(raw)

    assert (path.parent / raw["$schema"]).resolve() == bundle.FOLDER / bundle.SCHEMA


@needs_shared
def test_documented_is_the_specifications_own_list() -> None:
    world = empty_world()

    fixtures.populate(world, [fixtures.read(path) for path in fixtures.locate("documented")])

    assert get(world, "/v1/customers") == example("list")["response_body"]


def test_the_shop_has_a_business_someone_verified_someone_with_two_cards_and_a_bank_account() -> None:
    world = empty_world()

    fixtures.populate(world, [fixtures.read(path) for path in fixtures.locate("shop")])

    shown = [customer for customer in customers(world) if customer["id"].startswith("CU")]
    cards = [world.store.count("cards", ("customer", customer["id"])) for customer in shown]
    assert 6 <= len(shown) <= 8
    assert [customer["name"] for customer in shown if customer["is_identity_verified"]] == ["Ada Byron"]
    assert [customer["name"] for customer in shown if customer["ein"]] == ["Goldie Locke"]
    assert [customer["name"] for customer in shown if customer["destination_uri"]] == ["Goldie Locke"]
    assert max(cards) == 2


# Found.


def test_a_file_is_located_as_itself(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text("{}")

    assert fixtures.locate(str(file)) == [file]


def test_a_folder_is_located_as_its_json_files_in_order_but_not_a_schema_beside_them(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "schema.json", "notes.txt"):
        (tmp_path / name).write_text("{}")

    assert fixtures.locate(str(tmp_path)) == [tmp_path / "a.json", tmp_path / "b.json"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFixture, match=r"has no fixtures in it: \*\.json"):
        fixtures.locate(str(tmp_path))


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(BadFixture) as caught:
        fixtures.locate("shp")

    expected = "shp: is neither a file nor a folder, nor one of the bundled fixtures: documented, shop"
    assert str(caught.value).startswith(expected)


# Read.


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFixture, match=r"mine\.json: cannot be read: No such file or directory"):
        fixtures.read(tmp_path / "mine.json")


def test_a_file_above_the_bound_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST", 10)
    file = tmp_path / "large.json"
    file.write_text('{"customers": []}')

    with pytest.raises(BadFixture, match=r"large\.json: is larger than 10 bytes"):
        fixtures.read(file)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{} {}",
        b"\xff",
        b'{"customers": [{"meta": {"x": NaN}}]}',
        b'{"customers": [{"name": "\\ud800"}]}',
        b'{"customers": [{"meta": {"x": %s}}]}' % (b"9" * 5000),
        b"[" * 30_000,
        b"[" * 900 + b"]" * 900,
    ],
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(BadFixture, match=r"^bad\.json: (is not JSON: .|\$.*: is nested)"):
        fixtures.parse("bad.json", data)


def test_an_object_with_a_key_twice_is_refused_where_it_is() -> None:
    with pytest.raises(BadFixture) as caught:
        fixtures.parse("twice.json", b'{"customers": [{}, {"meta": {"shoe size": 1, "shoe size": 2}}]}')

    assert str(caught.value) == 'twice.json: $.customers[1].meta["shoe size"]: is there twice'


def test_an_object_nested_too_deeply_is_refused() -> None:
    deep: Any = {}
    for _ in range(2000):
        deep = {"x": deep}

    with pytest.raises(BadFixture, match="is nested more than 8 levels deep"):
        fixtures.check("deep.json", {"customers": [{"meta": deep}]})


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(BadFixture):
        fixtures.parse("any.json", data)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["$a", "$b", "a"])
ENTRY_KEYS = ["$id", "id", "created_at", "customer", "name", "email", "meta", "card", "owner_account", "merchant"]
VALUES = st.recursive(
    SCALARS | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(ENTRY_KEYS), inner)
)
RAWS = st.dictionaries(
    st.sampled_from([*COLLECTIONS, "$schema", "orders"]),
    VALUES | st.lists(st.dictionaries(st.sampled_from(ENTRY_KEYS), VALUES)),
)


@settings(deadline=None)
@given(VALUES | RAWS)
def test_any_json_is_loaded_or_refused_and_a_refusal_leaves_nothing(raw: Any) -> None:
    world = empty_world()
    before = contents(world)
    try:
        fixtures.populate(world, [fixtures.check("any.json", raw)])
    except BadFixture:
        assert contents(world) == before
    else:
        assert get(world, "/v1/marketplaces")["total"] == 1


@pytest.mark.parametrize(
    ("raw", "path", "why"),
    [
        ([], "$", "must be an object of entries by collection"),
        ({"orders": []}, "$.orders", "is no collection"),
        ({"custmers": []}, "$.custmers", 'is no collection; did you mean "customers"?'),
        ({"customers": {}}, "$.customers", "must be an array of entries"),
        ({"customers": [{}, "Alice"]}, "$.customers[1]", "must be an object"),
        ({"customers": [{"emial": "x"}]}, "$.customers[0].emial", 'is no field of customers; did you mean "email"?'),
        ({"customers": [{"marketplace": "x"}]}, "$.customers[0].marketplace", "is no field of customers"),
        ({"customers": [{"uri": "/v1"}]}, "$.customers[0].uri", "is no field of customers"),
        (
            {"marketplaces": [{"fee_account": {"id": "AC1", "name": "x"}}]},
            "$.marketplaces[0].fee_account.name",
            "cannot be set; id and created_at can",
        ),
        ({"customers": [{"$id": "7"}]}, "$.customers[0].$id", 'must be a letter, then letters, digits, "_" and "-"'),
        ({"customers": [{"$id": 7}]}, "$.customers[0].$id", 'must be a letter, then letters, digits, "_" and "-"'),
        ({"customers": [{"$id": "a"}, {"$id": "a"}]}, "$.customers[1].$id", '"a" is there twice'),
        ({"customers": [{"id": "CC1"}]}, "$.customers[0].id", "must be CU and up to 32 letters and digits"),
        ({"customers": [{"id": "CU"}]}, "$.customers[0].id", "must be CU and up to 32 letters and digits"),
        ({"customers": [{"id": "CU/../x"}]}, "$.customers[0].id", "must be CU and up to 32 letters and digits"),
        ({"customers": [{"id": 7}]}, "$.customers[0].id", "must be CU and up to 32 letters and digits"),
        (
            {"marketplaces": [{"owner_bank_account": {"id": "AC1"}}]},
            "$.marketplaces[0].owner_bank_account.id",
            "must be BA and up to 32 letters and digits",
        ),
        ({"customers": [{"id": "CU1"}, {"id": "CU1"}]}, "$.customers[1].id", "CU1 is there twice"),
        *(
            (
                {"customers": [{"created_at": born}]},
                "$.customers[0].created_at",
                "must be a UTC time of the form 2013-05-06T17:18:03.439563Z",
            )
            for born in ("today", "2013-05-06", "2013-02-30T17:18:03.439563Z", "2013-05-06T17:18:03Z", 2013)
        ),
        ({"cards": [{"customer": "CU1"}]}, "$.cards[0].customer", 'must be a reference such as "$customer"'),
        ({"cards": [{"customer": "$bob"}]}, "$.cards[0].customer", '"$bob" names no entry loaded before this one'),
        (
            {"customers": [{"$id": "alice"}], "cards": [{"customer": "$alic"}]},
            "$.cards[0].customer",
            '"$alic" names no entry loaded before this one; did you mean "alice"?',
        ),
        (
            {"customers": [{"meta": {"x": "$later"}}, {"$id": "later"}]},
            "$.customers[0].meta.x",
            '"$later" names no entry loaded before this one',
        ),
        (
            {"customers": [{"$id": "me", "meta": {"x": "$me"}}]},
            "$.customers[0].meta.x",
            '"$me" names no entry loaded before this one',
        ),
        (
            {"marketplaces": [{"$id": "mp"}], "cards": [{"customer": "$mp"}]},
            "$.cards[0].customer",
            '"$mp" is one of the marketplaces, not a customer',
        ),
    ],
)
def test_a_slip_is_named_with_its_place_and_the_rule(raw: Any, path: str, why: str) -> None:
    bad = refused(raw)

    assert (bad.file, bad.path, bad.why) == ("0.json", path, why)
    assert str(bad) == f"0.json: {path}: {why}"


def test_a_refusal_of_the_api_is_named_with_the_field_it_is_about() -> None:
    bad = refused({"customers": [{}, {}, {"name": "Bob", "email": "x"}]})

    expected = '0.json: $.customers[2].email: "x" must be a valid email address as specified by RFC-2822'
    assert str(bad) == expected


def test_a_list_where_the_api_takes_an_object_is_refused_by_the_api() -> None:
    bad = refused({"customers": [{"meta": ["x"]}]})

    assert (bad.path, bad.why) == ("$.customers[0].meta", "\"['x']\" is not a mapping")


def test_an_entry_that_needs_another_parent_is_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = COLLECTIONS["cards"]
    nested = replace(cards, routes=tuple(route for route in cards.routes if "{customer}" in route.path))
    monkeypatch.setattr(reading, "COLLECTIONS", {**COLLECTIONS, "cards": nested})

    bad = refused({"cards": [{"card_number": "4111111111111111"}]})

    assert (bad.path, bad.why) == ("$.cards[0]", "cannot be created without a parent; there is customer")


def test_a_field_that_is_missing_is_named_with_the_entry_it_is_missing_from() -> None:
    bad = refused({"customers": [{"$id": "bob"}], "cards": [{"customer": "$bob", "card_number": "4111111111111111"}]})

    assert (bad.path, bad.why) == ("$.cards[0]", "Missing required field [expiration_month]")


def test_a_field_inside_an_object_is_named_with_its_whole_path() -> None:
    merchant = {"type": "person", "name": "x", "phone_number": "0" * 16, "dob": "1980-01"}
    bad = refused({"api_keys": [{"merchant": merchant | {"street_address": "1 A St", "postal_code": "90210"}}]})

    assert bad.path == "$.api_keys[0].merchant.phone_number"
    assert "must have length <= 15" in bad.why


def test_a_rule_about_the_whole_entry_is_told_in_the_apis_sentence() -> None:
    bad = refused({"marketplaces": [{}, {}]})

    assert (bad.path, bad.why) == ("$.marketplaces[1]", "Marketplace already created.")


# Loaded.


def test_an_entry_keeps_its_id_and_moment(world: World) -> None:
    load(world, {"customers": [{"id": "CUalice", "created_at": "2012-01-02T03:04:05.000006Z", "name": "Alice"}]})

    alice = get(world, "/v1/customers/CUalice")
    assert (alice["created_at"], alice["name"]) == ("2012-01-02T03:04:05.000006Z", "Alice")


def test_null_counts_as_not_given(world: World) -> None:
    load(world, {"customers": [{"$id": None, "id": None, "created_at": None, "name": None}]})

    assert customers(world)[0]["created_at"] == BORN


def test_entries_of_one_moment_are_listed_newest_first_in_the_order_of_the_file(world: World) -> None:
    load(world, {"customers": [{"name": "Alice"}, {"name": "Bob"}]})

    assert [customer["name"] for customer in customers(world)[:2]] == ["Bob", "Alice"]


def test_customers_and_accounts_are_listed_by_moment_whatever_the_order_they_were_loaded_in(world: World) -> None:
    moments = [f"2014-01-0{day}T00:00:00.000000Z" for day in range(1, 4)]
    load(
        world,
        {
            "customers": [{"name": "second", "created_at": moments[1]}],
            "accounts": [{"name": "third", "created_at": moments[2]}, {"name": "first", "created_at": moments[0]}],
        },
    )

    assert [customer["name"] for customer in customers(world)[:3]] == ["third", "second", "first"]


def test_an_entry_under_a_parent_belongs_to_it(world: World) -> None:
    load(
        world,
        {
            "customers": [{"$id": "alice", "id": "CUalice"}],
            "cards": [
                {
                    "id": "CCvisa",
                    "customer": "$alice",
                    "card_number": "4111111111111111",
                    "expiration_month": 12,
                    "expiration_year": 2020,
                }
            ],
        },
    )

    assert get(world, "/v1/customers/CUalice")["source_uri"].endswith("/CUalice/cards/CCvisa")


def test_an_account_is_a_customer_to_its_cards(world: World) -> None:
    card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}
    load(world, {"accounts": [{"$id": "b", "id": "ACb"}], "cards": [{"customer": "$b", "id": "CCvisa", **card}]})

    assert get(world, "/v1/customers/ACb")["source_uri"].endswith("/ACb/cards/CCvisa")


def test_an_entry_without_a_parent_goes_through_the_marketplaces_route(world: World) -> None:
    # On the root route, the type would be required.
    load(world, {"bank_accounts": [{"name": "Bob", "account_number": "9900000002", "routing_number": "121000358"}]})

    assert get(world, "/v1/bank_accounts")["items"][0]["type"] == "checking"


def test_a_reference_becomes_the_uri_of_what_it_names(world: World) -> None:
    load(
        world,
        {
            "customers": [
                {"$id": "alice", "id": "CUalice"},
                {"id": "CUbob", "meta": {"friend": "$alice", "owes": "$5", "says": "$$alice"}},
            ]
        },
    )

    expected = {"friend": "/v1/customers/CUalice", "owes": "$5", "says": "$alice"}
    assert get(world, "/v1/customers/CUbob")["meta"] == expected


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_can_be_said_with_its_dollar_doubled(text: str) -> None:
    assume(conceal(text, lambda secret: False) == text)  # but a card number, which is masked
    said = f"${text}" if text.startswith("$") else text

    world = populated({"customers": [{"meta": {"said": said}}]})

    assert customers(world)[0]["meta"]["said"] == text


def test_names_of_one_file_mean_nothing_in_another() -> None:
    with pytest.raises(BadFixture, match=r'^1\.json: \$\.customers\[0\]\.meta\.x: "\$alice" names no entry'):
        populated({"customers": [{"$id": "alice"}]}, {"customers": [{"meta": {"x": "$alice"}}]})


def test_loading_writes_no_events(world: World) -> None:
    before = dict(world.store.rows("events"))

    load(world, {"customers": [{"name": "Alice"}]})

    assert dict(world.store.rows("events")) == before


def test_an_id_that_is_taken_is_refused(world: World) -> None:
    load(world, {"customers": [{"id": "CUalice"}]})

    with pytest.raises(BadFixture, match=r"^shop\.json: \$\.customers\[0\]\.id: CUalice is in the world already$"):
        load(world, {"customers": [{"id": "CUalice"}]})


def test_a_world_without_a_marketplace_takes_no_customers() -> None:
    with pytest.raises(BadFixture, match=r"^shop\.json: \$\.customers\[0\]: needs a marketplace$"):
        load(empty_world(), {"customers": [{}]})


def test_a_refusal_anywhere_leaves_the_world_as_it_was(world: World) -> None:
    before = contents(world)
    good = fixtures.check("good.json", {"customers": [{"name": "Alice"}]})
    bad = fixtures.check("bad.json", {"customers": [{"name": "Bob"}, {"email": "x"}]})

    with pytest.raises(BadFixture, match=r"^bad\.json: "):
        fixtures.load(world, [good, bad])

    assert contents(world) == before


# Populated.


def test_an_empty_world_gets_a_merchant_with_a_key_and_a_marketplace() -> None:
    world = populated()

    assert get(world, "/v1/merchants")["total"] == 1
    assert world.opens_with(world.api_key)
    assert get(world, "/v1/marketplaces")["items"][0]["uri"] == world.marketplace_uri


def test_a_fixture_may_bring_key_merchant_and_marketplace() -> None:
    merchant = {
        "id": "TEST-MRmine",
        "type": "person",
        "name": "Mary",
        "phone_number": "+16505551212",
        "dob": "1980-01",
        "street_address": "1 A St",
        "postal_code": "90210",
    }
    parts = {"owner_account": {"id": "ACowner", "name": "Own"}, "escrow_account": {"id": "ACescrow"}}
    world = populated(
        {
            "api_keys": [{"id": "AKmine", "merchant": merchant}],
            "marketplaces": [{"id": "TEST-MPmine", "name": "Mine", **parts}],
        }
    )

    assert get(world, "/v1/api_keys")["items"][0]["id"] == "AKmine"
    assert get(world, "/v1/merchants")["items"][0]["id"] == "TEST-MRmine"
    assert get(world, "/v1/marketplaces/TEST-MPmine")["owner_account"]["name"] == "Own"
    assert get(world, "/v1/customers/ACescrow")["email"] == "escrow@poundpay.com"


@pytest.mark.parametrize("raw", [{"api_keys": [{}, {}]}, {"marketplaces": [{}]}, {"api_keys": [], "marketplaces": []}])
def test_what_a_fixture_does_not_bring_is_created(raw: Any) -> None:
    world = populated(raw)

    assert [get(world, f"/v1/{one}")["total"] for one in ("merchants", "marketplaces")] == [1, 1]
    assert get(world, "/v1/api_keys")["total"] == max(1, len(raw.get("api_keys", [])))


def test_the_marketplace_of_one_fixture_holds_the_customers_of_another() -> None:
    world = populated({"customers": [{"name": "Alice"}]}, {"marketplaces": [{"id": "TEST-MPmine"}]})

    assert customers(world)[0]["cards_uri"].startswith("/v1/marketplaces/TEST-MPmine/")


def test_a_bad_fixture_leaves_an_empty_world_empty_on_disk_too(tmp_path: Path) -> None:
    world = empty_world(tmp_path)
    before = contents(world)

    with pytest.raises(BadFixture):
        fixtures.populate(world, [fixtures.check("bad.json", {"customers": [{"email": "x"}]})])

    assert contents(world) == before
    world.close()
    assert empty_world(tmp_path).is_empty


def test_the_same_seed_clock_and_fixtures_make_the_same_world() -> None:
    raw = {"customers": [{"name": "Alice"}], "accounts": [{"name": "Bob"}]}

    assert contents(populated(raw)) == contents(populated(raw))


# Collections and the schema.


def test_collections_are_loaded_along_the_way_money_flows() -> None:
    names = list(COLLECTIONS)

    assert names[:2] == ["api_keys", "marketplaces"]
    assert set(names[2:4]) == {"accounts", "customers"}
    assert names[4:6] == ["cards", "bank_accounts"]


def test_a_parent_chooses_the_customers_route_before_the_accounts_one() -> None:
    route = COLLECTIONS["cards"].route({"customer"})

    assert route is not None
    assert route.path == "/v1/customers/{customer}/cards"


def test_the_schema_file_is_the_schema_of_the_routes() -> None:
    command = "from sandbox import fixtures; import json; print(json.dumps(fixtures.schema(), indent=2))"
    written = (bundle.FOLDER / bundle.SCHEMA).read_text()

    assert written == json.dumps(fixtures.schema(), indent=2) + "\n", f"python -c '{command}' > fixtures/schema.json"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(fixtures.schema())


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"customers": [{"$id": "a", "id": None, "created_at": None, "name": 7, "meta": {"x": 54.8}}]},
        {"cards": [{"customer": "$a", "card_number": "4111", "expiration_month": "12", "expiration_year": 2020}]},
        {"marketplaces": [{"owner_account": {"id": "AC1", "name": "x"}, "fee_account": {"created_at": BORN}}]},
        {"accounts": [{"card_uri": "$visa"}]},
    ],
)
def test_the_schema_takes_what_loading_takes(raw: Any) -> None:
    assert SCHEMA.is_valid(raw)


@pytest.mark.parametrize(
    "raw",
    [
        [],
        {"orders": []},
        {"customers": {}},
        {"customers": ["Alice"]},
        {"customers": [{"emial": "x"}]},
        {"customers": [{"id": "CC1"}]},
        {"customers": [{"$id": "7"}]},
        {"customers": [{"created_at": "today"}]},
        {"customers": [{"meta": {"x": {}}}]},
        {"cards": [{"customer": "CU1", "card_number": "4111", "expiration_month": 12, "expiration_year": 2020}]},
        {"cards": [{"card_number": "4111111111111111", "expiration_month": 13, "expiration_year": 2020}]},
        {"cards": [{"customer": "$a"}]},
        {"marketplaces": [{"fee_account": {"name": "x"}}]},
    ],
)
def test_the_schema_refuses_what_loading_refuses(raw: Any) -> None:
    assert not SCHEMA.is_valid(raw)
