"""What the image, the compose file and the GitHub actions run, run here; it takes no container engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from sandbox import settings
from sandbox.client import Client, Refused
from tests.shell import LONG, ROOT, Shell, heard

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
ACTION = ROOT / ".github" / "actions" / "balanced-sandbox"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def exec_form(instruction: str) -> list[str]:
    """Return the words of an instruction of the Dockerfile, which is not to go through a shell."""
    (words,) = re.findall(rf"^{instruction} (?:--\S+ |\\\n +)*(?:CMD )?(\[.*\])$", DOCKERFILE, re.MULTILINE)
    return list(json.loads(words))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell with the image's environment, but a free port, and a folder for its volume."""
    (text,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
    environment = dict(word.split("=", 1) for word in shlex.split(text.replace("\\\n", " ")))
    assert environment["BALANCED_SANDBOX_DATA_DIR"] == "/data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    here = {"BALANCED_SANDBOX_DATA_DIR": str(tmp_path / "data"), "BALANCED_SANDBOX_PORT": port}
    return Shell(tmp_path, environment | here)


@contextmanager
def container(shell: Shell, **environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Lend the process that a container would be, and its ready line."""
    words = exec_form("ENTRYPOINT") + exec_form("CMD")
    with subprocess.Popen(
        ["bash", "-c", f"exec {shlex.join(words)}"],
        cwd=shell.folder,
        env=shell.environment | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process, heard(process)
        finally:
            process.kill()


def status(url: str, host: str) -> int:
    """Return how a caller is answered that knows the sandbox by this name."""
    try:
        with urlopen(Request(url, headers={"Host": host}), timeout=LONG) as answer:
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


# The image


def test_it_works_without_arguments_is_healthy_and_stops_in_good_order(shell: Shell) -> None:
    check = shlex.join(exec_form("HEALTHCHECK"))

    with container(shell) as (process, ready):
        healthy = shell.run(check)
        Client(ready["url"], ready["api_key"]).post("/v1/customers", {"name": "kept"})
        process.send_signal(getattr(signal, re.findall(r"^STOPSIGNAL (\w+)$", DOCKERFILE, re.MULTILINE)[0]))
        stopped = process.wait(LONG)
    gone = shell.run(check)

    assert (healthy.returncode, stopped, gone.returncode) == (0, 0, 1)
    with container(shell) as (_, again):
        assert Client(again["url"], ready["api_key"]).get("/v1/customers")["items"][0]["name"] == "kept"


def test_the_machine_calls_it_by_a_local_name_and_other_containers_by_one_that_is_allowed(shell: Shell) -> None:
    with container(shell) as (_, ready):
        hosts = ("localhost:8642", "10.1.2.3", "sandbox")
        names = {host: status(ready["url"] + "/_sandbox/health", host) for host in hosts}
    with container(shell, BALANCED_SANDBOX_ALLOW_HOST="sandbox") as (_, ready):
        allowed = status(ready["url"] + "/_sandbox/health", "sandbox:8642")

    assert names == {"localhost:8642": 200, "10.1.2.3": 200, "sandbox": 403}
    assert allowed == 200


def test_its_levers_take_a_token(shell: Shell) -> None:
    with container(shell) as (_, ready), pytest.raises(Refused, match="levers cannot be pulled"):
        Client(ready["url"]).post("/_sandbox/reset")
    with container(shell, BALANCED_SANDBOX_CONTROL_TOKEN="s3cret") as (_, ready):
        Client(ready["url"], control_token="s3cret").post("/_sandbox/reset")
        with pytest.raises(Refused):
            Client(ready["url"]).post("/_sandbox/reset")


def test_it_is_no_root_and_keeps_its_data_in_a_volume() -> None:
    (user,) = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)

    assert int(user) >= 1000
    assert f"useradd --system --uid {user}" in DOCKERFILE
    assert "\nVOLUME /data\n" in DOCKERFILE


def test_what_the_image_is_built_from_is_let_through() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text()
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}

    assert let_through == {"LICENSE", "README.md", "fixtures", "pyproject.toml", "sandbox"}
    for name in let_through - {"pyproject.toml"}:
        assert f'"{name}' in pyproject


# The compose file and the workflows


def test_the_compose_file_publishes_for_this_machine_only() -> None:
    (ports,) = re.findall(r"^ +ports:\n((?: +(?:-|#).*\n)+)", COMPOSE, re.MULTILINE)
    published = re.findall(r'- "(.*)"', ports)

    assert published == ["127.0.0.1:8642:8642"]


def test_the_compose_file_lets_local_clients_change_the_sandbox(shell: Shell) -> None:
    (token,) = re.findall(r"CONTROL_TOKEN: \$\{BALANCED_SANDBOX_CONTROL_TOKEN:-(.*)\}", COMPOSE)

    with container(shell, BALANCED_SANDBOX_CONTROL_TOKEN=token) as (_, ready):
        assert Client(ready["url"]).post("/_sandbox/reset")["id"] == "default"


@pytest.mark.parametrize("path", [ROOT / "Dockerfile", ROOT / "compose.yaml", *WORKFLOWS], ids=lambda path: path.name)
def test_every_variable_is_one_that_is_read(path: Path) -> None:
    known = {described.variable for described in settings.table()}

    assert set(re.findall(r"BALANCED_SANDBOX_[A-Z_]+", path.read_text())) <= known


@pytest.mark.skipif(shutil.which("jq") is None, reason="the example asks jq for the key, and it is not installed")
def test_the_steps_of_the_example_with_a_service_container_work(shell: Shell) -> None:
    text = next(path for path in WORKFLOWS if path.stem == "example-service").read_text()
    service, steps = text[text.index("    services:\n") :].split("    steps:\n")
    environment = dict(re.findall(r'^ +([A-Z_]+): "?([^"\n]+?)"?$', service, re.MULTILINE))
    (key, look, *_, asked) = re.findall(r"^ +run: (?:\|\n)?((?:.*curl.*\n)+)", steps, re.MULTILINE)
    kept = shell.folder / "environment"

    with container(shell, **environment) as (_, ready):
        told = environment | {"URL": ready["url"], "GITHUB_ENV": str(kept)}
        found = shell.run(key, **told)
        told |= dict(line.split("=", 1) for line in kept.read_text().splitlines())
        looked, log = shell.run(look, **told), shell.run(asked, **told)

    assert [done.returncode for done in (found, looked, log)] == [0, 0, 0], found.stderr + looked.stderr + log.stderr
    assert told["KEY"] == ready["api_key"]
    assert json.loads(log.stdout)["items"][0]["uri"] == "/v1/customers"


# The actions


class Runner:
    """What a job's runner gives to the steps of an action, and what it takes from them."""

    def __init__(self, folder: Path) -> None:
        self.temp = folder / "temp"
        self.temp.mkdir()
        self.home = self.temp / "balanced-sandbox"
        self._output, self._path = folder / "output", folder / "path"
        given = {"RUNNER_TEMP": self.temp, "GITHUB_OUTPUT": self._output, "GITHUB_PATH": self._path}
        self._shell = Shell(folder, {name: str(path) for name, path in given.items()})

    def step(self, folder: Path, number: int, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a step of the action in a folder."""
        line = re.findall(r"^ +run: '(.*)'$", (folder / "action.yml").read_text(), re.MULTILINE)[number]
        return self._shell.run(line, GITHUB_ACTION_PATH=str(folder), **environment)

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self._output.read_text().splitlines())

    @property
    def path(self) -> list[str]:
        return self._path.read_text().splitlines()

    def end(self) -> None:
        """End what a job has left behind."""
        if (self.home / "ready.json").exists():
            os.kill(json.loads((self.home / "ready.json").read_text())["pid"], signal.SIGTERM)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    runner = Runner(tmp_path)
    yield runner
    runner.end()


def test_the_action_starts_a_sandbox_and_says_where(runner: Runner) -> None:
    done = runner.step(ACTION, 1, FLAGS="--fixtures shop --seed 7")

    assert done.returncode == 0, done.stderr
    outputs, marketplace = runner.outputs, runner.outputs["marketplace-uri"]
    promised = re.findall(r"steps\.start\.outputs\.([a-z-]+)", (ACTION / "action.yml").read_text())
    assert list(outputs) == promised
    assert Client(outputs["url"], outputs["api-key"]).get(marketplace)["uri"] == marketplace


def test_the_action_needs_no_flags(runner: Runner) -> None:
    assert runner.step(ACTION, 1, FLAGS="").returncode == 0


def test_the_action_fails_with_the_reason_when_the_sandbox_does_not_start(runner: Runner) -> None:
    done = runner.step(ACTION, 1, FLAGS="--clock tomorrow")

    assert done.returncode == 1
    assert "--clock: 'tomorrow'" in done.stdout


def test_the_log_has_what_every_world_was_asked_and_what_became_of_it(runner: Runner) -> None:
    runner.step(ACTION, 1, FLAGS="--fixtures shop")
    url, key = runner.outputs["url"], runner.outputs["api-key"]
    with pytest.raises(Refused):
        Client(url, key).post("/v1/customers", {"email": "nobody"})
    other = Client(url, Client(url).post("/v1/api_keys")["secret"])
    other.post("/v1/marketplaces")

    done = runner.step(ACTION / "log", 0)

    assert done.returncode == 0, done.stderr
    folder = runner.home / "log"
    assert {path.name for path in folder.iterdir()} == {
        "server.log", "default.json", "default.requests.json", "world-2.json", "world-2.requests.json",
    }  # fmt: skip
    (refused,) = json.loads((folder / "default.requests.json").read_text())["items"]
    assert refused["status"] == 400
    assert json.loads((folder / "world-2.json").read_text())["tables"]["marketplaces"]
    assert "${{ runner.temp }}/balanced-sandbox/log" in (ACTION / "log" / "action.yml").read_text()


@pytest.mark.skipif(
    not os.environ.get("BALANCED_SANDBOX_TEST_CLIENTS"),
    reason="BALANCED_SANDBOX_TEST_CLIENTS is not set, so nothing is fetched",
)
def test_the_action_installs_the_checkout_it_is_part_of(runner: Runner) -> None:
    done = runner.step(ACTION, 0, PACKAGE="")

    assert done.returncode == 0, done.stderr
    assert [sorted(os.listdir(folder)) for folder in runner.path] == [["balanced-sandbox"]]
    command = Path(runner.path[0]) / "balanced-sandbox"
    # Without what PYTHONPATH says, so that the installed one is asked.
    said = subprocess.run([command, "version"], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
    assert said.stdout
