"""All tables of one world in memory, the number sequence they share, and the transaction that is open on them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.store.journal import Record
from sandbox.store.shelf import Document, Mark, Shelf

Tables = Mapping[str, dict[str, Document]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A world's rows and sequence as they were: of every table its shelf and a mark on it, so nothing is copied."""

    shelves: Mapping[str, tuple[Shelf, Mark]]
    sequence: int


@dataclass(slots=True)
class Changes:
    """What undoes a transaction: the sequence, and every touched row, as they were before it."""

    sequence: int
    before: dict[tuple[str, str], Document | None] = field(default_factory=dict)


class Shelves:
    """Every shelf of a world."""

    def __init__(self, indexes: Mapping[str, Iterable[str]], tables: Tables, sequence: int) -> None:
        names = {**indexes, **tables}
        self.named = {name: Shelf.filled(indexes.get(name, ()), tables.get(name, {})) for name in names}
        """To read from: a table that nobody declared is not there."""
        self.sequence = sequence
        self.changes: Changes | None = None

    def declare(self, table: str) -> None:
        """Make room for a table that may not have been declared; it gets no index."""
        if table not in self.named:
            self.named[table] = Shelf(())

    def rows(self, table: str) -> Mapping[str, Document]:
        """A table's rows by id; none for a table nobody declared."""
        return self.named[table].rows if table in self.named else {}

    def tables(self) -> list[str]:
        """The names of the tables that hold a row."""
        return [name for name, shelf in self.named.items() if shelf.rows]

    def begin(self) -> Changes:
        """Open a transaction; RuntimeError when one is open."""
        self.refuse_transaction()
        changes = self.changes = Changes(self.sequence)
        return changes

    def put(self, table: str, document: Document) -> Document:
        """Add a document or replace the one of its id, which hands on its place in the order; as it is kept."""
        before, shelf, id = self.open_changes().before, self.named[table], document["id"]
        old = shelf.rows.get(id)
        kept = {**document, "_seq": self.draw() if old is None else old["_seq"]}
        before.setdefault((table, id), old)
        shelf.replace(id, kept)
        return kept

    def drop(self, table: str, id: str) -> None:
        """Remove a document; KeyError when there is none of that id."""
        before, shelf = self.open_changes().before, self.named[table]
        before.setdefault((table, id), shelf.rows[id])
        shelf.replace(id, None)

    def draw(self) -> int:
        """The next number of the sequence; RuntimeError when no transaction is open."""
        self.open_changes()
        self.sequence += 1
        return self.sequence

    def record(self, changes: Changes) -> Record | None:
        """What a transaction came to, for the journal; None when everything is as before it."""
        put: dict[str, list[Document]] = {}
        drop: dict[str, list[str]] = {}
        for (table, id), before in changes.before.items():
            after = self.named[table].rows.get(id)
            if after is not None and after is not before:
                put.setdefault(table, []).append(after)
            elif after is not before:
                drop.setdefault(table, []).append(id)
        if not put and not drop and self.sequence == changes.sequence:
            return None
        return {"sequence": self.sequence, "put": put, "drop": drop}

    def undo(self, changes: Changes) -> None:
        """Put everything back as it was before a transaction."""
        for (table, id), document in changes.before.items():
            self.named[table].replace(id, document)
        self.sequence = changes.sequence

    def checkpoint(self) -> Checkpoint:
        """Everything as it is now; from here on what changes it is kept too."""
        self.refuse_transaction()
        return Checkpoint({name: (shelf, shelf.mark()) for name, shelf in self.named.items()}, self.sequence)

    def restore(self, checkpoint: Checkpoint) -> Changes | None:
        """Be as a checkpoint was; the checkpoint stays good for the next time.

        What undoes it comes back, or None when the checkpoint is of another world's shelves, which are ours from now.
        """
        self.refuse_transaction()
        changes = Changes(self.sequence)
        for name, (shelf, mark) in checkpoint.shelves.items():
            if not shelf.is_at(mark):
                for id, document in shelf.go_to(mark).items():
                    changes.before[name, id] = document
        shelves = {name: shelf for name, (shelf, _) in checkpoint.shelves.items()}
        # A shelf equals itself only, so none is related where a table has been declared since.
        related = shelves.items() >= self.named.items()
        self.named = shelves
        self.sequence = checkpoint.sequence
        return changes if related else None

    def since(self, checkpoint: Checkpoint) -> dict[str, dict[str, Document | None]]:
        """Every row that is not as it was at a checkpoint, as it was then, by table and id."""
        found = {}
        for name in {**checkpoint.shelves, **self.named}:
            shelf, now = self.named.get(name), self.rows(name)
            held, mark = checkpoint.shelves.get(name, (None, None))
            if held is None or mark is None:
                then: dict[str, Document | None] = dict.fromkeys(now)
            elif held is shelf:
                then = shelf.as_of(mark)
            else:
                then = {**dict.fromkeys(now), **held.rows, **held.as_of(mark)}
            # Documents are replaced, never edited: the same object is the same content.
            found[name] = {id: document for id, document in then.items() if document is not now.get(id)}
        return found

    def checkpoint_of(self, tables: Tables, sequence: int) -> Checkpoint:
        """Other rows as a checkpoint of this world, with the tables and indexes it has."""
        indexes = {name: tuple(shelf.index) for name, shelf in self.named.items()}
        return Shelves(indexes, tables, sequence).checkpoint()

    def refuse_transaction(self) -> None:
        """RuntimeError while a transaction is open."""
        if self.changes is not None:
            raise RuntimeError("a transaction is open")

    def in_order(self) -> dict[str, list[Document]]:
        """Every row of every table, oldest first."""
        return {name: [shelf.rows[key[2]] for key in shelf.keys] for name, shelf in self.named.items()}

    def open_changes(self) -> Changes:
        """What undoes the open transaction; RuntimeError when none is."""
        if self.changes is None:
            raise RuntimeError("no transaction is open")
        return self.changes
