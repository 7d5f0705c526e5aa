"""A sandbox that listens beyond loopback: its page opens to everybody, and shows nothing without the token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sandbox.background import serving
from sandbox.client import Client
from sandbox.settings import Settings

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

TOKEN = "open sesame"


@pytest.fixture
def wide() -> Iterator[str]:
    """Serve on every address, and return the one of this machine."""
    with serving(Settings(memory=True, host="0.0.0.0", port=0, control_token=TOKEN)) as url:
        yield f"http://127.0.0.1:{url.rpartition(':')[2]}"


def test_the_page_asks_for_the_token_and_shows_the_sandbox_with_it(page: Page, wide: str) -> None:
    page.goto(f"{wide}/_sandbox/")
    expect(page.get_by_role("alert")).to_contain_text("X-Sandbox-Control")
    expect(page.locator("#live")).not_to_have_text("live")

    page.get_by_label("Control token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()

    expect(page.locator("#live")).to_have_text("live", timeout=20_000)
    expect(page.get_by_role("alert")).to_be_hidden()
    info = Client(wide, control_token=TOKEN).get("/_sandbox/info")
    Client(wide, info["world"]["api_key"]).get("/v1/customers?limit=8")
    expect(page.locator(".rows a").first).to_contain_text("limit=8")


def test_the_token_is_kept_for_the_tab_and_sent_for_the_json_of_a_view(page: Page, wide: str) -> None:
    page.goto(f"{wide}/_sandbox/#/worlds")
    page.get_by_label("Control token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("row").filter(has_text="default")).to_be_visible()
    page.reload()
    expect(page.get_by_role("row").filter(has_text="default")).to_be_visible()

    with page.expect_popup() as opened:
        page.get_by_role("link", name="as JSON").click()

    expect(opened.value.locator("body")).to_contain_text('"api_key"')


def test_a_lever_and_its_line_of_shell_have_the_token(page: Page, wide: str) -> None:
    page.goto(f"{wide}/_sandbox/#/levers")
    page.get_by_label("Control token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    settle = page.locator("form[data-lever='POST settle']")

    settle.get_by_role("button", name="Settle").click()

    expect(settle.get_by_text("settled: 0")).to_be_visible()
    expect(settle.locator(".curl")).to_contain_text(f"'X-Sandbox-Control: {TOKEN}'")
