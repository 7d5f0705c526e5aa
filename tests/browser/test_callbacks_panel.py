"""Events on their way to callbacks, and what a reader may do to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.dashboard import Dashboard


def test_a_delivery_that_failed_and_came_through_shows_every_attempt_and_answer(reading: Dashboard) -> None:
    reading.open("#/callbacks")

    reading.choices.filter(has_text="2 of 10 attempts").click()

    attempts = reading.page.locator(".attempts > li")
    expect(attempts).to_have_count(2)
    expect(attempts.nth(0)).to_contain_text("500")
    expect(attempts.nth(0)).to_contain_text("the database is away")
    expect(attempts.nth(1)).to_contain_text("thanks")
    expect(reading.detail.get_by_role("heading", level=2)).to_have_text("debit.created succeeded")


def test_what_was_sent_is_there_to_read(reading: Dashboard) -> None:
    reading.open("#/callbacks")
    reading.choices.first.click()

    reading.detail.get_by_text("What was sent").first.click()

    expect(reading.page.get_by_role("region", name="What was sent").first).to_contain_text('"_type": "event"')


def test_a_delivery_is_replayed(dashboard: Dashboard) -> None:
    _waiting(dashboard)
    dashboard.open("#/callbacks")
    dashboard.page.get_by_role("button", name="Take what was captured").click()
    expect(dashboard.choices.first).to_contain_text("succeeded")
    dashboard.choices.first.click()

    dashboard.page.get_by_role("button", name="Replay").click()

    expect(dashboard.choices.first).to_contain_text("pending")
    assert dashboard.client.get("/_sandbox/deliveries")["items"][-1]["status"] == "pending"


def test_a_duplicate_is_sent(dashboard: Dashboard) -> None:
    _waiting(dashboard)
    dashboard.client.post("/_sandbox/deliveries/pull")
    dashboard.open("#/callbacks")
    dashboard.choices.first.click()

    dashboard.page.get_by_role("button", name="Duplicate").click()

    expect(dashboard.detail.locator("dt", has_text="copies").locator("+ dd")).to_have_text("1")
    assert dashboard.client.get("/_sandbox/deliveries")["items"][-1]["copies"] == 1


def test_what_is_captured_is_taken(dashboard: Dashboard) -> None:
    _waiting(dashboard)
    dashboard.open("#/callbacks")
    expect(dashboard.choices.first).to_contain_text("pending")

    dashboard.page.get_by_role("button", name="Take what was captured").click()

    expect(dashboard.choices.first).to_contain_text("succeeded")


def test_the_policy_is_set_from_the_form_and_shown_in_it(dashboard: Dashboard) -> None:
    dashboard.open("#/callbacks")
    dashboard.page.get_by_text("Capture, drop, reorder").click()
    policy = dashboard.lever("PUT deliveries/policy")

    policy.get_by_label("capture").check()
    policy.get_by_label("drop").fill("debit.created, hold.voided")
    policy.get_by_role("button", name="Set the policy").click()

    expect(policy.get_by_text("capture: true")).to_be_visible()
    wanted = {"capture": True, "drop": ["debit.created", "hold.voided"], "reorder": False}
    assert dashboard.client.get("/_sandbox/deliveries/policy") == wanted


def test_an_event_that_is_delivered_appears_without_reloading(dashboard: Dashboard) -> None:
    dashboard.open("#/callbacks")
    expect(dashboard.page.get_by_text("No callback is registered.")).to_be_visible()

    _waiting(dashboard)

    expect(dashboard.choices.first).to_contain_text("account.created")


def _waiting(dashboard: Dashboard) -> None:
    """Have a callback that is sent nothing, and an event for it."""
    dashboard.client.put("/_sandbox/deliveries/policy", {"capture": True})
    marketplace = dashboard.client.get("/v1/marketplaces")["items"][0]["uri"]
    dashboard.client.post(f"{marketplace}/callbacks", {"url": "http://127.0.0.1:9/hooks"})
    dashboard.client.post("/v1/customers", {"name": "Richie"})
