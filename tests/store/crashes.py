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


class Crash(BaseException):
    """The process is gone: nobody handles this."""


@dataclass(eq=False)
class Inode:
    """A file's bytes as processes see them, and as the disk holds them."""

    seen: bytes = b""
    synced: bytes = b""


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
        self._step("open", path)
        inode = self.seen.setdefault(path, Inode())
        if flags & os.O_TRUNC:
            inode.seen = b""
        descriptor = max(self.opened, default=2) + 1
        self.opened[descriptor] = path, inode
        return descriptor

    def write(self, descriptor: int, data: bytes) -> int:
        path, inode = self.opened[descriptor]
        try:
            self._step("write", path)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            data = data[: len(data) // 2]  # a full disk takes what still fits, and says how much that was
        except Crash:
            inode.seen += data[: int(len(data) * self.part)]
            raise
        inode.seen += data
        return len(data)

    def fsync(self, descriptor: int) -> None:
        path, inode = self.opened[descriptor]
        self._step("fsync", path)
        inode.synced = inode.seen

    def truncate(self, descriptor: int, length: int) -> None:
        path, inode = self.opened[descriptor]
        self._step("truncate", path)
        inode.seen = inode.seen[:length]

    def close(self, descriptor: int) -> None:
        del self.opened[descriptor]

    def rename(self, old: Path, new: Path) -> None:
        self._step("rename", new)
        self.seen[new] = self.seen.pop(old)

    def unlink(self, path: Path) -> None:
        self._step("unlink", path)
        self.seen.pop(path, None)

    def fsync_folder(self, folder: Path) -> None:
        self._step("fsync_folder", folder)
        self.synced = dict(self.seen)

    def read(self, path: Path) -> bytes:
        return self.seen[path].seen

    def names(self, folder: Path) -> list[str]:
        return [path.name for path in self.seen if path.parent == folder]

    def make_folder(self, folder: Path) -> None:
        assert folder == FOLDER

    def _step(self, step: str, path: Path) -> None:
        if self.crash_at is not None and self.steps >= self.crash_at:
            raise Crash(f"{step} {path}")
        self.steps += 1
        trouble = self.trouble(step, path)
        if trouble is not None:
            raise trouble

    @contextmanager
    def failing(self, step: str, code: int, named: str = "") -> Iterator[None]:
        """Fail each step of one kind, on files whose name holds a word."""
        self.trouble = lambda at, path: OSError(code, os.strerror(code)) if at == step and named in path.name else None
        yield
        self.trouble = lambda _step, _path: None

    def after_kill(self) -> "CrashingFiles":
        """What the next process finds when only this one died: everything it wrote, synced or not."""
        return CrashingFiles(*self._copies(lambda inode: Inode(inode.seen, inode.synced)))

    def after_power_cut(self, fate: str, chance: Random) -> "CrashingFiles":
        """What is found after the machine died: un-synced bytes by their fate, un-synced names one by one."""
        seen, synced = self._copies(lambda inode: Inode(*[remains(inode, fate, chance)] * 2))
        names = {path for path in {**seen, **synced} if chance.choice([seen, synced]) is seen}
        found = {path: inode for path, inode in seen.items() if path in names}
        found |= {path: inode for path, inode in synced.items() if path not in names}
        return CrashingFiles(found, dict(found))

    def _copies(self, copied: Callable[[Inode], Inode]) -> tuple[dict[Path, Inode], dict[Path, Inode]]:
        inodes = {inode: copied(inode) for inode in [*self.seen.values(), *self.synced.values()]}
        return (
            {path: inodes[inode] for path, inode in self.seen.items()},
            {path: inodes[inode] for path, inode in self.synced.items()},
        )


FATES = ("kept", "dropped", "cut", "zeroed", "flipped")


def remains(inode: Inode, fate: str, chance: Random) -> bytes:
    """The bytes of a file after a power cut."""
    safe, whole = min(len(inode.synced), len(inode.seen)), len(inode.seen)
    if fate == "dropped" or inode.seen == inode.synced:
        return inode.synced
    at = chance.randint(safe, whole)
    if fate == "cut":
        return inode.seen[:at]
    if fate == "zeroed":
        return inode.seen[:at] + bytes(whole - at)
    if fate == "flipped":
        return flipped(inode.seen, max(safe, inode.seen[:-1].rfind(b"\n") + 1), chance)
    return inode.seen


def flipped(data: bytes, start: int, chance: Random) -> bytes:
    """The same bytes with one bit the other way round, in the last line."""
    if start >= len(data):
        return data
    at = chance.randrange(start, len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
