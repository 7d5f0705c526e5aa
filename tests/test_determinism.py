"""Same seed, clock, fixtures and requests: the same bytes, in any process, hash seed and order of worlds."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

TELL = """
import asyncio, sys
from aiohttp.test_utils import TestClient, TestServer
from sandbox import clock, fixtures
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.worlds import Ground, Worlds
from tests.api import Api
from tests.levers import Levers
from tests.test_checkpoints import story
from tests.served import Served

SEEDS = sys.argv[1:]

async def main():
    worlds = Worlds(Ground(wall=lambda: 1_400_000_000_000_000, seed="process"))
    fixtures.populate(worlds.default)
    async with TestClient(Served(Application(worlds, Guard()))) as client:
        default = Levers(Api(client, worlds.default.api_key))
        for seed in SEEDS:
            body = {"seed": seed, "clock": "2013-05-06T17:18:00Z", "fixtures": ["shop"]}
            world = (await default.post("worlds", body)).body
            own = Levers(Api(client, world["api_key"], world["marketplace_uri"]))
            await own.fault({"decline": "card-declined"}, {"operation": "debits.create"}, probability=0.5)
            answers = await story(own)
            for path in ("customers?limit=100", "debits/none", "holds", "nowhere", "events?limit=x"):
                answer = await own.api.get(f"/v1/{path}")
                answers.append((answer.status, answer.raw, answer.headers.get("X-Sandbox-Request-Id")))
            for path in ("checkpoints/fixtures/diff", "verify", "coverage"):
                answers.append((await own.get(path)).raw)
            # Keys are drawn for the name of a world too, so that two of one seed are never opened by one key.
            told = [answer for answer in answers if b'"secret"' not in repr(answer).encode()]
            print(seed, sys.intern(repr(told)))

asyncio.run(main())
"""


def told(*seeds: str, hash_seed: str, timezone: str = "UTC") -> dict[str, str]:
    """Return what a process answers in worlds of these seeds, made in this order."""
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": timezone, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", TELL, *seeds], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lines = (line.split(" ", 1) for line in done.stdout.splitlines())
    return {seed: sha256(answers.encode()).hexdigest() for seed, answers in lines}


@pytest.fixture(scope="module")
def first() -> dict[str, str]:
    return told("one", "two", "three", hash_seed="0")


@pytest.mark.parametrize(
    ("seeds", "hash_seed", "timezone"),
    [
        (("one", "two", "three"), "0", "UTC"),
        (("one", "two", "three"), "4294967295", "Pacific/Kiritimati"),
        (("three", "one", "two"), "1", "UTC"),
        (("two",), "random", "America/St_Johns"),
    ],
)
def test_the_same_is_answered_in_any_process(
    first: dict[str, str], seeds: tuple[str, ...], hash_seed: str, timezone: str
) -> None:
    assert told(*seeds, hash_seed=hash_seed, timezone=timezone) == {seed: first[seed] for seed in seeds}


def test_another_seed_answers_otherwise(first: dict[str, str]) -> None:
    assert len(set(first.values())) == 3
