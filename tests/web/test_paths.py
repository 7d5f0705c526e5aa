"""Which handler a path and a method lead to."""

from __future__ import annotations

import pytest

from sandbox.resources import ROUTES
from sandbox.web.paths import End, Paths


@pytest.fixture
def paths() -> Paths[str]:
    paths: Paths[str] = Paths()
    paths.add("GET", "/v1/cards", "list")
    paths.add("POST", "/v1/cards", "create")
    paths.add("GET", "/v1/cards/{card}", "show")
    paths.add("GET", "/v1/cards/{source}/holds/{hold}", "show a hold")
    paths.add("GET", "/v1/cards/newest", "newest")
    return paths


def test_a_path_has_an_end_for_each_method(paths: Paths[str]) -> None:
    assert paths.find("/v1/cards") == ({"GET": End("list", ()), "POST": End("create", ())}, [])


def test_the_ids_on_a_path_have_the_names_of_that_path(paths: Paths[str]) -> None:
    ends, ids = paths.find("/v1/cards/CC1/holds/HL1")

    assert ends["GET"].handler == "show a hold"
    assert ends["GET"].named(ids) == {"source": "CC1", "hold": "HL1"}


def test_a_word_goes_before_an_id(paths: Paths[str]) -> None:
    assert paths.find("/v1/cards/newest") == ({"GET": End("newest", ())}, [])


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/cards/", "/v1//cards", "/v1/cards/CC1/holds", "/v1/holds", "v1"])
def test_there_is_nothing_elsewhere(paths: Paths[str], path: str) -> None:
    ends, _ = paths.find(path)

    assert not ends


@pytest.mark.parametrize(
    ("segment", "identifier"), [("a%2Fb", "a/b"), ("a%25", "a%"), ("a%252Fb", "a%2Fb"), ("é", "é")]
)
def test_an_id_may_hold_a_slash_that_separates_nothing(paths: Paths[str], segment: str, identifier: str) -> None:
    _, ids = paths.find(f"/v1/cards/{segment}")

    assert ids == [identifier]


def test_every_route_of_the_api_is_found() -> None:
    paths: Paths[str] = Paths()
    for route in ROUTES:
        paths.add(route.method, route.path, route.operation)

    for route in ROUTES:
        ends, ids = paths.find(route.path.replace("{", "id-of-").replace("}", ""))
        end = ends[route.method]
        assert end.handler == route.operation
        assert end.named(ids) == {name: f"id-of-{name}" for name in end.names}
