"""The command line: verbs, exit codes, and what is said on which stream."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import encode_basic_auth

from sandbox import __version__, cli, service
from sandbox.resources import ROUTES
from sandbox.settings import Settings
from sandbox.store import DataDirectory


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@contextmanager
def _spoken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Lend the reading end of a pipe that standard output is written to."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as heard, os.fdopen(writing, "w") as spoken:
        monkeypatch.setattr(sys, "stdout", spoken)
        yield heard


def serve(
    monkeypatch: pytest.MonkeyPatch, *flags: str, ask: Callable[[Any], Any] = lambda ready: None
) -> tuple[int, Any]:
    """Serve in this process until the ready line came and ``ask`` has had its answer, then stop as Ctrl-C would."""

    def visit(heard: Any) -> Any:
        try:
            return ask(json.loads(heard.readline()))
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    with _spoken(monkeypatch) as heard, ThreadPoolExecutor(1) as visitor:
        visited = visitor.submit(visit, heard)
        code = cli.main(["serve", "--port", "0", *flags])
        return code, visited.result()


def fetched(ready: Any, path: str = "/v1/customers") -> Any:
    """Return what the running sandbox answers."""
    asked = urllib.request.Request(ready["url"] + path)
    asked.add_header("Authorization", encode_basic_auth(ready["api_key"]))
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def test_serve_answers_and_stops_with_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    code, page = serve(monkeypatch, "--memory", "--fixtures", "documented", ask=fetched)

    assert code == 0
    assert page["total"] == 8


def test_the_ready_line_says_all_a_program_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "ready.json"

    _, ready = serve(monkeypatch, "--memory", "--ready-file", str(file), ask=lambda ready: ready)

    assert set(ready) == {"event", "url", "dashboard_url", "api_key", "marketplace_uri", "pid", "version"}
    assert ready["dashboard_url"] == f"{ready['url']}/_sandbox/"
    assert (ready["event"], ready["pid"], ready["version"]) == ("ready", os.getpid(), __version__)
    assert json.loads(file.read_text()) == ready


def test_a_terminal_gets_a_table_with_a_command_to_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:1"
    ready = {"url": url, "dashboard_url": f"{url}/_sandbox/", "api_key": "abc", "marketplace_uri": "/v1/marketplaces/M"}
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)

    for memory in (True, False):
        service._announce(ready, Settings(memory=memory))

    said = terminal.getvalue()
    assert "curl -u abc: http://127.0.0.1:1/v1/customers" in said
    assert "look         http://127.0.0.1:1/_sandbox/\n" in said
    assert "gone when this stops" in said
    assert ".balanced-sandbox" in said


def test_what_was_kept_is_there_at_the_next_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flags = ("--data-dir", str(tmp_path / "data"), "--fixtures", "shop")

    _, first = serve(monkeypatch, *flags, ask=lambda ready: (ready["api_key"], fetched(ready)))
    _, second = serve(monkeypatch, *flags, ask=lambda ready: (ready["api_key"], fetched(ready)))

    assert second == first


def test_fixtures_for_a_world_that_is_not_empty_are_warned_about(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(monkeypatch, "--data-dir", str(tmp_path / "data"))
    capsys.readouterr()

    serve(monkeypatch, "--data-dir", str(tmp_path / "data"), "--fixtures", "shop", "--log-format", "json")

    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert any("empty world" in line["message"] for line in said)


@pytest.mark.parametrize("running", [(), ("--clock-running",)])
def test_seed_and_clock_make_the_same_world_twice(monkeypatch: pytest.MonkeyPatch, running: tuple[str, ...]) -> None:
    flags = ("--memory", "--seed", "7", "--clock", "2013-05-06T17:18:00Z")

    keys = [serve(monkeypatch, *flags, *running, ask=lambda ready: ready["api_key"])[1] for _ in range(2)]
    shown = [serve(monkeypatch, *flags, ask=fetched)[1] for _ in range(2)]

    assert keys[0] == keys[1]
    assert shown[0] == shown[1]
    assert shown[0]["items"][0]["created_at"] == "2013-05-06T17:18:00.000000Z"


def test_a_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        assert cli.main(["--memory", "--port", port]) == 5

    assert f"127.0.0.1:{port} is taken" in capsys.readouterr().err


def test_a_directory_in_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with DataDirectory(tmp_path / "data"):
        assert cli.main(["--port", "0", "--data-dir", str(tmp_path / "data")]) == 3

    assert f"process {os.getpid()}" in capsys.readouterr().err


def test_a_directory_that_is_a_link_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "there")

    assert cli.main(["--port", "0", "--data-dir", str(tmp_path / "data")]) == 1


def _damaged(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Return the journal of a world whose middle was overwritten."""
    serve(monkeypatch, "--data-dir", str(folder), "--fixtures", "shop", "--fsync", "os")
    snapshot = max((folder / "default").glob("snapshot-*.json"))
    data = bytearray(snapshot.read_bytes())
    data[len(data) // 2] ^= 1
    snapshot.write_bytes(data)
    return snapshot


def test_damage_is_told_with_its_place_and_repaired_beside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    snapshot = _damaged(monkeypatch, folder)
    monkeypatch.undo()
    capsys.readouterr()

    assert cli.main(["--port", "0", "--data-dir", str(folder)]) == 4
    assert str(snapshot) in capsys.readouterr().err

    assert cli.main(["check", str(folder)]) == 4
    assert "damaged" in capsys.readouterr().out

    assert cli.main(["check", "--repair", str(folder)]) == 0
    assert cli.main(["check", f"{folder}.repaired"]) == 0
    assert cli.main(["check", "--repair", str(folder)]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_checking_what_is_not_there_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(tmp_path / "none")]) == 1

    assert "is no folder" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "70000"], "--port"),
        (["--clock", "tomorrow"], "--clock"),
        (["--tls-cert", "x.pem"], "--tls-cert"),
    ],
)
def test_a_bad_setting_is_told_in_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2

    assert said in capsys.readouterr().err
    assert capsys.readouterr().err.count("\n") <= 1


def test_a_bad_environment_variable_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BALANCED_SANDBOX_PORT", "many")

    assert cli.main([]) == 2

    assert "BALANCED_SANDBOX_PORT" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["dance"], ["--dance"], ["invent", "--customers", "0"]])
def test_a_word_too_many_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)

    assert stopped.value.code == 2


def test_fixtures_are_listed_shown_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fixtures", "list"]) == 0
    names = capsys.readouterr().out.split()
    assert {"documented", "shop"} <= set(names)

    assert cli.main(["fixtures", "show", "shop"]) == 0
    assert "customers" in json.loads(capsys.readouterr().out)

    assert cli.main(["fixtures", "check", *names]) == 0
    assert capsys.readouterr().out.count(": good") == len(names)


def test_a_bad_fixture_is_told_with_file_path_and_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"customers": [{"name": "A"}, {"email": "nobody"}]}')

    assert cli.main(["fixtures", "check", str(bad)]) == 1
    assert cli.main(["serve", "--memory", "--port", "0", "--fixtures", str(bad)]) == 1

    said = capsys.readouterr().err
    assert said.count("$.customers[1].email") == 2
    assert "must be a valid email address" in said


def test_invented_people_are_a_fixture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["invent", "--customers", "20", "--seed", "3"]) == 0
    people = tmp_path / "people.json"
    people.write_text(capsys.readouterr().out)

    assert cli.main(["fixtures", "check", str(people)]) == 0


def test_routes_are_listed_with_their_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["routes"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(ROUTES)
    assert all(line.split()[-1] in ("recorded", "specified", "client", "ours") for line in lines)


def test_the_openapi_document_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["openapi"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["openapi"] == "3.1.0"
    assert {route.path for route in ROUTES} <= printed["paths"].keys()


def test_the_reference_is_printed_as_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["openapi", "--reference"]) == 0

    assert capsys.readouterr().out.startswith("# Reference\n")


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["version"]) == 0
    assert cli.main(["version", "--json"]) == 0

    plain, as_json = capsys.readouterr().out.splitlines()
    assert json.loads(as_json)["version"] == plain == __version__
