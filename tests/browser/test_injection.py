"""What others wrote is shown as they wrote it, everywhere, and nothing of it is ever run."""

from __future__ import annotations

import json
from itertools import islice, product
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from sandbox.client import Refused
from tests.browser import story

pytest.importorskip("playwright")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.dashboard import Dashboard

BEFORE = ["", '"', "'", "'>", '">', "</", "</script>", "</title>", "</textarea>", "-->", "]]>", "`", "${", "{{", "\\"]
VECTORS = [
    "<script>hit()</script>",
    "<img src=x onerror=hit()>",
    "<svg onload=hit()>",
    "<svg><script>hit()</script></svg>",
    "<iframe srcdoc='<script>parent.hit()</script>'>",
    "<body onload=hit()>",
    "<a href=javascript:hit()>click</a>",
    "javascript:hit()",
    "<style>@import 'http://evil.example/x.css'</style>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<details open ontoggle=hit()>",
    "<input autofocus onfocus=hit()>",
    "<math><mtext><img src=x onerror=hit()></mtext></math>",
    "<template><script>hit()</script></template>",
]
STRINGS = list(islice((before + vector for vector, before in product(VECTORS, BEFORE)), 200))

NAMES = [text for text in STRINGS if not set(text) & set("{}")]
"""What can be a part of a path."""


@pytest.fixture
def hostile(dashboard: Dashboard) -> Dashboard:
    """Return the page over a world in which everything that takes text was given such text."""
    dashboard.page.add_init_script("window.hit = () => console.error('executed')")
    call = dashboard.client
    marketplace = call.get("/v1/marketplaces")["items"][0]["uri"]
    call.put("/_sandbox/deliveries/policy", {"capture": True})
    for text in NAMES:
        call.put(f"/_sandbox/checkpoints/{quote(text, safe='')}")
    for text in STRINGS:
        call.post("/_sandbox/faults", {"on": {"path": "/v1/*", text: text}, "do": {"status": 500}})
    for text in STRINGS[::10]:
        call.post("/_sandbox/worlds", {"seed": text})
    payer = story.paying(call, {**story.CARD, "name": STRINGS[0]}, STRINGS[1])
    for text in STRINGS:
        call.post("/v1/customers", {"name": text, "meta": {text: text}})
        story.refused(call, f"{payer['debits_uri']}?{quote(text)}={quote(text)}", {"amount": text, "description": text})
        with pytest.raises(Refused):
            call.get(f"/v1/{quote(text)}?{quote(text)}={quote(text)}")
    # Registered last, as each is told of whatever happens from now on.
    for text in STRINGS:
        call.post(f"{marketplace}/callbacks", {"url": f"http://127.0.0.1:9/{quote(text)}"})
    call.post("/v1/customers", {"name": "all of them", "meta": {str(i): text for i, text in enumerate(STRINGS)}})
    return dashboard


def test_there_are_two_hundred_of_them() -> None:
    assert len(set(STRINGS)) == 200


def test_nothing_that_others_wrote_is_run(hostile: Dashboard) -> None:
    page = hostile.page
    hostile.open()

    # Requests: the newest shows all of them in what was sent and what was answered; the list is gone through.
    hostile.rows.first.click()
    for side in ("The request", "The answer"):
        _shows_all(hostile, side)
    for _ in range(25):
        page.keyboard.press("PageDown")
    hostile.page.get_by_label("Filter requests").fill("debits.create")
    expect(page.get_by_text("200 of ")).to_be_visible()
    expect(hostile.rows.first).to_contain_text("/debits")  # before that a click may hit a row that goes
    for place in range(0, 8):
        hostile.rows.nth(place).click()
        expect(page.get_by_role("region", name="Why")).to_contain_text("hit()")
    hostile.page.get_by_label("Filter requests").fill(STRINGS[0])

    # Records: as a card, as JSON, in its timeline, and in the list.
    hostile.open("#/records/customers?search=all of them")
    hostile.choices.first.click()
    hostile.detail.get_by_text("As JSON").click()
    _shows_all(hostile, "The record")
    for offset in range(0, 200, 50):
        hostile.open(f"#/records/customers?offset={offset}")
        expect(hostile.choices).to_have_count(50)
    hostile.open("#/records/callbacks")
    expect(hostile.choices).to_have_count(50)

    # Callbacks, with all that was sent.
    hostile.open("#/callbacks")
    hostile.choices.first.click()
    expect(hostile.detail).to_contain_text("http://127.0.0.1:9/")

    # Levers: every fault, every checkpoint, what has changed since.
    hostile.open("#/levers")
    expect(page.get_by_role("table", name="Faults").get_by_role("row")).to_have_count(len(STRINGS) + 1)
    checkpoints = page.get_by_role("table", name="Checkpoints")
    expect(checkpoints.get_by_role("row")).to_have_count(len(NAMES) + 2)  # and the fixtures
    checkpoints.get_by_role("button", name="Diff").first.click()
    expect(page.get_by_role("table", name="What changed since")).to_be_visible()

    # Money and worlds.
    hostile.open("#/money")
    hostile.open("#/worlds")
    expect(page.get_by_role("row").filter(has_text="hit()")).to_have_count(
        sum("hit()" in seed for seed in STRINGS[::10])
    )

    assert hostile.wrong == []


def test_an_address_that_somebody_made_up_runs_nothing(dashboard: Dashboard) -> None:
    dashboard.page.add_init_script("window.hit = () => console.error('executed')")
    dashboard.open()

    for text in STRINGS[::4]:
        named = quote(text, safe="")
        for place in (f"#/{named}", f"#/records/{named}/{named}?search={named}", f"#/requests/{named}?world={named}"):
            dashboard.page.evaluate("(place) => { location.hash = place }", place)

    expect(dashboard.page.get_by_role("alert")).to_be_visible()
    assert dashboard.wrong == []


def _shows_all(hostile: Dashboard, where: str) -> None:
    """Find every string, letter by letter."""
    region = hostile.page.get_by_role("region", name=where)
    expect(region).to_contain_text("all of them")
    text = region.text_content() or ""
    assert [one for one in STRINGS if json.dumps(one, ensure_ascii=False) not in text] == []
