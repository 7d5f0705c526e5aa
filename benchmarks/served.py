"""The servers under measurement, each a process of its own: started, watched and stopped."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Timer
from typing import Literal

Mode = Literal["memory", "os", "always"]

ROOT = Path(__file__).resolve().parent.parent
START = 300.0  # seconds until a server must be ready
STOP = 60.0  # seconds until it must be gone


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is ready."""

    pid: int
    url: str
    api_key: str

    @property
    def spent(self) -> float:
        """The CPU time the process has taken so far, user and system, in seconds."""
        # What comes before the last parenthesis is the program's name, which may hold spaces.
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def resident(self) -> int:
        """The memory the process takes up, in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def bare() -> Iterator[Served]:
    """Serve the bare application."""
    with _running([sys.executable, "-m", "benchmarks.bare"]) as served:
        yield served


@contextmanager
def sandbox(mode: Mode, fixture: Path, folder: Path) -> Iterator[Served]:
    """Serve a sandbox that begins with a fixture; ``folder`` keeps its data, unless they stay in memory."""
    kept = ["--memory"] if mode == "memory" else ["--data-dir", str(folder), "--fsync", mode]
    with _running([sys.executable, "run_sandbox.py", "--port", "0", "--fixtures", str(fixture), *kept]) as served:
        yield served


@contextmanager
def _running(command: Sequence[str]) -> Iterator[Served]:
    # What is measured is the program as it comes, not the settings of whoever measures.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BALANCED_SANDBOX_")}
    with Popen(command, cwd=ROOT, env=environment, stdout=PIPE, text=True) as process:
        try:
            ready = json.loads(_first_line(process) or "{}")
            if "url" not in ready:
                raise RuntimeError(f"{' '.join(command)} did not get ready")
            yield Served(process.pid, ready["url"], ready.get("api_key", ""))
        finally:
            process.terminate()
            try:
                process.wait(STOP)
            except TimeoutExpired:
                process.kill()


def _first_line(process: Popen[str]) -> str:
    assert process.stdout is not None
    patience = Timer(START, process.kill)
    patience.start()
    try:
        return process.stdout.readline()
    finally:
        patience.cancel()
