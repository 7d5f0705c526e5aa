"""A world's tables as TinyDB sees them: a write costs what it changes, and what is fetched is a copy."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, Protocol

import orjson
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from sandbox.store.shelf import Document

Row = dict[str, Any]


class Keeper(Protocol):
    """Who keeps the rows, and takes changes of them all or nothing."""

    def tables(self) -> list[str]:
        """The names of the tables that hold a row."""

    def rows(self, table: str) -> Mapping[str, Document]:
        """The rows of a table by id."""

    def change(self, tables: Mapping[str, Mapping[str, Row | None]]) -> None:
        """Keep these rows by table and id, and remove those that are None."""


class Draft(MutableMapping[str, Row]):
    """A table's rows as TinyDB may handle them: copies out, and a note of what was put, edited or removed."""

    def __init__(self, kept: Mapping[str, Document]) -> None:
        self._kept = kept
        self._touched: dict[str, Row | None] = {}

    def __getitem__(self, id: str) -> Row:
        if id not in self._touched:
            self._touched[id] = copy(self._kept[id])
        row = self._touched[id]
        if row is None:
            raise KeyError(id)
        return row

    def __setitem__(self, id: str, row: Row) -> None:
        self._touched[id] = copy(row)

    def __delitem__(self, id: str) -> None:
        if id not in self:
            raise KeyError(id)
        self._touched[id] = None

    def __contains__(self, id: object) -> bool:
        return self._touched[id] is not None if id in self._touched else id in self._kept

    def __iter__(self) -> Iterator[str]:
        yield from [id for id in self._kept if id in self]
        yield from [id for id in self._touched if id not in self._kept and id in self]

    def __len__(self) -> int:
        return len(self._kept) if not self._touched else sum(1 for _ in self)

    def clear(self) -> None:
        self._touched = dict.fromkeys(self._kept)

    def changed(self) -> dict[str, Row | None]:
        """What is no longer as it is kept."""
        return {id: row for id, row in self._touched.items() if row != self._kept.get(id)}


class ShelfStorage(Storage):
    """TinyDB's way to the rows of a keeper."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    def read(self) -> dict[str, Any]:
        """Everything; a row is copied when it is looked at."""
        return {table: Draft(self.keeper.rows(table)) for table in self.keeper.tables()}

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Remove the tables that are not given: TinyDB comes here for nothing else."""
        gone = [table for table in self.keeper.tables() if table not in data]
        self.keeper.change({table: dict.fromkeys(self.keeper.rows(table)) for table in gone})


class ShelfTable(Table):
    """A TinyDB table over a keeper's rows, whose document ids are the API's own."""

    document_id_class = str  # type: ignore[assignment]  # TinyDB types it as int and uses it as any class
    _storage: ShelfStorage

    def __init__(self, storage: ShelfStorage, name: str, cache_size: int = 0, persist_empty: bool = False) -> None:
        # TinyDB's cache would hand the same documents out again, and its way to persist an empty table empties it.
        super().__init__(storage, name, cache_size=0)

    def _read_table(self) -> Draft:  # type: ignore[override]  # TinyDB only reads it as a mapping
        return Draft(self._storage.keeper.rows(self.name))

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        draft = self._read_table()
        updater(draft)
        self._storage.keeper.change({self.name: draft.changed()})

    def _get_next_id(self) -> int:
        raise TypeError("ids are the API's own: insert a tinydb.table.Document(value, doc_id=id)")


class Database(TinyDB):
    """A TinyDB over a keeper's rows."""

    table_class: type[Table] = ShelfTable

    def __init__(self, keeper: Keeper) -> None:
        super().__init__(keeper, storage=ShelfStorage)


def copy(row: Document) -> Row:
    """The same row, nothing of it shared."""
    copied: Row = orjson.loads(orjson.dumps(row))
    return copied
