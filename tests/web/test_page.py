"""The page and its files: small, of this package alone, and under a policy that lets nothing else in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pytest_aiohttp.plugin import AiohttpClient

from sandbox.web import page
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.worlds import Worlds
from tests.api import Api
from tests.served import Client, Served

FOLDER = Path(page.__file__).parent / "dashboard"
FILES = sorted(FOLDER.iterdir())
SCRIPTS = [path for path in FILES if path.suffix == ".js"]

SMALL = 60_000  # bytes in all

# What turns text into markup or code, or fetches without being asked.
DANGEROUS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|createContextualFragment|setHTML"
    r"|\beval\b|new Function|import\(|setTimeout\(\s*[\"'`]|WebSocket|EventSource|XMLHttpRequest|sendBeacon"
)
ELSEWHERE = re.compile(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)


def named(path: Path) -> str:
    return path.name


async def test_the_page_is_served_under_a_strict_policy(api: Api) -> None:
    answer = await api.get("/_sandbox/")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(rule.partition(" ")[::2] for rule in answer.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_who_leaves_out_the_last_slash_is_led_there(api: Api) -> None:
    answer = await api.get("/_sandbox")

    assert (answer.status, answer.headers["Location"]) == (308, "/_sandbox/")


@pytest.mark.parametrize("path", FILES, ids=named)
async def test_every_file_is_served_as_what_it_is(api: Api, path: Path) -> None:
    where = "/_sandbox/" if path.name == "index.html" else f"/_sandbox/page/{path.name}"

    answer = await api.get(where)

    types = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
    assert answer.headers["Content-Type"] == f"{types[path.suffix]}; charset=utf-8"
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("path", ["/_sandbox/page/", "/_sandbox/page/none.js", "/_sandbox/page/..%2f..%2fapp.py"])
async def test_nothing_else_of_the_package_is_served(api: Api, path: str) -> None:
    answer = await api.get(path)

    assert answer.status == 404


async def test_the_page_opens_beyond_loopback_without_the_token_and_the_levers_do_not(
    worlds: Worlds, aiohttp_client: AiohttpClient
) -> None:
    client: Client = await aiohttp_client(Served(Application(worlds, Guard(wide=True, control_token="s3cret"))))

    for path in page.paths():
        async with client.get(path) as answer:
            assert answer.status == 200
    for path in ("/_sandbox/worlds", "/_sandbox/page/../worlds", "/_sandbox/stream"):
        async with client.get(path) as answer:
            assert answer.status == 403


async def test_looking_at_the_page_is_not_in_the_log(api: Api, worlds: Worlds) -> None:
    for path in page.paths():
        await api.get(path)

    assert len(worlds.default.requests) == 0


def test_all_of_it_is_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < SMALL


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_makes_no_markup_of_text_and_goes_nowhere_else(path: Path) -> None:
    text = path.read_text()

    assert DANGEROUS.findall(text) == []
    assert ELSEWHERE.findall(text) == []


@pytest.mark.parametrize(
    "text", ["a.innerHTML = b", "el.insertAdjacentHTML('x', y)", "eval(x)", "setTimeout('x()', 1)", "await import(x)"]
)
def test_the_rule_about_markup_sees_what_it_is_about(text: str) -> None:
    assert DANGEROUS.search(text)


@pytest.mark.parametrize("text", ["https://cdn.example.com/x.js", "src=//evil.example/x", "http://fonts.example.org"])
def test_the_rule_about_elsewhere_sees_what_it_is_about(text: str) -> None:
    assert ELSEWHERE.search(text)


def test_the_page_holds_no_script_and_no_style_of_its_own() -> None:
    html = (FOLDER / "index.html").read_text()

    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", html) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_a_script_imports_files_that_are_there(path: Path) -> None:
    imported = re.findall(r'^import .* from "\./([a-z]+\.js)";$', path.read_text(), re.MULTILINE)

    assert len(imported) == path.read_text().count("\nimport ") + path.read_text().startswith("import ")
    assert {*imported} <= {other.name for other in SCRIPTS}
