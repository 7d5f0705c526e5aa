"""What a failing disk looks like over HTTP: 503 in the envelope, what is kept is shown, and `ready` knows."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from sandbox import fixtures
from sandbox.store import Files
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.worlds import Ground, Worlds
from tests.api import Api
from tests.conftest import Wall
from tests.levers import Levers, problem
from tests.resources.charging import made
from tests.served import Served

CUSTOMERS = "/v1/customers"


@pytest.fixture
def ground(tmp_path: Path, wall: Wall) -> Ground:
    """A folder whose every change is on the disk before it is answered."""
    return Ground(wall=wall, seed="tests", folder=tmp_path, fsync="always")


@pytest.fixture
def worlds(ground: Ground) -> Worlds:
    worlds = Worlds(ground)
    fixtures.populate(worlds.default)
    return worlds


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> Iterator[None]:
    """A disk of which one kind of call fails."""

    def fails(*_given: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as broken:
        broken.setattr(Files, call, fails)
        yield


async def customers(api: Api) -> list[str]:
    return [item["id"] for item in (await api.get(CUSTOMERS)).body["items"]]


async def restarted(ground: Ground, aiohttp_client: AiohttpClient, api: Api) -> Api:
    """The next process on the same folder, as if this one had been killed."""
    worlds = Worlds(ground)
    fixtures.remember(worlds.default)
    return Api(await aiohttp_client(Served(Application(worlds, Guard()))), api.key)


async def test_a_failed_fsync_is_answered_with_503_and_it_is_not_ready_until_a_restart(
    api: Api, levers: Levers, monkeypatch: pytest.MonkeyPatch, ground: Ground, aiohttp_client: AiohttpClient
) -> None:
    kept = await made(api, CUSTOMERS)
    before = await customers(api)

    with failing(monkeypatch, "fsync", errno.EIO):
        refused = await api.post(CUSTOMERS)

    assert (refused.status, refused.body["status_code"]) == (503, 503)
    status, _, detail = problem(await levers.get("ready"))
    assert (status, detail.partition(":")[0]) == (503, "default is read-only")
    assert (await api.post(CUSTOMERS)).status == 503
    assert await customers(api) == before

    again = await restarted(ground, aiohttp_client, api)
    assert await customers(again) == before
    assert kept["id"] in before
    assert (await Levers(again).get("ready")).body == {"status": "ready"}
    assert (await again.post(CUSTOMERS)).status == 201


async def test_a_full_disk_is_answered_with_503_and_writes_go_on_when_it_has_room_again(
    api: Api, levers: Levers, monkeypatch: pytest.MonkeyPatch, ground: Ground, aiohttp_client: AiohttpClient
) -> None:
    before = await customers(api)

    with failing(monkeypatch, "write", errno.ENOSPC):
        refused = await api.post(CUSTOMERS)
        assert await customers(api) == before
        assert (await levers.get("ready")).status == 200

    assert (refused.status, refused.body["status_code"]) == (503, 503)
    created = await made(api, CUSTOMERS)
    again = await restarted(ground, aiohttp_client, api)
    assert await customers(again) == [created["id"], *before]


@pytest.mark.parametrize("call", ["mkdir", "open", "write", "fsync", "fsync_folder", "rename"])
async def test_a_world_there_is_no_room_for_is_refused_with_503_and_leaves_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, call: str, ground: Ground
) -> None:
    with failing(monkeypatch, call, errno.ENOSPC):
        refused = await api.with_key("").post("/v1/api_keys")

    assert (refused.status, refused.body["status_code"]) == (503, 503)
    assert ground.folder is not None
    assert [entry.name for entry in ground.folder.iterdir()] == ["default"]
    assert (await api.with_key("").post("/v1/api_keys")).status == 201


async def test_a_world_whose_removal_was_cut_short_is_gone(
    worlds: Worlds, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped, _ = worlds.open_with_key({})
    assert ground.folder is not None
    folder = ground.folder / dropped.name

    # The process is killed as soon as it has begun to remove files.
    monkeypatch.setattr("shutil.rmtree", lambda _path, **_how: None)
    worlds.drop(dropped)
    monkeypatch.undo()
    assert not folder.exists()
    assert [entry.name for entry in ground.folder.iterdir()] != ["default"]

    kept = Worlds(ground)

    assert [world.name for world in kept] == ["default"]
    assert [entry.name for entry in ground.folder.iterdir()] == ["default"]
