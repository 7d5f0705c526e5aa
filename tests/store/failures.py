"""Disks that fail: at one call, at a few, or from one on."""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.store.crashes import Late, Short

KINDS: Mapping[str, tuple[type[OSError], int]] = {
    "disk full": (OSError, errno.ENOSPC),
    "short write": (Short, errno.ENOSPC),
    "I/O error": (OSError, errno.EIO),
    "I/O error although it was done": (Late, errno.EIO),
    "failed fsync": (OSError, errno.EIO),
}

FOR_GOOD = 1_000_000


@dataclass
class Failure:
    """So many calls fail, from one of them on; of a failed fsync only calls of that name count."""

    kind: str
    at: int
    lasts: int = 1
    calls: int = 0
    failed: int = 0

    def __call__(self, step: str, path: Path) -> BaseException | None:
        """What a call fails with."""
        self.calls += 1
        if self.calls <= self.at or self.failed >= self.lasts or (self.kind == "failed fsync" and "fsync" not in step):
            return None
        self.failed += 1
        trouble, code = KINDS[self.kind]
        return trouble(code, os.strerror(code), str(path))
