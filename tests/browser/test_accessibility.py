"""What axe-core finds wrong for who cannot see, hear or point: nothing serious, in no panel and no theme.

It comes from npm, of one version and with its integrity checked, so it is fetched only when
``BALANCED_SANDBOX_TEST_BROWSER`` is set. It is put into the page by the browser's own tools, so the page's policy is
the one everybody gets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import missing

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.dashboard import Dashboard

AXE = Path(__file__).resolve().parent / "axe"
INSTALL = 120.0  # seconds

PLACES = ["requests", "requests?filter=402", "records/debits?search=failed", "money", "callbacks", "levers", "worlds"]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fetch axe-core, and return its source."""
    if not os.environ.get("BALANCED_SANDBOX_TEST_BROWSER"):
        pytest.skip("BALANCED_SANDBOX_TEST_BROWSER is not set, so nothing is fetched")
    if shutil.which("npm") is None:
        missing("npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(AXE / name, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries", "1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL, check=False)
    if done.returncode != 0:
        missing(f"npm could not install axe-core: {done.stderr}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_in_any_panel(reading: Dashboard, axe: str, scheme: str) -> None:
    reading.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found = {}

    for place in PLACES:
        reading.open(f"#/{place}")
        if "?" in place:
            reading.page.locator(".rows a, .records a").first.click()
            expect(reading.detail.get_by_role("heading", level=2)).to_be_visible()
        found[place] = _violations(reading, axe)

    assert [place for place, violations in found.items() if violations] == [], found


def test_nothing_serious_is_found_on_a_narrow_screen(reading: Dashboard, axe: str) -> None:
    reading.page.set_viewport_size({"width": 360, "height": 740})
    reading.open("#/requests")
    reading.rows.first.click()
    expect(reading.page.get_by_text("Refused by the rule")).to_be_visible()

    assert _violations(reading, axe) == []


def _violations(reading: Dashboard, axe: str) -> list[Any]:
    reading.page.evaluate(axe)
    violations = reading.page.evaluate("async () => (await axe.run()).violations")
    return [
        (one["impact"], one["id"], [node["html"][:120] for node in one["nodes"]][:3])
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]
