"""One merchant's world: everything a key can see, and the way a request goes through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox import schedule
from sandbox.call import Call, Result, Route, Tools
from sandbox.clock import Clock, Moment, parse, stamp
from sandbox.errors import Unavailable
from sandbox.ids import Ids
from sandbox.records import REMOVED
from sandbox.represent import Bodies, Listing
from sandbox.resource import Family, Record
from sandbox.resources import DUTIES, TABLES, events
from sandbox.store import Store, StoreTrouble

STATE = "world"
"""The table of the one document that says what this world is made of."""

SHELVES: Mapping[str, tuple[str, ...]] = {**TABLES, schedule.TABLE: (), REMOVED: (), STATE: ()}


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
        self.tools = Tools(store, Ids(seed), events.emit)
        self._bodies = Bodies(self.tools.records)
        self._requests = 0
        self._seed = seed
        if store.get(STATE, STATE) is None:
            self._remember()

    @property
    def seed(self) -> str:
        """What every id of this world is drawn from."""
        return self._seed

    def perform(
        self,
        route: Route,
        path: Mapping[str, str],
        *,
        parameters: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        uri: str = "",
    ) -> Answer:
        """Do what a route says, wholly or not at all; raises ``Refusal``."""
        now = self.clock.now()
        self._do_what_is_due(now)

        def call() -> Result:
            return route.verb(Call(self.tools, now, route, path=path, parameters=parameters, body=body, uri=uri))

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

    def _do_what_is_due(self, now: Moment) -> None:
        """Perform everything due, in order, each at its own moment."""
        while (due := self.tools.schedule.next(now)) is not None:
            with self.store.transaction():
                self.tools.schedule.cancel(due.duty, due.record)
                DUTIES[due.duty](Call(self.tools, due.at), due.record)

    def _answer(self, route: Route, result: Result) -> Answer:
        if result is None:
            return Answer(route.status)
        at = self.tools.place(route.family)
        if isinstance(result, Listing):
            return Answer(route.status, self._bodies.page(result, at))
        return Answer(route.status, self._bodies.of(result, at))

    def _remember(self) -> None:
        with self.store.transaction():
            now = stamp(self.clock.now())
            document = {"id": STATE, "created_at": now, "seed": self._seed, "clock": self.clock.state()}
            self.store.put(STATE, document)
