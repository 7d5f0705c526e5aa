"""The benchmarks run, and print a table; how fast anything is is nobody's business here."""

from __future__ import annotations

import re

import pytest

from benchmarks import worlds
from benchmarks.__main__ import LINUX, METHODS, main
from benchmarks.table import HEAD


@pytest.mark.skipif(not LINUX.exists(), reason="CPU time is read from /proc")
def test_the_benchmarks_print_a_row_for_every_operation(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = "--customers 3 --mode os --rounds 1 --seconds 0.1 --connections 2 --load aiohttp"

    code = main(tiny.split())

    conditions, blank, *table = capsys.readouterr().out.splitlines()
    head, rule, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert code == 0
    assert "rounds of 0.1 s over 2 connections" in conditions
    assert blank == ""
    assert tuple(head) == HEAD
    assert len(rule) == len(HEAD)
    assert [row[:3] for row in rows] == [["os", operation, "3"] for operation in METHODS]
    assert all(re.fullmatch(r"[0-9,.]+|nan", cell) for row in rows for cell in row[3:])


def test_the_cost_of_worlds_is_printed_row_by_row(capsys: pytest.CaptureFixture[str]) -> None:
    code = worlds.main(["--worlds", "3", "--tests", "2"])

    head, rule, *rows = capsys.readouterr().out.splitlines()
    assert code == 0
    assert (head, rule) == ("| what | milliseconds |", "| --- | --: |")
    assert len(rows) == 8
    assert all(re.fullmatch(r"\| .+ \| [0-9.]+ \|", row) for row in rows)
