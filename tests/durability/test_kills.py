"""What must survive a kill: its checker finds what is planted, and the real server keeps its word under eight clients.

``python -m tests.durability`` does the same a thousand times.
"""

from __future__ import annotations

import sys
from random import Random

import pytest

from tests.durability import kills, server
from tests.durability.acts import Book, Client, Key, View
from tests.durability.kept import judge

ROUNDS = 25
SEED = 20130506

RICHIE, HOLD, GONE = ("customer", "1"), ("hold", "2"), ("customer", "3")
BOOK: dict[Key, View] = {
    RICHIE: View(("Richie",), ("account.created", "account.updated")),
    HOLD: View((300, "active", None), ("hold.created",)),
    GONE: View(None, ("account.created", "account.deleted")),
}
UPDATE: Book = {RICHIE: BOOK[RICHIE].then(("John",), "account.updated")}
CAPTURE: Book = {
    HOLD: BOOK[HOLD].then((300, "captured", "4"), "hold.captured"),
    ("debit", "4"): View((300, "succeeded", "2"), ("debit.created", "debit.succeeded")),
}


def without(key: Key) -> Book:
    return {one: view for one, view in BOOK.items() if one != key}


def test_what_was_answered_and_nothing_else_is_right() -> None:
    judged = judge(BOOK, [], BOOK)

    assert (judged.lost, judged.torn, judged.book) == ([], [], BOOK)


@pytest.mark.parametrize("is_done", [False, True])
def test_what_was_not_answered_may_be_there_wholly_or_not_at_all(is_done: bool) -> None:
    found = {**BOOK, **UPDATE, **CAPTURE} if is_done else BOOK

    judged = judge(BOOK, [UPDATE, CAPTURE], found)

    assert (judged.lost, judged.torn, judged.book) == ([], [], found)
    assert judged.done == 2 * is_done


LOST: dict[str, Book] = {
    "a lost record": without(HOLD),
    "a lost deletion": {**BOOK, GONE: View(("Alice",), ("account.created",))},
    "a lost update": {**BOOK, RICHIE: View(("John Lee Hooker",), ("account.created",))},
    "a lost event": {**BOOK, RICHIE: View(("Richie",), ("account.created",))},
    "an event too many": {**BOOK, HOLD: BOOK[HOLD].then((300, "active", None), "hold.created")},
    "an invented record": {**BOOK, ("debit", "5"): CAPTURE["debit", "4"]},
    "an event of nothing": {**BOOK, ("refund", "6"): View(None, ("refund.created",))},
}


@pytest.mark.parametrize("name", LOST)
def test_a_planted_loss_is_found(name: str) -> None:
    judged = judge(BOOK, [], LOST[name])

    assert len(judged.lost) == 1


TORN: dict[str, Book] = {
    "a capture without its debit": {**BOOK, HOLD: CAPTURE[HOLD]},
    "a debit without the capture": {**BOOK, ("debit", "4"): CAPTURE["debit", "4"]},
    "a capture without its event": {
        **BOOK,
        **CAPTURE,
        HOLD: View(CAPTURE[HOLD].looks, BOOK[HOLD].events),
    },
    "an event without its record": {**BOOK, ("debit", "4"): View(None, ("debit.created", "debit.succeeded"))},
}


@pytest.mark.parametrize("name", TORN)
def test_a_request_that_is_there_in_part_is_found(name: str) -> None:
    judged = judge(BOOK, [CAPTURE], TORN[name])

    assert len(judged.torn) == len(CAPTURE)
    assert "hold 2" in judged.torn[0]


def test_a_client_acts_on_nothing_whose_last_act_was_not_answered() -> None:
    client = Client("a", Random(SEED), {})
    acts = client.acts()

    unanswered = [next(acts) for _ in range(5)]

    assert {act.what for act in unanswered} == {"create"}
    assert len({key for act in unanswered for key in act.leaves}) == 10


def ignore(_done: int, _of: int) -> None:
    """Nobody looks how far it is."""


def test_nothing_answered_is_lost_and_nothing_is_torn_when_the_server_is_killed_stopped_and_continued() -> None:
    figures = kills.run(ROUNDS, SEED, ignore)

    assert [figure for figure in figures if figure.broken] == []
    assert figures[0].tried == ROUNDS
    assert all(trouble in figures[0].remark for trouble in ("kill", "stop and kill", "stop, continue and kill"))
    assert figures[1].tried > ROUNDS


WITHOUT_EVENTS = """
from sandbox.cli import main
from sandbox.store.shelves import Shelves

record = Shelves.record

def record_without_events(shelves, changes):
    whole = record(shelves, changes)
    if whole is not None:
        whole["put"].pop("events", None)
    return whole

Shelves.record = record_without_events
raise SystemExit(main())
"""


@pytest.mark.parametrize(
    ("planted", "figure", "said"),
    [(WITHOUT_EVENTS, 1, "was expected"), ("raise SystemExit('no room')", 0, "did not start again: no room")],
    ids=["events that are not kept", "a server that does not start"],
)
def test_a_server_with_a_planted_fault_is_found(
    planted: str, figure: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "COMMAND", (sys.executable, "-c", planted))

    figures = kills.run(1, SEED, ignore)

    assert figures[figure].broken > 0
    assert said in capsys.readouterr().err
