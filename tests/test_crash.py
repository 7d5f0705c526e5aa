"""The real server's life on its data directory: it is told to stop, and it is the only one there.

What it keeps when it is killed under load is asked by ``tests/durability``.
"""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from sandbox.exits import IN_USE
from tests.durability.server import START, Server, launch, serving

AT_ONCE = 3


async def create(server: Server, name: str) -> None:
    reply = await server.ask("POST", "/v1/customers", {"name": name, "meta": {"test": "crash"}})
    assert reply.status == 201


async def names(server: Server) -> list[str]:
    """Return the names of the customers of these tests, oldest first."""
    return [item["name"] for item in reversed(await server.items("/v1/customers")) if item["meta"]]


async def refusal(folder: Path) -> str:
    """Return what a server says that is refused the directory."""
    process = await launch(folder)
    _, said = await asyncio.wait_for(process.communicate(), START)
    assert process.returncode == IN_USE
    return said.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_server_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    async with serving(tmp_path / "data", "always") as server:
        await create(server, "before")

        server.send(number)

        assert await asyncio.wait_for(server.process.wait(), START) == 0
    snapshot = max((tmp_path / "data" / "default").glob("snapshot-*.json"))
    assert "before" in snapshot.read_text()


async def test_the_key_of_the_first_start_is_kept(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", "os") as first:
        key = first.api_key
    async with serving(tmp_path / "data", "os") as second:
        assert second.api_key == key


async def test_a_second_server_on_the_same_data_is_refused_and_the_first_loses_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", "os") as first:
        await create(first, "before")

        said = await refusal(tmp_path / "data")

        assert f"process {first.process.pid}" in said
        await create(first, "after")
        assert await names(first) == ["before", "after"]
    async with serving(tmp_path / "data", "os") as later:
        assert await names(later) == ["before", "after"]


async def test_a_server_that_is_stopped_for_a_while_still_holds_its_data(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", "os") as first:
        await create(first, "before")
        first.send(signal.SIGSTOP)

        said = await refusal(tmp_path / "data")

        first.send(signal.SIGCONT)
        assert f"process {first.process.pid}" in said
        await create(first, "after")
        assert await names(first) == ["before", "after"]


async def test_once_the_first_is_killed_a_second_server_takes_its_place(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", "os") as first:
        await create(first, "before")
        first.send(signal.SIGKILL)
        await first.process.wait()

        async with serving(tmp_path / "data", "os") as second:
            assert await names(second) == ["before"]
            assert f"process {second.process.pid}" in await refusal(tmp_path / "data")


async def test_of_servers_that_start_at_once_exactly_one_wins(tmp_path: Path) -> None:
    for number in range(2):
        racing = [await launch(tmp_path / f"data-{number}") for _ in range(AT_ONCE)]

        won = [process for process in racing if await says_it_is_ready(process)]
        lost = [process for process in racing if process not in won]

        said = [(await process.communicate())[1].decode() for process in lost]
        for process in won:
            process.kill()
            await process.communicate()
        assert len(won) == 1
        assert [process.returncode for process in lost] == [IN_USE] * (AT_ONCE - 1)
        # A winner that had no time to say who it is yet goes unnamed.
        named = (f"in use by process {won[0].pid}", "in use by another process")
        assert all(any(one in words for one in named) for words in said)


async def says_it_is_ready(process: Process) -> bool:
    assert process.stdout is not None
    return bool(await asyncio.wait_for(process.stdout.readline(), START))
