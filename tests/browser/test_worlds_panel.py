"""Worlds: each with its own key, clock and ids; two test suites never meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.browser.dashboard import Dashboard


def test_a_world_is_created_with_a_seed_a_clock_and_fixtures(dashboard: Dashboard) -> None:
    dashboard.open("#/worlds")
    create = dashboard.lever("POST worlds")

    create.get_by_label("Seed").fill("7")
    create.get_by_label("Clock").fill("2013-05-06T17:18:00Z")
    create.get_by_label("Fixtures").select_option("shop")
    create.get_by_role("button", name="Create").click()

    row = dashboard.page.get_by_role("row").filter(has_text="world-")
    expect(row).to_contain_text("2013-05-06T17:18:00Z frozen")
    expect(row).to_contain_text("shop")
    world = dashboard.client.get("/_sandbox/worlds")["items"][-1]
    assert dashboard.client.get(f"/_sandbox/records/customers?world={world['id']}&search=Alice")["total"] == 1


def test_a_bad_clock_is_refused_in_words(dashboard: Dashboard) -> None:
    dashboard.open("#/worlds")
    create = dashboard.lever("POST worlds")

    create.get_by_label("Clock").fill("tea time")
    create.get_by_role("button", name="Create").click()

    expect(create.locator(".said")).to_contain_text("clock is no time such as")
    assert len(dashboard.client.get("/_sandbox/worlds")["items"]) == 1


def test_the_key_of_a_world_is_copied(context: BrowserContext, dashboard: Dashboard) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    dashboard.open("#/worlds")

    dashboard.page.get_by_role("row").filter(has_text="default").get_by_role("button", name="copy").click()

    expect(dashboard.page.get_by_role("button", name="copied")).to_be_visible()
    key = dashboard.client.get("/_sandbox/info")["world"]["api_key"]
    assert dashboard.page.evaluate("() => navigator.clipboard.readText()") == key


def test_another_world_is_switched_to_and_levers_act_on_it(dashboard: Dashboard) -> None:
    world = dashboard.client.post("/_sandbox/worlds", {"clock": "2013-05-06T17:18:00Z"})["id"]
    dashboard.open("#/levers")

    dashboard.page.get_by_label("World").select_option(world)
    expect(dashboard.page.locator("#clock")).to_have_text("2013-05-06T17:18:00Z frozen")
    dashboard.page.get_by_role("button", name="Advance").click()

    expect(dashboard.page.locator("#clock")).to_have_text("2013-05-07T17:18:00Z frozen")
    assert f"world={world}" in dashboard.place
    assert dashboard.client.get("/_sandbox/clock")["running"]


def test_a_world_that_was_made_elsewhere_appears_without_reloading(dashboard: Dashboard) -> None:
    dashboard.open("#/worlds")
    expect(dashboard.page.get_by_role("row")).to_have_count(2)

    dashboard.client.post("/_sandbox/worlds", {})

    expect(dashboard.page.get_by_role("row")).to_have_count(3)
    expect(dashboard.page.get_by_label("World").get_by_role("option")).to_have_count(2)


def test_a_world_is_dropped_after_asking(dashboard: Dashboard) -> None:
    dashboard.client.post("/_sandbox/worlds", {})
    dashboard.open("#/worlds")

    dashboard.page.get_by_role("button", name="Drop").click()
    dashboard.page.get_by_role("button", name="Drop: sure?").click()

    expect(dashboard.page.get_by_role("row")).to_have_count(2)
    assert len(dashboard.client.get("/_sandbox/worlds")["items"]) == 1


def test_a_link_to_a_world_that_is_gone_says_so(dashboard: Dashboard) -> None:
    dashboard.open("#/money?world=world-7")

    expect(dashboard.page.get_by_role("alert")).to_contain_text("there is no world world-7")
