"""The data directory, which one process at a time may use."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.store.files import Files, make_folder, write_file
from sandbox.store.troubles import Full, InUse, Unsafe


class DataDirectory:
    """A context manager that creates a directory for its owner only and holds it against other processes.

    Raises Unsafe for a directory that is a symbolic link or someone else's, InUse when another process holds it,
    Full when not even that can be written down.
    """

    def __init__(self, path: Path) -> None:
        from filelock import FileLock  # as late as this: a start in memory does without

        self.path = path
        self._pid = path / ".pid"
        self._lock = FileLock(path / ".lock", timeout=0, mode=0o600, thread_local=False)

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        make_folder(Files(), self.path)
        self._hold()
        try:
            write_file(Files(), self._pid, b"%d\n" % os.getpid())
        except OSError as error:
            self._lock.release()
            raise Full(self._pid) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        Files().unlink(self._pid)
        self._lock.release()

    def _hold(self) -> None:
        from filelock import SoftFileLock, Timeout

        try:
            self._lock.acquire()
        except Timeout:
            raise InUse(self.path, self._holder()) from None
        if isinstance(self._lock, SoftFileLock):
            # What filelock falls back to stays behind when its process is killed.
            self._lock.release()
            raise Unsafe(self.path, "its file system cannot lock a file")

    def _holder(self) -> int | None:
        """The process that holds the directory, unless it is only just starting or stopping."""
        with suppress(OSError, ValueError):
            return int(self._pid.read_text())
        return None
