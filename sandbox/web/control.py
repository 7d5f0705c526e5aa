"""``/_sandbox/…``: one route a lever. Plain JSON, errors as ``application/problem+json``; it knows no resource.

The world is the one of the Basic credentials, or the default world without any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import hdrs, web

from sandbox import __version__, clock, fixtures, request_log
from sandbox.errors import Refusal
from sandbox.faults import BadFault
from sandbox.fixtures import BadFixture
from sandbox.store import StoreTrouble
from sandbox.web.auth import Auth
from sandbox.web.body import read_body
from sandbox.web.pulse import Pulse
from sandbox.world import EMPTY, FIXTURES, World
from sandbox.worlds import DEFAULT, Worlds

LONGEST_WAIT = 60.0  # seconds
MOST_INVENTED = 100_000

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_UNITS = {"days": clock.DAY, "hours": 3600 * clock.SECOND, "minutes": 60 * clock.SECOND, "seconds": clock.SECOND}


class Problem(Exception):
    """Why a lever cannot be pulled; ``field`` names what was wrong in the body, the query or the path."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull at a lever: whose world, and what was said."""

    world: World
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    url: str

    def only(self, *names: str) -> Mapping[str, Any]:
        """Return the body; raises ``Problem`` for a key that means nothing here."""
        for name in self.body:
            if name not in names:
                raise Problem(400, f"is none of {', '.join(names)}" if names else "nothing is expected here", name)
        return self.body


Lever = Callable[[Pull], Any]


class Control:
    """The levers of all worlds over HTTP."""

    def __init__(self, worlds: Worlds, auth: Auth, pulse: Pulse) -> None:
        self._worlds = worlds
        self._auth = auth
        self._pulse = pulse

    def routes(self) -> Sequence[web.RouteDef]:
        """Return the control routes."""
        levers: Sequence[tuple[str, str, Lever]] = (
            ("GET", "health", lambda pull: {"status": "ok"}),
            ("GET", "ready", self._ready),
            ("GET", "info", self._info),
            ("GET", "worlds", lambda pull: {"items": [_shown(world) for world in self._worlds]}),
            ("POST", "worlds", self._create_world),
            ("DELETE", "worlds/{world}", self._drop_world),
            ("POST", "reset", _reset),
            ("GET", "checkpoints", _list_checkpoints),
            ("GET", "checkpoints/{name}", _show_checkpoint),
            ("PUT", "checkpoints/{name}", _save_checkpoint),
            ("DELETE", "checkpoints/{name}", _drop_checkpoint),
            ("POST", "checkpoints/{name}/restore", _restore_checkpoint),
            ("GET", "checkpoints/{name}/diff", _diff_checkpoint),
            ("GET", "clock", _show_clock),
            ("PUT", "clock", _set_clock),
            ("POST", "clock/advance", _advance_clock),
            ("POST", "settle", lambda pull: {"settled": pull.world.settle()}),
            ("POST", "fixtures", _load_fixtures),
            ("POST", "invent", _invent),
            ("GET", "faults", _list_faults),
            ("POST", "faults", _add_fault),
            ("DELETE", "faults", _clear_faults),
            ("DELETE", "faults/{fault}", _drop_fault),
            ("GET", "requests", _list_requests),
            ("DELETE", "requests", _clear_requests),
            ("GET", "requests/{request}", _show_request),
            ("GET", "verify", _verify),
            ("GET", "coverage", lambda pull: pull.world.coverage()),
            ("GET", "dump", lambda pull: pull.world.dump()),
            ("PUT", "load", _load),
        )
        return [web.route(method, f"/_sandbox/{path}", self._pull(lever)) for method, path, lever in levers] + [
            web.get("/_sandbox/events/wait", self._wait)
        ]

    def _pull(self, lever: Lever) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def pull(request: web.Request) -> web.StreamResponse:
            try:
                said = await self._read(request)
                answer = lever(said)
                if request.method != "GET":
                    self._pulse.beat(said.world)
                return respond(answer)
            except Problem as problem:
                return refused(problem)

        return pull

    async def _read(self, request: web.Request) -> Pull:
        header = request.headers.get(hdrs.AUTHORIZATION)
        world = self._worlds.default if header is None else self._auth.world(header)
        if world is None:
            raise Problem(401, "no world has this key")
        try:
            body = await read_body(request)
        except Refusal as refusal:
            raise Problem(refusal.status, refusal.sentence) from None
        return Pull(world, request.match_info, request.query, body, f"{request.scheme}://{request.host}")

    async def _wait(self, request: web.Request) -> web.StreamResponse:
        """Wait for an event of a type, also one that has happened already after the event ``after`` names."""
        try:
            said = await self._read(request)
            seconds = _seconds(said.query.get("timeout", "10"))
            wanted, after = said.query.get("type"), said.query.get("after")
            async with asyncio.timeout(seconds):
                while (event := said.world.event_after(after, wanted)) is None:
                    await self._pulse.next(said.world)
            return respond(event)
        except TimeoutError:
            return refused(Problem(408, f"no such event within {seconds:g} seconds"))
        except Problem as problem:
            return refused(problem)

    def _ready(self, pull: Pull) -> Any:
        for world in self._worlds:
            if world.store.trouble is not None:
                raise Problem(503, f"{world.name}: {world.store.trouble}")
        if self._worlds.default.is_empty:
            raise Problem(503, "the fixtures are not loaded yet")
        return {"status": "ready"}

    def _info(self, pull: Pull) -> Any:
        return {
            "version": __version__,
            "worlds": len(list(self._worlds)),
            "world": _shown(pull.world),
            "clock": _clock(pull.world),
            "seed": pull.world.seed,
        }

    def _create_world(self, pull: Pull) -> Any:
        body = pull.only("seed", "clock", "clock_running", "fixtures")
        seed = body.get("seed")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, str))):
            raise Problem(400, "is a number or text", "seed")
        begins = _moment(body["clock"], "clock") if body.get("clock") is not None else None
        planted = [_fixture(one, f"fixtures[{number}]") for number, one in enumerate(_list(body, "fixtures"))]
        runs = _flag(body, "clock_running")
        world = self._worlds.create(seed=None if seed is None else str(seed), begins=begins, runs=runs)
        try:
            fixtures.populate(world, [one for several in planted for one in several])
        except (BadFixture, StoreTrouble) as bad:
            self._worlds.drop(world)
            raise Problem(400 if isinstance(bad, BadFixture) else 503, str(bad), "fixtures") from None
        return 201, _shown(world)

    def _drop_world(self, pull: Pull) -> Any:
        name = pull.path["world"]
        if name == DEFAULT:
            raise Problem(409, "the default world stays; POST reset puts it back to its fixtures", "world")
        world = self._worlds.get(name)
        if world is None:
            raise Problem(404, f"there is no world {name}", "world")
        self._worlds.drop(world)
        return None


def respond(answer: Any) -> web.Response:
    """Return the answer of a lever: JSON, with a status of its own where it brings one, 204 for nothing."""
    status, body = answer if isinstance(answer, tuple) else (200, answer)
    if body is None:
        return web.Response(status=204)
    return web.Response(status=status, body=orjson.dumps(body), content_type=_JSON)


def refused(problem: Problem) -> web.Response:
    """Return a problem document (RFC 9457)."""
    body: dict[str, Any] = {"type": "about:blank", "status": problem.status, "detail": problem.detail}
    if problem.field is not None:
        body["field"] = problem.field
    return web.Response(status=problem.status, body=orjson.dumps(body), content_type=_PROBLEM)


def _shown(world: World) -> dict[str, Any]:
    return {
        "id": world.name,
        "api_key": None if world.is_empty else world.api_key,
        "marketplace_uri": world.marketplace_uri or None,
        "seed": world.seed,
        "clock": _clock(world),
    }


def _clock(world: World) -> dict[str, Any]:
    due = next(iter(world.tools.schedule), None)
    return {
        "now": clock.stamp(world.clock.now()),
        "running": world.clock.running,
        "next": due and {"duty": due.duty, "record": due.record, "at": clock.stamp(due.at)},
    }


def _reset(pull: Pull) -> Any:
    to = pull.only("to").get("to", FIXTURES)
    try:
        pull.world.reset(str(to))
    except KeyError:
        known = ", ".join(dict.fromkeys((EMPTY, FIXTURES, *(name for name, _ in pull.world.checkpoints))))
        raise Problem(404, f"is none of {known}", "to") from None
    return _shown(pull.world)


def _list_checkpoints(pull: Pull) -> Any:
    return {"items": [saved.shown(name) for name, saved in pull.world.checkpoints]}


def _named(pull: Pull) -> str:
    if pull.path["name"] not in pull.world.checkpoints:
        raise Problem(404, f"there is no checkpoint {pull.path['name']}", "name")
    return pull.path["name"]


def _show_checkpoint(pull: Pull) -> Any:
    return pull.world.checkpoints.get(_named(pull)).shown(pull.path["name"])


def _save_checkpoint(pull: Pull) -> Any:
    pull.only()
    name = pull.path["name"]
    if name in (EMPTY, FIXTURES):
        raise Problem(409, "this name belongs to a place reset goes to", "name")
    saved = pull.world.saved()
    pull.world.checkpoints.keep(name, saved)
    return saved.shown(name)


def _drop_checkpoint(pull: Pull) -> Any:
    pull.world.checkpoints.drop(_named(pull))


def _restore_checkpoint(pull: Pull) -> Any:
    pull.only()
    pull.world.restore(pull.world.checkpoints.get(_named(pull)))
    return _clock(pull.world)


def _diff_checkpoint(pull: Pull) -> Any:
    return pull.world.difference(_named(pull))


def _show_clock(pull: Pull) -> Any:
    return _clock(pull.world)


def _set_clock(pull: Pull) -> Any:
    body = pull.only("now", "running")
    moment = _moment(body["now"], "now") if body.get("now") is not None else None
    running = _flag(body, "running") if body.get("running") is not None else None
    done = _timely(lambda: pull.world.set_clock(moment, running=running), "now")
    return {**_clock(pull.world), "done": done}


def _advance_clock(pull: Pull) -> Any:
    body = pull.only("to", *_UNITS)
    if "to" in body:
        to = _moment(body["to"], "to")
    else:
        to = pull.world.clock.now()
        for unit, size in _UNITS.items():
            count = body.get(unit, 0)
            if isinstance(count, bool) or not isinstance(count, (int, float)) or count < 0:
                raise Problem(400, "is a number from 0", unit)
            to += int(count * size)
    return {"done": _timely(lambda: pull.world.advance(to), "to"), **_clock(pull.world)}


def _timely(jump: Callable[[], int], field: str) -> int:
    try:
        return jump()
    except ValueError as bad:
        raise Problem(400, str(bad), field) from None


def _load_fixtures(pull: Pull) -> Any:
    body = pull.only("fixtures")
    planted = [_fixture(one, f"fixtures[{number}]") for number, one in enumerate(_list(body, "fixtures"))]
    try:
        fixtures.load(pull.world, [one for several in planted for one in several])
    except BadFixture as bad:
        raise Problem(400, str(bad), "fixtures") from None
    return _shown(pull.world)


def _invent(pull: Pull) -> Any:
    body = pull.only("customers", "seed")
    count, seed = body.get("customers", 10), body.get("seed", 0)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_INVENTED:
        raise Problem(400, f"is a whole number from 1 to {MOST_INVENTED}", "customers")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise Problem(400, "is a whole number", "seed")
    people = [{key: value for key, value in one.items() if key != "id"} for one in fixtures.invent(count, seed)]
    fixtures.load(pull.world, [fixtures.check("invented", {"customers": people})])
    return {"customers": count}


def _list_faults(pull: Pull) -> Any:
    return {"items": [_fault(document) for document in pull.world.faults.all()]}


def _fault(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "_seq"}


def _add_fault(pull: Pull) -> Any:
    try:
        return 201, _fault(pull.world.add_fault(pull.body))
    except BadFault as bad:
        raise Problem(400, bad.why, bad.field or None) from None


def _clear_faults(pull: Pull) -> Any:
    pull.world.clear_faults()


def _drop_fault(pull: Pull) -> Any:
    try:
        pull.world.clear_faults(pull.path["fault"])
    except KeyError:
        raise Problem(404, f"there is no fault {pull.path['fault']}", "fault") from None


def _list_requests(pull: Pull) -> Any:
    wanted = dict(pull.query)
    known = ("status", "operation", "method", "rule", "uri")
    for name in wanted:
        if name not in known:
            raise Problem(400, f"is none of {', '.join(known)}", name)
    entries = [entry for entry in pull.world.requests if all(_is(entry, *item) for item in wanted.items())]
    return {"items": [request_log.shown(entry, pull.url) for entry in entries]}


def _is(entry: request_log.Entry, name: str, wanted: str) -> bool:
    if name == "rule":
        return entry.why is not None and entry.why.rule == wanted
    return str(getattr(entry, name)) == wanted


def _clear_requests(pull: Pull) -> Any:
    pull.world.requests.clear()


def _show_request(pull: Pull) -> Any:
    entry = pull.world.requests.find(pull.path["request"])
    if entry is None:
        raise Problem(404, f"there is no request {pull.path['request']} (any more)", "request")
    return request_log.shown(entry, pull.url)


def _verify(pull: Pull) -> Any:
    violations = pull.world.verify()
    return {"good": not violations, "violations": violations}


def _load(pull: Pull) -> Any:
    try:
        pull.world.load(pull.body)
    except (KeyError, TypeError, ValueError, AttributeError) as bad:
        raise Problem(400, f"this is no dump of a world: {bad!r}") from None
    return _shown(pull.world)


def _fixture(named: object, field: str) -> list[fixtures.Fixture]:
    """Return the fixtures a bundled name or an object means; a path is nothing a caller over HTTP may name."""
    try:
        if isinstance(named, Mapping):
            return [fixtures.check(field, named)]
        if named in fixtures.bundled():
            return [fixtures.read(path) for path in fixtures.locate(str(named))]
    except BadFixture as bad:
        raise Problem(400, str(bad), field) from None
    raise Problem(400, f"is an object, or one of {', '.join(fixtures.bundled())}", field)


def _list(body: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = body.get(name) or []
    if not isinstance(value, list):
        raise Problem(400, "is a list", name)
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise Problem(400, "is true or false", name)
    return value


def _moment(text: object, field: str) -> clock.Moment:
    try:
        return clock.parse(str(text))
    except ValueError:
        raise Problem(400, "is no time such as 2013-05-06T17:18:00Z", field) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise Problem(400, f"is a number of seconds up to {LONGEST_WAIT:g}", "timeout")
    return seconds
