"""What a verb is handed, and which verb answers which route."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, Protocol, TypedDict, TypeVar

from sandbox import fields, queries
from sandbox.bank import Bank
from sandbox.clock import Moment, stamp
from sandbox.errors import Forbidden, NotFound, Refusal
from sandbox.fields import Form
from sandbox.ids import Ids
from sandbox.records import REMOVED, Records
from sandbox.redact import conceal
from sandbox.represent import Listing
from sandbox.resource import ABSENT, KINDS, Family, Place, Record, kind_of
from sandbox.schedule import Schedule
from sandbox.store import Document, Query, Store, merge
from sandbox.store import QueryInstance as Condition

R = TypeVar("R", bound=Record)

Evidence = Literal["recorded", "specified", "client", "ours"]
Result = Record | Listing[Record] | Refusal | None
"""What a verb answers; a refusal that is returned, not raised, keeps what was written before it."""

Verb = Callable[["Call"], Result]

_ACTIONS = {"POST": "create", "GET": "show", "PUT": "update", "DELETE": "delete"}
_STATUSES = {"POST": 201, "DELETE": 204}


Duty = Callable[["Call", str], None]
"""What is done for a record, named by its id, when it falls due."""


class Born(TypedDict):
    """What every record is born with."""

    id: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table of routes.

    A placeholder is named after the kind its id belongs to; it is looked up, and held against the placeholder before
    it, before the verb is called.
    """

    method: str
    path: str
    verb: Verb
    evidence: Evidence
    takes: Form = field(default_factory=dict)
    open: Literal["", "world", "marketplace"] = ""
    """Who may call it without a key: ``world`` opens a fresh one, ``marketplace`` acts for the one in the path."""
    instead: Form | None = None
    """What it takes as well, in place of ``takes``: by another form, which the verb reads itself."""
    view: Family | None = None
    """The uri family answers are shown in, where it is not the path's own."""

    @property
    def family(self) -> Family:
        """The uri family answers are shown in."""
        return self.view or Family.of(self.path)

    @property
    def status(self) -> int:
        """The status of a good answer."""
        return _STATUSES.get(self.method, 200)

    @property
    def operation(self) -> str:
        """The name of what it does: ``customers.create``."""
        return f"{self.verb.__module__.rpartition('.')[2]}.{self.verb.__name__}"

    @property
    def permission(self) -> tuple[str, str]:
        """The verb and the collection as the API names them when it refuses a key."""
        segments = [segment for segment in self.path.split("/") if not segment.startswith("{")]
        lists = self.method == "GET" and not self.path.endswith("}")
        return ("index" if lists else _ACTIONS[self.method]), segments[-1]


class Emit(Protocol):
    """Writes down that something happened to a record, and the document it then had."""

    def __call__(self, call: Call, name: str, record: Record, document: Document) -> None: ...


class Tools:
    """What one world lends to its calls: store, records, schedule, ids, the pretend bank, and who hears of events."""

    def __init__(self, store: Store, ids: Ids, emit: Emit) -> None:
        self.store = store
        self.ids = ids
        self.emit = emit
        self.records = Records(store)
        self.schedule = Schedule(store)
        self.bank = Bank()

    @property
    def marketplace(self) -> str:
        """The id of the world's marketplace; empty while there is none."""
        found = self.store.first("marketplaces")
        return "" if found is None else str(found["id"])

    def place(self, family: Family) -> Place:
        """Return where a record is shown that is reached through a family."""
        return Place.within(self.marketplace, family)


class Call:
    """One request on its way through a verb."""

    def __init__(
        self,
        tools: Tools,
        now: Moment,
        route: Route | None = None,
        *,
        path: Mapping[str, str] | None = None,
        parameters: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        uri: str = "",
        preset: Mapping[str, Any] | None = None,
        bank: Bank | None = None,
        told_twice: bool = False,
    ) -> None:
        self._tools = tools
        self._route = route
        self._parameters = parameters
        self._uri = uri
        self._preset = preset
        self.raw = body or {}
        self.now = now
        self.bank = bank or tools.bank
        self.told_twice = told_twice  # whether callbacks hear of whatever happens now a second time
        self.schedule = tools.schedule
        self.at = self._resolve(path or {})

    @cached_property
    def given(self) -> dict[str, Any]:
        """What the caller gave, read by the route's form; raises ``Invalid`` naming every fault."""
        return self.read(self._route.takes if self._route else {})

    def read(self, form: Form) -> dict[str, Any]:
        """Read the body by another form than the route's."""
        return fields.read(form, fields.concealed(form, self.raw, self._is_key), self._tools.records.has)

    @property
    def today(self) -> str:
        """The date of this request: ``2013-05-06``."""
        return stamp(self.now)[:10]

    @property
    def marketplace(self) -> str:
        """The id of the world's marketplace; empty while there is none."""
        return self._tools.marketplace

    def uri_of(self, record: Record) -> str:
        """Return the uri a record has in the family of this route."""
        return record.uri(self._tools.place(self._route.family if self._route else Family.MARKETPLACE))

    def parent(self, kind: type[R]) -> R:
        """Return the record of this kind that the route's path names."""
        record = self.at[kind.shape.kind]
        assert isinstance(record, kind)
        return record

    def born(self, prefix: str, part: str = "") -> Born:
        """Return the id and ``created_at`` of a record born now; a fixture may have set them.

        ``part`` names a record that comes along with the one that was asked for.
        """
        preset = self._preset or {}
        if part:
            preset = preset.get(part, {})
        identifier = preset.get("id") or self._tools.ids.record(prefix, self.now, self._tools.store.draw())
        return {"id": identifier, "created_at": preset.get("created_at") or stamp(self.now)}

    def born_event(self) -> Born:
        """Return the id and ``created_at`` of an event that happens now."""
        return {"id": self._tools.ids.event(self.now, self._tools.store.draw()), "created_at": stamp(self.now)}

    def new_secret(self) -> str:
        """Return a fresh API key secret."""
        return self._tools.ids.secret(self._tools.store.draw())

    def new_transaction_number(self, prefix: str) -> str:
        """Return a fresh transaction number."""
        return self._tools.ids.transaction_number(prefix, self._tools.store.draw())

    def find(self, kind: type[R], identifier: str) -> R | None:
        """Return a record, None when there is none (any more)."""
        return self._tools.records.get(kind, identifier)

    def fetch(self, kind: type[R], identifier: str) -> R:
        """Return a record; raises ``NotFound``."""
        record = self.find(kind, identifier)
        if record is None:
            raise NotFound
        return record

    def first(self, kind: type[R], under: tuple[str, str] | None = None) -> R | None:
        """Return the oldest record of a kind, under a parent if one is named."""
        found = self._tools.store.first(kind.shape.table, under)
        return None if found is None else self._tools.records.of(kind, found)

    def all(self, kind: type[R], under: tuple[str, str] | None = None) -> list[R]:
        """Return every record of a kind, under a parent if one is named, newest first."""
        found = self._tools.store.find(kind.shape.table, under)
        return [self._tools.records.of(kind, document) for document in found.documents]

    def the(self, kind: type[R]) -> R:
        """Return the one record of a kind that a world has one of; raises ``Forbidden`` while it has none."""
        record = self.first(kind)
        if record is None:
            action, collection = self._route.permission if self._route else ("create", kind.shape.plural)
            raise Forbidden(f"Not permitted to perform {action} on {collection}.")
        return record

    def count(self, kind: type[Record], under: tuple[str, str]) -> int:
        """Return how many records of a kind a parent has."""
        return self._tools.store.count(kind.shape.table, under)

    def asked(
        self, filterable: Mapping[str, str], sortable: Sequence[str], names: Mapping[str, str] | None = None
    ) -> queries.Asked:
        """Return what the query string asks of a list; raises ``Invalid``."""
        return queries.read(self._concealed_parameters(), filterable, sortable, names)

    def listing(
        self,
        kind: type[R],
        under: tuple[str, str] | None = None,
        *,
        where: Condition | None = None,
    ) -> Listing[R]:
        """Return the page of a kind that the query string asks for; ``under`` a parent, and only ``where``."""
        shape = kind.shape
        asked = _asked(kind, self._concealed_parameters())  # type: ignore[arg-type]  # a class is hashable
        under, where = self._narrowest(shape.table, under, where, asked)
        condition = asked.where if where is None else where if asked.where is None else where & asked.where
        found = self._tools.store.find(
            shape.table,
            under,
            condition,
            newest_first=shape.newest_first,
            sort=asked.sort,
            limit=asked.limit,
            offset=asked.offset,
        )
        records = [self._tools.records.of(kind, document) for document in found.documents]
        return Listing(records, found.total, asked.limit, asked.offset, self._uri, asked.parameters)

    def _narrowest(
        self, table: str, under: tuple[str, str] | None, where: Condition | None, asked: queries.Asked
    ) -> tuple[tuple[str, str] | None, Condition | None]:
        """Look under the index that has the fewest rows, of those that what is asked for can be found under."""
        store = self._tools.store
        for indexed, text in asked.equal.items():
            if store.is_indexed(table, indexed) and store.count(table, (indexed, text)) < store.count(table, under):
                if under is not None:
                    parent = Query()[under[0]] == under[1]
                    where = parent if where is None else where & parent
                under = (indexed, text)
        return under, where

    def mixed(
        self, lists: Mapping[type[R], tuple[str, str] | None], asked: queries.Asked
    ) -> tuple[Listing[R], dict[str, int]]:
        """Return a page over several kinds in one order, newest first, and how many there are of each kind."""
        # No list can have more on the page than the page's end is away from the start.
        end = asked.offset + asked.limit
        found = {
            kind: self._tools.store.find(kind.shape.table, under, asked.where, sort=asked.sort, limit=end)
            for kind, under in lists.items()
        }
        documents = merge((one.documents for one in found.values()), asked.sort)[asked.offset : end]
        kinds = {kind.shape.kind: kind for kind in lists}
        records = [self._tools.records.of(kinds[kind_of(document["id"])], document) for document in documents]
        counts = {kind.shape.kind: one.total for kind, one in found.items()}
        total = sum(counts.values())
        return Listing(records, total, asked.limit, asked.offset, self._uri, asked.parameters), counts

    def add(self, record: R, event: str | None = "created") -> R:
        """Keep a new record, and write beside it that it was created; None for no event."""
        document = record.document()
        self._tools.records.keep(record, self._tools.store.put(record.shape.table, document))
        self._emit(event, record, document)
        return record

    def change(self, record: R, event: str | None = "updated", /, **changes: Any) -> R:
        """Keep a record with some fields replaced, and write beside it what happened; fields of its other face stay."""
        table = record.shape.table
        keys = record.shape.keys
        before = self._tools.store.get(table, record.id) or {}
        document = {**before, **{keys[name]: value for name, value in changes.items()}}
        document = {key: value for key, value in document.items() if value is not ABSENT}
        # Clients send whole objects back, which is no update.
        if event != "updated" or document != before:
            self._tools.store.put(table, document)
            self._emit(event, record, document)
        return self.fetch(type(record), record.id)

    def drop(self, record: Record, event: str | None = "deleted") -> None:
        """Delete a record, and write that down; those that used it keep showing it."""
        table = record.shape.table
        document = self._tools.store.get(table, record.id)
        assert document is not None
        self._tools.store.drop(table, record.id)
        self._tools.store.put(REMOVED, dict(document))
        self._emit(event, record, document)

    def _concealed_parameters(self) -> tuple[tuple[str, str], ...]:
        sent = self._parameters
        return tuple(pair for name, value in sent for pair in conceal({name: value}, self._is_key).items())

    def _is_key(self, secret: str) -> bool:
        return self._tools.store.count("api_keys", ("secret", secret)) > 0

    def _emit(self, name: str | None, record: Record, document: Document) -> None:
        # What a fixture plants was always there: it did not happen.
        if name is not None and record.shape.emits and self._preset is None:
            self._tools.emit(self, name, record, document)

    def _resolve(self, path: Mapping[str, str]) -> dict[str, Record]:
        found: dict[str, Record] = {}
        for name, identifier in path.items():
            record = self.fetch(KINDS[name], KINDS[name].stored_id(identifier, found))
            for parent in found.values():
                if getattr(record, parent.shape.kind, parent.id) != parent.id:
                    raise NotFound
            found[name] = record
        return found


@lru_cache(1024)  # clients ask for the same few pages
def _asked(kind: type[Record], parameters: tuple[tuple[str, str], ...]) -> queries.Asked:
    shape = kind.shape
    return queries.read(parameters, shape.filterable, shape.sortable, {field.name: field.key for field in shape.fields})
