"""Light and dark, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.dashboard import Dashboard

PANELS = {
    "requests": ".rows a",
    "records/debits": ".records a",
    "money": ".marks li",
    "callbacks": ".records a",
    "levers": ".checkpoints td",
    "worlds": "td",
}
"""What is in sight when a panel is there."""

LIGHT = "rgb(246, 247, 249)"
DARK = "rgb(15, 18, 22)"


@pytest.mark.parametrize(("scheme", "ground"), [("light", LIGHT), ("dark", DARK)])
def test_the_page_is_as_light_or_dark_as_the_reader_has_it(reading: Dashboard, scheme: str, ground: str) -> None:
    reading.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    reading.open()

    expect(reading.page.locator("body")).to_have_css("background-color", ground)


def test_the_theme_is_chosen_by_a_button_and_remembered(reading: Dashboard) -> None:
    reading.page.emulate_media(color_scheme="light")
    reading.open()
    theme = reading.page.get_by_role("button", name="Theme")

    theme.click()
    theme.click()

    expect(theme).to_have_text("Theme: dark")
    expect(reading.page.locator("body")).to_have_css("background-color", DARK)
    reading.page.reload()
    expect(reading.page.locator("body")).to_have_css("background-color", DARK)
    theme.click()
    expect(reading.page.locator("body")).to_have_css("background-color", LIGHT)


@pytest.mark.parametrize("width", [360, 1280, 1600])
def test_nothing_is_cut_off_or_needs_to_be_scrolled_sideways(reading: Dashboard, width: int) -> None:
    reading.page.set_viewport_size({"width": width, "height": 800})
    reading.open()

    for panel, there in PANELS.items():
        reading.page.evaluate("(panel) => { location.hash = `/${panel}` }", panel)
        expect(reading.page.locator(there).first).to_be_visible()
        wide = "() => [document.documentElement.scrollWidth, document.getElementById('panel').scrollWidth]"
        assert max(reading.page.evaluate(wide)) <= width, panel


def test_on_a_narrow_screen_the_list_gives_way_to_what_was_chosen_and_comes_back(reading: Dashboard) -> None:
    reading.page.set_viewport_size({"width": 360, "height": 740})
    reading.open()
    expect(reading.detail).to_be_hidden()

    reading.rows.first.click()

    expect(reading.page.get_by_text("Refused by the rule card-declined")).to_be_visible()
    expect(reading.page.locator(".list")).to_be_hidden()
    reading.page.get_by_role("link", name="Back to the list").click()
    expect(reading.rows.first).to_be_visible()
