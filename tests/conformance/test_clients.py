"""The official clients of the API, as their authors published them, against the real server.

They come from npm and PyPI into a temporary folder, so they are fetched only when ``BALANCED_SANDBOX_TEST_CLIENTS`` is
set. Where they cannot be had the tests are skipped, unless it says ``required``: then they fail.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = Path(__file__).resolve().parent / "clients"

INSTALL = 180.0  # seconds
RUN = 120.0  # seconds
WHEN = "2013-11-14T00:00:00Z"  # the clients pay with cards that were good then


@pytest.fixture
def url() -> Iterator[str]:
    """Start the server as a user does."""
    command = [sys.executable, "run_sandbox.py", "--memory", "--port", "0", "--clock", WHEN, "--clock-running"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()


@pytest.fixture
def node_client(tmp_path: Path) -> Path:
    """Install the client for Node.js with what its own tests need; integrity is held against the lock file."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(CLIENTS / name, tmp_path)
    quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    install(["npm", "ci", *quietly, "--fetch-retries", "1", "--fetch-retry-mintimeout", "1000"], tmp_path)
    return tmp_path / "node_modules" / "balanced-official"


@pytest.fixture
def python_client(tmp_path: Path) -> str:
    """Install the client for Python in an environment of its own, translate it, and return that environment's Python.

    Published for Python 2, it cannot be imported as it is: its modules name ``xrange``, ``urlparse`` and ``unicode``.
    """
    builder = venv.EnvBuilder(with_pip=True)
    builder.create(tmp_path)
    python: str = builder.ensure_directories(tmp_path).env_exe
    fetch = [python, "-m", "pip", "install", "--no-deps", "--retries", "1", "-r", str(CLIENTS / "requirements.txt")]
    install(fetch, tmp_path)
    package = str(next(tmp_path.rglob("site-packages/balanced")))
    # What fissix remembers it remembers in the folder.
    translate = [python, "-m", "fissix", "--write", "--nobackups", "--no-diffs", package]
    translated = run(translate, tmp_path, {"XDG_CACHE_HOME": str(tmp_path)})
    assert translated.returncode == 0, translated.stderr
    return python


def test_the_node_client_passes_its_own_tests(node_client: Path, url: str) -> None:
    server = urlsplit(url)
    debugging = {
        "BALANCED_DEBUG": "1",
        "BALANCED_DEBUG_HOST": server.hostname or "",
        "BALANCED_DEBUG_PORT": str(server.port),
        "BALANCED_DEBUG_NO_HTTPS": "1",
    }

    done = run(["node", "test/test.js"], node_client, debugging)

    assert done.returncode == 0, done.stdout + done.stderr
    said, _, passed = done.stdout.partition("Done; completed the following tests:")
    # Two of its steps only say so when they fail.
    assert "[FAILED]" not in said
    assert "did not fail as expected" not in said
    assert len(re.findall(r"\[ '", passed)) == 89


def test_the_python_client_moves_money(python_client: str, url: str) -> None:
    done = run([python_client, str(CLIENTS / "money_flow.py"), url], CLIENTS, {"NO_PROXY": "*"})

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("17 passed\n")


@pytest.mark.parametrize(("asked", "outcome"), [("1", pytest.skip.Exception), ("required", pytest.fail.Exception)])
def test_a_client_that_cannot_be_had_is_skipped_unless_it_is_required(
    asked: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BALANCED_SANDBOX_TEST_CLIENTS", asked)

    with pytest.raises(outcome, match="could not install"):
        install([sys.executable, "-c", "raise SystemExit('no such package')"], tmp_path)
    with pytest.raises(outcome, match="is not installed"):
        install(["no-such-tool"], tmp_path)


def install(command: Sequence[str], folder: Path) -> None:
    """Fetch and install; where that cannot be done, or was not asked for, the test is not run."""
    if not os.environ.get("BALANCED_SANDBOX_TEST_CLIENTS"):
        pytest.skip("BALANCED_SANDBOX_TEST_CLIENTS is not set, so nothing is fetched")
    tool = Path(command[0]).name
    if shutil.which(command[0]) is None:
        lacking(f"{tool} is not installed")
    try:
        done = run(command, folder, {}, INSTALL)
    except subprocess.TimeoutExpired:
        lacking(f"{tool} took more than {INSTALL:.0f} seconds")
    if done.returncode != 0:
        lacking(f"{tool} could not install the client", done.stderr)


def lacking(reason: str, said: str = "") -> NoReturn:
    """Skip the test, or fail it where clients are required."""
    if os.environ.get("BALANCED_SANDBOX_TEST_CLIENTS") == "required":
        pytest.fail(f"{reason}\n{said}")
    pytest.skip(reason)


def run(
    command: Sequence[str], folder: Path, environment: dict[str, str], timeout: float = RUN
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder and return what it said."""
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=timeout
    )
