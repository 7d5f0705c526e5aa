"""What earlier versions kept is opened by this one, and is answered as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import sandbox
from sandbox.cli import main
from sandbox.store import DataDirectory
from sandbox.store.check import Finding, check
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.worlds import Ground, Worlds
from tests.api import Api
from tests.conftest import Wall
from tests.data.__main__ import HERE, KEPT
from tests.resources.charging import made
from tests.served import Client, Served

RELEASED = sorted(HERE.glob(f"*/*/{KEPT}"))


def named(path: Path) -> str:
    return str(path.parent.relative_to(HERE))


@dataclass(frozen=True)
class Opened:
    """A copy of what a version kept, served by this one."""

    worlds: Worlds
    client: Any
    answers: dict[str, Any]

    def api(self, name: str) -> Api:
        """A client of a world with the key it was given then."""
        return Api(self.client, self.answers[name]["key"])


def says_still(now: Any, then: Any) -> bool:
    """Whether an answer says all that it said; a later version may say more."""
    if isinstance(now, dict) and isinstance(then, dict):
        return then.keys() <= now.keys() and all(says_still(now[key], value) for key, value in then.items())
    return bool(now == then)


@pytest.fixture(params=RELEASED, ids=named)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A copy of a data directory, and what was answered about it."""
    shutil.copytree(request.param.parent / "data", tmp_path / "data")
    return tmp_path / "data", json.loads(request.param.read_text())


@pytest.fixture
async def opened(kept: tuple[Path, dict[str, Any]], wall: Wall) -> AsyncIterator[Opened]:
    folder, answers = kept
    with DataDirectory(folder):
        worlds = Worlds(Ground(wall=wall, seed="another", folder=folder, fsync="always"))
        async with Client(Served(Application(worlds, Guard()))) as client:
            yield Opened(worlds, client, answers)
        worlds.close()


def test_every_mode_of_this_version_is_kept() -> None:
    kept = {named(path) for path in RELEASED}

    assert {f"{sandbox.__version__}/os", f"{sandbox.__version__}/always"} <= kept


async def test_everything_is_answered_as_it_was(opened: Opened) -> None:
    assert {world.name for world in opened.worlds} == opened.answers.keys()
    for name, answered in opened.answers.items():
        api = opened.api(name)

        assert answered["shown"]
        for uri, body in answered["shown"].items():
            assert says_still((await api.get(uri)).body, body)
        for collection, total in answered["totals"].items():
            assert (await api.get(f"{collection}?limit=1")).body["total"] == total


async def test_the_money_adds_up_and_more_can_be_moved(opened: Opened) -> None:
    moved = 0
    for world in list(opened.worlds):
        assert world.verify() == []
        api = opened.api(world.name)
        for uri, debit in opened.answers[world.name]["shown"].items():
            if debit["_type"] == "debit":
                await made(api, f"{uri}/refunds", {"amount": 1})
                moved += 1
        customer = await made(api, "/v1/customers", {"name": "New"})
        assert (await api.get(customer["uri"])).body == customer
        assert world.verify() == []
    assert moved


def test_it_is_found_whole_before_and_after_it_was_opened(kept: tuple[Path, dict[str, Any]], wall: Wall) -> None:
    folder, answers = kept
    good: dict[Path, list[Finding]] = {folder / name: [] for name in answers}
    assert check(folder) == good

    with DataDirectory(folder):
        Worlds(Ground(wall=wall, seed="another", folder=folder)).close()

    assert check(folder) == good
    assert main(["check", str(folder)]) == 0
