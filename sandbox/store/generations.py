"""A world's folder: taking up the generation in use, and going on to the next."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from sandbox.store.files import Files, make_folder, write_file
from sandbox.store.generation import NAMED, Generation, header, journal_path, newest, numbers, snapshot_path
from sandbox.store.journal import Journal
from sandbox.store.shelf import Document
from sandbox.store.snapshot import Contents, to_json
from sandbox.store.troubles import Full, ReadOnly

log = logging.getLogger(__name__)

MEBIBYTE = 1 << 20
UNFINISHED = "snapshot.tmp"


def begin(files: Files, folder: Path, number: int, snapshot: bytes) -> Journal:
    """Write a generation out, in the one order that survives a crash at every point.

    Full when there is no room for it, and all is as before; ReadOnly when nobody can tell which generation counts.
    """
    unfinished, path = folder / UNFINISHED, journal_path(folder, number)
    first_line = header(number, crc32(snapshot))
    try:
        write_file(files, unfinished, snapshot)
        write_file(files, path, first_line)
        # Opened before the generation counts: from then on nothing may fail but the sync.
        journal = Journal(files, path, len(first_line))
        try:
            files.rename(unfinished, snapshot_path(folder, number))
        except OSError:
            journal.close()
            raise
    except OSError as error:
        take_back(files, folder, number)
        raise Full(unfinished) from error
    try:
        files.fsync_folder(folder)
    except OSError as error:
        journal.close()
        with suppress(ReadOnly):
            take_back(files, folder, number)
        raise ReadOnly(f"{folder} could not be synced") from error
    return journal


def take_back(files: Files, folder: Path, number: int) -> None:
    """Remove a generation that was not finished; ReadOnly when a start might yet find it, and prefer it."""
    try:
        for path in (snapshot_path(folder, number), journal_path(folder, number), folder / UNFINISHED):
            files.unlink(path)
        # A rename that failed may have been done all the same.
        files.fsync_folder(folder)
    except OSError as error:
        raise ReadOnly(f"generation {number} in {folder} could not be taken back") from error


def resume(files: Files, folder: Path, generation: Generation) -> Journal:
    """Open a generation's journal for more, without its torn tail; ReadOnly when the disk does not say it is there."""
    path = journal_path(folder, generation.number)
    if generation.torn:
        keep_beside(files, path, generation)
    journal = Journal(files, path, generation.length)
    if generation.torn:
        journal.cut(generation.length)
    if not generation.length:
        journal.append(header(generation.number, crc32(generation.snapshot)))
    # What is about to be served was perhaps never synced by the process that wrote it, its names neither.
    journal.sync()
    try:
        files.fsync_folder(folder)
    except OSError as error:
        journal.close()
        raise ReadOnly(f"{folder} could not be synced") from error
    return journal


def keep_beside(files: Files, path: Path, generation: Generation) -> None:
    """Keep the torn tail of a journal in a file of its own; Full when there is no room for it."""
    beside = path.with_suffix(f".torn-{generation.length}")
    try:
        write_file(files, beside, generation.torn)
    except OSError as error:
        raise Full(beside) from error
    log.warning("%s: %d torn bytes cut off and kept as %s", path, len(generation.torn), beside.name)


def discard(files: Files, paths: Iterable[Path]) -> None:
    """Remove what no longer counts; what cannot be removed now is removed by the next start."""
    for path in paths:
        with suppress(OSError):
            files.unlink(path)


def remove_leftovers(files: Files, folder: Path, number: int) -> None:
    """Remove every generation but one, so that its successor finds its names free; Full when that is not possible."""
    kept = {snapshot_path(folder, number).name, journal_path(folder, number).name}
    names = files.names(folder)
    leftovers = [name for name in names if (NAMED.fullmatch(name) or name == UNFINISHED) and name not in kept]
    try:
        for name in leftovers:
            files.unlink(folder / name)
        if leftovers:
            files.fsync_folder(folder)
    except OSError as error:
        raise Full(folder) from error


class Generations:
    """The generation of a world that is in use, and the step to the next."""

    def __init__(self, files: Files, folder: Path) -> None:
        self.journal: Journal
        self._files, self._folder = files, folder
        self._number = self._due = self._begun = 0

    @classmethod
    def start(cls, files: Files, folder: Path) -> tuple["Generations", Contents]:
        """Take up the newest generation, or begin the first; whatever else lies there was never finished."""
        make_folder(files, folder)
        generations = cls(files, folder)
        found = newest(files, folder)
        if found is None:
            names = files.names(folder)
            number = max(numbers(names, "snapshot") | numbers(names, "journal"), default=0) + 1
            snapshot, contents = to_json({}, 0, number), Contents({}, 0)
            generations._use(number, begin(files, folder, number, snapshot), snapshot)
        else:
            contents = found.contents
            generations._use(found.number, resume(files, folder, found), found.snapshot)
        remove_leftovers(files, folder, generations._number)
        return generations, contents

    @property
    def due(self) -> bool:
        """Whether the journal has grown enough to be worth a new snapshot."""
        return self.journal.length >= self._due

    @property
    def pristine(self) -> bool:
        """Whether nothing happened since the snapshot."""
        return self.journal.length == self._begun

    def advance(self, tables: Mapping[str, Iterable[Document]], sequence: int) -> None:
        """Go on from a snapshot of these rows; the old generation goes last, and stays when there is no room."""
        old, number = self._number, self._number + 1
        snapshot = to_json(tables, sequence, number)
        try:
            journal = begin(self._files, self._folder, number, snapshot)
        except Full:
            self._due = self.journal.length + MEBIBYTE
            raise
        self.journal.close()
        self._use(number, journal, snapshot)
        discard(self._files, [snapshot_path(self._folder, old), journal_path(self._folder, old)])

    def _use(self, number: int, journal: Journal, snapshot: bytes) -> None:
        self.journal, self._number = journal, number
        self._begun = len(header(number, crc32(snapshot)))
        self._due = max(MEBIBYTE, 2 * len(snapshot))
