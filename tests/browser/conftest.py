"""The sandbox as a browser meets it: Chromium of this machine, without a window.

The tests are skipped where Playwright or Chromium is missing, unless ``BALANCED_SANDBOX_TEST_BROWSER`` says
``required``: then they fail. They are plain functions and share one browser a module, since Playwright's loop must be
gone before a test with a loop of its own begins.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

from sandbox.background import serving
from sandbox.settings import Settings
from tests.browser import story

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.browser.dashboard import Dashboard


@pytest.fixture(scope="module")
def flags() -> list[str]:
    """What Chromium is started with; a module may have its own."""
    return []


@pytest.fixture(scope="module")
def browser(flags: list[str]) -> Iterator[Browser]:
    """Start Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright is not installed: pip install '.[browser]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        missing("Chromium is not installed")
    # Root, as in a container, is not let into Chromium's own sandbox.
    needed = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=[*needed, *flags])
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Return a profile that has seen nothing yet."""
    with browser.new_context() as opened:
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def url() -> Iterator[str]:
    """Serve a world in memory, and return where."""
    with serving(Settings(memory=True, port=0, seed=7)) as where:
        yield where


@pytest.fixture
def dashboard(page: Page, url: str) -> Iterator[Dashboard]:
    """Return the page over an empty world; a test fails when the page does what it must not."""
    yield from _watched(page, url)


@pytest.fixture(scope="module")
def told() -> Iterator[str]:
    """Serve a world with something to see, and return where; it is for looking, as a module has it once."""
    settings = Settings(memory=True, port=0, seed=7, fixtures=("shop",), clock=story.WHEN)
    with serving(settings) as where, story.listening() as hooks:
        story.tell(where, hooks)
        yield where


@pytest.fixture
def reading(page: Page, told: str) -> Iterator[Dashboard]:
    """Return the page over a world with something to see."""
    yield from _watched(page, told)


def _watched(page: Page, url: str) -> Iterator[Dashboard]:
    from tests.browser.dashboard import Dashboard

    watched = Dashboard(page, url)
    yield watched
    page.close()  # so that it does not ask again while the sandbox stops
    assert watched.wrong == []


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where a browser is required."""
    if os.environ.get("BALANCED_SANDBOX_TEST_BROWSER") == "required":
        pytest.fail(what)
    pytest.skip(what)
