"""The audit of a bank: histories of one that keeps to the rules pass, and every planted fault is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.durability.audit import Record, faults, record_of
from tests.durability.honest import HonestBank, banks


@settings(deadline=None)
@given(banks())
def test_a_bank_that_keeps_to_the_rules_has_no_faults(bank: HonestBank) -> None:
    assert faults(bank.history, bank.records) == []


Day = Mapping[str, str]


def a_good_day() -> tuple[HonestBank, Day]:
    """A bank with one of everything, and the tag of each."""
    bank = HonestBank()
    tags = {"debit": bank.do("debit", 1_000).tag, "hold": bank.do("hold", 300).tag, "open": bank.do("hold", 200).tag}
    tags["capture"] = bank.do("capture", 250, tags["hold"]).tag
    tags["voided"] = bank.do("hold", 100).tag
    tags["void"] = bank.do("void", of=tags["voided"]).tag
    tags["refund"] = bank.do("refund", 400, tags["debit"]).tag
    tags["credit"] = bank.do("credit", 500).tag
    tags["reversal"] = bank.do("reversal", 100, tags["credit"]).tag
    return bank, tags


def test_a_good_day_has_no_faults() -> None:
    bank, _ = a_good_day()
    bank.do("escrow")
    bank.do("page")

    assert faults(bank.history, bank.records) == []
    assert bank.escrow == 450


def lose(bank: HonestBank, tag: str) -> None:
    """Lose a record without a trace."""
    bank.records = [record for record in bank.records if record.tag != tag]


def lose_after_a_read(bank: HonestBank) -> None:
    """Let nobody hear of a debit, somebody read it, and then lose it."""
    debit = bank.do("debit", 70)
    bank.do("escrow")
    bank.unheard(debit)
    lose(bank, debit.tag)
    bank.escrow -= 70


def see_and_then_not_see(bank: HonestBank) -> None:
    """Let two reads follow each other during a debit, of which only the first sees it."""
    before = bank.escrow
    bank.do("debit", 70, when=(0, 90))
    bank.do("escrow")
    bank.do("escrow", told=("ok", before))


def forget_on_a_page(bank: HonestBank) -> None:
    """Show a page, whole or not, without the newest record."""
    page = bank.page()
    bank.do("page", told=("ok", page._replace(newest=page.newest[1:])))


def alter(bank: HonestBank) -> None:
    bank.records[0] = bank.records[0]._replace(amount=999)


def show_a_stranger(bank: HonestBank) -> None:
    page = bank.page()
    bank.do("page", told=("ok", page._replace(newest=(Record("debit", "nobody", 5), *page.newest))))


def show_what_was_refused(bank: HonestBank) -> None:
    credit = bank.do("credit", 10_000)
    page = bank.page()
    bank.do("page", told=("ok", page._replace(newest=(record_of(credit), *page.newest))))


def show_another_amount(bank: HonestBank) -> None:
    newest, *others = bank.page().newest
    bank.do("page", told=("ok", bank.page()._replace(newest=(newest._replace(amount=999), *others))))


def show_what_has_not_begun(bank: HonestBank) -> None:
    """Show a debit on a page before it is asked for."""
    early = len(bank.history)
    bank.do("page")
    bank.do("debit", 70)
    bank.history[early] = replace(bank.history[early], answer=bank.page())


def end(bank: HonestBank, what: str, of: str, amount: int = 0) -> None:
    """Say that a hold was captured or voided whatever became of it before."""
    bank.do(what, amount, of, told=("ok", None))


PLANTED: dict[str, tuple[str, Callable[[HonestBank, Day], object]]] = {
    "a lost debit": ("lost: ", lambda bank, day: lose(bank, day["debit"])),
    "a lost void": ("lost: ", lambda bank, day: lose(bank, day["void"])),
    "an invented credit": ("invented: ", lambda bank, _: bank.records.append(Record("credit", "nobody", 50))),
    "a refused credit that was paid": (
        "invented: ",
        lambda bank, _: bank.records.append(record_of(bank.do("credit", 10_000))),
    ),
    "a debit done twice": ("duplicated: ", lambda bank, _: bank.records.append(bank.records[0])),
    "an amount that changed": ("altered: ", lambda bank, _: alter(bank)),
    "a double capture": ("no order explains of hold", lambda bank, day: end(bank, "capture", day["hold"], 50)),
    "a capture of a void hold": (
        "no order explains of hold",
        lambda bank, day: end(bank, "capture", day["voided"], 50),
    ),
    "a void of a captured hold": ("no order explains of hold", lambda bank, day: end(bank, "void", day["hold"])),
    "a capture of more than was held": (
        "no order explains of hold",
        lambda bank, day: end(bank, "capture", day["open"], 201),
    ),
    "a refused capture of an open hold": (
        "no order explains of hold",
        lambda bank, day: bank.do("capture", 50, day["open"], told=("refused", "cannot-capture-authorization")),
    ),
    "refunds over more than the debit": (
        "no order explains of debit",
        lambda bank, day: bank.do("refund", 601, day["debit"], told=("ok", None)),
    ),
    "a refused refund of what is left": (
        "no order explains of debit",
        lambda bank, day: bank.do("refund", 600, day["debit"], told=("refused", "debit-already-refunded")),
    ),
    "a refund refused although it is there": (
        "no order explains of escrow",
        lambda bank, day: bank.do("refund", 10, day["debit"], told=("refused", "refund-insufficient-funds")),
    ),
    "reversals over more than the credit": (
        "no order explains of credit",
        lambda bank, day: bank.do("reversal", 401, day["credit"], told=("ok", None)),
    ),
    "a refund of a debit that is not there": (
        "is not there",
        lambda bank, _: bank.do("refund", 1, "nobody", told=("ok", None)),
    ),
    "a credit over more than there is": (
        "no order explains of escrow",
        lambda bank, _: bank.do("credit", 451, told=("ok", None)),
    ),
    "a credit refused although it is there": (
        "no order explains of escrow",
        lambda bank, _: bank.do("credit", 450, told=("refused", "insufficient-funds")),
    ),
    "a debit refused with the server's fault": (
        "no order explains of escrow",
        lambda bank, _: bank.do("debit", 50, told=("refused", "uncaught-error")),
    ),
    "a stale read": (
        "no order explains of escrow",
        lambda bank, _: bank.do("escrow", told=("ok", bank.escrow - 100)),
    ),
    "an overdrawn escrow": ("no order explains of escrow", lambda bank, _: bank.do("escrow", told=("ok", -1))),
    "a read that the next one takes back": (
        "no order explains of escrow",
        lambda bank, _: see_and_then_not_see(bank),
    ),
    "what was read and then lost": ("no order explains of escrow", lambda bank, _: lose_after_a_read(bank)),
    "a page that miscounts": (
        "no order explains of escrow",
        lambda bank, _: bank.do("page", told=("ok", bank.page()._replace(counts=(3, 2, 1, 1, 0)))),
    ),
    "a page that lacks a record": ("a page does not show", lambda bank, _: forget_on_a_page(bank)),
    "a page with what was refused": ("a page shows", lambda bank, _: show_what_was_refused(bank)),
    "a page with another amount": ("a page shows", lambda bank, _: show_another_amount(bank)),
    "a page with what has not begun": ("a page shows", lambda bank, _: show_what_has_not_begun(bank)),
    "a page with a stranger": ("a page shows", lambda bank, _: show_a_stranger(bank)),
    "a last balance that is not the sum": (
        "the records come to",
        lambda bank, _: bank.do("escrow", told=("ok", 451), when=(-100, 200)),
    ),
}
"""What each fault is found by."""


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    said, plant = PLANTED[name]
    bank, day = a_good_day()

    plant(bank, day)
    bank.do("escrow")
    bank.do("page")

    assert any(said in fault for fault in faults(bank.history, bank.records)), faults(bank.history, bank.records)


def test_a_fault_is_told_with_what_was_under_way() -> None:
    bank, _ = a_good_day()
    bank.do("debit", 70, when=(0, 16))
    bank.do("escrow", told=("ok", 12))
    bank.do("escrow", when=(-50, 60))

    (fault,) = faults(bank.history, bank.records)

    told, possible, *together = fault.splitlines()
    assert "escrow {}: ok 12" in told
    assert "escrow=450" in possible
    assert "escrow=520" in possible
    assert [line.split()[3] for line in together] == ["debit", "escrow"]
