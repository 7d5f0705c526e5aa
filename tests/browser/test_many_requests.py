"""Ten thousand requests in the log: the page stays in the reader's hands."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.dashboard import Dashboard

WORLDS = 10
EACH = 1000  # as many as a world's log keeps

WATCH = """() => {
  window.longest = 0;
  const note = (list) => { for (const { duration } of list.getEntries()) longest = Math.max(longest, duration); };
  new PerformanceObserver(note).observe({ type: "longtask", buffered: true });
}"""


def test_ten_thousand_requests_are_listed_filtered_and_added_to(
    dashboard: Dashboard, record_property: Callable[[str, object], None]
) -> None:
    keys = [dashboard.client.post("/_sandbox/worlds", {})["api_key"] for _ in range(WORLDS)]
    with ThreadPoolExecutor(4) as several:
        list(several.map(lambda key: _ask(dashboard.url, key), keys))
    dashboard.page.add_init_script(f"({WATCH})()")
    page, count = dashboard.page, dashboard.page.locator(".list .count")

    dashboard.open()
    expect(count).to_have_text(f"{WORLDS * EACH}", timeout=30_000)

    # Only what is in sight is in the document, wherever the reader is.
    assert dashboard.rows.count() < 60
    dashboard.rows.first.focus()
    page.keyboard.press("End")
    expect(page.locator(f"[aria-posinset='{WORLDS * EACH}']")).to_be_visible()
    assert dashboard.rows.count() < 60

    # Whoever looks at the oldest goes on looking at them while new ones come.
    focused = page.evaluate("() => document.activeElement.dataset.key")
    dashboard.client.get("/v1/customers?limit=9")
    expect(count).to_have_text(f"{WORLDS * EACH + 1}")
    assert page.evaluate("() => document.activeElement.dataset.key") == focused
    expect(page.locator(f"[data-key='{focused}']")).to_be_in_viewport()

    page.get_by_label("Filter requests").press_sequentially("limit=9 200")
    expect(dashboard.rows).to_have_count(1)
    dashboard.rows.click()
    expect(dashboard.detail.get_by_role("heading", level=2)).to_contain_text("/v1/customers")
    record_property("longest task, ms", page.evaluate("() => longest"))


def _ask(url: str, key: str) -> None:
    connection = HTTPConnection(urlsplit(url).netloc)
    headers = {"Authorization": "Basic " + b64encode(f"{key}:".encode()).decode()}
    for number in range(EACH):
        connection.request("GET", f"/v1/api_keys?limit=1&offset={number}", headers=headers)
        connection.getresponse().read()
    connection.close()
