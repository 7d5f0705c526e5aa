"""Verify the worlds in a data directory, and write a repaired copy of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from sandbox.store.files import DROPPED, Files, make_folder
from sandbox.store.generation import journal_path, newest, numbers, snapshot_path
from sandbox.store.generations import begin
from sandbox.store.journal import START_OF_RECORD, Record, from_line
from sandbox.store.shelf import Document
from sandbox.store.snapshot import STATE, Contents, from_json, to_json
from sandbox.store.troubles import Damaged, TooNew

TABLE_LINE = re.compile(rb'"(.+)":\{')
ROW_LINE = re.compile(rb'"\d+":(\{.*)')


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be; `fatal` when the sandbox refuses to start over it."""

    file: Path
    line: int
    byte: int
    why: str
    fatal: bool


def check(directory: Path) -> dict[Path, list[Finding]]:
    """What is wrong in each world's folder under a directory, changing nothing."""
    return {folder: list(_findings(folder)) for folder in worlds(directory)}


def repair(directory: Path, into: Path) -> dict[Path, int]:
    """Copy what can be read of each world into a new directory, and say how many rows each copy holds.

    FileExistsError when the new directory holds anything; TooNew for a file of a later version.
    """
    if into.exists() and any(into.iterdir()):
        raise FileExistsError(f"{into} is not empty")
    return {folder: _repair(folder, into / folder.relative_to(directory)) for folder in worlds(directory)}


def worlds(directory: Path) -> list[Path]:
    """The folders under a directory, or the directory itself, that hold a world."""
    files = [*directory.rglob("snapshot-*.json"), *directory.rglob("journal-*.log")]
    return sorted({file.parent for file in files if not file.parent.name.startswith(DROPPED)})


def _findings(folder: Path) -> Iterator[Finding]:
    try:
        generation = newest(Files(), folder)
    except Damaged as damaged:
        yield Finding(damaged.file, damaged.line, damaged.byte, damaged.why, fatal=True)
    except TooNew as newer:
        yield Finding(newer.file, 1, 0, str(newer), fatal=True)
    else:
        if generation is not None and generation.torn:
            why = f"{len(generation.torn)} bytes of a record that was never acknowledged; the next start cuts them off"
            path = journal_path(folder, generation.number)
            yield Finding(path, len(generation.lines) + 1, generation.length, why, fatal=False)


def _repair(folder: Path, into: Path) -> int:
    contents = salvage(folder)
    into.parent.mkdir(parents=True, exist_ok=True)
    files = Files()
    make_folder(files, into)
    tables = {name: sorted(rows.values(), key=lambda row: row["_seq"]) for name, rows in contents.tables.items()}
    begin(files, into, 1, to_json(tables, contents.sequence, 1)).close()
    return sum(map(len, tables.values()))


def salvage(folder: Path) -> Contents:
    """The newest snapshot that can be read, and every valid record since; else the rows that can be read."""
    names = Files().names(folder)
    contents, number = _snapshot(folder, sorted(numbers(names, "snapshot"), reverse=True))
    for later in sorted(numbers(names, "journal")):
        if later >= number:
            for record in valid_records(journal_path(folder, later).read_bytes()):
                contents.replay(record)
    drawn = [row["_seq"] for rows in contents.tables.values() for row in rows.values()]
    contents.sequence = max([contents.sequence, *drawn])
    return contents


def _snapshot(folder: Path, snapshots: list[int]) -> tuple[Contents, int]:
    for number in snapshots:
        path = snapshot_path(folder, number)
        try:
            return from_json(path, path.read_bytes()), number
        except Damaged:
            continue
    if not snapshots:
        return Contents({}, 0), 0
    return readable_rows(snapshot_path(folder, snapshots[0]).read_bytes()), snapshots[0]


def valid_records(data: bytes) -> Iterator[Record]:
    """Every record whose checksum is right, wherever on a line it starts."""
    for line in data.split(b"\n")[:-1]:
        for start in START_OF_RECORD.finditer(line):
            record = from_line(line[start.start() :])
            if record is not None and "sequence" in record:
                yield record


def readable_rows(data: bytes) -> Contents:
    """The rows of a snapshot that is no longer JSON as a whole but still is on most of its lines."""
    contents = Contents({}, 0)
    table = STATE
    for line in data.split(b"\n"):
        if named := TABLE_LINE.fullmatch(line):
            table = named[1].decode(errors="replace")
        elif found := ROW_LINE.match(line):
            row = readable_row(found[1])
            if row is not None:
                contents.tables.setdefault(table, {})[row["id"]] = row
    return contents


def readable_row(text: bytes) -> Document | None:
    """The row on a line, behind which the table and the file may end, or None."""
    text = text.removesuffix(b",")
    for ending in (b"", b"}", b"}}"):
        try:
            row: Document = orjson.loads(text.removesuffix(ending))
        except orjson.JSONDecodeError:
            continue
        return row if {"id", "_seq"} <= row.keys() else None
    return None
