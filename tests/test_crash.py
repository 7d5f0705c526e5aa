"""The real server, killed under load: what it answered is there afterwards, and it starts again every time."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

ROUNDS = 25
CLIENTS = 8
START = 60.0  # seconds, far more than a start takes
ROOT = Path(__file__).resolve().parent.parent


class Running:
    """One life of the server."""

    def __init__(self, process: Process, ready: dict[str, Any], session: aiohttp.ClientSession) -> None:
        self.process = process
        self.session = session
        self.api_key = ready["api_key"]

    async def create(self, name: str) -> Any:
        """Return a new customer, or None when the server died first."""
        try:
            async with self.session.post("/v1/customers", json={"name": name, "meta": {"name": name}}) as answer:
                assert answer.status == 201
                return await answer.json()
        except (aiohttp.ClientError, ConnectionError):
            return None

    async def customers(self) -> dict[str, Any]:
        """Return every customer by id."""
        found: dict[str, Any] = {}
        uri = "/v1/customers?limit=100"
        while uri:
            async with self.session.get(uri) as answer:
                page = await answer.json()
            found |= {item["id"]: item for item in page["items"]}
            uri = page["next_uri"]
        assert len(found) == page["total"]
        return found


@asynccontextmanager
async def running(folder: Path, fsync: str) -> AsyncIterator[Running]:
    """Start the server on a folder, and kill it at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "run_sandbox.py", "--port", "0", "--data-dir", str(folder), "--fsync", fsync,
        cwd=ROOT, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = await asyncio.wait_for(process.stdout.readline(), START)
        assert line, (await process.stderr.read()).decode()
        ready = json.loads(line)
        headers = {"Authorization": aiohttp.encode_basic_auth(ready["api_key"])}
        async with aiohttp.ClientSession(ready["url"], headers=headers) as session:
            yield Running(process, ready, session)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("fsync", ["os", "always"])
async def test_nothing_that_was_answered_is_lost_when_the_server_is_killed(tmp_path: Path, fsync: str) -> None:
    folder, chance = tmp_path / "data", random.Random(fsync)
    answered: dict[str, Any] = {}

    for round_ in range(ROUNDS // 2 + 1):
        enough = len(answered) + chance.randrange(1, 60)
        async with running(folder, fsync) as server:
            found = await server.customers()
            assert {name: found.get(name) for name in answered} == answered

            async def load(client: int, server: Running = server, number: int = round_, enough: int = enough) -> None:
                while (customer := await server.create(f"{number}/{client}")) is not None:
                    answered[customer["id"]] = customer
                    if len(answered) >= enough and server.process.returncode is None:
                        server.process.kill()

            await asyncio.gather(*(load(client) for client in range(CLIENTS)))

    async with running(folder, fsync) as server:
        found = await server.customers()
        assert {name: found.get(name) for name in answered} == answered


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_server_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    async with running(tmp_path / "data", "always") as server:
        await server.create("before")

        server.process.send_signal(number)

        assert await asyncio.wait_for(server.process.wait(), 10) == 0
    snapshot = max((tmp_path / "data" / "default").glob("snapshot-*.json"))
    assert "before" in snapshot.read_text()


async def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "data", "os") as first:
        second = await asyncio.create_subprocess_exec(
            sys.executable, "run_sandbox.py", "--port", "0", "--data-dir", str(tmp_path / "data"),
            cwd=ROOT, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        _, said = await asyncio.wait_for(second.communicate(), START)

    assert second.returncode == 3
    assert f"process {first.process.pid}" in said.decode()


async def test_the_key_of_the_first_start_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path / "data", "os") as first:
        key = first.api_key
    async with running(tmp_path / "data", "os") as second:
        assert second.api_key == key
