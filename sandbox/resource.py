"""How a resource is declared: one frozen record class says what is given, kept, hidden, linked and embedded.

::

    @resource("hold", plural="holds", prefix="HL", listed_under=("customer",))
    class Hold(Record):
        amount: int = given(Integer(required=True, least=50))   # taken from the caller, kept and shown
        is_void: bool = False                                    # kept and shown
        customer: str = embeds("customer")                       # an id; shown whole, or as customer_uri inside another
        debit: str | None = points_to("debit")                   # an id; shown as debit_uri
        tag: str | None = hidden()                               # kept only
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, ClassVar, Final, Literal, Self, TypedDict, TypeVar, dataclass_transform

from sandbox.fields import Form, Reader


class Absent(Enum):
    """The value of a field that a record does not have at all, which is neither null nor empty."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


class Family(StrEnum):
    """The uri family a record is reached through; the view follows it, not the record."""

    ROOT = "root"
    MARKETPLACE = "marketplace"
    ACCOUNTS = "accounts"
    CUSTOMERS = "customers"

    @classmethod
    @cache  # asked on every request, of the few paths there are
    def of(cls, path: str) -> Family:
        """Return the family of a route's path."""
        if path.startswith("/v1/customers/"):
            return cls.CUSTOMERS
        if not path.startswith("/v1/marketplaces/"):
            return cls.ROOT
        return cls.ACCOUNTS if path.split("/")[4:5] == ["accounts"] else cls.MARKETPLACE


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is shown: in which marketplace (its uri) and through which family."""

    marketplace: str
    family: Family

    @classmethod
    @lru_cache(64)  # asked on every request, of the marketplaces of the worlds in use
    def within(cls, marketplace: str, family: Family) -> Place:
        """Return the place a marketplace, named by its id, is for records of a family."""
        return cls(f"/v1/marketplaces/{marketplace}", family)


class Snapshot(TypedDict):
    """A record as it was: its kind, and the document it then had."""

    kind: str
    document: Mapping[str, Any]


Role = Literal["kept", "hidden", "points_to", "embeds", "as_it_was"]
Views = frozenset[Family]

EVERYWHERE: Views = frozenset(Family)
ROOT_ONLY: Views = frozenset({Family.ROOT})
NOT_ROOT: Views = EVERYWHERE - ROOT_ONLY
NOT_CUSTOMERS: Views = EVERYWHERE - {Family.CUSTOMERS}


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field of a record: its name on the wire, on the record, and in the store."""

    name: str
    attribute: str
    key: str
    role: Role
    reader: Reader | None = None
    target: str = ""
    listed: bool = True
    listed_as: str = ""
    through: Family | None = None
    views: Views = EVERYWHERE
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """All that is declared of a resource."""

    kind: str
    plural: str
    prefix: str
    table: str
    wire_type: str
    listed_under: tuple[str, ...]
    collections: tuple[str, ...]
    pages: Mapping[str, Mapping[str, str]]
    """What ``_uris`` says of the links to these collections."""
    filterable: Mapping[str, str]
    sortable: tuple[str, ...]
    newest_first: bool
    emits: str
    fields: tuple[Field, ...]
    shown: Mapping[Family, tuple[Field, ...]]
    """The fields that are shown through each family."""
    keys: Mapping[str, str]
    """Attributes and the keys they are kept under."""
    may_be_absent: tuple[str, ...]
    """The keys of fields that a record may not have at all."""
    values: Callable[[Record], tuple[Any, ...]]
    """Return what a record has in these attributes."""
    given: Form
    """The form of what a caller may give."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One stored thing; it does not change, it is replaced."""

    shape: ClassVar[Shape]

    id: str
    created_at: str

    def uri(self, at: Place) -> str:
        """Return the uri this record is shown under at a place."""
        return f"/v1/{self.shape.plural}/{self.id}"

    @classmethod
    def stored_id(cls, named: str, parents: Mapping[str, Record]) -> str:
        """Return the id the store has for what a path names; the same, unless it names it within its parents."""
        return named

    def home(self, at: Place) -> str:
        """Return the uri its collections hang from."""
        return self.uri(at)

    def more(self, at: Place) -> Mapping[str, Any]:
        """Return what is shown and follows from the rest."""
        return {}

    def document(self) -> dict[str, Any]:
        """Return the record as the store keeps it."""
        document = dict(zip(self.shape.keys.values(), self.shape.values(self), strict=True))
        for key in self.shape.may_be_absent:
            if document[key] is ABSENT:
                del document[key]
        return document

    @classmethod
    def stored(cls, document: Mapping[str, Any]) -> Self:
        """Return the record of a stored document; a field the document lacks takes its default."""
        keys = cls.shape.keys
        return cls(**{attribute: document[key] for attribute, key in keys.items() if key in document})


KINDS: dict[str, type[Record]] = {}
"""Every declared resource by kind."""

_PREFIXES: dict[str, str] = {"AC": "customer"}  # a party born as an account


def kind_of(identifier: str) -> str:
    """Return the kind that ids with this prefix belong to."""
    return _PREFIXES[identifier[:2]]


MISSING: Final = dataclasses.MISSING


def given(
    reader: Reader, *, default: Any = MISSING, default_factory: Any = MISSING, views: Views = EVERYWHERE, key: str = ""
) -> Any:
    """Declare a field taken from the caller, kept and shown.

    ``key`` is the name it is kept under, where another face of the same thing calls it otherwise.
    """
    return _declared(default, default_factory, role="kept", reader=reader, views=views, key=key)


def kept(*, default: Any = MISSING, views: Views = EVERYWHERE) -> Any:
    """Declare a field that is kept, and shown in some views only."""
    return _declared(default, role="kept", views=views)


def hidden(*, default: Any = MISSING, default_factory: Any = MISSING) -> Any:
    """Declare a field that is kept and never shown."""
    return _declared(default, default_factory, role="hidden")


def points_to(
    kind: str = "",
    *,
    default: Any = MISSING,
    listed: bool = True,
    through: Family | None = None,
    views: Views = EVERYWHERE,
    key: str = "",
) -> Any:
    """Declare the id of another record, shown as ``<name>_uri``; without a kind the id's prefix tells it.

    ``through`` is the uri family of the link, where it is always the same.
    """
    return _declared(default, role="points_to", target=kind, listed=listed, through=through, views=views, key=key)


def embeds(
    kind: str = "",
    *,
    default: Any = MISSING,
    listed: bool = True,
    through: Family | None = None,
    views: Views = EVERYWHERE,
    key: str = "",
    account: Views = frozenset(),
    account_listed_as: str = "",
) -> Any:
    """Declare the id of another record, shown whole on top and as ``<name>_uri`` when itself embedded.

    What was never kept as a record of its own may stand there as a mapping: it is shown as it is, and has no link.

    ``listed`` says whether that link has an entry in ``_uris`` (``money.md`` §4.3), ``through`` its uri family, where
    that is always the same. ``account`` names the views that show the same party once more as ``account``;
    ``account_listed_as`` is the type its link has in ``_uris``, if any.
    """
    return _declared(
        default,
        role="embeds",
        target=kind,
        listed=listed,
        through=through,
        views=views,
        key=key,
        account={"target": "account", "views": account, "listed_as": account_listed_as} if account else None,
    )


def as_it_was() -> Any:
    """Declare the kind and the document of another record, shown as that record looked with it."""
    return _declared(MISSING, role="as_it_was")


def _declared(default: Any, default_factory: Any = MISSING, **metadata: Any) -> Any:
    if default_factory is not MISSING:
        return dataclasses.field(default_factory=default_factory, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


R = TypeVar("R", bound=Record)


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(given, kept, hidden, points_to, embeds, as_it_was)
)
def resource(
    kind: str,
    *,
    plural: str,
    prefix: str,
    table: str | None = None,
    wire_type: str | None = None,
    listed_under: tuple[str, ...] = (),
    collections: tuple[str, ...] = (),
    filterable: Mapping[str, str] | None = None,
    sortable: tuple[str, ...] = (),
    newest_first: bool = True,
    emits: str = "",
) -> Callable[[type[R]], type[R]]:
    """Declare a record class to be a resource.

    ``table`` names the store's table where it is not the plural: two resources may be two faces of one stored thing.
    ``emits`` is the first word of its events' types; without one it has none.
    ``listed_under`` names the fields the store indexes; ``collections`` the lists that hang from this record.
    """

    def declare(declared: type[R]) -> type[R]:
        record = dataclass(frozen=True, kw_only=True, slots=True)(declared)
        fields = tuple(shown for field in dataclasses.fields(record) for shown in _fields(field))
        keys = {field.attribute: field.key for field in fields if field.kept}
        record.shape = Shape(
            kind=kind,
            plural=plural,
            prefix=prefix,
            table=table or plural,
            wire_type=wire_type or kind,
            listed_under=listed_under,
            collections=collections,
            pages={f"{plural}_uri": {"_type": "page", "key": plural} for plural in collections},
            filterable=filterable or {},
            sortable=sortable,
            newest_first=newest_first,
            emits=emits,
            fields=fields,
            shown={family: _shown(fields, family) for family in Family},
            keys=keys,
            may_be_absent=tuple(keys[field.name] for field in dataclasses.fields(record) if field.default is ABSENT),
            values=attrgetter(*keys),
            given={field.name: field.reader for field in fields if field.reader},
        )
        KINDS[kind] = record
        _PREFIXES.setdefault(prefix, kind)
        return record

    return declare


def _shown(fields: tuple[Field, ...], family: Family) -> tuple[Field, ...]:
    return tuple(field for field in fields if field.role != "hidden" and family in field.views)


def _fields(field: dataclasses.Field[Any]) -> Iterator[Field]:
    declared = {"role": "kept", **field.metadata}
    key = declared.pop("key", None) or field.name
    account: dict[str, Any] | None = declared.pop("account", None)
    yield Field(name=field.name, attribute=field.name, key=key, **declared)
    if account:
        declared |= {**account, "listed": bool(account["listed_as"]), "kept": False}
        yield Field(name="account", attribute=field.name, key=key, **declared)
