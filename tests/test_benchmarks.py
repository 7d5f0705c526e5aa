"""The benchmarks ask for what they say, reckon right, and print their tables; how fast anything is, nobody asks."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import isnan, nan
from pathlib import Path
from threading import Thread

import pytest

from benchmarks import entrants, figures, levers, load, markdown, peers, served, side_by_side, starts, worlds
from benchmarks.__main__ import LINUX, main
from benchmarks.figures import Round
from benchmarks.load import Ask, LoadFailed
from benchmarks.operations import NUMBER, OPERATIONS
from benchmarks.peers import PEERS, Missing

linux = pytest.mark.skipif(not LINUX.exists(), reason="CPU time and memory are read from /proc")
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")

GET = OPERATIONS["get"]


def rounds(*rates: float) -> list[Round]:
    """Return rounds at these rates, each of which kept one processor busy."""
    return [Round(rate, 1 / rate) for rate in rates]


def cells(line: str) -> list[str]:
    """Return the cells of a table's row."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of each table, row by row, the line below its head left out."""
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    return [[cells(line) for line in (block[0], *block[2:])] for block in blocks if block[0].startswith("|")]


# Figures.


def test_a_share_is_the_median_of_what_neighbouring_goes_say() -> None:
    bare, sandbox = rounds(100, 10, 1000), rounds(50, 6, 100)

    assert figures.share(sandbox, bare, "rate") == 0.5


def test_a_share_of_cpu_time_does_not_care_how_many_requests_there_were() -> None:
    bare = [Round(100, 0.001), Round(100, 0.001)]
    sandbox = [Round(100, 0.004), Round(20, 0.004)]

    assert figures.share(sandbox, bare, "spent") == 0.25


def test_growth_is_what_a_request_takes_longer_in_the_large_world() -> None:
    small, large = rounds(100, 110, 120), rounds(80, 88, 96)

    assert figures.growth(small, large, "rate") == pytest.approx(0.25)
    assert figures.growth(small, large, "spent") == pytest.approx(0.25)


def test_a_go_too_short_for_the_kernel_to_count_says_nothing_of_cpu_time() -> None:
    bare = [Round(100, 0.0), Round(100, 0.002), Round(100, nan)]
    sandbox = [Round(100, 0.002), Round(100, 0.004), Round(100, 0.002)]

    assert figures.share(sandbox, bare, "spent") == 0.5
    assert isnan(figures.share(sandbox[:1], bare[:1], "spent"))


# Tables.


def test_growth_past_the_limit_stands_out() -> None:
    assert markdown.change(0.099, 0.10) == "+10 %"
    assert markdown.change(0.101, 0.10) == "**+10 %**"
    assert markdown.change(-0.04, 0.10) == "-4 %"
    assert markdown.change(nan, 0.10) == ""


def test_a_row_tells_the_share_at_every_size_and_the_figures_of_the_largest() -> None:
    bare, small, large = rounds(20_000), rounds(18_000), rounds(16_000)

    row = cells(side_by_side.row(GET, "os", bare, [small, large], "rate"))

    assert dict(zip(cells(side_by_side.head([10, 1000]).splitlines()[0]), row, strict=True)) == {
        "operation": "get",
        "kept in": "os",
        "bare requests/s": "20,000",
        "requests/s": "16,000",
        "bare CPU µs": "50",
        "CPU µs": "62",
        "of bare, 10": "0.90",
        "of bare, 1,000": "0.80",
        "target": "≥ 0.75 met",
        "growth": "**+12 %**",
        "growth of CPU": "**+12 %**",
    }


def test_a_target_is_missed_when_one_size_misses_it() -> None:
    row = cells(side_by_side.row(GET, "os", rounds(1000), [rounds(760), rounds(740)], "rate"))

    assert "**≥ 0.75 missed**" in row


def test_writes_have_another_target_when_each_is_synced() -> None:
    bare, sandbox = rounds(1000), [rounds(400)]

    assert "≥ 0.35 met" in side_by_side.row(OPERATIONS["create"], "always", bare, sandbox, "rate")
    assert "**≥ 0.50 missed**" in side_by_side.row(OPERATIONS["create"], "os", bare, sandbox, "rate")


def test_one_size_does_not_grow_and_an_operation_without_target_meets_none() -> None:
    row = cells(side_by_side.row(OPERATIONS["filter"], "os", rounds(1000), [rounds(500)], "rate"))

    assert row[-3:] == ["", "", ""]


def test_a_slow_load_is_judged_by_cpu_time() -> None:
    bare, sandbox = [Round(500, 0.0001)], [Round(500, 0.0004)]

    row = cells(side_by_side.row(GET, "os", bare, [sandbox], "spent"))

    assert row[6:8] == ["0.25", "**≥ 0.75 missed**"]


def test_peers_are_shown_with_how_many_times_as_fast_the_sandbox_is() -> None:
    row = side_by_side.peers_row(GET, 1000, rounds(5000), {"one": rounds(250), "stuck": [Round(0.0, nan)]})

    assert cells(row) == ["get", "1,000", "5,000", "250 (20.0x)", "no answer in time"]


def test_a_lever_is_held_against_what_it_takes_beyond_a_bare_answer() -> None:
    bare = [0.20, 0.30, 0.20]

    good = cells(levers.row(levers.RESET, "memory", bare, [[0.25, 0.36, 0.25], [0.28, 0.38, 0.26]]))
    bad = cells(levers.row(levers.RESET, "memory", bare, [[0.25, 0.36, 0.25], [0.50, 0.72, 0.50]]))

    assert good[2:] == ["0.20", "0.25", "0.28", "< 0.1 ms met", "+6 %"]
    assert bad[-2:] == ["**< 0.1 ms missed**", "**+100 %**"]


# Load.


class Recorder(ThreadingHTTPServer):
    """Answers whatever it is asked, and keeps the path and the body."""

    daemon_threads = True

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Recording)
        self.status = status
        self.seen: list[tuple[str, bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Recording(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.path, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


BOTH = [pytest.param("aiohttp", 0.1, id="aiohttp"), pytest.param("wrk", 1.0, id="wrk", marks=needs_wrk)]


@pytest.mark.parametrize(("name", "seconds"), BOTH)
def test_a_load_goes_through_its_paths_and_never_says_the_same_twice(
    recorder: Recorder, name: str, seconds: float
) -> None:
    ask = Ask("POST", recorder.url, ["/a?b=1", "/c", "/d"], f'{{"it\'s": "{NUMBER}"}}', {"X-Quoted": "a\"b'c"})

    done = [load.put(load.LOADS[name], ask, seconds, 2) for _ in range(2)]

    assert all(one.requests > 0 and one.failed == 0 for one in done)
    assert {path for path, _ in recorder.seen} == {"/a?b=1", "/c", "/d"}
    assert len({body for _, body in recorder.seen}) == len(recorder.seen) >= sum(one.requests for one in done)
    assert all(re.fullmatch(rb'\{"it\'s": "\d+"\}', body) for _, body in recorder.seen)


@pytest.mark.parametrize(("name", "seconds"), BOTH)
def test_a_load_that_is_refused_measures_nothing(recorder: Recorder, name: str, seconds: float) -> None:
    recorder.status = 409

    with pytest.raises(LoadFailed):
        load.put(load.LOADS[name], Ask("POST", recorder.url, ["/"]), seconds, 2)


def test_a_load_goes_to_this_machine_only() -> None:
    with pytest.raises(ValueError, match="not on this machine"):
        load.put(load.client, Ask("GET", "http://192.0.2.1", ["/"]), 0.1, 1)


@pytest.mark.parametrize(
    "ask", [{"status": 201}, {"size": (3, 10)}, {"size": (0, 1)}], ids=["status", "too short", "too long"]
)
def test_an_answer_that_is_not_the_expected_one_is_not_measured(recorder: Recorder, ask: dict[str, object]) -> None:
    expected = Ask("POST", recorder.url, ["/"], **ask)  # type: ignore[arg-type]  # one field of several types

    with pytest.raises(LoadFailed, match="200 and 2 bytes"):
        load.check(expected)


# Who takes part.


@linux
def test_the_sandbox_and_the_bare_application_answer_every_operation_alike(tmp_path: Path) -> None:
    fixture = tmp_path / "ten.json"
    fixture.write_text(json.dumps({"customers": [{"name": f"Alice {number}"} for number in range(10)]}))

    with served.bare() as bare, served.sandbox("memory", tmp_path, fixture) as server:
        sandbox = entrants.of_sandbox(server, 10)
        for entrant in (entrants.of_bare(bare, server.api_key), sandbox):
            for name in OPERATIONS:
                load.check(entrant.asks[name])
        assert sandbox.events is not None
        happened = sandbox.events()
        sandbox.put_back()

        # An update, a creation, and a debit with its hold.
        assert happened - sandbox.events() >= 4
        assert len(sandbox.asks["update"].paths) == 10
        assert len(set(sandbox.asks["get"].paths)) == 100


def test_a_peer_that_cannot_be_had_is_missing_for_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Missing, match=r"^json-server 0\.17\.4: .*npm"):
        peers.install(PEERS[0], tmp_path / "peer")


def test_a_peer_that_cannot_be_fetched_is_missing_in_the_words_of_who_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no way to the registry >&2\nexit 1\n")
    npm.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    with pytest.raises(Missing, match="no way to the registry"):
        peers.install(PEERS[0], tmp_path / "peer")


# The command.

TINY = ["--rounds", "1", "--seconds", "0.1", "--connections", "2", "--load", "aiohttp"]


@linux
def test_the_benchmarks_print_a_row_for_every_operation_and_lever(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--operations", "page", "create", "reset", "world", "--customers", "10", "--mode", "memory", "os"]

    code = main([*asked, *TINY])

    said = capsys.readouterr().out
    operations, pulled = tables(said)
    assert code == 0
    assert "1 rounds of 0.1 s over 2 connections" in said
    assert operations[0][6:8] == ["of bare, 10", "target"]
    assert [row[:2] for row in operations[1:]] == [["page", "memory"], ["create", "memory"], ["create", "os"]]
    assert [row[:2] for row in pulled[1:]] == [
        [name, mode] for mode in ("memory", "os") for name in levers.NAMES.values()
    ]
    assert all(re.fullmatch(r"[0-9.]+", cell) for row in pulled[1:] for cell in row[2:4])


@linux
def test_the_benchmarks_print_starts_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--operations", "start", "memory", "--customers", "10", *TINY])

    began, memory = tables(capsys.readouterr().out)
    assert code == 0
    assert began[0] == cells(starts.HEAD.splitlines()[0])
    assert [row[0] for row in began[1:]] == [
        "a bare aiohttp application",
        "nothing in it",
        "10 customers from a fixture, once",
        "10 customers on disk",
    ]
    assert [row[0].lstrip("0123456789, ") for row in memory[1:]] == [
        "at rest",
        "customers from a fixture, without events",
        "customers created, each with its event",
    ]


def test_the_cost_of_a_suite_is_told_row_by_row() -> None:
    rows = list(worlds.rows(worlds=3, tests=2))

    assert len(rows) == 8
    assert all(re.fullmatch(r"\| .+ \| [0-9.]+ \|", row) for row in rows)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--load", "wrk", "--seconds", "0.5"],
        ["--customers", "9"],
        ["--seconds", "0"],
        ["--rounds", "0"],
        ["--operations", "nothing"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_measured_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(wrong)

    assert refused.value.code == 2
    assert "usage: python -m benchmarks" in capsys.readouterr().err
