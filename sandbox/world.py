"""One merchant's world: everything a key can see, and the way a request goes through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from sandbox import dumps, faults, schedule
from sandbox.bank import Bank, Outcome
from sandbox.call import Call, Result, Route, Tools
from sandbox.checkpoints import Checkpoints, Saved, difference
from sandbox.clock import LAST, Clock, Moment, parse, stamp
from sandbox.codes import CODES, RULES, scripted
from sandbox.coverage import Coverage
from sandbox.errors import Invalid, Refusal, Unavailable
from sandbox.faults import Fault, Faults, Operation
from sandbox.ids import Ids
from sandbox.records import REMOVED
from sandbox.represent import Bodies, Listing
from sandbox.request_log import NOTHING, RequestLog
from sandbox.resource import Family, Record
from sandbox.resources import DUTIES, ROUTES, SETTLEMENTS, TABLES, callbacks, deliveries
from sandbox.resources.deliveries import Deliveries
from sandbox.resources.events import TYPES, Event
from sandbox.schedule import Due
from sandbox.store import Document, Store, StoreTrouble
from sandbox.unchanged import Unchanged
from sandbox.verify import violations

STATE = "world"
"""The table of the one document that says what this world is made of."""

EMPTY, FIXTURES = "empty", "fixtures"
"""Where a world can always be put back to: its key and marketplace only, or with its fixtures."""

SHELVES: Mapping[str, tuple[str, ...]] = {
    **TABLES,
    schedule.TABLE: (),
    faults.TABLE: (),
    deliveries.POLICY: (),
    REMOVED: (),
    STATE: (),
}

OPERATIONS = tuple(Operation(route.operation, route.method, route.path) for route in ROUTES)
"""What a fault may be about."""

STATES = (*TYPES, *DUTIES)
"""What records can come to: by an event, or by what falls due."""


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
        self.tools = Tools(store, Ids(seed, name), self._emit)
        self.faults = Faults(store, self.tools.ids)
        self.requests = RequestLog()
        self.seen = Coverage()
        self.checkpoints = Checkpoints()
        self.fill: Callable[[World, str], None] | None = None
        """Fills an empty world to one of :data:`EMPTY` and :data:`FIXTURES`."""
        self.fixtures: tuple[str, ...] = ()
        """The names of the fixtures it finds its way back to."""
        self._bodies = Bodies(self.tools.records)
        self._reads: Unchanged[Answer] = Unchanged(store)
        self.deliveries = Deliveries(store, self._calling, self._body)
        self._requests = 0
        self._happened: list[str] = []
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
        told_twice: bool = False,
    ) -> Answer:
        """Do what a route says, wholly or not at all; raises ``Refusal``, also one that the verb returned.

        ``decline`` is a code to refuse with in the last moment, ``bank`` what the bank is to say, and ``told_twice``
        whether callbacks hear of it a second time, as a fault has it.
        """
        now = self.clock.now()
        self._do_what_is_due(now)

        call = Call(
            self.tools,
            now,
            route,
            path=path,
            parameters=parameters,
            body=body,
            uri=uri,
            bank=None if bank is None else Bank(bank),
            told_twice=told_twice,
        )
        if route.method == "GET":
            return self._answer(route, _done(route, call, decline))
        self._happened = []  # as in _transaction, but a generator would cost each request 4 µs
        try:
            with self.store.transaction():
                result = _done(route, call, decline)
                # Shown while it can still be undone: what cannot be shown did not happen either.
                answer = result if isinstance(result, Refusal) else self._answer(route, result)
        except StoreTrouble as trouble:
            raise Unavailable(f"Nothing was changed: {trouble}.") from trouble
        self.seen.reached(self._happened)
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def recall(self, asked: str, now: Moment) -> Answer | None:
        """Return the answer that :meth:`remember` was told of, while another would be the same; else None."""
        return self._reads.get(asked, now)

    def remember(self, asked: str, answer: Answer) -> None:
        """Have a read's answer ready for who asks the same, such as its uri."""
        if not self._reads.read_again():
            return  # what is read once between two changes would be kept for nobody
        if self.store.unsynced or self.store.count(faults.TABLE):
            return  # the next one has to wait too, or may be another fault's
        due = self.tools.schedule.first()
        self._reads.keep(asked, answer, len(asked) + len(answer.body), LAST if due is None else due.at)

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
        """The secret of the oldest key; empty when the last one was deleted."""
        found = self.store.first("api_keys")
        return "" if found is None else str(found["secret"])

    @property
    def marketplace_uri(self) -> str:
        """The uri of the marketplace; empty while there is none."""
        return f"/v1/marketplaces/{self.tools.marketplace}" if self.tools.marketplace else ""

    def uri_of(self, record: Record) -> str:
        """Return the uri a record is known by."""
        return record.uri(self.tools.place(Family.ROOT))

    def shown(self, record: Record) -> dict[str, Any]:
        """Return a record's wire form as the marketplace's routes show it: there is none that shows more."""
        return self._bodies.wire(record, self.tools.place(Family.MARKETPLACE))

    def opens_with(self, secret: str) -> bool:
        """Return whether an API key's secret opens this world."""
        return self.is_open and self.store.count("api_keys", ("secret", secret)) > 0

    def close(self, *, tidy: bool = True) -> None:
        """Let go of the store, which is left ``tidy`` for the next start; nothing opens this world any more."""
        self.is_open = False
        self.store.close(tidy=tidy)

    def request_id(self, at: Moment) -> str:
        """Return the id of the next request."""
        self._requests += 1
        return self.tools.ids.request(at, self._requests)

    def trouble(self, route: Route, uri: str, body: Mapping[str, Any], rule: str | None = None) -> Mapping[str, Any]:
        """Return what a fault does to this request, ``{}`` for nothing; ``rule`` is one for this request only.

        Raises ``Invalid`` for a rule that cannot be read, and ``Unavailable``.
        """
        if rule is None and not self.store.count(faults.TABLE):
            return NOTHING
        try:
            own = [] if rule is None else [_read_fault_for_now(rule)]
        except ValueError as bad:
            raise Invalid.field("X-Sandbox-Fault", str(bad)) from None
        try:
            with self.store.transaction():
                return self.faults.fire(Operation(route.operation, route.method, route.path), uri, body, own)
        except StoreTrouble as trouble:
            raise Unavailable(f"Nothing was changed: {trouble}.") from trouble

    # Levers: what the control API and the test plugin do to a world.

    def set_clock(self, moment: Moment | None = None, *, running: bool | None = None) -> int:
        """Freeze the clock or let it run, and jump to a moment; raises ``ValueError`` for one in the past."""
        clock = self.clock.copy()
        if running is not None:
            (clock.run if running else clock.freeze)()
        if moment is not None:
            clock.set(moment)
        return self._go_by(clock)

    def advance(self, to: Moment | None = None, *, by: Moment = 0) -> int:
        """Let time pass, up to a moment or by so many microseconds, and return how many things were done on the way.

        Raises ``ValueError`` for the past, and for what lies beyond :data:`sandbox.clock.LAST`.
        """
        clock = self.clock.copy()
        if to is None:
            clock.advance(by)
        else:
            clock.set(to)
        return self._go_by(clock)

    def catch_up(self) -> int:
        """Do what has fallen due by now, and return how much that was."""
        return self._do_what_is_due(self.clock.now())

    def settle(self) -> int:
        """Bring pending credits and debits to their outcome now, and return how many there were."""
        self.catch_up()
        waiting = [due for due in self.tools.schedule if due.duty in SETTLEMENTS]
        with self._transaction():
            for due in waiting:
                self._do(due, self.clock.now())
        return len(waiting)

    def saved(self) -> Saved:
        """Return the world as it is, by reference."""
        self.catch_up()
        return Saved(self.clock.now(), self.store.checkpoint(), self.clock.state(), self._requests, self.seed)

    def restore(self, saved: Saved) -> None:
        """Be as a checkpoint was, to the byte: its time and its next ids too."""
        self.store.restore(saved.rows)
        self.clock = self.clock.restored(saved.clock)
        self._requests = saved.requests
        if saved.seed != self.seed:
            self.seed = saved.seed
            self.tools.ids = Ids(saved.seed, self.name)
            self.faults = Faults(self.store, self.tools.ids)

    @property
    def places(self) -> list[str]:
        """Where :meth:`reset` can go."""
        filled = () if self.fill is None else (EMPTY, FIXTURES)
        return list(dict.fromkeys((*filled, *(name for name, _ in self.checkpoints))))

    def reset(self, to: str = FIXTURES) -> None:
        """Go back to a checkpoint, to the fixtures, or to the key and the marketplace alone; raises ``KeyError``."""
        if to not in self.checkpoints:
            if self.fill is None or to not in (EMPTY, FIXTURES):
                raise KeyError(to)
            self.checkpoints.keep(to, self._filled(self.fill, to))
        self.restore(self.checkpoints.get(to))

    def add_fault(self, rule: object) -> Document:
        """Add a fault after those there are; raises ``BadFault`` naming the field that is wrong."""
        fault = read_fault(rule)
        with self.store.transaction():
            return self.faults.add(fault, stamp(self.clock.now()))

    def clear_faults(self, identifier: str | None = None) -> None:
        """Forget one fault, or every one; raises ``KeyError``."""
        with self.store.transaction():
            self.faults.clear(identifier)

    def has_event(self, identifier: str) -> bool:
        """Return whether there is such an event."""
        return self.tools.records.has(Event.shape.kind, identifier)

    def event_after(self, after: str | None, kind: str | None) -> dict[str, Any] | None:
        """Return the first event of a type, or of any, that came after another; None while there is none."""
        self.catch_up()
        table = Event.shape.table
        if after is None:
            first = self.store.first(table, None if kind is None else ("type", kind))
        else:
            before = self.store.get(table, after)
            later = [] if before is None else self.store.since(table, before["_seq"])
            first = next((event for event in later if kind in (None, event["type"])), None)
        if first is None:
            return None
        return self._bodies.wire(self.tools.records.of(Event, first), self.tools.place(Family.ROOT))

    def verify(self, customer: str | None = None) -> list[str]:
        """Return every violated money invariant, of all or of one customer, in words; raises ``KeyError`` for none."""
        self.catch_up()
        return violations(self.store, customer)

    def coverage(self) -> dict[str, Any]:
        """Return which operations, states and refusals the requests so far exercised, out of all that exist."""
        return self.seen.shown([operation.name for operation in OPERATIONS], STATES, RULES)

    def difference(self, name: str) -> dict[str, dict[str, list[str]]]:
        """Return what was created, changed and removed since a checkpoint; raises ``KeyError``."""
        self.catch_up()
        return difference(self.checkpoints.get(name), self.store)

    def dump(self) -> dict[str, Any]:
        """Return the whole world as JSON-able values; what :meth:`load` reads."""
        return dumps.write(self.saved(), *self.store.contents())

    def load(self, dump: Mapping[str, Any], beside: Iterable[World] = ()) -> None:
        """Be the world of a dump, to the byte; raises ``BadDump``, also for a key that opens a world ``beside``."""
        saved = dumps.read(dump, STATE, SHELVES, read_fault)
        others = tuple(beside)
        for key in dump["tables"].get("api_keys", ()):
            if any(world.opens_with(key["secret"]) for world in others):
                raise dumps.BadDump("tables.api_keys", f"{key['id']} opens another world already")
        self.restore(saved)

    def _go_by(self, clock: Clock) -> int:
        """Have another clock, also after a restart, and do what has fallen due by it."""
        state = self.store.get(STATE, STATE)
        assert state is not None
        with self.store.transaction():
            self.store.put(STATE, {**state, "clock": clock.state()})
        self.clock = clock
        return self.catch_up()

    def _filled(self, fill: Callable[[World, str], None], to: str) -> Saved:
        """Return this world as it was when it had just been filled; that it can be is found out beside it."""
        state = self.store.get(STATE, STATE)
        assert state is not None
        born = World(self.name, Store.open(SHELVES), self.clock.restored(state["born"]), self.seed)
        fill(born, to)
        return born.saved()

    @contextmanager
    def _calling(self) -> Iterator[Call]:
        """Lend a call at the present moment; what is done with it is kept wholly or not at all."""
        now = self.clock.now()
        self._do_what_is_due(now)
        with self._transaction():
            yield Call(self.tools, now)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing; the states that records come to by it are counted when it is kept."""
        self._happened = []
        with self.store.transaction():
            yield
        self.seen.reached(self._happened)

    def _emit(self, call: Call, name: str, record: Record, document: Document) -> None:
        callbacks.emit(call, name, record, document)
        self._happened.append(f"{record.shape.emits}.{name}")

    def _body(self, record: Record) -> bytes:
        return self._bodies.of(record, self.tools.place(Family.ROOT))

    def _do_what_is_due(self, now: Moment) -> int:
        """Perform everything due, in order, each at its own moment, and return how much it was."""
        done = 0
        while (due := self.tools.schedule.next(now)) is not None:
            try:
                with self._transaction():
                    self._do(due, due.at)
            except StoreTrouble:
                # Reads go on while the disk is full; what is due is done when it has room again.
                break
            done += 1
        return done

    def _do(self, due: Due, at: Moment) -> None:
        self._happened.append(due.duty)
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


def _done(route: Route, call: Call, decline: str | None) -> Result:
    result = route.verb(call)
    if decline is not None:
        raise scripted(decline)
    return result


def read_fault(rule: object) -> Fault:
    """Return a fault over the operations and codes of this API; raises ``BadFault`` naming the field that is wrong."""
    return faults.read(rule, OPERATIONS, list(CODES))


def _read_fault_for_now(rule: str) -> Fault:
    fault = read_fault(orjson.loads(rule))
    if fault.on.get("nth", 1) > 1:
        raise faults.BadFault("on.nth", "a rule for one request sees no other")
    return fault
