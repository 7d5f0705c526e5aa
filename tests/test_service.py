"""The sandbox as a service: ``exec`` beside a command, ``ready``, and worlds to files and back. Real processes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox import child, cli
from sandbox.client import Client
from sandbox.settings import Settings
from tests.shell import LONG, ROOT, SANDBOX, foreign, heard, served, started

TELL = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.startswith('BALANCED_')}))"

# Says who it is and each signal it gets, and stops in its own way when it was told to as often as the argument says.
PATIENT = """
import json, os, signal, sys
signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
print(json.dumps({"pid": os.getpid(), "url": os.environ["BALANCED_SANDBOX_URL"]}), flush=True)
for _ in range(int(sys.argv[1])):
    print(json.dumps(signal.Signals(signal.sigwait(signals)).name), flush=True)
raise SystemExit(3)
"""


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BALANCED_SANDBOX_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, Any]]:
    with served("--fixtures", "shop", "--clock", "2013-05-06T17:18:00Z") as ready:
        yield ready


@pytest.fixture
def free() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return ("--", sys.executable, "-c", code, *arguments)


def listens(url: str) -> bool:
    there = urlsplit(url)
    with closing(socket.socket()) as asking:
        return asking.connect_ex((there.hostname or "", there.port or 0)) == 0


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# exec


def test_the_command_is_told_where_the_sandbox_is(capfd: pytest.CaptureFixture[str]) -> None:
    ask = """
import os
from sandbox.client import Client
client = Client(os.environ["BALANCED_SANDBOX_URL"], os.environ["BALANCED_SANDBOX_API_KEY"])
print(client.get("/v1/customers")["total"], client.get(os.environ["BALANCED_SANDBOX_MARKETPLACE_URI"])["name"])
"""

    code = cli.main(["exec", "--fixtures", "shop", "--seed", "7", *python(ask)])

    total, name = capfd.readouterr().out.split(maxsplit=1)
    assert code == 0
    assert int(total) > 2
    assert name == "Test Marketplace\n"


def test_nothing_but_the_command_speaks_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["exec", *python("print('I')")]) == 0

    assert capfd.readouterr().out == "I\n"


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_the_commands(code: int) -> None:
    assert cli.main(["exec", *python(f"raise SystemExit({code})")]) == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_command_ended_by_a_signal_gives_what_a_shell_gives(number: int) -> None:
    assert cli.main(["exec", *python(f"import os; os.kill(os.getpid(), {number})")]) == 128 + number


def test_a_command_that_is_not_there_gives_what_a_shell_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["exec", "--", "no-such-command"]) == 127
    assert cli.main(["exec", "--", str(tmp_path)]) == 126

    assert "no-such-command: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["exec"], ["exec", "--"], ["exec", "--memory", "--"]])
def test_exec_takes_a_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2

    assert "exec takes a command after --" in capsys.readouterr().err


def test_the_command_keeps_its_own_dashes(capfd: pytest.CaptureFixture[str]) -> None:
    spoken = ("--", sys.executable, "-c", "import sys; print(sys.argv[1:])", "--port", "1", "--", "-x")

    assert cli.main(["exec", *spoken]) == 0

    assert capfd.readouterr().out == "['--port', '1', '--', '-x']\n"


def test_the_command_reads_our_standard_input() -> None:
    command = [*SANDBOX, "exec", *python("print(input())")]

    done = subprocess.run(command, input="said\n", env=foreign(), capture_output=True, text=True, timeout=LONG)

    assert (done.returncode, done.stdout) == (0, "said\n")


def test_what_the_environment_says_of_the_sandbox_that_stays_is_not_for_exec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BALANCED_SANDBOX_HOST", "0.0.0.0")
    monkeypatch.setenv("BALANCED_SANDBOX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BALANCED_SANDBOX_READY_FILE", str(tmp_path / "ready.json"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("BALANCED_SANDBOX_PORT", str(taken.getsockname()[1]))

        assert cli.main(["exec", *python(TELL)]) == 0

    assert json.loads(capfd.readouterr().out)["BALANCED_SANDBOX_URL"].startswith("http://127.0.0.1:")
    assert not list(tmp_path.iterdir())


def test_a_data_directory_is_kept_when_asked_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert cli.main(["exec", "--data-dir", str(tmp_path / "data"), *python(TELL)]) == 0

    first, second = map(json.loads, capfd.readouterr().out.splitlines())
    assert first["BALANCED_SANDBOX_API_KEY"] == second["BALANCED_SANDBOX_API_KEY"]


def test_where_the_sandbox_cannot_start_the_command_does_not(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert cli.main(["exec", "--port", str(taken.getsockname()[1]), *python("print('I')")]) == 5

    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_handed_on_and_both_are_gone(number: signal.Signals) -> None:
    # A session of its own has no terminal, as in CI.
    with started("exec", *python(PATIENT, "1"), start_new_session=True) as sandbox:
        command = heard(sandbox)
        assert listens(command["url"])

        sandbox.send_signal(number)

        assert heard(sandbox) == number.name
        assert sandbox.wait(LONG) == 3
    assert not lives(command["pid"])
    assert not listens(command["url"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_handed_on_by_whoever_calls_main(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs the tests may well do so in the foreground of a terminal.
    monkeypatch.setattr(os, "tcgetpgrp", lambda terminal: -1)
    tells = f"import os, signal; os.kill(os.getppid(), {int(number)}); signal.pause()"

    assert cli.main(["exec", *python(tells)]) == 128 + number


def test_a_command_that_will_not_end_is_killed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "GRACE", 0.05)
    deaf = (
        "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "os.kill(os.getppid(), signal.SIGTERM); [signal.pause() for _ in iter(int, 1)]"
    )

    assert cli.main(["exec", *python(deaf)]) == 128 + signal.SIGKILL


TAKES_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_ctrl_c_reaches_a_command_in_the_foreground_once() -> None:
    # The terminal tells everyone in its foreground; handed on besides, the command would hear it twice.
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-c", TAKES_TERMINAL, *SANDBOX, "exec", *python(PATIENT, "2")]
    with subprocess.Popen(
        command, stdin=terminal, stdout=subprocess.PIPE, env=foreign(), text=True, start_new_session=True
    ) as sandbox:
        try:
            heard(sandbox)

            os.write(keyboard, b"\x03")
            first = heard(sandbox)
            sandbox.send_signal(signal.SIGTERM)

            assert (first, heard(sandbox)) == ("SIGINT", "SIGTERM")
            assert sandbox.wait(LONG) == 3
        finally:
            sandbox.kill()
            os.close(terminal)
            os.close(keyboard)


@pytest.mark.skipif(shutil.which("nohup") is None, reason="no nohup")
def test_a_signal_we_were_started_to_ignore_is_ignored() -> None:
    waits = "import os; print(os.getpid(), flush=True); print(input())"
    with subprocess.Popen(
        ["nohup", *SANDBOX, "exec", *python(waits)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=foreign(), text=True,
    ) as sandbox:  # fmt: skip
        try:
            heard(sandbox)
            sandbox.send_signal(signal.SIGHUP)

            said, _ = sandbox.communicate("still here\n", LONG)

            assert (sandbox.returncode, said) == (0, "still here\n")
        finally:
            sandbox.kill()


async def test_a_command_does_not_outlive_whoever_waits_for_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    os.mkfifo(told)
    tells = f"import os, signal; open({str(told)!r}, 'w').write(str(os.getpid())); signal.pause()"
    running = asyncio.create_task(child.run([sys.executable, "-c", tells], foreign()))
    pid = int(await asyncio.to_thread(told.read_text))

    running.cancel()
    await asyncio.wait([running])

    assert running.cancelled()
    assert not lives(pid)


# ready


def test_a_running_sandbox_is_ready(running: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    port = str(urlsplit(running["url"]).port)

    assert cli.main(["ready", "--url", running["url"]]) == 0
    assert cli.main(["ready", "--port", port]) == 0
    monkeypatch.setenv("BALANCED_SANDBOX_PORT", port)
    monkeypatch.setenv("BALANCED_SANDBOX_HOST", "0.0.0.0")
    assert cli.main(["ready"]) == 0


def test_a_flag_means_more_than_the_url_of_the_environment(
    running: dict[str, Any], free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALANCED_SANDBOX_URL", running["url"])

    assert cli.main(["ready"]) == 0
    assert cli.main(["ready", "--port", str(free)]) == 1
    assert cli.main(["ready", "--url", f"http://127.0.0.1:{free}"]) == 1


def test_nobody_there_is_not_ready(free: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ready", "--port", str(free), "--wait", "0.1"]) == 1

    assert f"http://127.0.0.1:{free} is not ready" in capsys.readouterr().err


def test_ready_waits_for_a_sandbox_that_is_still_starting(free: int) -> None:
    with started("ready", "--port", str(free), "--wait", str(LONG)) as waiting, served("--port", str(free)):
        assert waiting.wait(LONG) == 0


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (503, b'{"detail": "the fixtures are not loaded yet"}', "the fixtures are not loaded yet"),
        (404, b"{}", "status 404"),
        (404, b"<html>", "is not ready"),
        (200, b"<html>", "is not ready"),
        (200, b'{"status": "up"}', "another server answers there"),
    ],
)
def test_what_answers_otherwise_is_not_ready(
    status: int, body: bytes, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Stranger) as stranger:
        answering = Thread(target=stranger.handle_request)
        answering.start()
        code = cli.main(["ready", "--port", str(stranger.server_port)])
        answering.join()

    assert code == 1
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["ready", "--port", "0"],
        ["ready", "--url", "127.0.0.1:8642"],
        ["dump", "--url", "file:///etc/passwd"],
        ["ready", "--url", "http://h/path"],
    ],
)
def test_where_nobody_can_be_asked_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2

    assert arguments[1] in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["-1", "soon", "nan", "inf"])
def test_a_wait_is_a_number_of_seconds(seconds: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["ready", "--wait", seconds])

    assert stopped.value.code == 2


def test_ready_imports_nothing_that_takes_long() -> None:
    # A health check runs every few seconds.
    code = "import sys; from sandbox import cli; cli.main(['ready', '--port', '1']); print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=foreign(), capture_output=True, text=True, timeout=LONG
    )

    assert not {"aiohttp", "asyncio", "faker", "orjson", "tinydb", "sandbox.web"} & set(done.stdout.split())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate, and is not installed")
def test_a_sandbox_with_a_certificate_of_its_own_is_asked_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, other = (str(_certificate(tmp_path / name)) for name in ("own", "other"))
    own = ("--tls-cert", certificate)
    with served(*own, "--tls-key", certificate) as ready:
        port = str(urlsplit(ready["url"]).port)

        assert ready["url"].startswith("https:")
        assert cli.main(["ready", *own, "--port", port]) == 0
        assert cli.main(["dump", *own, "--url", ready["url"]]) == 0
        assert cli.main(["ready", "--tls-cert", other, "--port", port]) == 1
        assert cli.main(["ready", "--url", ready["url"]]) == 1
        monkeypatch.setenv("BALANCED_SANDBOX_TLS_CERT", certificate)
        assert cli.main(["ready", "--port", port]) == 0


def _certificate(folder: Path) -> Path:
    """Return a file with a key and a certificate that it signed itself."""
    folder.mkdir()
    ask = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=sandbox -days 2"
    subprocess.run(
        [*ask.split(), "-keyout", "key.pem", "-out", "certificate.pem"], cwd=folder, check=True, capture_output=True
    )
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
    return both


# dump and load


def test_a_world_goes_to_a_file_and_comes_back(
    running: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALANCED_SANDBOX_URL", running["url"])
    client = Client(running["url"], running["api_key"])
    before, file = client.get("/v1/customers"), str(tmp_path / "world.json")

    assert cli.main(["dump", file]) == 0
    client.post("/v1/customers", {"name": "to be forgotten"})
    assert cli.main(["load", file]) == 0

    assert cli.main(["dump", file + ".again"]) == 0
    assert client.get("/v1/customers") == before
    assert Path(file + ".again").read_bytes() == Path(file).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["world.json", "world.json.again"]


def test_a_world_goes_through_a_pipe_to_another_sandbox(running: dict[str, Any]) -> None:
    with served() as other:
        piped = "{0} dump --url {1} | {0} load - --url {2}".format(" ".join(SANDBOX), running["url"], other["url"])

        done = subprocess.run(["bash", "-c", piped], env=foreign(), capture_output=True, text=True, timeout=LONG)

        here, there = (Client(one["url"], running["api_key"]).get("/v1/customers") for one in (running, other))
        assert here == there
        assert json.loads(done.stdout)["api_key"] == running["api_key"]


def test_the_key_says_whose_world_is_dumped(
    running: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Client(running["url"]).post("/v1/api_keys")["secret"]
    Client(running["url"], key).post("/v1/marketplaces")

    assert cli.main(["dump", "--url", running["url"], "--api-key", key]) == 0
    monkeypatch.setenv("BALANCED_SANDBOX_API_KEY", key)
    assert cli.main(["dump", "--url", running["url"]]) == 0

    said = capsys.readouterr().out
    assert said.count(key) == 2
    assert running["api_key"] not in said


def test_a_world_larger_than_any_request_comes_back_too(tmp_path: Path) -> None:
    file = str(tmp_path / "world.json")
    with served() as ready:
        client = Client(ready["url"], ready["api_key"])
        client.post("/_sandbox/invent", {"customers": 500})
        assert cli.main(["dump", "--url", ready["url"], file]) == 0
        client.post("/_sandbox/reset", {"to": "empty"})

        assert cli.main(["load", "--url", ready["url"], file]) == 0

        assert Path(file).stat().st_size > 256 * 1024
        assert client.get("/v1/customers")["total"] > 500


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b'{"tables": {', "world.json: "),
        (b"\xff\xfe\xfd", "world.json: "),
        (b"[" * 100_000, "world.json: "),
        (b'{"customers": []}', "refused: "),
        (None, "No such file"),
    ],
)
def test_what_is_no_world_changes_nothing(
    raw: bytes | None, why: str, running: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Client(running["url"], running["api_key"])
    before, file = client.get("/_sandbox/dump"), tmp_path / "world.json"
    if raw is not None:
        file.write_bytes(raw)

    assert cli.main(["load", "--url", running["url"], str(file)]) == 1

    (said,) = capsys.readouterr().err.splitlines()
    assert why in said
    assert client.get("/_sandbox/dump") == before


def test_a_wrong_key_and_nobody_there_are_told(
    running: dict[str, Any], free: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "world.json"
    assert cli.main(["dump", "--url", running["url"], "--api-key", "0" * 32, str(file)]) == 1
    assert cli.main(["dump", "--port", str(free), str(file)]) == 1

    refused, silent = capsys.readouterr().err.splitlines()
    assert "refused: no world has this key" in refused
    assert "did not answer" in silent
    assert not file.exists()


def test_beyond_loopback_a_world_is_shown_and_changed_for_the_control_token_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "world.json")
    with served("--host", "0.0.0.0", "--control-token", "s3cret") as ready:
        assert cli.main(["dump", "--url", ready["url"], file]) == 1
        assert "control token" in capsys.readouterr().err

        assert cli.main(["ready", "--url", ready["url"]]) == 0
        assert cli.main(["dump", "--url", ready["url"], "--control-token", "s3cret", file]) == 0
        monkeypatch.setenv("BALANCED_SANDBOX_CONTROL_TOKEN", "s3cret")
        assert cli.main(["load", "--url", ready["url"], file]) == 0


# urls


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("[::]", "http://[::1]:1"),
        ("::1", "http://[::1]:1"),
        ("[::1]", "http://[::1]:1"),
        ("localhost", "http://localhost:1"),
    ],
)
def test_where_it_listens_says_where_to_call(host: str, url: str) -> None:
    with_port = Settings(host=host, port=1)

    assert with_port.url() == with_port.url(1) == url


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6")
@pytest.mark.parametrize("host", ["::", "[::1]"])
def test_the_url_of_a_sandbox_that_listens_on_ipv6_answers(host: str) -> None:
    with served("--host", host) as ready:
        assert cli.main(["ready", "--url", ready["url"]]) == 0
