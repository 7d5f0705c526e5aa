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

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is not installed: pip install '.[browser]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        _missing("Chromium is not installed")
    # Root, as in a container, is not let into Chromium's own sandbox.
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=flags)
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


def _missing(what: str) -> NoReturn:
    if os.environ.get("BALANCED_SANDBOX_TEST_BROWSER") == "required":
        pytest.fail(what)
    pytest.skip(what)
