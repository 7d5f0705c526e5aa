"""The levers of whole worlds: created, filled, listed, written down, read back, dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from sandbox import __version__, fixtures
from sandbox.dumps import BadDump
from sandbox.fixtures import BadFixture, Fixture
from sandbox.json_schema import Known
from sandbox.web import control_clock, shapes
from sandbox.web.answers import Created, Problem
from sandbox.web.lever import WHOLE_WORLD, Lever, Pull
from sandbox.world import World
from sandbox.worlds import DEFAULT

MOST_INVENTED = 100_000

_NEW = {
    "seed": int | shapes.Name | None,
    "clock": shapes.Stamp | None,
    "clock_running": bool | None,
    "fixtures": shapes.Fixtures,
}
_PEOPLE = {"customers": Annotated[int, Known(minimum=1, maximum=MOST_INVENTED)], "seed": int}


def shown(world: World) -> dict[str, Any]:
    """Return what is shown of a world, the key that opens it included."""
    return {
        "id": world.name,
        "api_key": world.api_key or None,
        "marketplace_uri": world.marketplace_uri or None,
        "seed": world.seed,
        "clock": control_clock.shown(world),
        "fixtures": list(world.fixtures),
        "requests": len(world.requests),
    }


def _health(pull: Pull) -> Any:
    """Say that the process is alive."""
    return {"status": "ok"}


def _ready(pull: Pull) -> Any:
    """Say whether the fixtures are loaded and every world can be written to."""
    for world in pull.worlds:
        if world.store.trouble is not None:
            raise Problem(503, f"{world.name} is read-only: {world.store.trouble}")
    if pull.worlds.default.is_empty:
        raise Problem(503, "the fixtures are not loaded yet")
    return {"status": "ready"}


def _info(pull: Pull) -> Any:
    """Show what runs here, and the world of the caller."""
    return {
        "version": __version__,
        "worlds": len(list(pull.worlds)),
        "world": shown(pull.world),
        "clock": control_clock.shown(pull.world),
        "seed": pull.world.seed,
    }


def _list(pull: Pull) -> Any:
    """List the worlds with their keys, in the order they were made."""
    return {"items": [shown(world) for world in pull.worlds]}


def _create(pull: Pull) -> Any:
    """Create a world with a key and a marketplace, and with what its fixtures bring."""
    seed = pull.body.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, str)) or seed == ""):
        raise Problem(400, "is a number or text", "seed")
    begins, runs, planted = pull.moment("clock"), pull.flag("clock_running"), _fixtures(pull)
    try:
        world = pull.worlds.create(seed=None if seed is None else str(seed), begins=begins, runs=runs)
    except ValueError as bad:
        raise Problem(400, str(bad), "clock") from None
    try:
        fixtures.populate(world, planted)
    except BadFixture as bad:
        pull.worlds.drop(world)
        raise Problem(400, str(bad), "fixtures") from None
    except BaseException:
        pull.worlds.drop(world)
        raise
    return Created(shown(world))


def _drop(pull: Pull) -> Any:
    """Forget a world and all that is in it."""
    name = pull.path["world"]
    if name == DEFAULT:
        raise Problem(409, "the default world stays; POST reset puts it back to its fixtures", "world")
    world = pull.worlds.get(name)
    if world is None:
        raise Problem(404, f"there is no world {name}", "world")
    pull.worlds.drop(world)
    pull.pulse.beat(world)


def _list_fixtures(pull: Pull) -> Any:
    """List the names of the fixtures that come along."""
    return {"items": list(fixtures.bundled())}


def _load_fixtures(pull: Pull) -> Any:
    """Create what fixtures list in the world as it is."""
    try:
        fixtures.load(pull.world, _fixtures(pull))
    except BadFixture as bad:
        raise Problem(400, str(bad), "fixtures") from None
    return shown(pull.world)


def _invent(pull: Pull) -> Any:
    """Create customers that nobody is, the same ones for the same seed."""
    count, seed = pull.whole("customers", 10), pull.whole("seed", 0)
    if not 1 <= count <= MOST_INVENTED:
        raise Problem(400, f"is a whole number from 1 to {MOST_INVENTED}", "customers")
    # Their ids follow from the seed: without them the same people can come to a world twice.
    people = [{key: value for key, value in one.items() if key != "id"} for one in fixtures.invent(count, seed)]
    try:
        fixtures.load(pull.world, [fixtures.check("invented", {"customers": people})])
    except BadFixture as bad:
        raise Problem(409, str(bad)) from None
    return {"customers": count}


def _dump(pull: Pull) -> Any:
    """Write the whole world down as one JSON object."""
    return pull.world.dump()


def _load(pull: Pull) -> Any:
    """Be the world of a dump, to the byte."""
    try:
        pull.world.load(pull.body, beside=[world for world in pull.worlds if world is not pull.world])
    except BadDump as bad:
        raise Problem(400, bad.why, bad.field or None) from None
    return shown(pull.world)


def _fixtures(pull: Pull) -> list[Fixture]:
    named = enumerate(pull.items("fixtures"))
    return [fixture for number, one in named for fixture in _fixture(one, f"fixtures[{number}]")]


def _fixture(named: object, field: str) -> list[Fixture]:
    """Return the fixtures a bundled name or an object means; a path is nothing a caller over HTTP may name."""
    try:
        if isinstance(named, Mapping):
            return [fixtures.check(field, named)]
        if named in fixtures.bundled():
            return [fixtures.read(path) for path in fixtures.locate(str(named))]
    except BadFixture as bad:
        raise Problem(400, str(bad), field) from None
    raise Problem(400, f"is an object, or one of {', '.join(fixtures.bundled())}", field)


LEVERS = (
    Lever("GET", "health", _health, answers=shapes.Health),
    Lever("GET", "ready", _ready, answers=shapes.Ready),
    Lever("GET", "info", _info, answers=shapes.Info),
    Lever("GET", "worlds", _list, answers=shapes.Items[shapes.World]),
    Lever("POST", "worlds", _create, takes=_NEW, answers=Created[shapes.World], limit=WHOLE_WORLD),
    Lever("DELETE", "worlds/{world}", _drop, refuses=(409,)),
    Lever("GET", "fixtures", _list_fixtures, answers=shapes.Items[str]),
    Lever(
        "POST", "fixtures", _load_fixtures, takes={"fixtures": shapes.Fixtures}, answers=shapes.World, limit=WHOLE_WORLD
    ),
    Lever("POST", "invent", _invent, takes=_PEOPLE, answers=shapes.Invented, refuses=(409,)),
    Lever("GET", "dump", _dump, answers=shapes.Dump),
    Lever("PUT", "load", _load, takes=shapes.Dump, answers=shapes.World, limit=WHOLE_WORLD),
)
