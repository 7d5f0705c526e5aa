"""What was asked, what was answered, and why: found within a minute, by whoever opens the page."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from sandbox.background import serving
from sandbox.client import Client
from sandbox.settings import Settings
from tests.browser import story

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from tests.browser.dashboard import Dashboard


def test_a_newcomer_is_led_to_why_the_last_call_was_refused(reading: Dashboard) -> None:
    reading.open()

    reading.detail.get_by_role("link").click()

    why = reading.page.get_by_role("region", name="Why")
    expect(why).to_contain_text("Refused by the rule card-declined")
    expect(why).to_contain_text("R530: Customer call bank.")
    expect(why).to_contain_text("money.md §6.5")


def test_a_refused_request_shows_the_rule_the_field_what_came_and_where_that_is_written(reading: Dashboard) -> None:
    reading.open()

    reading.page.get_by_role("link", name="400 invalid-field").click()

    why = reading.page.get_by_role("region", name="Why")
    expect(why).to_contain_text("Refused by the rule invalid-field")
    expect(why.locator("dt", has_text="field").locator("+ dd")).to_have_text("amount")
    expect(why.locator("dt", has_text="got").locator("+ dd")).to_have_text("5")
    expect(why).to_contain_text("must be >= 50")
    expect(why.locator("dt", has_text="reference").locator("+ dd")).to_contain_text("§")


def test_the_request_and_the_answer_stand_side_by_side(reading: Dashboard) -> None:
    reading.open()

    reading.rows.first.click()

    asked, answered = (reading.page.get_by_role("region", name=f"The {side}") for side in ("request", "answer"))
    expect(asked).to_contain_text('"amount": 3300')
    expect(answered).to_contain_text('"category_code": "card-declined"')
    left, right = asked.bounding_box(), answered.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] < right["x"]
    assert left["y"] == right["y"]


def test_a_row_says_the_method_the_path_the_status_the_time_it_took_and_the_world(reading: Dashboard) -> None:
    reading.open()

    first = reading.rows.first

    expect(first.locator(".method")).to_have_text("POST")
    expect(first.locator(".path")).to_contain_text("/debits")
    expect(first.locator(".status")).to_have_text("402 card-declined")
    expect(first.locator(".ms")).to_contain_text(" ms")
    expect(first.locator(".world")).to_have_text("default")


def test_a_request_appears_without_reloading(dashboard: Dashboard) -> None:
    dashboard.open()
    expect(dashboard.page.get_by_text("No request yet.")).to_be_visible()

    dashboard.client.get("/v1/customers?limit=7")

    expect(dashboard.rows).to_have_count(1)
    expect(dashboard.rows.first).to_contain_text("/v1/customers?limit=7")
    expect(dashboard.page.locator("#said")).to_contain_text("/v1/customers?limit=7")


def test_the_empty_list_says_a_line_that_fills_it(dashboard: Dashboard) -> None:
    dashboard.open()
    line = dashboard.page.locator(".try").inner_text()

    subprocess.run([*shlex.split(line), "--silent", "--noproxy", "*"], check=True, capture_output=True)

    expect(dashboard.rows).to_have_count(1)


def test_the_list_is_filtered_while_typing_and_the_address_remembers(reading: Dashboard) -> None:
    reading.open()
    expect(reading.rows.nth(3)).to_be_attached()

    reading.page.get_by_label("Filter requests").press_sequentially("402 debits")

    expect(reading.rows).to_have_count(1)
    expect(reading.page.locator(".list .count")).to_contain_text("1 of ")
    reading.page.reload()
    expect(reading.rows).to_have_count(1)
    expect(reading.page.get_by_label("Filter requests")).to_have_value("402 debits")


def test_what_matches_nothing_says_what_can_be_asked_for(reading: Dashboard) -> None:
    reading.open()

    reading.page.get_by_label("Filter requests").fill("no such thing")

    expect(reading.page.get_by_text("No request has these words.")).to_be_visible()


def test_the_copied_line_of_curl_asks_the_same_again(context: BrowserContext, dashboard: Dashboard) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    dashboard.client.post("/v1/customers", {"name": "It's “Richie”"})
    dashboard.open()
    dashboard.rows.first.click()

    dashboard.page.get_by_role("button", name="Copy as curl").click()

    expect(dashboard.page.get_by_role("button", name="copied")).to_be_visible()
    line = dashboard.page.evaluate("() => navigator.clipboard.readText()")
    asked = [*shlex.split(line), "--silent", "--noproxy", "*"]
    answer = subprocess.run(asked, check=True, capture_output=True, text=True)
    assert json.loads(answer.stdout)["name"] == "It's “Richie”"


def test_a_replayed_request_is_asked_again_and_shown(dashboard: Dashboard) -> None:
    dashboard.client.post("/v1/customers", {"name": "Richie"})
    dashboard.open()
    dashboard.rows.first.click()
    before = dashboard.place

    dashboard.page.get_by_role("button", name="Replay").click()

    expect(dashboard.rows).to_have_count(2)
    dashboard.page.wait_for_url(lambda address: before not in address)
    expect(dashboard.page.get_by_role("region", name="The answer")).to_contain_text("Richie")
    assert dashboard.client.get("/_sandbox/records/customers?search=Richie")["total"] == 2


def test_a_request_with_a_card_number_is_not_replayed_and_says_why(dashboard: Dashboard) -> None:
    story.paying(dashboard.client)
    dashboard.open()
    dashboard.rows.first.click()

    dashboard.page.get_by_role("button", name="Replay").click()

    expect(dashboard.detail.locator(".said")).to_contain_text("does not keep the secrets")
    expect(dashboard.rows).to_have_count(1)


def test_a_link_of_an_answer_leads_to_the_record(reading: Dashboard) -> None:
    reading.open("#/requests?filter=refunds.create")
    reading.rows.first.click()

    reading.page.get_by_role("region", name="The answer").get_by_role("link", name="debits/").first.click()

    expect(reading.detail.get_by_role("heading", level=2)).to_contain_text("debit $120.00")


def test_back_forward_and_reload_lead_where_they_say(reading: Dashboard) -> None:
    reading.open()
    reading.page.get_by_role("link", name="400 invalid-field").click()
    heading = reading.page.get_by_text("Refused by the rule invalid-field")
    expect(heading).to_be_visible()

    reading.page.get_by_role("link", name="Money").click()
    expect(reading.page.get_by_role("heading", name="Does it add up?")).to_be_visible()
    reading.page.go_back()
    expect(heading).to_be_visible()
    reading.page.reload()

    expect(heading).to_be_visible()


def test_every_view_has_its_json(reading: Dashboard) -> None:
    reading.open()
    reading.rows.first.click()
    expect(reading.page.get_by_text("Refused by the rule")).to_be_visible()

    with reading.page.expect_popup() as opened:
        reading.page.get_by_role("link", name="as JSON").click()

    shown = json.loads(opened.value.locator("body").inner_text())
    assert shown["refused"]["rule"] == "card-declined"


def test_requests_of_every_world_are_shown_unless_one_is_enough(dashboard: Dashboard) -> None:
    other = Client(dashboard.url, dashboard.client.post("/_sandbox/worlds", {"seed": 1})["api_key"])
    dashboard.client.get("/v1/customers?limit=1")
    dashboard.open()

    other.get("/v1/customers?limit=2")

    expect(dashboard.rows).to_have_count(2)
    expect(dashboard.rows.first.locator(".world")).not_to_have_text("default")
    dashboard.page.get_by_label("this world").check()
    expect(dashboard.rows).to_have_count(1)
    expect(dashboard.rows.first).to_contain_text("limit=1")


def test_the_page_connects_again_by_itself_and_has_what_it_missed(page: Page) -> None:
    from tests.browser.dashboard import Dashboard

    with serving(Settings(memory=True, port=0, seed=7)) as url:
        dashboard = Dashboard(page, url)
        dashboard.open()
    expect(page.locator("#live")).to_have_text("reconnecting")

    with serving(Settings(memory=True, port=int(url.rpartition(":")[2]), seed=7)):
        story.client(url).get("/v1/customers?limit=3")

        expect(page.locator("#live")).to_have_text("live", timeout=20_000)
        expect(dashboard.rows).to_have_count(1)
        story.client(url).get("/v1/customers?limit=4")
        expect(dashboard.rows.first).to_contain_text("limit=4")
    assert dashboard.wrong == []


def test_the_requests_of_a_world_are_forgotten_by_a_click(dashboard: Dashboard) -> None:
    dashboard.client.get("/v1/customers")
    dashboard.open()
    expect(dashboard.rows).to_have_count(1)

    dashboard.page.get_by_role("button", name="Clear").click()

    expect(dashboard.page.get_by_text("No request yet.")).to_be_visible()
    assert dashboard.client.get("/_sandbox/requests")["items"] == []
