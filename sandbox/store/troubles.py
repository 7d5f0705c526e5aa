"""What can go wrong with a world's files, in words its owner can act on."""

from pathlib import Path


class StoreTrouble(Exception):
    """Something about the files, not about the request."""


class Full(StoreTrouble):
    """The disk took no more: the transaction is undone, and the next one is tried again."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} could not be written to; nothing was changed. Is the disk full?")
        self.path = path


class ReadOnly(StoreTrouble):
    """Nothing is written any more until a restart, since what is on disk is no longer certain."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Read-only until a restart: {why}")
        self.why = why


class Damaged(StoreTrouble):
    """A file holds bytes that no crash leaves behind, so starting would lose what was acknowledged."""

    def __init__(self, file: Path, line: int, byte: int, why: str) -> None:
        super().__init__(
            f"{file}, line {line}, byte {byte}: {why}. Nothing was changed; "
            f"`balanced-sandbox check --repair DIR` writes a repaired copy of it to DIR."
        )
        self.file, self.line, self.byte, self.why = file, line, byte, why


class TooNew(StoreTrouble):
    """A file was written by a later version, in a format this one does not read."""

    def __init__(self, file: Path, format: int) -> None:
        super().__init__(f"{file} is of format {format}, which needs a newer balanced-sandbox.")
        self.file, self.format = file, format


class InUse(StoreTrouble):
    """Another process holds the data directory."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        holder = "another process" if pid is None else f"process {pid}"
        super().__init__(f"{folder} is in use by {holder}.")
        self.folder, self.pid = folder, pid


class Unsafe(StoreTrouble):
    """A folder that someone else could swap or read."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder} is refused: {why}.")
        self.folder, self.why = folder, why
