"""Make the pictures of the page: ``python -m tests.browser.screenshots`` writes ``docs/screenshots/*.png``.

The world has a seed and a clock that stands still, and sandbox and listener have ports of their own, so that the same
page gives the same pictures.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright

from sandbox.background import serving
from sandbox.settings import Settings
from tests.browser import story
from tests.browser.dashboard import Dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
PORT, HOOKS = 8642, 8643
DESK, PHONE = (1200, 600), (360, 740)

SHOTS = {
    "requests": ("#/requests", ".rows a >> nth=0", DESK, "light"),
    "requests-dark": ("#/requests?filter=debits", ".rows a >> nth=1", DESK, "dark"),
    "requests-narrow": ("#/requests", ".rows a >> nth=0", PHONE, "light"),
    "records": ("#/records/debits?search=failed", ".records a", DESK, "light"),
    "money": ("#/money", "", DESK, "light"),
    "callbacks": ("#/callbacks", ".records a:has-text('2 of 10')", DESK, "light"),
    "levers": ("#/levers", "", DESK, "light"),
    "worlds": ("#/worlds", "", DESK, "light"),
}
"""What is shown: where, what is chosen there, how large, and in which theme."""


def main() -> None:
    """Tell the story once and take every picture of it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = Settings(memory=True, port=PORT, seed=7, fixtures=("shop",), clock=story.WHEN)
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with serving(settings) as url, story.listening(HOOKS) as hooks, sync_playwright() as playwright:
        story.tell(url, hooks)
        story.client(url).post(
            "/_sandbox/worlds", {"seed": 8, "clock": "2013-11-14T00:00:00Z", "fixtures": ["documented"]}
        )
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for name, (place, choice, (width, height), theme) in SHOTS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light"
            )
            page.route(re.compile("/_sandbox/requests"), _timeless)
            _take(page, url, place, choice, FOLDER / f"{name}.png")
            page.close()
        browser.close()


def _take(page: Page, url: str, place: str, choice: str, file: Path) -> None:
    dashboard = Dashboard(page, url)
    dashboard.open(place)
    if choice:
        page.locator(choice).first.click()
        expect(dashboard.detail.get_by_role("heading", level=2)).to_be_visible()
    else:
        expect(page.locator(".card td, .card li").first).to_be_visible()
    page.mouse.move(0, 0)
    page.screenshot(path=file)
    assert dashboard.wrong == []
    print(f"{file.name}: {file.stat().st_size // 1024} KiB")


def _timeless(route: Route) -> None:
    """Have every request take the same time, which is the one thing that no seed repeats."""
    answer = route.fetch()
    route.fulfill(response=answer, json=_evened(answer.json()))


def _evened(value: Any) -> Any:
    return json.loads(re.sub(r'"milliseconds": [0-9.e-]+', '"milliseconds": 0.4', json.dumps(value)))


if __name__ == "__main__":
    main()
