"""Everything by keyboard alone, and always to be seen where the keys go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.dashboard import Dashboard

WHERE = """() => {
  const { activeElement: here } = document;
  if (here === document.body) return null;
  return { name: here.ariaLabel || here.textContent || here.name, outline: getComputedStyle(here).outlineStyle };
}"""


def test_a_refused_request_is_found_and_understood_by_keyboard(reading: Dashboard) -> None:
    page = reading.page
    reading.open()

    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the panel")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Filter requests")).to_be_focused()
    page.keyboard.type("debits")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(reading.rows.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(reading.rows.nth(1)).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_text("Refused by the rule invalid-field")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy as curl")).to_be_focused()


def test_a_slash_leads_to_the_filter_and_escape_back_to_the_list(reading: Dashboard) -> None:
    reading.open("#/requests")
    reading.rows.first.click()
    expect(reading.page.get_by_text("Refused by the rule")).to_be_visible()

    reading.page.keyboard.press("Escape")
    expect(reading.page.get_by_text("Refused by the rule")).to_be_hidden()
    reading.page.keyboard.press("/")

    expect(reading.page.get_by_label("Filter requests")).to_be_focused()
    expect(reading.page.get_by_label("Filter requests")).to_have_value("")


def test_the_keys_stay_where_they_are_while_requests_come(dashboard: Dashboard) -> None:
    for _ in range(3):
        dashboard.client.get("/v1/customers")
    dashboard.open()
    dashboard.rows.nth(1).focus()
    focused = dashboard.rows.nth(1).get_attribute("data-key")

    dashboard.client.get("/v1/customers")

    expect(dashboard.rows).to_have_count(4)
    expect(dashboard.page.locator(f"[data-key='{focused}']")).to_be_focused()


def test_a_lever_is_pulled_by_keyboard(dashboard: Dashboard) -> None:
    dashboard.open("#/levers")

    dashboard.page.get_by_label("Days").focus()
    dashboard.page.keyboard.press("Enter")

    expect(dashboard.lever("POST clock/advance").locator(".said")).to_contain_text("done: 0")


@pytest.mark.parametrize("panel", ["requests", "records", "money", "callbacks", "levers", "worlds"])
def test_every_stop_of_the_tab_key_has_a_name_and_an_outline(reading: Dashboard, panel: str) -> None:
    reading.open(f"#/{panel}")
    reading.page.locator("#skip").focus()
    stops = []

    for _ in range(30):
        reading.page.keyboard.press("Tab")
        here = reading.page.evaluate(WHERE)
        if here is None:
            break  # beyond the page
        stops.append(here)

    assert len(stops) > 8
    assert [stop for stop in stops if stop["outline"] == "none" or not stop["name"].strip()] == []
