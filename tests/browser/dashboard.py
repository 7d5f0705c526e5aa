"""The page as a reader uses it; whatever it does that it must not do is noted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser import story

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page, Request

# A lever may say no, and the browser notes every such answer; the page shows why.
_REFUSED = re.compile(r"Failed to load resource: (the server responded with a status of 4|net::ERR_)")


class Dashboard:
    """The page of one sandbox in one tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.client = story.client(url)
        self.wrong: list[str] = []
        """What the page did that it must not: errors, reports of its policy, requests to elsewhere, dialogs."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", self._asked)
        page.on("dialog", self._interrupted)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (event) => "
            "console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))"
        )

    def open(self, place: str = "", *, live: bool = True) -> None:
        """Go to a place of the page, such as ``#/records/debits``, and wait until it is live."""
        self.page.goto(f"{self.url}/_sandbox/{place}")
        if live:
            expect(self.page.locator("#live")).to_have_text("live")

    @property
    def place(self) -> str:
        """Where the reader is, as the address says."""
        return urlsplit(self.page.url).fragment

    @property
    def rows(self) -> Locator:
        """The requests in sight."""
        return self.page.locator(".rows a")

    @property
    def choices(self) -> Locator:
        """What can be chosen in the list of records or deliveries."""
        return self.page.locator(".records a")

    @property
    def detail(self) -> Locator:
        """What is shown of what was chosen."""
        return self.page.locator(".detail")

    def lever(self, name: str) -> Locator:
        """Return the form that pulls a lever: ``POST settle``."""
        return self.page.locator(f"form[data-lever='{name}']")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _REFUSED.match(message.text):
            self.wrong.append(f"{message.type}: {message.text}")

    def _interrupted(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:,", "blob:")):
            self.wrong.append(f"request: {request.url}")
