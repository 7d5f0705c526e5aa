"""The client for examples and tests, against a sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.client import Client, Refused
from sandbox.testing import Sandbox


@pytest.fixture
def url(balanced_sandbox: Sandbox) -> str:
    return f"{balanced_sandbox.url}/"


@pytest.fixture
def client(url: str, balanced_sandbox: Sandbox) -> Client:
    return Client(url, balanced_sandbox.api_key)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a proxy in the environment that nobody answers at."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


def test_what_is_posted_is_got_at_its_uri(client: Client) -> None:
    made = client.post("/v1/customers", {"name": "Jiří", "meta": {"team": "Canterbury"}})

    found = client.get(made["uri"])

    assert found == made
    assert (found["name"], found["meta"]) == ("Jiří", {"team": "Canterbury"})


def test_a_post_needs_no_body(client: Client) -> None:
    made = client.post("/v1/customers")

    assert made["name"] is None


def test_what_is_put_is_the_answer(client: Client) -> None:
    made = client.post("/v1/customers", {"name": "before"})

    changed = client.put(made["uri"], {"name": "after"})

    assert changed == {**made, "name": "after"}


def test_a_deletion_answers_nothing_and_the_record_is_gone(client: Client) -> None:
    made = client.post("/v1/customers", {})

    answer = client.delete(made["uri"])

    assert answer is None
    with pytest.raises(Refused) as refused:
        client.get(made["uri"])
    assert refused.value.status == 404


def test_a_refusal_says_why(client: Client) -> None:
    with pytest.raises(Refused, match="RFC-2822") as refused:
        client.post("/v1/customers", {"email": "nobody"})

    assert refused.value.status == 400
    assert refused.value.body["category_code"] == "request"
    assert list(refused.value.body["extras"]) == ["email"]


def test_who_has_no_key_gets_one_to_a_world_of_its_own(url: str, client: Client) -> None:
    client.post("/v1/customers", {"name": "elsewhere"})

    opened: dict[str, Any] = Client(url).post("/v1/api_keys")

    mine = Client(url, opened["secret"])
    mine.post("/v1/marketplaces")
    names = [item["name"] for item in mine.get("/v1/customers")["items"]]
    assert "elsewhere" not in names


def test_without_a_key_the_sandbox_is_closed(url: str) -> None:
    with pytest.raises(Refused) as refused:
        Client(url).get("/v1/customers")

    assert refused.value.status == 401


@pytest.mark.usefixtures("proxy")
def test_a_proxy_in_the_environment_is_not_asked(client: Client) -> None:
    assert client.get("/v1/customers")
