"""The servers under measurement, each a process of its own: started, watched and stopped."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from threading import Timer
from typing import Literal

Mode = Literal["memory", "os", "always"]

ROOT = Path(__file__).resolve().parent.parent
START = 300.0  # seconds until a server must be ready
STOP = 60.0  # seconds until it must be gone, and until it must have done what it was asked
_PAUSE = 0.05  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is ready, after so many seconds."""

    pid: int
    url: str
    api_key: str = ""
    seconds: float = 0.0

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

    def rest(self) -> None:
        """Return when the process does nothing any more: a slow one still answers whom nobody listens to."""
        before = -1.0
        patient_until = time.monotonic() + STOP
        while (spent := self.spent) != before and time.monotonic() < patient_until:
            before = spent
            time.sleep(_PAUSE)


@contextmanager
def bare() -> Iterator[Served]:
    """Serve the bare application."""
    with _announced([sys.executable, "-m", "benchmarks.bare"]) as served:
        yield served


@contextmanager
def sandbox(mode: Mode, folder: Path, fixture: Path | None = None) -> Iterator[Served]:
    """Serve a sandbox that begins with a fixture; ``folder`` keeps its data, unless they stay in memory."""
    kept = ["--memory"] if mode == "memory" else ["--data-dir", str(folder), "--fsync", mode]
    planted = [] if fixture is None else ["--fixtures", str(fixture)]
    with _announced([sys.executable, "run_sandbox.py", "--port", "0", *kept, *planted]) as served:
        yield served


@contextmanager
def stranger(command: Sequence[str], port: int, folder: Path) -> Iterator[Served]:
    """Serve a program that is not ours, which listens on a port of ours and says nothing we understand."""
    began = time.perf_counter()
    with Popen(command, cwd=folder, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL) as process, _stopping(process):
        while not _listens(port):
            if process.poll() is not None or time.perf_counter() - began > START:
                raise RuntimeError(f"{' '.join(command)} did not get ready")
            time.sleep(_PAUSE)
        yield Served(process.pid, f"http://127.0.0.1:{port}", seconds=time.perf_counter() - began)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def _announced(command: Sequence[str]) -> Iterator[Served]:
    # What is measured is the program as it comes, which Python compiles once, not the settings of whoever measures.
    mine = ("BALANCED_SANDBOX_", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    began = time.perf_counter()
    with Popen(command, cwd=ROOT, env=environment, stdout=PIPE, text=True) as process, _stopping(process):
        ready = json.loads(_first_line(process) or "{}")
        seconds = time.perf_counter() - began
        if "url" not in ready:
            raise RuntimeError(f"{' '.join(command)} did not get ready")
        yield Served(process.pid, ready["url"], ready.get("api_key", ""), seconds)


@contextmanager
def _stopping(process: Popen[str] | Popen[bytes]) -> Iterator[None]:
    try:
        yield
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


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
