"""One merchant's world: everything a key can see, and the way a request goes through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from sandbox import faults, schedule
from sandbox.bank import Bank, Outcome
from sandbox.call import Call, Result, Route, Tools
from sandbox.checkpoints import Checkpoints, Saved, difference
from sandbox.clock import Clock, Moment, parse, stamp
from sandbox.codes import CODES, RULES, scripted
from sandbox.coverage import Coverage
from sandbox.errors import Invalid, Refusal, Unavailable
from sandbox.faults import Faults, Operation
from sandbox.faults import read as read_fault
from sandbox.ids import Ids
from sandbox.records import REMOVED
from sandbox.represent import Bodies, Listing
from sandbox.request_log import RequestLog
from sandbox.resource import Family, Record
from sandbox.resources import DUTIES, ROUTES, SETTLEMENTS, TABLES, callbacks
from sandbox.resources.events import Event
from sandbox.schedule import Due
from sandbox.store import Document, Store, StoreTrouble
from sandbox.verify import violations

STATE = "world"
"""The table of the one document that says what this world is made of."""

EMPTY, FIXTURES = "empty", "fixtures"
"""Where a world can always be put back to: its key and marketplace only, or with its fixtures."""

SHELVES: Mapping[str, tuple[str, ...]] = {**TABLES, schedule.TABLE: (), faults.TABLE: (), REMOVED: (), STATE: ()}

OPERATIONS = tuple(Operation(route.operation, route.method, route.path) for route in ROUTES)
"""What a fault may be about."""

FORMAT = 1
"""The format of a dump."""


class Plant(Protocol):
    """Creates one record."""

    def __call__(
        self, route: Route, path: Mapping[str, str], body: Mapping[str, Any], *, quiet: bool = True
    ) -> Record: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its status and its JSON, empty for none."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class World:
    """One merchant's records, clock and source of ids."""

    def __init__(self, name: str, store: Store, clock: Clock, seed: str) -> None:
        self.name = name
        self.is_open = True
        self.store = store
        self.clock = clock
        self.seed = seed
        self.tools = Tools(store, Ids(seed), callbacks.emit)
        self.faults = Faults(store, self.tools.ids)
        self.requests = RequestLog()
        self.seen = Coverage()
        self.checkpoints = Checkpoints()
        self.fill: Callable[[str], None] | None = None
        """Fills the world, when it is empty, to one of :data:`EMPTY` and :data:`FIXTURES`."""
        self._bodies = Bodies(self.tools.records)
        self._requests = 0
        if store.get(STATE, STATE) is None:
            self._begin()

    def perform(
        self,
        route: Route,
        path: Mapping[str, str],
        *,
        parameters: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        uri: str = "",
        decline: str | None = None,
        bank: Outcome | None = None,
    ) -> Answer:
        """Do what a route says, wholly or not at all; raises ``Refusal``, also one that the verb returned.

        ``decline`` is a code to refuse with in the last moment, ``bank`` what the bank is to say, as a fault has it.
        """
        now = self.clock.now()
        self._do_what_is_due(now)

        def call() -> Result:
            called = Call(self.tools, now, route, path=path, parameters=parameters, body=body, uri=uri, bank=Bank(bank))
            result = route.verb(called)
            if decline is not None:
                raise scripted(decline)
            return result

        if route.method == "GET":
            return self._answer(route, call())
        try:
            with self.store.transaction():
                result = call()
        except StoreTrouble as trouble:
            raise Unavailable(f"Nothing was changed: {trouble}.") from trouble
        return self._answer(route, result)

    @contextmanager
    def planting(self) -> Iterator[Plant]:
        """Lend a function that creates records as a route would, from fixtures: all of them or none.

        Unless told otherwise it is quiet: what a fixture brings was always there and has no events. The body may
        preset ``id`` and ``created_at``, also inside the parts that come along (``Call.born``).
        """

        def plant(route: Route, path: Mapping[str, str], body: Mapping[str, Any], *, quiet: bool = True) -> Record:
            now = parse(body["created_at"]) if "created_at" in body else self.clock.now()
            record = route.verb(Call(self.tools, now, route, path=path, body=body, preset=body if quiet else None))
            assert isinstance(record, Record), "only routes that create are planted"
            return record

        with self.store.transaction():
            yield plant

    @property
    def is_empty(self) -> bool:
        """Whether there is not even a merchant yet."""
        return self.store.count("merchants") == 0

    @property
    def api_key(self) -> str:
        """The secret of the oldest key."""
        found = self.store.find("api_keys", newest_first=False, limit=1)
        return str(found.documents[0]["secret"])

    @property
    def marketplace_uri(self) -> str:
        """The uri of the marketplace; empty while there is none."""
        return f"/v1/marketplaces/{self.tools.marketplace}" if self.tools.marketplace else ""

    def uri_of(self, record: Record) -> str:
        """Return the uri a record is known by."""
        return record.uri(self.tools.place(Family.ROOT))

    def opens_with(self, secret: str) -> bool:
        """Return whether an API key's secret opens this world."""
        return self.is_open and self.store.count("api_keys", ("secret", secret)) > 0

    def close(self) -> None:
        """Let go of the store; nothing opens this world any more."""
        self.is_open = False
        self.store.close()

    def request_id(self) -> str:
        """Return the id of the next request."""
        self._requests += 1
        return self.tools.ids.request(self.clock.now(), self._requests)

    def trouble(self, route: Route, uri: str, body: Mapping[str, Any], rule: str | None = None) -> Mapping[str, Any]:
        """Return what a fault does to this request, ``{}`` for nothing; ``rule`` is one for this request only.

        Raises ``Invalid`` for a rule that cannot be read.
        """
        operation = Operation(route.operation, route.method, route.path)
        if rule is not None:
            try:
                fault = read_fault(orjson.loads(rule), OPERATIONS, list(CODES))
            except ValueError as bad:
                raise Invalid.field("X-Sandbox-Fault", str(bad)) from None
            return fault.do if fault.matches(operation, uri, body) else {}
        if not self.store.count(faults.TABLE):
            return {}
        with self.store.transaction():
            return self.faults.fire(operation, uri, body)

    # Levers: what the control API and the test plugin do to a world.

    def set_clock(self, moment: Moment | None = None, *, running: bool | None = None) -> int:
        """Freeze the clock or let it run, and jump to a moment; raises ``ValueError`` for one in the past."""
        if running is not None:
            (self.clock.run if running else self.clock.freeze)()
        return self.advance(self.clock.now() if moment is None else moment)

    def advance(self, to: Moment) -> int:
        """Let time pass up to a moment, and return how many things fell due and were done on the way."""
        self.clock.set(to)
        done = self._do_what_is_due(to)
        self._remember()
        return done

    def settle(self) -> int:
        """Bring pending credits and debits to their outcome now, and return how many there were."""
        waiting = [due for due in self.tools.schedule if due.duty in SETTLEMENTS]
        for due in waiting:
            self._do(due, self.clock.now())
        return len(waiting)

    def saved(self) -> Saved:
        """Return the world as it is, by reference."""
        return Saved(self.clock.now(), self.store.checkpoint(), self.clock.state(), self._requests)

    def restore(self, saved: Saved) -> None:
        """Be as a checkpoint was, to the byte: its time and its next ids too."""
        self.store.restore(saved.rows)
        self.clock = self.clock.restored(saved.clock)
        self._requests = saved.requests

    def reset(self, to: str = FIXTURES) -> None:
        """Go back to a checkpoint, to the fixtures, or to the key and the marketplace alone; raises ``KeyError``."""
        if to in self.checkpoints:
            self.restore(self.checkpoints.get(to))
        elif to in (EMPTY, FIXTURES) and self.fill is not None:
            self._begin_again()
            self.fill(to)
        else:
            raise KeyError(to)

    def add_fault(self, rule: object) -> Document:
        """Add a fault after those there are; raises ``BadFault`` naming the field that is wrong."""
        fault = read_fault(rule, OPERATIONS, list(CODES))
        with self.store.transaction():
            return self.faults.add(fault, stamp(self.clock.now()))

    def clear_faults(self, identifier: str | None = None) -> None:
        """Forget one fault, or every one; raises ``KeyError``."""
        with self.store.transaction():
            self.faults.clear(identifier)

    def event_after(self, after: str | None, kind: str | None) -> dict[str, Any] | None:
        """Return the first event of a type, or of any, that came after another; None while there is none."""
        past = after is None
        for document in self.store.find(Event.shape.table, newest_first=False).documents:
            if past and kind in (None, document["type"]):
                return self._bodies.wire(self.tools.records.of(Event, document), self.tools.place(Family.ROOT))
            past = past or document["id"] == after
        return None

    def verify(self) -> list[str]:
        """Return every violated money invariant, in words; empty when all is well."""
        return violations(self.store)

    def coverage(self) -> dict[str, Any]:
        """Return which operations and refusals the requests so far exercised, out of all that exist."""
        return self.seen.shown([operation.name for operation in OPERATIONS], RULES)

    def difference(self, name: str) -> dict[str, dict[str, list[str]]]:
        """Return what was created, changed and removed since a checkpoint; raises ``KeyError``."""
        shelves = self.checkpoints.get(name).rows.shelves
        return difference({table: shelf.rows for table, shelf in shelves.items()}, self.store)

    def dump(self) -> dict[str, Any]:
        """Return the whole world as JSON-able values; what :meth:`load` reads."""
        tables, sequence = self.store.contents()
        return {
            "format": FORMAT,
            "seed": self.seed,
            "clock": self.clock.state(),
            "requests": self._requests,
            "sequence": sequence,
            "tables": {name: rows for name, rows in sorted(tables.items()) if rows},
        }

    def load(self, dump: Mapping[str, Any]) -> None:
        """Be the world of a dump, to the byte."""
        self.store.replace(dump["tables"], dump["sequence"])
        self.clock = self.clock.restored(dump["clock"])
        self._requests = dump["requests"]
        self.seed = dump["seed"]
        self.tools.ids = Ids(self.seed)
        self.faults = Faults(self.store, self.tools.ids)

    def _do_what_is_due(self, now: Moment) -> int:
        """Perform everything due, in order, each at its own moment, and return how much it was."""
        done = 0
        while (due := self.tools.schedule.next(now)) is not None:
            try:
                self._do(due, due.at)
            except StoreTrouble:
                # Reads go on while the disk is full; what is due is done when it has room again.
                break
            done += 1
        return done

    def _do(self, due: Due, at: Moment) -> None:
        with self.store.transaction():
            self.tools.schedule.cancel(due.duty, due.record)
            DUTIES[due.duty](Call(self.tools, at), due.record)

    def _answer(self, route: Route, result: Result) -> Answer:
        if result is None:
            return Answer(route.status)
        if isinstance(result, Refusal):
            raise result
        at = self.tools.place(route.family)
        if isinstance(result, Listing):
            return Answer(route.status, self._bodies.page(result, at))
        return Answer(route.status, self._bodies.of(result, at))

    def _begin(self) -> None:
        now = stamp(self.clock.now())
        clock = self.clock.state()
        with self.store.transaction():
            self.store.put(STATE, {"id": STATE, "created_at": now, "seed": self.seed, "born": clock, "clock": clock})

    def _begin_again(self) -> None:
        state = self.store.get(STATE, STATE)
        assert state is not None
        self.clock = self.clock.restored(state["born"])
        self._requests = 0
        self.store.replace({}, 0)
        self._begin()

    def _remember(self) -> None:
        """Keep the clock, so that the world goes on at this time after a restart."""
        state = self.store.get(STATE, STATE)
        assert state is not None
        with self.store.transaction():
            self.store.put(STATE, {**state, "clock": self.clock.state()})
