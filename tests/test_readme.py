"""README.md is true: its shell lines and Python blocks are run, its tables and its other examples are held against us.

Each section is a test. Its blocks run in order, in one folder that is empty at first, beside a sandbox of their own:
``$URL`` and ``$KEY`` are its, and so are ``$BALANCED_SANDBOX_URL`` and ``$BALANCED_SANDBOX_API_KEY``. What follows the
language of a block says how it is run:

- ``console``: as a shell script, in which ``curl`` fails when it is refused;
- ``console server``: each line starts a server, which has to become ready, and is stopped;
- ``python``: as a script; ``python test``: by pytest, with the plugin;
- ``json fixture``: ``balanced-sandbox fixtures check`` has to like it;
- ``yaml``: its lines stand in ``.github/workflows/ci.yml``, which runs them;
- ``… no-test: why``: not at all. Such lines stand below too, so that none is left out by accident.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sandbox.client import Client, Refused
from tests.shell import LONG, ROOT, Shell, heard, served

README = (ROOT / "README.md").read_text()

NOT_RUN = {
    "needs a container engine": [
        "docker compose up --detach --wait",
        "docker build --tag balanced-sandbox .",
        "docker run --rm --publish 127.0.0.1:8642:8642 --env BALANCED_SANDBOX_SEED=7 balanced-sandbox",
    ],
    "the client is for Python 2; tests/conformance runs it, translated": [
        "balanced.configure(KEY)",
        'balanced.config.root_uri = "http://127.0.0.1:8642"',
    ],
    "needs the client for Node.js, which tests/conformance fetches and runs": [
        "BALANCED_DEBUG=1 BALANCED_DEBUG_NO_HTTPS=1 BALANCED_DEBUG_HOST=127.0.0.1 BALANCED_DEBUG_PORT=8642 node app.js",
    ],
    "needs Ruby": ['Balanced.configure(KEY, :scheme => "http", :host => "127.0.0.1", :port => 8642)'],
    "needs PHP": [r'Balanced\Settings::$api_key = $key; Balanced\Settings::$url_root = "http://127.0.0.1:8642";'],
    ".ci/run runs this very line in a fresh environment": ["pip install '.[test]' && pytest"],
}

# Installing is what .ci/run does; what comes after it is done here.
INSTALL = re.compile(r"^pip install \S+ && ")


class Block(NamedTuple):
    """One fenced block: its section, what its fence says, and its text."""

    section: str
    info: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    section, fenced = "", re.compile(r"^##? (.+)$|^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
    for heading, info, text in fenced.findall(page):
        section = heading or section
        if not heading:
            yield Block(section, info, text)


BLOCKS = list(blocks(README))


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder, beside a running sandbox."""
    with served("--fixtures", "shop") as ready:
        told = {"URL": ready["url"], "KEY": ready["api_key"]}
        shell = Shell(tmp_path, told | {f"BALANCED_SANDBOX_{name.upper()}": ready[name] for name in ("url", "api_key")})
        shell.call("curl", f"{shutil.which('curl')} --silent --show-error --fail-with-body")
        # The plugin of this checkout, whether or not one is installed.
        shell.call("pytest", f'"{sys.executable}" -m pytest -p no:cacheprovider -p no:balanced_sandbox')
        (tmp_path / "run_sandbox.py").symlink_to(ROOT / "run_sandbox.py")
        yield shell


def run_console(shell: Shell, text: str) -> None:
    # Whoever says pytest has a test.
    (shell.folder / "test_till.py").write_text("def test_till() -> None:\n    pass\n")
    passes(shell.run(text))


def run_server(shell: Shell, text: str) -> None:
    for line in text.splitlines():
        command = ["bash", "-c", f"exec {INSTALL.sub('', line)}"]
        free = shell.environment | {"BALANCED_SANDBOX_PORT": "0"}
        with subprocess.Popen(command, cwd=shell.folder, env=free, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert heard(server)["event"] == "ready", line
                server.send_signal(signal.SIGINT)
                assert server.wait(LONG) == 0, line
            finally:
                server.kill()


def run_python(shell: Shell, text: str) -> None:
    (shell.folder / "example.py").write_text(text)
    passes(shell.run("python example.py"))


def run_pytest(shell: Shell, text: str) -> None:
    (shell.folder / "test_example.py").write_text(text)
    passes(shell.run("pytest -p sandbox.pytest_plugin test_example.py"))


def check_fixture(shell: Shell, text: str) -> None:
    (shell.folder / "example.json").write_text(text)
    passes(shell.run("balanced-sandbox fixtures check example.json"))


def check_workflow(shell: Shell, text: str) -> None:
    steps = {line.strip() for line in (ROOT / ".github" / "workflows" / "ci.yml").read_text().splitlines()}
    assert {line.strip() for line in text.splitlines()} <= steps


def check_json(shell: Shell, text: str) -> None:
    json.loads(text)


def leave(shell: Shell, text: str) -> None:
    """What is shown is no code."""


RUN: Mapping[str, Callable[[Shell, str], None]] = {
    "": leave,
    "console": run_console,
    "console server": run_server,
    "json": check_json,
    "json fixture": check_fixture,
    "python": run_python,
    "python test": run_pytest,
    "yaml": check_workflow,
}


def passes(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, f"{done.args[-1]}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("section", dict.fromkeys(block.section for block in BLOCKS))
def test_the_examples_of_a_section_work(section: str, shell: Shell) -> None:
    for block in BLOCKS:
        if block.section == section and " no-test: " not in block.info:
            assert block.info in RUN, f"nobody knows how to run {block.info}"
            RUN[block.info](shell, block.text)


def test_what_is_not_run_is_named_with_its_reason() -> None:
    left_out: dict[str, list[str]] = {}
    for block in BLOCKS:
        _, marked, why = block.info.partition(" no-test: ")
        if marked:
            left_out.setdefault(why, []).extend(block.text.splitlines())

    assert left_out == NOT_RUN


def test_the_clients_are_pointed_here_as_their_own_tests_are() -> None:
    conformance = ROOT / "tests" / "conformance"
    (*_, python), (node,) = (NOT_RUN[why] for why in NOT_RUN if "tests/conformance" in why)

    assert "balanced.config.root_uri = " in python
    assert "balanced.config.root_uri = url" in (conformance / "clients" / "money_flow.py").read_text()
    for name in re.findall(r"BALANCED_DEBUG\w*", node):
        assert f'"{name}"' in (conformance / "test_clients.py").read_text()


def test_the_test_command_is_what_ci_takes_from_here() -> None:
    (line,) = NOT_RUN[".ci/run runs this very line in a fresh environment"]

    assert README.splitlines().count(line) == 1
    assert r"/^pip install .*\[test\].* && pytest$/p" in (ROOT / ".ci" / "run").read_text()


def test_every_link_within_the_page_has_its_heading() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", README, re.MULTILINE)}

    assert set(re.findall(r"\]\(#(.+?)\)", README)) <= headings


# The tables of test numbers


def rows(table: str) -> list[list[str]]:
    """Return the cells of a table that begins with these words."""
    (body,) = re.findall(rf"^\| {table} .*\n\|[-| ]+\n((?:\|.*\n)+)", README, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in body.splitlines()]


def numbers(cell: str) -> list[str]:
    return re.findall(r"`(\d+)`", cell)


@pytest.fixture(scope="module")
def balanced() -> Iterator[Client]:
    with served() as ready:
        yield Client(ready["url"], ready["api_key"])


def outcome(ask: Callable[[], Any]) -> str:
    """Return the status of what is made, or the code of the refusal."""
    try:
        return str(ask()["status"])
    except Refused as refused:
        return f"{refused.status} {refused.body['category_code']}"


CARDS = [(number, said) for cell, said in rows("card number") for number in numbers(cell)]
ACCOUNTS = [(number, *said) for cell, *said in rows("account number") for number in numbers(cell)]
ROUTING = [(number, said) for cell, said in rows("routing number") for number in numbers(cell)]


@pytest.mark.parametrize(("number", "said"), CARDS)
def test_a_test_card_does_as_the_table_says(number: str, said: str, balanced: Client) -> None:
    customer = balanced.post("/v1/customers")

    kept = outcome(lambda: {"status": "kept", **balanced.put(customer["uri"], {"card": _card(number)})})
    charged = outcome(lambda: balanced.post(customer["debits_uri"], {"amount": 5000})) if kept == "kept" else kept

    assert charged == ("succeeded" if said == "it is charged" else " ".join(re.findall(r"(\d{3}) `(.+)`", said)[0]))


@pytest.mark.parametrize(("number", "credited", "debited"), ACCOUNTS)
def test_a_test_account_does_as_the_table_says(number: str, credited: str, debited: str, balanced: Client) -> None:
    customer = balanced.post("/v1/customers")
    bank_account = balanced.post("/v1/bank_accounts", _bank_account(number))
    balanced.put(customer["uri"], {"card": _card("4111111111111111")})
    balanced.post(customer["debits_uri"], {"amount": 5000})
    balanced.put(customer["uri"], {"bank_account_uri": bank_account["uri"]})
    verification = balanced.post(bank_account["verifications_uri"])
    balanced.put(verification["uri"], {"amount_1": 1, "amount_2": 1})

    credit = balanced.post(bank_account["credits_uri"], {"amount": 5000})
    debit = balanced.post(customer["debits_uri"], {"amount": 5000, "source_uri": bank_account["uri"]})

    assert (f"`{credit['status']}`", f"`{debit['status']}`") == (credited, debited)


@pytest.mark.parametrize(("number", "said"), ROUTING)
def test_a_test_routing_number_does_as_the_table_says(number: str, said: str, balanced: Client) -> None:
    made = _bank_account("9900000002") | {"routing_number": number}

    answer = outcome(lambda: {"status": "accepted", **balanced.post("/v1/bank_accounts", made)})

    assert answer == said.replace("`", "")


def _card(number: str) -> dict[str, object]:
    return {"card_number": number, "expiration_month": 12, "expiration_year": 2100}


def _bank_account(number: str) -> dict[str, str]:
    return {"name": "Ada", "account_number": number, "routing_number": "021000021", "type": "checking"}
