"""The set of acknowledged creations: its checker finds what is planted, and the real server keeps them all."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.durability import acknowledged, server
from tests.durability.acknowledged import judge
from tests.durability.history import Operation, Outcome

LIVES = 6
SEED = 20130506


def added(tag: str, outcome: Outcome = "ok") -> Operation:
    return Operation("add", 1, 2, outcome, {"tag": tag})


HISTORY = [added("a"), added("b"), added("refused", "refused"), added("c", "unknown"), added("d", "unknown")]


def test_what_nobody_heard_of_may_be_there_or_not() -> None:
    verdict = judge(HISTORY, ["a", "b", "d"])

    assert verdict.faults == []
    assert verdict.recovered == ["d"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (["a"], "b was acknowledged and is not there"),
        (["a", "b", "e"], "e is there although nobody added it"),
        (["a", "b", "refused"], "refused is there although nobody added it"),
        (["a", "b", "b"], "b is there more than once"),
        (["a", "b", "c", "c"], "c is there more than once"),
    ],
)
def test_a_planted_fault_is_found(found: list[str], said: str) -> None:
    assert judge(HISTORY, found).faults == [said]


outcomes = st.lists(st.tuples(st.sampled_from(("ok", "refused", "unknown")), st.booleans()))


@settings(deadline=None)
@given(outcomes)
def test_a_server_that_keeps_its_word_has_no_faults(lot: list[tuple[Outcome, bool]]) -> None:
    history = [added(str(number), outcome) for number, (outcome, _) in enumerate(lot)]
    found = [
        str(number) for number, (outcome, done) in enumerate(lot) if outcome == "ok" or (done and outcome != "refused")
    ]

    assert judge(history, found).faults == []


def test_every_acknowledged_customer_is_there_after_the_server_was_killed() -> None:
    seen: list[tuple[int, int]] = []

    (figure,) = acknowledged.run(LIVES, SEED, lambda done, of: seen.append((done, of)))

    assert figure.broken == 0
    assert figure.tried > LIVES
    assert seen == [(life + 1, LIVES) for life in range(LIVES)]


FORGETFUL = """
from sandbox.cli import main
from sandbox.store.journal import Journal

append, held = Journal.append, []

def append_later(journal, record):
    held.append(record)
    while len(held) > 5:
        append(journal, held.pop(0))

Journal.append = append_later
raise SystemExit(main())
"""


def test_a_server_that_answers_before_it_writes_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "COMMAND", (sys.executable, "-c", FORGETFUL))

    (figure,) = acknowledged.run(1, SEED, lambda _done, _of: None)

    assert figure.broken > 0
    assert "was acknowledged and is not there" in capsys.readouterr().err
