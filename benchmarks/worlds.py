"""What a test suite pays: a server, a world for each test, and putting one back.

Worlds are made in this process, by themselves and through the plugin's own client. Milliseconds are CPU time of this
process, but for those that say wall.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from statistics import median

from benchmarks import markdown
from sandbox import fixtures
from sandbox.background import serving
from sandbox.resources import ROUTES
from sandbox.settings import Settings
from sandbox.testing import Server
from sandbox.world import World
from sandbox.worlds import Ground, Worlds

SUITE = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
def test_two_requests(balanced_sandbox, number):
    customer = balanced_sandbox.client.post("/v1/customers", {{"name": "Alice"}})
    assert balanced_sandbox.client.get(customer["uri"]) == customer
"""

HEAD = markdown.head(("what", "ms"), 1)

_CREATE = next(route for route in ROUTES if (route.method, route.path) == ("POST", "/v1/customers"))


def rows(worlds: int, tests: int) -> Iterator[str]:
    """Yield the rows: of so many worlds in one process and over HTTP, and of a suite of so many tests."""
    for what, spent in chain(in_process(worlds), over_http(worlds), [suite(tests)]):
        yield markdown.line((what, f"{spent:.3f}"))


def in_process(count: int) -> list[tuple[str, float]]:
    """Return the CPU milliseconds of what is done to a world, the median of as many worlds in one process."""
    worlds = Worlds(Ground(wall=lambda: time.time_ns() // 1000, seed="benchmark"))
    shop = [fixtures.read(path) for path in fixtures.locate("shop")]
    made: list[World] = []
    return [
        ("create a world with its key and marketplace", _each(count, lambda: made.append(_filled(worlds, [])))),
        ("create one with the fixture shop", _each(count // 10, lambda: _filled(worlds, shop))),
        ("put one back", _each(count, lambda: made[0].reset())),
        ("put one back after a write, the write included", _each(count, lambda: _written(made[0]))),
    ]


def over_http(count: int) -> list[tuple[str, float]]:
    """Return the wall milliseconds of the same through the plugin's client."""
    began = time.perf_counter()
    with serving(Settings(memory=True, port=0)) as url:
        started = time.perf_counter() - began
        server = Server(url, Settings(), Path())
        world = server.world()
        return [
            ("start a server after the imports (wall)", started * 1000),
            ("create and drop a world over HTTP (wall)", _each(count // 5, lambda: server.world().drop(), _wall)),
            ("put one back over HTTP (wall)", _each(count // 5, lambda: world.reset(), _wall)),
        ]


def suite(count: int) -> tuple[str, float]:
    """Return the wall milliseconds of pytest over so many tests of two requests, its start included."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_suite.py").write_text(SUITE.format(tests=count))
        Path(folder, "pytest.ini").write_text("[pytest]\n")
        plugin = ["-p", "no:balanced_sandbox", "-p", "sandbox.pytest_plugin", "-p", "no:cacheprovider", "-q"]
        environment = {
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            "PATH": "/usr/bin:/bin",
            "PYTHONWARNINGS": "ignore",
        }
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "pytest", *plugin, folder], check=True, env=environment, stdout=subprocess.DEVNULL
        )
        return f"pytest over {count} tests of two requests each (wall)", (time.perf_counter() - began) * 1000


def _filled(worlds: Worlds, planted: Sequence[fixtures.Fixture]) -> World:
    world = worlds.create()
    fixtures.populate(world, planted)
    return world


def _written(world: World) -> None:
    world.perform(_CREATE, {}, body={"name": "Alice"})
    world.reset()


def _wall() -> float:
    return time.perf_counter()


def _each(count: int, act: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    spent = []
    for _ in range(max(count, 1)):
        began = clock()
        act()
        spent.append(clock() - began)
    return median(spent) * 1000
