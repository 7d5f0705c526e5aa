"""A shell as a user has it: ``balanced-sandbox`` and ``python`` are found, and the folder is an empty one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SANDBOX = (sys.executable, "-m", "sandbox")
LONG = 60.0  # seconds, far more than anything here takes


class Shell:
    """Runs lines with ``bash``, which stops at the first that fails."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._commands = folder / ".bin"
        self._commands.mkdir(exist_ok=True)
        # A checkout may be tested without having been installed.
        self.call("balanced-sandbox", f'"{sys.executable}" -m sandbox')
        self.call("python", f'"{sys.executable}"')
        self.environment = foreign() | {"PATH": f"{self._commands}:{os.environ['PATH']}", **(environment or {})}

    def call(self, name: str, does: str) -> None:
        """Let a name call a command."""
        command = self._commands / name
        command.write_text(f'#!/bin/sh\nexec {does} "$@"\n')
        command.chmod(0o755)

    def run(self, lines: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run lines and return what came of them."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=self.folder,
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=LONG,
        )


def foreign() -> dict[str, str]:
    """Return the environment without what it says of a sandbox."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("BALANCED_SANDBOX_")}
    return mine | {"PYTHONPATH": str(ROOT)}


@contextmanager
def started(*arguments: str, **more: Any) -> Iterator[subprocess.Popen[str]]:
    """Lend a running command of ours, with its standard output to read from; it is gone afterwards."""
    more = {"env": foreign(), "stdout": subprocess.PIPE, "text": True, **more}
    with subprocess.Popen([*SANDBOX, *arguments], **more) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def served(*flags: str, **more: Any) -> Iterator[dict[str, Any]]:
    """Lend what the ready line of a running sandbox says."""
    with started("serve", "--memory", "--port", "0", *flags, **more) as server:
        yield heard(server)


def heard(process: subprocess.Popen[str]) -> Any:
    """Return the next line a command says, which is JSON."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())
