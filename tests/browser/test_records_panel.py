"""What exists now, and what made each record what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.dashboard import Dashboard


def test_the_collections_are_shown_with_their_counts(reading: Dashboard) -> None:
    reading.open("#/records")

    kinds = reading.page.get_by_role("list", name="Collections")

    expect(kinds.get_by_role("link", name="debits 3", exact=True)).to_be_visible()
    expect(kinds.get_by_role("link", name="reversals 0", exact=True)).to_be_visible()


def test_a_failed_debit_is_found_and_says_why_it_failed(reading: Dashboard) -> None:
    reading.open("#/records/debits")

    reading.page.get_by_label("Search records").press_sequentially("failed")
    expect(reading.choices).to_have_count(1)
    reading.choices.click()

    expect(reading.detail.get_by_role("heading", level=2)).to_have_text("debit $75.00 failed")
    timeline = reading.page.get_by_role("list", name="What made it what it is").get_by_role("listitem")
    expect(timeline.first).to_contain_text("debits.create")
    expect(timeline.last).to_contain_text("debit.failed")
    expect(timeline.last).to_contain_text("the bank refuses the test number")


def test_a_moment_of_the_timeline_leads_to_its_request(reading: Dashboard) -> None:
    reading.open("#/records/debits?search=failed")
    reading.choices.click()

    reading.detail.get_by_role("link", name="debits.create").click()

    expect(reading.page.get_by_role("region", name="The request")).to_contain_text('"amount": 7500')


def test_a_record_is_a_card_with_dollars_and_links(reading: Dashboard) -> None:
    reading.open("#/records/debits?search=failed")
    reading.choices.click()

    expect(reading.detail.locator("dt", has_text="amount").locator("+ dd")).to_have_text("$75.00")
    reading.detail.get_by_role("link", name="bank_account Reginald Musgrave").click()

    expect(reading.detail.get_by_role("heading", level=2)).to_contain_text("bank_account Reginald Musgrave")


def test_a_record_is_shown_as_json_with_every_link_to_follow(reading: Dashboard) -> None:
    reading.open("#/records/customers?search=Reginald")
    reading.choices.first.click()

    reading.detail.get_by_text("As JSON").click()
    record = reading.page.get_by_role("region", name="The record")
    uris = record.evaluate('(shown) => shown.textContent.match(/"\\/v1\\/[^"]+"/g).length')

    assert record.get_by_role("link").count() == uris
    record.get_by_role("link", name="/debits").click()
    expect(reading.choices).to_have_count(1)
    expect(reading.choices).to_contain_text("$75.00")


def test_a_new_record_appears_without_reloading(dashboard: Dashboard) -> None:
    dashboard.open("#/records/customers?search=Richie")
    expect(dashboard.page.get_by_text("No customers with “Richie”.")).to_be_visible()

    dashboard.client.post("/v1/customers", {"name": "Richie"})

    expect(dashboard.choices).to_have_count(1)


def test_many_records_are_shown_page_by_page(dashboard: Dashboard) -> None:
    dashboard.client.post("/_sandbox/invent", {"customers": 60, "seed": 1})
    dashboard.open("#/records/customers")
    expect(dashboard.choices).to_have_count(50)

    dashboard.page.get_by_role("link", name="older").click()

    expect(dashboard.page.get_by_text("51 to 63 of 63")).to_be_visible()
    expect(dashboard.choices).to_have_count(13)
    dashboard.page.get_by_role("link", name="newer").click()
    expect(dashboard.choices).to_have_count(50)


def test_an_empty_collection_says_what_to_do_next(dashboard: Dashboard) -> None:
    dashboard.open("#/records/debits")

    expect(dashboard.page.get_by_text("No debits yet. Create one through the API")).to_be_visible()


def test_a_record_that_is_not_there_says_so(dashboard: Dashboard) -> None:
    dashboard.open("#/records/debits/WDnone")

    expect(dashboard.page.get_by_role("alert")).to_contain_text("WDnone")
