"""The bank that eight clients use at once: every read is explained, and a server that breaks a rule is found."""

from __future__ import annotations

import sys

import pytest

from tests.durability import bank, server

SEED = 20130506


def ignore(_done: int, _of: int) -> None:
    """Nobody looks how far it is."""


def test_an_order_explains_every_answer_undisturbed_and_through_kills() -> None:
    (figure,) = bank.run(2, SEED, ignore)

    assert figure.broken == 0
    assert figure.tried > bank.EACH * server.CLIENTS
    assert f"{bank.LIVES} kills" in figure.remark


START = "\nfrom sandbox.cli import main\nraise SystemExit(main())\n"

STALE = """
from sandbox.world import World

perform, last = World.perform, []

def perform_late(world, route, *path, **more):
    answer = perform(world, route, *path, **more)
    if route.operation != "marketplaces.retrieve":
        return answer
    last.append(answer)
    return last[-2:][0]

World.perform = perform_late
"""

CAPTURED_TWICE = """
from sandbox.resources import holds

holds.check_capturable = lambda hold: None
"""


@pytest.mark.parametrize(
    ("planted", "said"),
    [(STALE, "no order explains of escrow"), (CAPTURED_TWICE, "no order explains of hold")],
    ids=["reads of what was before", "holds that are captured twice"],
)
def test_a_server_with_a_planted_fault_is_found(
    planted: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "COMMAND", (sys.executable, "-c", planted + START))

    (figure,) = bank.run(1, SEED, ignore)

    assert figure.broken > 0
    assert said in capsys.readouterr().err
