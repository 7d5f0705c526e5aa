"""A file system in memory that crashes, loses power, fills up or fails where a test says."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sandbox.store import Files

FOLDER = Path("/world")
SECTOR = 512  # bytes that a disk takes all of or none of


class Crash(BaseException):
    """The process is gone: nobody handles this."""


class Short(OSError):
    """What a write that takes a part says no word of, and any other call fails with."""


class Late(OSError):
    """A call that fails although it was done."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What was done to a file at a byte: data put there, or everything from there on cut off."""

    at: int
    data: bytes | None


@dataclass(eq=False, slots=True)
class Inode:
    """A file's bytes as processes see them and as the disk holds them, and what was done to them in between."""

    seen: bytes = b""
    synced: bytes = b""
    edits: list[Edit] = field(default_factory=list)

    def edit(self, edit: Edit) -> None:
        """Change what processes see, but not yet the disk."""
        self.seen = edited(self.seen, edit.at, edit.data)
        self.edits.append(edit)

    def sync(self) -> None:
        """Have on the disk what was done since the last sync."""
        self.synced = self.to_be
        self.edits = []

    @property
    def to_be(self) -> bytes:
        """What the disk holds after the next sync."""
        data = self.synced
        for edit in self.edits:
            data = edited(data, edit.at, edit.data)
        return data


@dataclass
class CrashingFiles(Files):
    """Every change is a step; a crash comes before step `crash_at`, and writes may get a part done first."""

    seen: dict[Path, Inode] = field(default_factory=dict)
    synced: dict[Path, Inode] = field(default_factory=dict)
    crash_at: int | None = None
    part: float = 0.0
    steps: int = 0
    trouble: Callable[[str, Path], BaseException | None] = lambda _step, _path: None
    opened: dict[int, tuple[Path, Inode]] = field(default_factory=dict)

    def open(self, path: Path, flags: int) -> int:
        with self._step("open", path):
            inode = self.seen.setdefault(path, Inode())
            if flags & os.O_TRUNC and inode.seen:
                inode.edit(Edit(0, None))
            descriptor = max(self.opened, default=2) + 1
            self.opened[descriptor] = path, inode
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        path, inode = self.opened[descriptor]
        try:
            with self._step("write", path):
                inode.edit(Edit(len(inode.seen), data))
        except Crash:
            inode.edit(Edit(len(inode.seen), data[: int(len(data) * self.part)]))
            raise
        except Short:
            data = data[: len(data) // 2]
            inode.edit(Edit(len(inode.seen), data))
        return len(data)

    def fsync(self, descriptor: int) -> None:
        path, inode = self.opened[descriptor]
        try:
            with self._step("fsync", path):
                inode.sync()
        except OSError:
            # The system says it once, and then takes what it could not write for written: the next sync is a lie.
            inode.edits.clear()
            raise

    def truncate(self, descriptor: int, length: int) -> None:
        path, inode = self.opened[descriptor]
        with self._step("truncate", path):
            inode.edit(Edit(length, None))

    def close(self, descriptor: int) -> None:
        del self.opened[descriptor]

    def rename(self, old: Path, new: Path) -> None:
        with self._step("rename", new):
            self.seen[new] = self.seen.pop(old)

    def unlink(self, path: Path) -> None:
        with self._step("unlink", path):
            self.seen.pop(path, None)

    def fsync_folder(self, folder: Path) -> None:
        with self._step("fsync_folder", folder):
            elsewhere = {path: inode for path, inode in self.synced.items() if path.parent != folder}
            self.synced = elsewhere | {path: inode for path, inode in self.seen.items() if path.parent == folder}

    def read(self, path: Path) -> bytes:
        return self.seen[path].seen

    def names(self, folder: Path) -> list[str]:
        return [path.name for path in self.seen if path.parent == folder]

    def mkdir(self, folder: Path) -> None:
        with self._step("mkdir", folder):
            if folder in self.seen:
                raise FileExistsError(folder)
            self.seen[folder] = Inode()

    def refuse_unsafe(self, folder: Path) -> None:
        assert folder == FOLDER

    @contextmanager
    def _step(self, step: str, path: Path) -> Iterator[None]:
        if self.crash_at is not None and self.steps >= self.crash_at:
            raise Crash(f"{step} {path}")
        self.steps += 1
        trouble = self.trouble(step, path)
        if trouble is not None and not isinstance(trouble, Late):
            raise trouble
        yield
        if trouble is not None:
            raise trouble

    @contextmanager
    def failing(self, step: str, code: int, named: str = "") -> Iterator[None]:
        """Fail each step of one kind, on files whose name holds a word; a full disk takes what still fits."""
        kind = Short if code == errno.ENOSPC else OSError
        self.trouble = lambda at, path: kind(code, os.strerror(code)) if at == step and named in path.name else None
        yield
        self.trouble = lambda _step, _path: None

    @property
    def lies(self) -> bool:
        """Whether processes see what the disk lost in a sync that failed, which no later sync brings back."""
        return any(inode.to_be != inode.seen for inode in self.seen.values())

    def after_kill(self) -> "CrashingFiles":
        """What the next process finds when only this one died: everything it wrote, synced or not."""
        return type(self)(*self._copies(lambda inode: Inode(inode.seen, inode.synced, inode.edits.copy())))

    def after_power_cut(self, fate: str, chance: Random) -> "CrashingFiles":
        """What is found after the machine died: un-synced changes by their fate, un-synced names one by one."""

        def copied(inode: Inode) -> Inode:
            found = remains(inode, fate, chance)
            return Inode(found, found)

        seen, synced = self._copies(copied)
        names = {path: chance.choice([seen, synced]) for path in {**seen, **synced}}
        found = {path: where[path] for path, where in names.items() if path in where}
        found = {path: inode for path, inode in found.items() if path == FOLDER or FOLDER in found}
        return type(self)(found, dict(found))

    def _copies(self, copied: Callable[[Inode], Inode]) -> tuple[dict[Path, Inode], dict[Path, Inode]]:
        inodes = {inode: copied(inode) for inode in [*self.seen.values(), *self.synced.values()]}
        return (
            {path: inodes[inode] for path, inode in self.seen.items()},
            {path: inodes[inode] for path, inode in self.synced.items()},
        )


FATES = ("kept", "dropped", "cut", "zeroed", "flipped", "scattered")
"""What a power cut does to a write that was not synced."""

MIXED = "mixed"
"""To each its own."""


def remains(inode: Inode, fate: str, chance: Random) -> bytes:
    """The bytes of a file after a power cut: the changes since the last sync met their fate, or some of them did."""
    share = chance.choice([0.2, 0.6, 1.0])
    data = inode.synced
    for edit in inode.edits:
        fated = chance.choice(FATES) if fate == MIXED else fate
        if fated == "kept" or chance.random() >= share:
            data = edited(data, edit.at, edit.data)
        elif edit.data and fated != "dropped":
            data = edited(data, edit.at, ruined(edit.data, edit.at, fated, chance))
    return data


def ruined(data: bytes, at: int, fate: str, chance: Random) -> bytes:
    """What is left of a write that began at a byte of its file."""
    if fate == "scattered":
        return scattered(data, at, chance)
    where = chance.randrange(len(data))
    if fate == "cut":
        return data[:where]
    if fate == "zeroed":
        return data[:where] + bytes(len(data) - where)
    return data[:where] + bytes([data[where] ^ 1 << chance.randrange(8)]) + data[where + 1 :]


def scattered(data: bytes, at: int, chance: Random) -> bytes:
    """A write of which each sector is on the disk or is not."""
    ends = [*range(SECTOR - at % SECTOR, len(data), SECTOR), len(data)]
    pieces = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return b"".join(piece if chance.random() < 0.5 else bytes(len(piece)) for piece in pieces)


def edited(data: bytes, at: int, new: bytes | None) -> bytes:
    """The same bytes with others at a place, which a gap before it is filled up to; None cuts there."""
    if new is None:
        return data[:at]
    return data.ljust(at, b"\0")[:at] + new + data[at + len(new) :]
