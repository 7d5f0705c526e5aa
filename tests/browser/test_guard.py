"""What pages of other sites can do to a sandbox on the same machine: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_browser_reads_health(page: Page, url: str) -> None:
    answer = page.goto(f"{url}/_sandbox/health")

    assert answer is not None
    assert answer.status == 200
