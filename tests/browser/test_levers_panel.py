"""Time, trouble and the state of a world, in the reader's hands; each lever with its line of shell."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.browser import story

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.dashboard import Dashboard


def test_the_clock_is_frozen_and_advanced_by_a_day(dashboard: Dashboard) -> None:
    dashboard.open("#/levers")
    moment = dashboard.lever("PUT clock")
    moment.get_by_label("Time").fill("2030-01-01T00:00:00Z")
    moment.get_by_role("button", name="Set").click()
    expect(dashboard.page.locator(".now")).to_have_text("2030-01-01T00:00:00Z frozen")

    dashboard.page.get_by_role("button", name="Advance").click()

    expect(dashboard.page.locator(".now")).to_have_text("2030-01-02T00:00:00Z frozen")
    expect(dashboard.page.locator("#clock")).to_have_text("2030-01-02T00:00:00Z frozen")


def test_a_time_in_the_past_is_refused_in_words(dashboard: Dashboard) -> None:
    dashboard.open("#/levers")
    moment = dashboard.lever("PUT clock")

    moment.get_by_label("Time").fill("1999-01-01T00:00:00Z")
    moment.get_by_role("button", name="Set").click()

    expect(moment.locator(".said")).to_contain_text("now ")
    expect(moment.locator(".said")).to_have_attribute("data-came", "bad")


def test_what_is_due_next_is_shown(dashboard: Dashboard) -> None:
    payer = story.paying(dashboard.client)
    dashboard.open("#/levers")
    expect(dashboard.page.get_by_text("Nothing is due.")).to_be_visible()

    hold = dashboard.client.post(payer["holds_uri"], {"amount": 500})

    due = dashboard.page.get_by_role("table", name="What is due next")
    expect(due).to_contain_text("holds.expire")
    expect(due).to_contain_text(hold["id"])


def test_a_fault_is_added_from_a_form_that_shows_the_rule_and_does_what_it_says(dashboard: Dashboard) -> None:
    payer = story.paying(dashboard.client)
    dashboard.open("#/levers")
    fault = dashboard.lever("POST faults")

    fault.get_by_label("Amount").fill("1000")
    fault.get_by_label("Do").select_option("status")
    expect(fault.get_by_label("With")).to_have_value("500")
    fault.get_by_label("With").fill("503")

    rule = {"on": {"operation": "debits.create", "amount": {">=": 1000}}, "do": {"status": 503}, "times": 1}
    assert json.loads(fault.locator(".rule").inner_text()) == rule
    fault.get_by_role("button", name="Add").click()
    expect(dashboard.page.get_by_role("table", name="Faults")).to_contain_text('{"status":503}')
    assert story.refused(dashboard.client, payer["debits_uri"], {"amount": 1000}).status == 503


@pytest.mark.parametrize(
    ("does", "example"),
    [
        ("decline", "card-declined"),
        ("status_after_commit", 500),
        ("delay_ms", 800),
        ("drop", "after"),
        ("bank", "fails"),
    ],
)
def test_every_example_of_what_a_fault_does_is_a_rule(dashboard: Dashboard, does: str, example: object) -> None:
    dashboard.open("#/levers", live=False)
    fault = dashboard.lever("POST faults")

    fault.get_by_label("Do").select_option("drop")
    fault.get_by_label("Do").select_option(does)
    fault.get_by_role("button", name="Add").click()

    expect(fault.locator(".said")).to_have_attribute("data-came", "good")
    (kept,) = dashboard.client.get("/_sandbox/faults")["items"]
    assert kept["do"] == {does: example}


def test_faults_are_cleared_one_by_one_and_all_at_once(dashboard: Dashboard) -> None:
    for code in ("card-declined", "card-not-valid", "authorization-failed"):
        dashboard.client.post("/_sandbox/faults", {"do": {"decline": code}})
    dashboard.open("#/levers")
    faults = dashboard.page.get_by_role("table", name="Faults")

    faults.get_by_role("button", name="Clear").first.click()
    expect(faults.get_by_role("row")).to_have_count(3)
    dashboard.page.get_by_role("button", name="Clear all faults").click()

    expect(dashboard.page.get_by_text("No fault waits for a request.")).to_be_visible()
    assert dashboard.client.get("/_sandbox/faults")["items"] == []


def test_a_checkpoint_is_saved_compared_and_restored(dashboard: Dashboard) -> None:
    dashboard.open("#/levers")
    dashboard.lever("PUT checkpoints/{name}").get_by_label("Name").fill("lunch & tea")
    dashboard.page.get_by_role("button", name="Save").click()
    saved = dashboard.page.get_by_role("row", name="lunch & tea")
    expect(saved).to_be_visible()
    customer = dashboard.client.post("/v1/customers", {"name": "Richie"})

    saved.get_by_role("button", name="Diff").click()
    expect(dashboard.page.get_by_role("table", name="What changed since lunch & tea")).to_contain_text(customer["id"])
    saved.get_by_role("button", name="Restore").click()
    saved.get_by_role("button", name="Restore: sure?").click()

    expect(saved.locator(".said").filter(has_text="now: ")).to_be_visible()
    assert dashboard.client.get("/_sandbox/records/customers?search=Richie")["total"] == 0


def test_what_is_pending_is_settled(dashboard: Dashboard) -> None:
    _pending(dashboard)
    dashboard.open("#/levers")

    dashboard.page.get_by_role("button", name="Settle").click()

    expect(dashboard.lever("POST settle").get_by_text("settled: 1")).to_be_visible()


def test_a_reset_asks_first_and_goes_back_to_the_fixtures(dashboard: Dashboard) -> None:
    dashboard.client.post("/v1/customers", {"name": "Richie"})
    dashboard.open("#/levers")
    reset = dashboard.lever("POST reset")

    reset.get_by_role("button", name="Reset").click()
    assert dashboard.client.get("/_sandbox/records/customers?search=Richie")["total"] == 1
    reset.get_by_role("button", name="Reset: sure?").click()

    expect(reset.locator(".said")).to_have_attribute("data-came", "good")
    assert dashboard.client.get("/_sandbox/records/customers?search=Richie")["total"] == 0


def test_people_are_invented(dashboard: Dashboard) -> None:
    dashboard.open("#/levers")

    dashboard.lever("POST invent").get_by_label("Customers").fill("3")
    dashboard.page.get_by_role("button", name="Invent").click()

    expect(dashboard.lever("POST invent").get_by_text("customers: 3")).to_be_visible()


def test_a_world_is_dumped_and_loaded(dashboard: Dashboard, tmp_path: Path) -> None:
    dashboard.client.post("/v1/customers", {"name": "Richie"})
    dashboard.open("#/levers")
    with dashboard.page.expect_download() as download:
        dashboard.page.get_by_role("link", name="Dump it").click()
    download.value.save_as(tmp_path / "world.json")
    dashboard.client.post("/_sandbox/reset", {"to": "empty"})

    load = dashboard.lever("PUT load")
    load.get_by_label("A dump").set_input_files(tmp_path / "world.json")
    load.get_by_role("button", name="Load").click()
    load.get_by_role("button", name="Load: sure?").click()

    expect(load.locator(".said")).to_have_attribute("data-came", "good")
    assert dashboard.client.get("/_sandbox/records/customers?search=Richie")["total"] == 1


def test_every_lever_has_a_line_of_shell(dashboard: Dashboard) -> None:
    dashboard.client.post("/_sandbox/faults", {"do": {"status": 500}})
    dashboard.client.put("/_sandbox/checkpoints/lunch")
    dashboard.open("#/levers")
    expect(dashboard.page.get_by_role("row", name="lunch")).to_be_visible()

    forms = dashboard.page.locator("form[data-lever]").all()
    buttons = dashboard.page.locator("span.lever").all()

    assert len(forms) == 8
    assert len(buttons) >= 5
    for lever in forms + buttons:
        assert (lever.locator(".curl").text_content() or "").startswith("curl -u ")


@pytest.mark.parametrize(
    "lever", ["POST clock/advance", "POST faults", "PUT checkpoints/{name}", "POST invent", "POST settle"]
)
def test_the_line_of_a_lever_does_the_same(dashboard: Dashboard, lever: str) -> None:
    dashboard.open("#/levers")
    line = dashboard.lever(lever).locator(".curl").inner_text()

    answer = subprocess.run([*shlex.split(line), "-sf", "--noproxy", "*"], check=True, capture_output=True)

    assert json.loads(answer.stdout)


def _pending(dashboard: Dashboard) -> None:
    marketplace = dashboard.client.get("/v1/marketplaces")["items"][0]["uri"]
    payer = story.paying(dashboard.client)
    dashboard.client.post(payer["debits_uri"], {"amount": 5000})
    account = {**story.FAILING, "account_number": "9900000000"}
    dashboard.client.post(f"{marketplace}/credits", {"amount": 500, "bank_account": account})
