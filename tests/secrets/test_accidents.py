"""Secrets when something goes wrong: a crash, a failed test, a file with mistakes in it, bytes that are no HTTP."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from sandbox import cli, redact
from sandbox.background import serving
from sandbox.call import Call, Result, Route
from sandbox.client import Client
from sandbox.resources import ROUTES
from sandbox.settings import Settings
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.worlds import Worlds
from tests.api import Api
from tests.levers import Levers
from tests.secrets.canaries import ACCOUNT, CARD, CODE, NUMBERS, SSN, found
from tests.served import Served

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ("-pno:balanced_sandbox", "-psandbox.pytest_plugin", "-pno:cacheprovider", "-Werror")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a server that was started by the command line would write to standard error."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(stream)])
        redact.install()
        yield stream


def crash(call: Call) -> Result:
    """Run into a fault that tells all it knows."""
    raise RuntimeError(f"cannot do {dict(call.raw)!r} and {json.dumps(dict(call.raw))} with {CARD}")


async def test_a_crash_is_logged_and_answered_without_the_secrets_in_it(
    worlds: Worlds, aiohttp_client: AiohttpClient, log: io.StringIO
) -> None:
    routes = (*ROUTES, Route("POST", "/v1/customers/crash", crash, "ours"))
    client: TestClient[Any, Any] = await aiohttp_client(Served(Application(worlds, Guard(), routes)))
    api = Api(client, worlds.default.api_key)

    answer = await api.post(f"/v1/customers/crash?card_number={CARD}", {"name": CARD, "card": NUMBERS, **NUMBERS})
    shown = await Levers(api).get("requests")

    assert answer.status == 500
    assert "RuntimeError: cannot do {'name': '************1486'" in log.getvalue()
    assert found(log.getvalue() + answer.raw.decode() + shown.raw.decode()) == []


SUITE = """
def test_a_charge(balanced_sandbox, charge):
    charge(balanced_sandbox)
    assert balanced_sandbox.customers() == []
"""

CONFTEST = """
import json, os, socket
from urllib.parse import urlsplit
import pytest
from sandbox.client import Refused

NUMBERS = json.loads(os.environ["NUMBERS"])

@pytest.fixture
def charge():
    def charge(sandbox):
        card = NUMBERS["card_number"]
        sandbox.client.post("/v1/customers", {"name": card, "meta": NUMBERS, **NUMBERS})
        for body in (NUMBERS, {**NUMBERS, "card": NUMBERS, "email": card}, {"dob": card}):
            try:
                sandbox.client.post(f"/v1/customers?card_number={card}", body)
            except Refused as refused:
                print(refused)
        where = urlsplit(sandbox.url)
        with socket.create_connection((where.hostname, where.port)) as wire:
            head = ("GET /v1/x HTTP/1.1", "Host: localhost", f"Authorization {card} {sandbox.api_key}", "", "")
            wire.sendall("\\r\\n".join(head).encode())
            print(wire.recv(65536).decode())
    return charge
"""


def test_the_report_of_a_failed_test_shows_what_was_asked_without_the_secrets_in_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBERS", json.dumps(NUMBERS))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(SUITE)

    result = pytester.runpytest_subprocess(*PLUGIN, "--log-level=DEBUG", "--balanced-sandbox-coverage=seen.json")

    said = result.stdout.str() + result.stderr.str() + (pytester.path / "seen.json").read_text()
    result.assert_outcomes(failed=1)
    assert "************1486" in said
    assert found(said) == []


@pytest.mark.parametrize("name", ["aiohttp.server", "asyncio", "sandbox.web.app"])
def test_whoever_logs_of_what_was_sent_is_masked_while_a_server_runs_in_this_process(name: str) -> None:
    with serving(Settings(memory=True, port=0, seed=7)):
        while_it_runs = list(logging.getLogger(name).filters)

    assert any(isinstance(one, redact.RedactingFilter) for one in while_it_runs)
    assert not any(isinstance(one, redact.RedactingFilter) for one in logging.getLogger(name).filters)


MISTAKES = [
    {"customers": [{CARD: 1}]},
    {"customers": [{"$id": CARD}]},
    {"customers": [{"id": CARD}]},
    {"customers": [{"name": [CARD]}], "cards": [{"card_number": CARD, "expiration_month": CARD}]},
    {"cards": [{"card_number": CARD, "security_code": f"{CODE}!", "expiration_month": 12, "expiration_year": 2030}]},
    {"bank_accounts": [{"name": "x", "account_number": f"{ACCOUNT}!", "routing_number": CARD}]},
    {"customers": [{"ssn_last4": f"{SSN}!"}]},
    {CARD: []},
    [CARD],
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=range(len(MISTAKES)))
def test_what_is_wrong_with_a_fixture_is_said_without_the_secrets_in_it(
    mistake: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fixture.json"
    file.write_text(json.dumps(mistake))

    code = cli.main(["fixtures", "check", str(file)])

    assert code == 1
    assert found("".join(capsys.readouterr())) == []


def test_a_number_pasted_into_a_fixture_is_loaded_masked(tmp_path: Path) -> None:
    file = tmp_path / "fixture.json"
    file.write_text(json.dumps({"customers": [{"$id": "a", "name": CARD, "meta": NUMBERS, "ssn_last4": SSN}]}))

    with serving(Settings(memory=True, port=0, fixtures=(str(file),))) as url:
        dump = json.dumps(Client(url).get("/_sandbox/dump"))

    assert '"name": "************1486"' in dump
    assert found(dump) == []


async def test_a_dump_with_a_secret_in_it_is_not_loaded(levers: Levers, worlds: Worlds) -> None:
    dump = worlds.default.dump()
    row = dict(dump["tables"]["customers"][0])
    rows = dump["tables"]["customers"][1:]

    for stained in (row | {"name": f"paid with {CARD}"}, row | {"meta": {"security_code": CODE}}):
        answer = await levers.put("load", {**dump, "tables": {**dump["tables"], "customers": [stained, *rows]}})

        assert answer.status == 400
        assert answer.body["detail"] == "holds a number that is never kept"
        assert found(answer.raw.decode()) == []
    assert worlds.default.dump() == dump


@pytest.mark.parametrize("on", [{"card_number": CARD}, {"path": f"/v1/cards/{CARD}"}, {"name": {"contains": CARD}}])
async def test_a_fault_cannot_wait_for_a_secret(on: object, levers: Levers) -> None:
    answer = await levers.post("faults", {"on": on, "do": {"status": 500}})

    assert answer.status == 400
    assert found(answer.raw.decode()) == []
    assert (await levers.pulled("GET", "faults"))["items"] == []
