"""Requests written from the OpenAPI document: none may be answered with what the document does not say.

Schemathesis comes from PyPI into an environment of its own, so it is fetched only when ``BALANCED_SANDBOX_TEST_FUZZ``
is set. Where it cannot be had the test is skipped, unless it says ``required``: then it fails. It asks at least 3,000
requests; ``BALANCED_SANDBOX_FUZZ_REQUESTS=100000`` has it ask that many.
"""

from __future__ import annotations

import json
import os
import subprocess
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.client import Client
from tests.conforming import DOCUMENT
from tests.shell import SANDBOX, foreign, heard

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

REQUESTS = int(os.environ.get("BALANCED_SANDBOX_FUZZ_REQUESTS", "3000"))
AN_OPERATION = 160
"""For so many requests one more operation is covered to every corner, which takes about a hundred."""

INSTALL = 300.0  # seconds
RUN = max(600.0, REQUESTS / 20)  # seconds

ENDLESS = "/_sandbox/stream"
"""Never answers to the end."""

CONFIG = """\
hooks = "tests/fuzz/narrowed.py"
base-url = "{url}"
continue-on-failure = true
workers = 1

[output.truncation]
enabled = true

[auth.openapi]
key = {{ username = "{key}", password = "" }}
control = {{ api_key = "1" }}

# What no schema can say refuses good data: a uri that leads nowhere, a rule of the bank, an event that does not come.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 300, 400, 401, 402, 403, 404, 408, 409]

[phases.fuzzing.generation]
max-examples = {examples}

[phases.stateful]
max-steps = 10
# The document has its own links.
inference = {{ algorithms = [] }}

[phases.stateful.generation]
max-examples = {scenarios}

# The guard asks for this header before the router says that there is no such method.
[[operations]]
include-operation-id = {looking}
headers = {{ X-Sandbox-Control = "1" }}

[[operations]]
include-operation-id = {uncovered}
phases.coverage.enabled = false
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running sandbox and the world that is asked."""

    url: str
    key: str
    kept: str
    log: Path


@pytest.fixture
def python(tmp_path: Path) -> str:
    """Install Schemathesis in an environment of its own, and return that environment's Python."""
    wanted = os.environ.get("BALANCED_SANDBOX_TEST_FUZZ")
    if not wanted:
        pytest.skip("BALANCED_SANDBOX_TEST_FUZZ is not set, so nothing is fetched")
    builder = venv.EnvBuilder(with_pip=True)
    builder.create(tmp_path / "venv")
    python: str = builder.ensure_directories(tmp_path / "venv").env_exe
    fetch = [python, "-m", "pip", "install", "--quiet", "--retries", "1", "-r", str(HERE / "requirements.txt")]
    fetched = subprocess.run(fetch, capture_output=True, text=True, timeout=INSTALL)
    if fetched.returncode != 0:
        (pytest.fail if wanted == "required" else pytest.skip)(f"could not install Schemathesis\n{fetched.stderr}")
    return python


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Start the server as a user does, at the time of the examples, and open a world for the key to be asked with."""
    log = tmp_path / "log"
    flags = ["--memory", "--port", "0", "--log-level", "debug", "--clock", "2013-05-06T17:18:05Z"]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [*SANDBOX, "serve", *flags, "--fixtures", "documented"],
            env=foreign(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            url = heard(process)["url"]
            stranger = Client(url, "")
            made = stranger.post("/v1/api_keys")
            Client(url, made["secret"]).post("/v1/marketplaces")
            world = stranger.get("/_sandbox/worlds")["items"][-1]["id"]
            yield Server(url, made["secret"], f"{made['id']} {world}", log)
        finally:
            process.terminate()


def test_nothing_is_answered_that_the_document_does_not_say(python: str, server: Server, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(configured(server))
    command = [python, "-m", "schemathesis.cli", "--config-file", str(config), "run", "--no-color", "--warnings", "off"]
    where = [f"{server.url}/_sandbox/openapi.json", "--exclude-path", ENDLESS]
    environment = {**os.environ, "BALANCED_SANDBOX_FUZZ_KEPT": server.kept, "PYTHONPATH": str(ROOT)}

    asked = subprocess.run([*command, *where], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=RUN)

    log = server.log.read_text()
    assert asked.returncode == 0, asked.stdout[-20_000:] + asked.stderr
    assert "Traceback" not in log
    assert answered(log) >= REQUESTS
    # The session was not ended half-way, after which nothing but 401 would have been seen.
    assert Client(server.url, server.key).get("/v1/customers")["_type"] == "page"


def test_a_log_with_answers_is_counted() -> None:
    log = "2013 DEBUG sandbox.web.app GET /v1/customers 200 0.4 ms customers.index OHM1 default\n2013 INFO else\n"

    assert answered(log * 3) == 3


def configured(server: Server) -> str:
    """Return what Schemathesis is told; with few requests only some operations are covered to every corner."""
    ids = [one["operationId"] for methods in DOCUMENT["paths"].values() for one in methods.values()]
    covered = ids[:: max(1, len(ids) * AN_OPERATION // REQUESTS)]
    return CONFIG.format(
        url=server.url,
        key=server.key,
        # Of many operations there is only so much to try, so that those of which there is more have to be tried more.
        examples=max(1, REQUESTS // 250),
        scenarios=max(20, REQUESTS // 16),
        looking=json.dumps([one for one in ids if one.startswith("sandbox.GET.")]),
        uncovered=json.dumps([one for one in ids if one not in covered]),
    )


def answered(log: str) -> int:
    """Return how many requests to the API a log has."""
    return sum(" ms " in line for line in log.splitlines())
