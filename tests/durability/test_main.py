"""The one command: it prints what came of what it was told to do, and its exit code says whether all was kept."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest

from tests.durability import __main__ as durability
from tests.durability import journals
from tests.durability.figures import Figure
from tests.store.damage import Verdict
from tests.store.disasters import CRASHES

STORE = ["--only", "store", "--crashes", str(10 * CRASHES), "--seed", "7"]


def rows(printed: str) -> Sequence[Sequence[str]]:
    """The cells of each row of a Markdown table below its head."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines()[2:]]


def test_it_prints_what_was_tried_and_how_often_it_was_broken(capfd: pytest.CaptureFixture[str]) -> None:
    assert durability.main(STORE) == 0

    said = capfd.readouterr()
    table = rows(said.out)
    assert len(table) == 4
    assert sum(int(tried) for _, tried, _, _ in table) == 10 * CRASHES
    assert {broken for _, _, broken, _ in table} == {"0"}
    assert said.err == ""  # no progress where nobody watches


def test_a_terminal_shows_how_far_it_has_come(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    durability.main(STORE)

    assert f"{10 * CRASHES}/{10 * CRASHES}\n" in capsys.readouterr().err


def test_a_broken_promise_is_exit_code_1() -> None:
    broken = [Figure("crashes", 2_000, 1, "one of them"), Figure("kills", 5, 0)]

    assert [*map(durability.row, broken)] == ["| crashes | 2,000 | 1 | one of them |", "| kills | 5 | 0 |  |"]
    assert (durability.code(broken), durability.code(broken[1:])) == (1, 0)


def test_a_size_is_a_number_that_does_something(capsys: pytest.CaptureFixture[str]) -> None:
    for nonsense in ("0", "many"):
        with pytest.raises(SystemExit):
            durability.main(["--crashes", nonsense])

        assert "--crashes" in capsys.readouterr().err


def test_damage_that_was_believed_is_counted_as_broken() -> None:
    figure = journals.figure("a flipped bit", Verdict(tried=10, refused=6, wrong=["bit 0 of byte 9 flipped: accepted"]))

    assert (figure.tried, figure.broken, figure.remark) == (10, 1, "6 refused, 3 cut off")
