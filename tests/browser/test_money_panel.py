"""The escrow book: what moved, and whether it adds up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser import story

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.dashboard import Dashboard


def test_what_is_in_escrow_is_shown_in_dollars(reading: Dashboard) -> None:
    reading.open("#/money")

    in_escrow = reading.client.get("/v1/marketplaces")["items"][0]["in_escrow"]

    expect(reading.page.locator(".escrow")).to_have_text(f"In escrow ${in_escrow / 100:,.2f}")


def test_the_book_has_a_line_for_each_kind_and_status(reading: Dashboard) -> None:
    reading.open("#/money")

    book = reading.page.get_by_role("table", name="By kind and status")

    expect(book.get_by_role("row", name="debits succeeded 2 $170.00")).to_be_visible()
    expect(book.get_by_role("row", name="debits failed 1 $75.00")).to_be_visible()


def test_the_chart_says_in_words_what_it_draws(reading: Dashboard) -> None:
    reading.open("#/money")

    chart = reading.page.get_by_role("img", name="In escrow: ")

    expect(chart).to_be_visible()
    expect(chart.locator(".step")).to_have_attribute("d", re.compile("^M0,[0-9.]+H[0-9.]+(V[0-9.]+H[0-9.]+)+$"))


def test_the_invariants_have_a_mark_each(reading: Dashboard) -> None:
    reading.open("#/money")

    marks = reading.page.locator(".marks > li")

    expect(marks).to_have_count(len(reading.client.get("/_sandbox/money")["invariants"]))
    expect(marks.first).to_contain_text("✓ holds")
    expect(reading.page.get_by_text("✗ broken")).to_have_count(0)


def test_a_broken_invariant_is_marked_and_says_what_is_wrong(dashboard: Dashboard) -> None:
    dump = dashboard.client.get("/_sandbox/dump")
    dump["tables"]["marketplaces"][0]["in_escrow"] = 1234
    dashboard.client.put("/_sandbox/load", dump)

    dashboard.open("#/money")

    expect(dashboard.page.locator(".marks")).to_contain_text("✗ broken")
    expect(dashboard.page.locator(".marks li li").first).to_contain_text("1234")


def test_money_that_moves_is_shown_without_reloading(dashboard: Dashboard) -> None:
    payer = story.paying(dashboard.client)
    dashboard.open("#/money")
    expect(dashboard.page.get_by_text("No money has moved. Debit a card")).to_be_visible()

    dashboard.client.post(payer["debits_uri"], {"amount": 1234567})

    expect(dashboard.page.locator(".escrow")).to_have_text("In escrow $12,345.67")
    expect(dashboard.page.get_by_role("table", name="The last 1 of 1")).to_contain_text("$12,345.67")


def test_a_movement_leads_to_what_moved(reading: Dashboard) -> None:
    reading.open("#/money")

    reading.page.get_by_role("table", name="The last").get_by_role("link").last.click()

    expect(reading.detail.get_by_role("heading", level=2)).to_have_text("debit $50.00 succeeded")
