"""A world: a request is done wholly or not at all, what is due comes first, and the same asked is the same answered."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import fixtures
from sandbox.call import Call, Result, Route
from sandbox.clock import DAY, SECOND, Clock, stamp
from sandbox.dumps import BadDump
from sandbox.errors import Conflict, Declined, Forbidden, Invalid, NotFound, Refusal, Unavailable
from sandbox.resources import DUTIES, ROUTES
from sandbox.resources.marketplaces import Marketplace
from sandbox.resources.parties import Customer
from sandbox.store import ReadOnly, Store
from sandbox.world import EMPTY, FIXTURES, SHELVES, Answer, World
from sandbox.worlds import Ground, Worlds
from tests.conftest import NOW, Wall
from tests.store.crashes import FOLDER, CrashingFiles

CREATE, INDEX, RETRIEVE, UPDATE, DELETE = (
    next(route for route in ROUTES if (route.method, route.path) == named)
    for named in (
        ("POST", "/v1/customers"),
        ("GET", "/v1/customers"),
        ("GET", "/v1/customers/{customer}"),
        ("PUT", "/v1/customers/{customer}"),
        ("DELETE", "/v1/customers/{customer}"),
    )
)
EVENTS = next(route for route in ROUTES if route.path == "/v1/events")

Documents = dict[str, dict[str, Any]]


@pytest.fixture
def world(worlds: Worlds) -> World:
    return worlds.default


def documents(world: World) -> Documents:
    return {table: dict(world.store.rows(table)) for table in world.store.tables()}


def verb(does: Callable[[Call], Result], method: str = "POST") -> Route:
    return Route(method, "/v1/customers", does, "ours")


def created(world: World, **given: Any) -> Any:
    return orjson.loads(world.perform(CREATE, {}, body=given).body)


def listed(world: World, route: Route = INDEX) -> Any:
    return orjson.loads(world.perform(route, {}, parameters=[("limit", "100")], uri=route.path).body)["items"]


# What is answered.


def test_what_is_created_is_answered_with_201_and_kept(world: World) -> None:
    answer = world.perform(CREATE, {}, body={"name": "Zoë"})

    assert (answer.status, answer.headers) == (201, {})
    body = orjson.loads(answer.body)
    assert body["name"] == "Zoë"
    assert world.perform(RETRIEVE, {"customer": body["id"]}) == Answer(200, answer.body)


def test_what_is_deleted_is_answered_with_204_and_nothing(world: World) -> None:
    customer = created(world)["id"]

    assert world.perform(DELETE, {"customer": customer}) == Answer(204)
    with pytest.raises(NotFound):
        world.perform(RETRIEVE, {"customer": customer})


def test_an_unknown_id_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.perform(RETRIEVE, {"customer": "CU749LgQpQRtRBWBHYDVzmfL"})


def test_a_world_without_a_marketplace_forbids_what_needs_one(worlds: Worlds) -> None:
    with pytest.raises(Forbidden, match=r"Not permitted to perform create on customers\."):
        worlds.create().perform(CREATE, {})


# All or nothing.


class Bug(Exception):
    """Something nobody thought of."""


@pytest.mark.parametrize("error", [Conflict("card-not-valid", "No."), Bug(), KeyError("x"), SystemExit()])
def test_a_verb_that_raises_leaves_nothing_behind(world: World, error: BaseException) -> None:
    customer = created(world, name="Zoë")["id"]
    before = documents(world)

    def fails(call: Call) -> Result:
        call.add(Customer(**call.born("CU")))
        call.change(call.fetch(Customer, customer), name="Ada")
        call.schedule.add("holds.expire", customer, call.now)
        call.drop(call.fetch(Customer, customer))
        call.new_secret()
        raise error

    with pytest.raises(type(error)):
        world.perform(verb(fails), {})

    assert documents(world) == before
    assert [one["name"] for one in listed(world)][:1] == ["Zoë"]


def test_what_cannot_be_shown_did_not_happen(world: World) -> None:
    before = documents(world)

    with pytest.raises(LookupError, match="card CC9"):
        world.perform(verb(lambda call: call.add(Customer(**call.born("CU"), source="CC9"))), {})

    assert documents(world) == before


def test_what_failed_does_not_shift_the_ids_of_what_follows(wall: Wall) -> None:
    one, other = (Worlds(Ground(wall=wall, seed="tests")).default for _ in range(2))
    for world in (one, other):
        fixtures.populate(world)

    def fails(call: Call) -> Result:
        call.add(Customer(**call.born("CU")))
        raise Bug

    with pytest.raises(Bug):
        one.perform(verb(fails), {})

    assert created(one) == created(other)


def test_a_verb_may_refuse_and_keep_what_it_wrote(world: World) -> None:
    """So does a wrong guess at the deposits of a verification, which is counted."""

    def refuses(call: Call) -> Result:
        call.add(Customer(**call.born("CU"), name="kept"))
        return Conflict("card-not-valid", "No.")

    with pytest.raises(Conflict, match="No"):
        world.perform(verb(refuses), {})

    assert listed(world)[0]["name"] == "kept"


def test_a_verb_that_only_asks_may_refuse_either_way(world: World) -> None:
    with pytest.raises(NotFound):
        world.perform(verb(lambda call: NotFound(), "GET"), {})


def test_asking_writes_nothing(world: World) -> None:
    before = documents(world)

    listed(world)
    listed(world, EVENTS)
    with pytest.raises(Invalid):
        world.perform(INDEX, {}, parameters=[("limit", "none")])
    with pytest.raises(RuntimeError, match="no transaction"):
        world.perform(verb(lambda call: call.add(Customer(**call.born("CU"))), "GET"), {})

    assert documents(world) == before


def test_an_event_is_written_with_what_happened_or_not_at_all(world: World) -> None:
    before = len(listed(world, EVENTS))

    created(world)
    assert [event["type"] for event in listed(world, EVENTS)[before:]] == ["account.created"]

    with pytest.raises(Invalid):
        world.perform(CREATE, {}, body={"email": "nobody"})
    assert len(listed(world, EVENTS)) == before + 1


@given(st.lists(st.sampled_from(["create", "update", "delete", "refused", "bug"]), max_size=12))
def test_whatever_happens_the_list_is_what_was_answered(acts: list[str]) -> None:
    world = Worlds(Ground(wall=Wall(), seed="tests")).default
    fixtures.populate(world)
    there = len(listed(world))
    expected: list[Any] = []

    def fails(call: Call) -> Result:
        for customer in expected:
            call.drop(call.fetch(Customer, customer["id"]))
        raise Bug

    for act in acts:
        if act == "create":
            expected.append(created(world))
        elif act == "update" and expected:
            expected[-1] = orjson.loads(
                world.perform(UPDATE, {"customer": expected[-1]["id"]}, body={"name": act}).body
            )
        elif act == "delete" and expected:
            world.perform(DELETE, {"customer": expected.pop(0)["id"]})
        elif act == "refused":
            with pytest.raises(Refusal):
                world.perform(CREATE, {}, body={"meta": []})
        elif act == "bug":
            with pytest.raises(Bug):
                world.perform(verb(fails), {})

    assert listed(world)[: -there or None] == expected[::-1]


# What is due.


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was done of a duty that names its records, and when."""
    done: list[tuple[str, str]] = []

    def note(call: Call, record: str) -> None:
        done.append((record, stamp(call.now)))
        call.add(Customer(**call.born("CU"), name=record))

    monkeypatch.setitem(cast("dict[str, Any]", DUTIES), "tests.note", note)
    return done


def schedule(world: World, **moments: int) -> None:
    with world.store.transaction():
        for record, at in moments.items():
            world.tools.schedule.add("tests.note", record, at)


def test_what_is_due_is_done_in_order_each_at_its_own_moment_before_what_is_asked(
    world: World, wall: Wall, done: list[tuple[str, str]]
) -> None:
    schedule(world, third=NOW + 3 * SECOND, first=NOW + SECOND, second=NOW + 2 * SECOND, later=NOW + DAY)

    wall.moment = NOW + 10 * SECOND
    created(world, name="asked")

    assert done == [
        ("first", stamp(NOW + SECOND)),
        ("second", stamp(NOW + 2 * SECOND)),
        ("third", stamp(NOW + 3 * SECOND)),
    ]
    assert [one["name"] for one in listed(world)][:4] == ["asked", "third", "second", "first"]
    assert [due.record for due in world.tools.schedule] == ["later"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_due_is_done_whatever_is_asked_and_once(
    world: World, wall: Wall, done: list[tuple[str, str]], method: str
) -> None:
    schedule(world, first=NOW + SECOND)
    wall.moment = NOW + SECOND

    for _ in range(2):
        world.perform(INDEX if method == "GET" else CREATE, {})

    assert [record for record, _ in done] == ["first"]


def test_what_is_due_is_done_even_if_what_is_asked_is_refused(
    world: World, wall: Wall, done: list[tuple[str, str]]
) -> None:
    schedule(world, first=NOW + SECOND)
    wall.moment = NOW + SECOND

    with pytest.raises(NotFound):
        world.perform(RETRIEVE, {"customer": "CU1"})

    assert [one["name"] for one in listed(world)][:1] == ["first"]


def test_what_falls_due_by_what_is_done_is_done_too(
    world: World, wall: Wall, done: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(call: Call, record: str) -> None:
        done.append((record, stamp(call.now)))
        call.schedule.add("tests.note", "second", call.now + SECOND)

    monkeypatch.setitem(cast("dict[str, Any]", DUTIES), "tests.again", again)
    with world.store.transaction():
        world.tools.schedule.add("tests.again", "first", NOW + SECOND)

    wall.moment = NOW + 2 * SECOND
    listed(world)

    assert done == [("first", stamp(NOW + SECOND)), ("second", stamp(NOW + 2 * SECOND))]


def test_a_duty_that_fails_is_not_half_done_and_still_due(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(call: Call, record: str) -> None:
        call.add(Customer(**call.born("CU"), name=record))
        raise Bug

    monkeypatch.setitem(cast("dict[str, Any]", DUTIES), "tests.note", fails)
    schedule(world, first=NOW)
    before = documents(world)

    with pytest.raises(Bug):
        listed(world)

    assert documents(world) == before


# The disk.


@pytest.fixture
def files() -> CrashingFiles:
    return CrashingFiles()


@pytest.fixture
def stored(files: CrashingFiles, wall: Wall) -> World:
    """A world on a disk that can be made to fail."""
    world = World("default", Store.open(SHELVES, FOLDER, files=files), Clock(wall), "a seed")
    fixtures.populate(world)
    return world


def test_a_full_disk_is_said_and_nothing_is_changed(stored: World, files: CrashingFiles) -> None:
    before = documents(stored)

    with (
        files.failing("write", errno.ENOSPC),
        pytest.raises(Unavailable, match=r"^Nothing was changed: .*\. Is the disk full\?\.?$"),
    ):
        created(stored)

    assert documents(stored) == before
    assert created(stored, name="Zoë")["name"] == "Zoë"


def test_reads_go_on_while_the_disk_is_full_and_what_is_due_waits(
    stored: World, files: CrashingFiles, done: list[tuple[str, str]]
) -> None:
    schedule(stored, first=NOW)

    with files.failing("write", errno.ENOSPC):
        assert len(listed(stored)) == 3
    assert len(listed(stored)) == 4

    assert [one["name"] for one in listed(stored)][:1] == ["first"]


# What was read is answered again while nothing has changed.


def remembered(world: World) -> Answer:
    """Read twice, as what is read once is not kept."""
    answer = world.perform(INDEX, {}, uri="/v1/customers")
    for _ in range(2):
        world.remember("/v1/customers", answer)
    assert world.recall("/v1/customers", world.clock.now()) is answer
    return answer


def recalled(world: World) -> Answer | None:
    return world.recall("/v1/customers", world.clock.now())


CHANGES: dict[str, Callable[[World], object]] = {
    "a record": created,
    "a fault": lambda world: world.add_fault({"on": {}, "do": {"status": 500}}),
    "the clock set": lambda world: world.set_clock(NOW + DAY),
    "the clock advanced": lambda world: world.advance(by=SECOND),
    "the clock stopped": lambda world: world.set_clock(running=False),
    "a reset": lambda world: world.reset(EMPTY),
    "a restore": lambda world: world.restore(world.saved()),
    "a load": lambda world: world.load(world.dump()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_read_is_not_answered_again_after_a_change(world: World, change: str) -> None:
    remembered(world)

    CHANGES[change](world)

    assert recalled(world) is None


def test_what_falls_due_by_itself_ends_what_was_read(world: World, wall: Wall) -> None:
    schedule(world, first=NOW + DAY)
    answer = remembered(world)

    wall.moment = NOW + DAY - 1
    assert recalled(world) is answer
    wall.moment = NOW + DAY
    assert recalled(world) is None


def test_what_is_read_once_between_two_changes_is_not_kept(world: World) -> None:
    for _ in range(3):
        world.remember("/v1/customers", world.perform(INDEX, {}, uri="/v1/customers"))
        created(world)
        assert recalled(world) is None


def test_nothing_is_kept_while_a_fault_waits(world: World) -> None:
    world.add_fault({"on": {"operation": "debits.create"}, "do": {"status": 500}})

    for _ in range(3):
        world.remember("/v1/customers", world.perform(INDEX, {}, uri="/v1/customers"))

    assert recalled(world) is None


def test_nothing_is_kept_that_no_disk_has_yet_and_what_was_lost_is_forgotten(files: CrashingFiles, wall: Wall) -> None:
    world = World("default", Store.open(SHELVES, FOLDER, fsync="always", files=files), Clock(wall), "a seed")
    fixtures.populate(world)
    world.store.sync()
    before = remembered(world)
    created(world)

    for _ in range(3):
        world.remember("/v1/customers", Answer(200, b"Zoe"))
    assert recalled(world) is None
    with files.failing("fsync", errno.EIO), pytest.raises(ReadOnly):
        world.store.sync()

    assert recalled(world) is None
    assert remembered(world) == before


# The same asked is the same answered.


def life(world: World, wall: Wall) -> list[bytes]:
    """A few requests, good and bad, over some days; what was answered."""
    answers = []

    def ask(route: Route, path: dict[str, str] | None = None, **how: Any) -> None:
        try:
            answers.append(world.perform(route, path or {}, uri=route.path, **how).body)
        except Refusal as refusal:
            answers.append(f"{refusal.sentence} {world.request_id(world.clock.now())}".encode())

    for day in range(3):
        wall.moment = NOW + day * DAY
        ask(CREATE, body={"name": f"{day}", "card": CARD})
        ask(CREATE, body={"email": "nobody"})
        customer = orjson.loads(answers[-2])["id"]
        ask(UPDATE, {"customer": customer}, body={"meta": {"day": day}})
        ask(RETRIEVE, {"customer": "CU1"})
        ask(INDEX)
    ask(EVENTS)
    return answers


CARD = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}


def fresh(wall: Wall, seed: str = "tests", folder: Path | None = None) -> World:
    world = Worlds(Ground(wall=wall, seed=seed, folder=folder)).default
    fixtures.populate(world)
    return world


def test_the_same_seed_clock_and_requests_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()

    walls = Wall(), Wall(), Wall()
    worlds = fresh(walls[0]), fresh(walls[1]), fresh(walls[2], folder=tmp_path / "data")

    one, other, stored = (life(world, wall) for world, wall in zip(worlds, walls, strict=True))
    assert one == other == stored
    assert documents(worlds[0]) == documents(worlds[1])


def test_another_seed_or_another_time_gives_other_ids() -> None:
    at, later = Wall(), Wall(NOW + 1)

    one, seeded, late = fresh(at), fresh(at, seed="another"), fresh(later)

    assert len({one.api_key, seeded.api_key}) == 2
    assert len({world.marketplace_uri for world in (one, seeded, late)}) == 3
    assert len({world.request_id(world.clock.now()) for world in (one, seeded, late)}) == 3


def test_request_ids_are_never_the_same_twice(world: World) -> None:
    assert len({world.request_id(world.clock.now()) for _ in range(100)}) == 100


# What a fixture brings.


def test_what_is_planted_was_always_there(world: World) -> None:
    before = listed(world, EVENTS)

    with world.planting() as plant:
        planted = plant(CREATE, {}, {"id": "CU7", "created_at": "2012-01-01T00:00:00.000000Z", "name": "Zoë"})

    assert (planted.id, planted.created_at) == ("CU7", "2012-01-01T00:00:00.000000Z")
    assert listed(world)[-1]["id"] == "CU7"
    assert listed(world, EVENTS) == before


def test_what_is_planted_aloud_has_its_event(world: World) -> None:
    before = len(listed(world, EVENTS))

    with world.planting() as plant:
        plant(CREATE, {}, {"name": "Zoë"}, quiet=False)

    assert [event["type"] for event in listed(world, EVENTS)[before:]] == ["account.created"]


def test_all_of_what_is_planted_is_there_or_nothing(world: World) -> None:
    before = documents(world)

    def plant_both() -> None:
        with world.planting() as plant:
            plant(CREATE, {}, {"name": "Zoë"})
            plant(CREATE, {}, {"email": "nobody"})

    with pytest.raises(Invalid):
        plant_both()

    assert documents(world) == before


# What a world says of itself.


def test_a_world_is_empty_until_there_is_a_key(worlds: Worlds) -> None:
    fresh = worlds.create()
    assert (fresh.is_empty, fresh.marketplace_uri) == (True, "")

    fixtures.populate(fresh)

    assert not fresh.is_empty
    assert fresh.marketplace_uri.startswith("/v1/marketplaces/TEST-MP")
    assert fresh.uri_of(Call(fresh.tools, NOW).the(Marketplace)) == fresh.marketplace_uri


def test_a_world_opens_with_its_keys_while_it_is_open(worlds: Worlds) -> None:
    world = worlds.default

    assert world.opens_with(world.api_key)
    assert not world.opens_with("")
    assert not world.opens_with(world.api_key.upper())

    world.close()
    assert not world.opens_with(world.api_key)


# Levers.


def test_time_can_be_let_pass_and_what_falls_due_on_the_way_is_done(
    world: World, wall: Wall, done: list[tuple[str, str]]
) -> None:
    schedule(world, first=NOW + DAY, later=NOW + 9 * DAY)

    assert world.advance(NOW + 2 * DAY) == 1

    assert done == [("first", stamp(NOW + DAY))]
    assert world.clock.now() == NOW + 2 * DAY


def test_the_clock_can_be_stopped_and_started_while_the_wall_clock_runs_on() -> None:
    ticking = iter(range(NOW, NOW + DAY))
    world = Worlds(Ground(wall=lambda: next(ticking), seed="tests")).default

    world.set_clock(running=True)
    assert world.clock.running
    assert world.clock.now() < world.clock.now()

    world.set_clock(running=False)
    assert not world.clock.running
    assert world.clock.now() == world.clock.now()

    world.set_clock(NOW + DAY, running=True)
    assert world.clock.running
    assert world.clock.now() > NOW + DAY


def test_a_clock_that_cannot_be_set_is_left_as_it_was(world: World) -> None:
    with pytest.raises(ValueError, match="never goes back"):
        world.set_clock(NOW - DAY, running=False)

    assert world.clock.running
    assert world.clock.now() == NOW


def test_a_world_goes_on_at_the_time_it_was_set_to_after_a_restart(tmp_path: Path, wall: Wall) -> None:
    ground = Ground(wall=wall, seed="tests", folder=tmp_path)
    worlds = Worlds(ground)
    worlds.default.set_clock(NOW + DAY, running=False)
    worlds.close()

    again = Worlds(ground).default

    assert again.clock.now() == NOW + DAY
    assert not again.clock.running


def test_a_checkpoint_brings_everything_back_to_the_byte(world: World, wall: Wall) -> None:
    saved = world.saved()
    before = documents(world)
    once = life(world, wall)

    wall.moment = NOW
    world.restore(saved)
    assert documents(world) == before
    assert world.clock.now() == NOW

    assert life(world, wall) == once


def test_a_world_is_put_back_to_its_fixtures_or_to_nothing_but_its_key_to_the_byte(wall: Wall) -> None:
    world = Worlds(Ground(wall=wall, seed="tests")).default
    fixtures.populate(world, [fixtures.check("a test", {"customers": [{"name": "Zoë"}]})])
    filled = documents(world)
    life(world, wall)

    wall.moment = NOW
    world.reset()
    assert documents(world) == filled

    for _ in range(2):
        life(world, wall)
        wall.moment = NOW
        world.reset(EMPTY)
        assert documents(world) == documents(fresh(wall))

    world.reset(FIXTURES)
    assert documents(world) == filled


def test_a_world_can_be_put_back_to_a_checkpoint_by_its_name(world: World) -> None:
    world.checkpoints.keep("before", world.saved())
    before = documents(world)
    zoe = created(world)

    changed = world.difference("before")
    assert changed["customers"] == {"created": [zoe["id"]], "changed": [], "removed": []}

    world.reset("before")
    assert documents(world) == before
    assert world.difference("before") == {}


def test_a_world_cannot_be_put_back_to_where_it_never_was(worlds: Worlds) -> None:
    filled, bare = worlds.default, worlds.create()
    before = documents(filled), documents(bare)

    for world, name in ((filled, "nowhere"), (bare, "nowhere"), (bare, FIXTURES), (bare, EMPTY)):
        with pytest.raises(KeyError):
            world.reset(name)

    assert (documents(filled), documents(bare)) == before


def test_a_dump_is_the_whole_world(worlds: Worlds, wall: Wall) -> None:
    world, copy = worlds.default, worlds.create()
    life(world, wall)
    dump = orjson.loads(orjson.dumps(world.dump()))

    copy.load(dump)

    assert orjson.dumps(copy.dump()) == orjson.dumps(world.dump())
    assert copy.opens_with(world.api_key)
    assert life(copy, wall) == life(world, wall)


@pytest.mark.parametrize("lacking", ["seed", "clock", "requests", "sequence", "tables"])
def test_what_is_no_dump_changes_nothing(world: World, lacking: str) -> None:
    before = world.dump()
    created(world)
    changed = world.dump()

    with pytest.raises(BadDump, match=lacking):
        world.load({key: value for key, value in before.items() if key != lacking})

    assert world.dump() == changed


# Faults.


def test_a_fault_may_refuse_in_the_last_moment_and_nothing_is_left(world: World) -> None:
    before = documents(world)

    with pytest.raises(Declined) as refused:
        world.perform(CREATE, {}, body={}, decline="card-declined")

    assert refused.value.category_code == "card-declined"
    assert documents(world) == before


def test_a_fault_is_asked_for_by_rule_and_counts_as_it_fires(world: World) -> None:
    rule = {"on": {"operation": "customers.create"}, "do": {"status": 500}, "times": 1}
    world.add_fault(rule)

    assert world.trouble(INDEX, "/v1/customers", {}) == {}
    assert world.trouble(CREATE, "/v1/customers", {}) == {"status": 500}
    assert world.trouble(CREATE, "/v1/customers", {}) == {}

    world.clear_faults()
    assert list(world.faults.all()) == []


def test_a_rule_for_one_request_is_read_from_its_header(world: World) -> None:
    rule = '{"on": {"name": "Zoë"}, "do": {"status": 500}}'

    assert world.trouble(CREATE, "/v1/customers", {"name": "Zoë"}, rule) == {"status": 500}
    assert world.trouble(CREATE, "/v1/customers", {"name": "Ada"}, rule) == {}
    for bad in ("nonsense", "[]", '{"on": {"nth": 2}, "do": {"status": 500}}'):
        with pytest.raises(Invalid, match="X-Sandbox-Fault"):
            world.trouble(CREATE, "/v1/customers", {}, bad)


def test_a_fault_that_cannot_be_counted_does_not_fire(stored: World, files: CrashingFiles) -> None:
    stored.add_fault({"on": {}, "do": {"status": 500}})

    with files.failing("write", errno.ENOSPC), pytest.raises(Unavailable, match="Nothing was changed"):
        stored.trouble(CREATE, "/v1/customers", {})
