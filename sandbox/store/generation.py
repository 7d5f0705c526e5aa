"""One generation of a world on disk: a snapshot and the journal that goes on from it, read without changing them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from sandbox.store.files import Files
from sandbox.store.journal import Line, from_line, intact, to_line
from sandbox.store.snapshot import FORMAT, Contents, from_json, refuse_newer
from sandbox.store.troubles import Damaged

NAMED = re.compile(r"(snapshot|journal)-(\d+)\.(?:json|log)")


def snapshot_path(folder: Path, number: int) -> Path:
    """The file a generation begins with."""
    return folder / f"snapshot-{number}.json"


def journal_path(folder: Path, number: int) -> Path:
    """The file of what happened since."""
    return folder / f"journal-{number}.log"


def numbers(names: Iterable[str], kind: str) -> set[int]:
    """The generations whose snapshot, or whose journal, is among these names."""
    return {int(match[2]) for match in map(NAMED.fullmatch, names) if match and match[1] == kind}


def header(number: int, checksum: int) -> bytes:
    """The first line of a journal: its format, its generation, and the snapshot it goes on from."""
    return to_line({"format": FORMAT, "generation": number, "snapshot": checksum})


@dataclass(frozen=True, slots=True)
class Generation:
    """What the two files of a generation say, read without changing them."""

    number: int
    contents: Contents
    snapshot: bytes
    lines: list[Line]
    length: int
    torn: bytes


def read(files: Files, folder: Path, number: int) -> Generation:
    """A generation with its journal replayed; Damaged or TooNew when it cannot be."""
    path = journal_path(folder, number)
    data = files.read(path)
    first = from_line(data.partition(b"\n")[0])
    if first is not None:
        refuse_newer(path, first)
    snapshot = files.read(snapshot_path(folder, number))
    contents = from_json(snapshot_path(folder, number), snapshot)
    if first is not None and first.get("snapshot") != crc32(snapshot):
        raise Damaged(snapshot_path(folder, number), 1, 0, "it is not the file that its journal goes on from")
    lines, length = intact(path, data)
    for line in lines[1:]:
        replay(contents, line, path)
    return Generation(number, contents, snapshot, lines, length, data[length:])


def replay(contents: Contents, line: Line, path: Path) -> None:
    """Do again what a line says; Damaged when it does not fit what went before."""
    try:
        contents.replay(line.record or {})
    except (AttributeError, KeyError, TypeError) as error:
        why = f"the record does not fit what went before it ({error!r})"
        raise Damaged(path, line.number, line.byte, why) from error


def newest(files: Files, folder: Path) -> Generation | None:
    """The newest generation with a valid snapshot and a journal; None when nothing was ever kept here."""
    names = files.names(folder)
    snapshots, journals = numbers(names, "snapshot"), numbers(names, "journal")
    whole = sorted(snapshots & journals)
    if not whole:
        refuse_orphans(files, folder, snapshots, journals)
        return None
    try:
        return read(files, folder, whole[-1])
    except Damaged:
        # The older one is all there is to lose only as long as nothing was written to the newer one.
        if len(whole) > 1 and not has_records(files, journal_path(folder, whole[-1])):
            return read(files, folder, whole[-2])
        raise


def refuse_orphans(files: Files, folder: Path, snapshots: Iterable[int], journals: Iterable[int]) -> None:
    """Damaged when half a generation holds something; the first generation, unfinished, holds nothing."""
    for number in snapshots:
        path = snapshot_path(folder, number)
        if from_json(path, files.read(path)).sequence:
            raise Damaged(path, 1, 0, "its journal is missing")
    for number in journals:
        path = journal_path(folder, number)
        if has_records(files, path):
            raise Damaged(path, 1, 0, "its snapshot is missing")


def has_records(files: Files, path: Path) -> bool:
    """Whether a journal says that anything happened."""
    return len(intact(path, files.read(path))[0]) > 1
