"""The real server as a process of its own: started on a folder, asked, stopped, continued and killed."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "run_sandbox.py")
START = 60.0  # seconds, far more than a start takes
PATIENCE = 60.0  # seconds, far more than an answer takes
CLIENTS = 8
MODES = ("os", "always")


class FailedStart(Exception):
    """The server ended before it was ready; says what it wrote to standard error."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: a status and the answer's JSON, or neither when no answer came."""

    status: int | None = None
    body: Any = None
    never_sent: bool = False

    @property
    def is_good(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status is not None and self.status < 300


class Server:
    """One life of the server."""

    def __init__(self, process: Process, ready: Mapping[str, Any], session: aiohttp.ClientSession) -> None:
        self.process = process
        self.api_key: str = ready["api_key"]
        self.marketplace_uri: str = ready["marketplace_uri"]
        self._session = session
        self.is_killed = False
        """Whether this program has killed it."""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it is gone; subprocess would take the exit code of a dead one from asyncio."""
        if self.process.returncode is None and not self.is_killed:
            self.process.send_signal(number)
            self.is_killed = number == signal.SIGKILL

    async def ask(self, method: str, uri: str, body: Any = None, patience: float = PATIENCE) -> Reply:
        """Return what came of one request, waiting so many seconds for it."""
        timeout = aiohttp.ClientTimeout(total=patience)
        try:
            async with self._session.request(method, uri, json=body, timeout=timeout) as answer:
                raw = await answer.read()
                return Reply(answer.status, json.loads(raw) if raw else None)
        except aiohttp.ClientConnectorError:
            # aiohttp sends a PUT, a DELETE and a GET again when their connection breaks: only a POST was never sent.
            return Reply(never_sent=method == "POST")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return Reply()

    async def read(self, uri: str) -> Any:
        """Return what a GET shows of a server that nobody disturbs."""
        reply = await self.ask("GET", uri)
        assert reply.is_good, (uri, reply)
        return reply.body

    async def items(self, uri: str, offset: int = 0) -> list[Any]:
        """Return every item of a list from one on; over several pages that is consistent only while nobody writes."""
        found: list[Any] = []
        page = await self.read(f"{uri}?limit=100&offset={offset}")
        found += page["items"]
        while page["next_uri"]:
            page = await self.read(page["next_uri"])
            found += page["items"]
        assert len(found) == max(0, page["total"] - offset), uri
        return found


async def launch(folder: Path, *flags: str) -> Process:
    """Start a server on a folder; it is not ready yet."""
    return await asyncio.create_subprocess_exec(
        *COMMAND, "--port", "0", "--data-dir", str(folder), *flags, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )


@asynccontextmanager
async def serving(folder: Path, fsync: str) -> AsyncIterator[Server]:
    """Start a server on a folder, and kill it at the end; raises ``FailedStart``."""
    process = await launch(folder, "--fsync", fsync)
    ready = await _ready(process)
    headers = {"Authorization": aiohttp.encode_basic_auth(ready["api_key"])}
    async with aiohttp.ClientSession(ready["url"], headers=headers) as session:
        server = Server(process, ready, session)
        try:
            yield server
        finally:
            server.send(signal.SIGKILL)
            await process.communicate()


async def _ready(process: Process) -> Any:
    """Return what the ready line says."""
    assert process.stdout is not None
    async with asyncio.timeout(START):
        line = await process.stdout.readline()
        if line:
            return json.loads(line)
        _, said = await process.communicate()
    raise FailedStart(said.decode())
