"""A sandbox in a process of its own, for programs that mistreat it, and what it does not show over HTTP."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import socket
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Timer
from typing import Any, Literal
from urllib.parse import urlsplit

Parser = Literal["c", "py"]
"""Which of aiohttp's parsers reads the requests."""

ROOT = Path(__file__).resolve().parent.parent.parent
START = 60.0  # seconds, far more than a start takes
PATIENCE = 60.0  # seconds until an answer that does not come is a failure


class Failed(Exception):
    """A promise was broken."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that is ready."""

    process: Popen[str]
    port: int
    api_key: str
    marketplace: str
    log: Path

    @property
    def authorization(self) -> str:
        """The value of the header that opens its default world."""
        return basic(self.api_key)

    @property
    def resident(self) -> int:
        """The memory it takes up, in bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def descriptors(self) -> int:
        """How many files and sockets it holds open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def check_log(self) -> None:
        """Raise ``Failed`` with the log when it tells of a fault."""
        told = self.log.read_text()
        if " ERROR " in told or "Traceback" in told:
            raise Failed(f"the log tells of a fault:\n{told[-5000:]}")

    def ask(self, method: str, path: str, body: Any = None, *, key: bool = True) -> tuple[int, Any]:
        """Return the status of an answer, and what is in its body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"X-Sandbox-Control": "1", **({"Authorization": self.authorization} if key else {})}
        sent = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(raw) if raw else None

    def have(self, method: str, path: str, body: Any = None, *, key: bool = True) -> Any:
        """Return what is answered to a request that succeeds; raises ``Failed``."""
        status, answered = self.ask(method, path, body, key=key)
        if status >= 300:
            raise Failed(f"{method} {path}: {status} {answered}")
        return answered


def basic(key: str) -> str:
    """Return the value of the header that shows a key."""
    return "Basic " + b64encode(f"{key}:".encode()).decode()


@contextmanager
def running(parser: Parser = "c", folder: Path | None = None, *flags: str) -> Iterator[Sandbox]:
    """Serve a world in memory, or in a folder, and stop in good order."""
    command = [sys.executable, "run_sandbox.py", "--port", "0", *flags]
    command += ["--memory"] if folder is None else ["--data-dir", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BALANCED_SANDBOX_")}
    environment["AIOHTTP_NO_EXTENSIONS"] = "1" if parser == "py" else ""
    with (
        tempfile.NamedTemporaryFile("w", suffix=".log") as log,
        Popen(command, cwd=ROOT, env=environment, stdout=PIPE, stderr=log, text=True) as process,
    ):
        try:
            told = _ready(process, Path(log.name))
            port = urlsplit(told["url"]).port or 0
            yield Sandbox(process, port, told["api_key"], told["marketplace_uri"], Path(log.name))
            process.send_signal(signal.SIGTERM)
            if process.wait(START) != 0:
                raise Failed(f"the sandbox ended with {process.returncode}")
        finally:
            process.kill()


def allow_descriptors(count: int) -> None:
    """Let this process and those it starts hold so many files and sockets open; raises ``ValueError``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _ready(process: Popen[str], log: Path) -> dict[str, Any]:
    assert process.stdout is not None
    patience = Timer(START, process.kill)
    patience.start()
    try:
        line = process.stdout.readline()
    finally:
        patience.cancel()
    if not line:
        process.wait()
        raise Failed(f"the sandbox did not start:\n{log.read_text()}")
    told: dict[str, Any] = json.loads(line)
    return told


def half_close(client: socket.socket) -> None:
    """Say that nothing more will come; raises ``ConnectionError`` also when the server has hung up already."""
    try:
        client.shutdown(socket.SHUT_WR)
    except OSError as trouble:
        if trouble.errno == errno.ENOTCONN:
            raise ConnectionResetError from trouble
        raise
