"""All of a world in one file that a plain TinyDB opens: one row a line, under the row's sequence number."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from sandbox.store.journal import STRICT, Record
from sandbox.store.shelf import Document
from sandbox.store.troubles import Damaged, TooNew

FORMAT = 1
STATE = "_store"  # the table of the store's own state


@dataclass(slots=True)
class Contents:
    """The rows of a world by table and id, and the last number drawn."""

    tables: dict[str, dict[str, Document]]
    sequence: int

    def replay(self, record: Record) -> None:
        """Let the rows be as a journal record says they were after it."""
        for table, ids in record["drop"].items():
            for id in ids:
                self.tables.get(table, {}).pop(id, None)
        for table, documents in record["put"].items():
            self.tables.setdefault(table, {}).update((document["id"], document) for document in documents)
        self.sequence = record["sequence"]


def to_json(tables: Mapping[str, Iterable[Document]], sequence: int, generation: int) -> bytes:
    """The snapshot of a generation; rows keep the order they are given in."""
    state = {"1": {"format": FORMAT, "generation": generation, "sequence": sequence}}
    return b",\n".join(_lines(state, tables)) + b"}\n"


def _lines(state: object, tables: Mapping[str, Iterable[Document]]) -> Iterator[bytes]:
    yield b'{"%b":%b' % (STATE.encode(), orjson.dumps(state))
    for table, documents in tables.items():
        rows = b",\n".join([b'"%d":%b' % (row["_seq"], orjson.dumps(row, option=STRICT)) for row in documents])
        if rows:
            yield b"%b:{\n%b}" % (orjson.dumps(table), rows)


def from_json(path: Path, data: bytes) -> Contents:
    """What a snapshot holds; Damaged when it does not hold together, TooNew when a later version wrote it."""
    try:
        tables = orjson.loads(data)
        state = tables.pop(STATE)["1"]
        refuse_newer(path, state)
        rows = {name: {row["id"]: row for row in table.values()} for name, table in tables.items()}
        return Contents(rows, state["sequence"])
    except orjson.JSONDecodeError as error:
        raise Damaged(path, error.lineno, error.pos, "this is not JSON") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise Damaged(path, 1, 0, f"this is not as the store writes it ({error!r})") from error


def refuse_newer(path: Path, state: Mapping[str, Any]) -> None:
    """TooNew when a file states a format this version does not read, Damaged when it states none."""
    format = state.get("format")
    if not isinstance(format, int):
        raise Damaged(path, 1, 0, "its format is not stated")
    if format > FORMAT:
        raise TooNew(path, format)
