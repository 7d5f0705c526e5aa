"""What happened since the snapshot: one line a transaction, each with a checksum of its own."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from sandbox.store.files import APPEND, Files
from sandbox.store.troubles import Damaged, Full, ReadOnly

Record = dict[str, Any]

# The library would write these its own way, and the row read back would no longer be the row in memory.
STRICT = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
START_OF_RECORD = re.compile(rb"[0-9a-f]{8} ")


def to_line(record: Record) -> bytes:
    """A record as a line: the checksum in eight hex digits, a space, JSON, newline."""
    body = orjson.dumps(record, option=STRICT)
    return b"%08x %b\n" % (crc32(body), body)


def from_line(line: bytes) -> Record | None:
    """The record in a line without its newline, or None when the checksum or the JSON says otherwise."""
    body = line[9:]
    if line[:9] != b"%08x " % crc32(body):
        return None
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None  # the checksum of nothing is zero
    return record if isinstance(record, dict) else None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a journal: where it starts, and its record, or None when it is bad."""

    number: int
    byte: int
    record: Record | None


def lines(data: bytes) -> Iterator[Line]:
    """Every line in turn; a last one without its newline was never acknowledged and counts as bad."""
    byte = 0
    *whole, rest = data.split(b"\n")
    for number, line in enumerate(whole, 1):
        yield Line(number, byte, from_line(line))
        byte += len(line) + 1
    if rest:
        yield Line(len(whole) + 1, byte, None)


def intact(path: Path, data: bytes) -> tuple[list[Line], int]:
    """The good lines of a journal and the byte they end at; Damaged when what is bad was on the disk before."""
    good: list[Line] = []
    for line in lines(data):
        if line.record is None:
            if any(was_kept(line.byte, record) for record in records(data[line.byte :])):
                raise Damaged(path, line.number, line.byte, "a bad record is followed by a valid one")
            return good, line.byte
        good.append(line)
    return good, len(data)


def records(data: bytes) -> Iterator[Record]:
    """Every valid record wherever it starts, be it after garbage on the same line."""
    for line in data.split(b"\n")[:-1]:
        for start in START_OF_RECORD.finditer(line):
            record = from_line(line[start.start() :])
            if record is not None:
                yield record


def was_kept(byte: int, later: Record) -> bool:
    """Whether a later record proves that a byte was on the disk before.

    Writes that share an fsync reach the disk in any order, so after a power cut a later one of them may be there
    without an earlier one. None of them was acknowledged; each says up to where the journal was synced before it.
    """
    synced = later.get("synced")
    return synced is None or bool(synced > byte)


class Journal:
    """A journal that is open for appending, and how much of it is known to be good and to be on the disk."""

    def __init__(self, files: Files, path: Path, length: int) -> None:
        self.path = path
        self.length = self.synced = length
        self._files = files
        self._descriptor = files.open(path, APPEND)

    def append(self, record: bytes) -> None:
        """Write one record in one step, or none of it: Full, or ReadOnly when the rest of it cannot be cut off."""
        try:
            if self._files.write(self._descriptor, record) != len(record):
                raise OSError("only a part of the record was written")
        except BaseException as error:
            self.cut(self.length)
            if isinstance(error, OSError):
                raise Full(self.path) from error
            raise
        self.length += len(record)

    def sync(self) -> None:
        """Return when every record is on the disk; ReadOnly when the disk does not say so."""
        try:
            self._files.fsync(self._descriptor)
        except OSError as error:
            raise ReadOnly(f"{self.path} could not be synced ({os.strerror(error.errno or 0)})") from error
        self.synced = self.length

    def cut(self, length: int) -> None:
        """Cut the file back to a length for good; ReadOnly when that fails."""
        try:
            self._files.truncate(self._descriptor, length)
            # Else a power cut could bring back what its caller was told did not happen.
            self._files.fsync(self._descriptor)
        except OSError as error:
            raise ReadOnly(f"{self.path} could not be cut back to byte {length}") from error
        self.length = length

    def close(self) -> None:
        """Let go of the file; nothing that was acknowledged depends on how that goes."""
        with suppress(OSError):
            self._files.close(self._descriptor)
