"""A world's rows: transactions, checkpoints, and a journal when there is a folder to keep them in."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal, NoReturn

from tinydb.queries import QueryLike

from sandbox.store.files import Files
from sandbox.store.found import Found, Sort, page, scan
from sandbox.store.generations import Generations
from sandbox.store.journal import Journal, to_line
from sandbox.store.shelf import Document
from sandbox.store.shelves import Changes, Checkpoint, Shelves
from sandbox.store.snapshot import STATE
from sandbox.store.table import Database, Row
from sandbox.store.troubles import ReadOnly, StoreTrouble

log = logging.getLogger(__name__)

Fsync = Literal["os", "always"]


class Store:
    """One world's rows, in memory or in a folder.

    Documents are never edited in place: what `get` and `find` return is the store's own, and stays the same object
    until it is replaced.
    """

    def __init__(self, shelves: Shelves, generations: Generations | None, fsync: Fsync) -> None:
        self.trouble: str | None = None
        self.db = Database(self)
        self._shelves = shelves
        self._generations = generations
        self._always = fsync == "always"
        self._unsynced: list[Changes] = []
        self._transaction = _Transaction(self)
        self.changes = 0
        """How often rows may have become different: while it is the same number, every row is the same object."""

    @classmethod
    def open(
        cls,
        shelves: Mapping[str, tuple[str, ...]],
        folder: Path | None = None,
        *,
        fsync: Fsync = "os",
        files: Files | None = None,
    ) -> "Store":
        """Open a folder's world, or an empty one in memory; `shelves` names the fields each table is indexed by."""
        if folder is None:
            return cls(Shelves(shelves, {}, 0), None, fsync)
        generations, contents = Generations.start(files or Files(), folder)
        return cls(Shelves(shelves, contents.tables, contents.sequence), generations, fsync)

    def get(self, table: str, id: str) -> Document | None:
        """The document of an id."""
        return self._shelves.named[table].rows.get(id)

    def find(
        self,
        table: str,
        under: tuple[str, str] | None = None,
        where: QueryLike | None = None,
        *,
        newest_first: bool = True,
        sort: Sort = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> Found:
        """A page of a table, or of its rows `under` an indexed field's value; only `where` and `sort` look at rows."""
        shelf = self._shelves.named[table]
        keys = shelf.under(under)
        if where is None and not sort:
            return page(shelf, keys, newest_first, limit, offset)
        documents = scan(shelf, keys, where, newest_first, sort)
        return Found(documents[offset : None if limit is None else offset + limit], len(documents))

    def first(self, table: str, under: tuple[str, str] | None = None) -> Document | None:
        """The oldest document of a table, or of its rows `under` an indexed field's value."""
        shelf = self._shelves.named[table]
        keys = shelf.under(under)
        return shelf.rows[keys[0][2]] if keys else None

    def since(self, table: str, sequence: int) -> list[Document]:
        """The documents of a table that were added after a number had been drawn, oldest first; none may be dropped."""
        return self._shelves.named[table].since(sequence)

    def is_indexed(self, table: str, field: str) -> bool:
        """Whether `under` can name a field."""
        return field in self._shelves.named[table].index

    def count(self, table: str, under: tuple[str, str] | None = None) -> int:
        """How many documents a table has, or has under an indexed field's value."""
        return len(self._shelves.named[table].under(under))

    def put(self, table: str, document: Document) -> Document:
        """Add a document or replace the one of its id whole, and return it as it is kept; ReadOnly in trouble."""
        self._refuse_trouble()
        return self._shelves.put(table, document)

    def drop(self, table: str, id: str) -> None:
        """Remove a document; KeyError when there is none of that id, ReadOnly when the store is in trouble."""
        self._refuse_trouble()
        self._shelves.drop(table, id)

    def draw(self) -> int:
        """The next number of the world's one sequence, which a transaction that fails gives back."""
        self._refuse_trouble()
        return self._shelves.draw()

    def transaction(self) -> AbstractContextManager[None]:
        """All of it or, on any exception, nothing; Full and ReadOnly when it could not be kept."""
        return self._transaction

    @property
    def sequence(self) -> int:
        """The last number that was drawn."""
        return self._shelves.sequence

    @property
    def unsynced(self) -> bool:
        """Whether there is a transaction that must not be answered before `sync`."""
        return bool(self._unsynced)

    def sync(self) -> None:
        """Return when every transaction is on the disk; ReadOnly, with those that are not undone, when it fails."""
        self._shelves.refuse_transaction()
        if self._generations is None or not self._unsynced:
            return
        try:
            self._refuse_trouble()
            self._generations.journal.sync()
        except ReadOnly as error:
            self._lose_unsynced(self._generations.journal, error)
        self._unsynced.clear()
        self._tidy_when_due()

    def checkpoint(self) -> Checkpoint:
        """Everything as it is now, at no cost until something is written."""
        return self._shelves.checkpoint()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Be as a checkpoint was, in a transaction; Full or ReadOnly, and nothing changed, when that fails."""
        before = self._shelves.checkpoint()
        changes = self._shelves.restore(checkpoint)
        self.changes += 1
        try:
            if changes is None:
                self.compact()
            else:
                self._refuse_trouble()
                self._keep(changes)
        except StoreTrouble:
            self._shelves.restore(before)
            raise
        self._tidy_when_due()

    def changed_since(self, checkpoint: Checkpoint) -> Mapping[str, Mapping[str, Document | None]]:
        """Every row that is not as it was at a checkpoint, as it was then, None for not there; by table and id."""
        return self._shelves.since(checkpoint)

    def contents(self) -> tuple[Mapping[str, list[Document]], int]:
        """Every row of every table, oldest first, and the last number drawn."""
        return self._shelves.in_order(), self._shelves.sequence

    def replace(self, tables: Mapping[str, Iterable[Document]], sequence: int) -> None:
        """Hold these rows, which are as `contents` gave them, and no others, on the disk too; Full or ReadOnly."""
        rows = {name: {row["id"]: row for row in table} for name, table in tables.items()}
        self.restore(self._shelves.checkpoint_of(rows, sequence))

    def compact(self) -> None:
        """Begin a new generation with an empty journal, which counts as syncing; Full when there is no room."""
        self._shelves.refuse_transaction()
        self._refuse_trouble()
        if self._generations is None:
            return
        try:
            self._generations.advance(self._shelves.in_order(), self._shelves.sequence)
        except ReadOnly as error:
            self.trouble = error.why
            raise
        self._unsynced.clear()

    def close(self, *, tidy: bool = True) -> None:
        """Write no more; a `tidy` folder is left with one readable TinyDB file and an empty journal, if it has room."""
        self._shelves.refuse_transaction()
        if self._generations is None:
            return
        try:
            if self.trouble is None:
                self.sync()
                if tidy:
                    self._tidy()
        finally:
            self._generations.journal.close()
            self._generations = None
            self.trouble = self.trouble or "the store is closed"

    def tables(self) -> list[str]:
        """The names of the tables that hold a row."""
        return self._shelves.tables()

    def rows(self, table: str) -> Mapping[str, Document]:
        """A table's rows by id, to look at only."""
        return self._shelves.rows(table)

    def change(self, tables: Mapping[str, Mapping[str, Row | None]]) -> None:
        """Put these rows and drop those that are None, in the open transaction or else in one of their own."""
        if STATE in tables:
            raise ValueError(f"the table {STATE} is the store's own")
        with self.transaction() if self._shelves.changes is None else nullcontext():
            for table, rows in tables.items():
                self._shelves.declare(table)
                for id, row in rows.items():
                    if row is None:
                        self.drop(table, id)
                    else:
                        self.put(table, {**row, "id": id})

    def _begin(self) -> None:
        self._shelves.begin()

    def _end(self, good: bool) -> None:
        """Keep what the open transaction did, or undo it."""
        changes, kept = self._shelves.open_changes(), False
        try:
            if good:
                self._keep(changes)
                kept = True
        finally:
            self._shelves.changes = None
            if not kept:
                self._shelves.undo(changes)
        if kept:
            self.changes += bool(changes.before)
            self._tidy_when_due()

    def _keep(self, changes: Changes) -> None:
        """Append what a transaction did to the journal."""
        if self._generations is None:
            return
        record = self._shelves.record(changes)
        if record is None:
            return
        try:
            journal = self._generations.journal
            journal.append(to_line({**record, "synced": journal.synced} if self._always else record))
        except ReadOnly as error:
            self.trouble = error.why
            raise
        if self._always:
            self._unsynced.append(changes)

    def _lose_unsynced(self, journal: Journal, error: ReadOnly) -> NoReturn:
        """Undo what was never synced, on the disk too if it lets us, write no more, and raise the ReadOnly."""
        while self._unsynced:
            self._shelves.undo(self._unsynced.pop())
        self.changes += 1
        try:
            journal.cut(journal.synced)
        except ReadOnly:
            error = ReadOnly(f"{error.why}, nor cut back: a restart may find what was refused")
        self.trouble = error.why
        raise error

    def _tidy_when_due(self) -> None:
        """Compact a journal that has grown, but never between a transaction and the sync its caller waits for."""
        if self._generations is not None and self._generations.due and not self._unsynced and self.trouble is None:
            self._tidy()

    def _tidy(self) -> None:
        """Compact, unless it is not worth it or not possible: the journal holds everything anyway."""
        if self._generations is None or self._generations.pristine:
            return
        try:
            self.compact()
        except StoreTrouble as error:
            log.warning("not compacted: %s", error)

    def _refuse_trouble(self) -> None:
        if self.trouble is not None:
            raise ReadOnly(self.trouble)


class _Transaction(AbstractContextManager[None]):
    """The one transaction a store can have open; no generator, as every write of every request goes through it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> None:
        self._store._begin()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._store._end(kind is None)
