"""Basic credentials: the key is the user name, and opens its world for as long as both are there."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.call import Route
from sandbox.resources import ROUTES
from sandbox.web import auth
from sandbox.web.auth import Auth
from sandbox.world import World
from sandbox.worlds import Ground, Worlds
from tests.conftest import Wall


def basic(user: str, password: str = "") -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def door(worlds: Worlds) -> Auth:
    return Auth(worlds)


@pytest.fixture
def world(worlds: Worlds) -> World:
    return worlds.default


@pytest.mark.parametrize("password", ["", "secret", "a:b", "ü"])
def test_a_key_opens_its_world_whatever_the_password(door: Auth, world: World, password: str) -> None:
    header = basic(world.api_key, password)

    assert door.world(header) is world
    assert door.world(header) is world  # remembered by now


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_is_written_as_one_likes(door: Auth, world: World, scheme: str) -> None:
    assert door.world(basic(world.api_key).replace("Basic", scheme)) is world


def test_a_key_without_a_colon_is_a_user_without_a_password(door: Auth, world: World) -> None:
    assert door.world("Basic " + b64encode(world.api_key.encode()).decode()) is world


def test_spaces_around_the_credentials_do_not_matter(door: Auth, world: World) -> None:
    assert door.world(basic(world.api_key).replace(" ", "   ") + " ") is world


def test_every_key_of_a_world_opens_it_and_no_other(door: Auth, worlds: Worlds) -> None:
    other, _ = worlds.open_with_key({})

    assert door.world(basic(other.api_key)) is other
    assert door.world(basic(worlds.default.api_key)) is worlds.default


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic Zm9v YmFy",
        "Basic /w==",  # no UTF-8
        "Basic ÿ",
        "Basic \udcff",
        basic(""),
        basic("", "secret"),
        basic("wrong"),
        basic("0" * 32),
        "Digest username=x",
        "Bearer 0123456789abcdef0123456789abcdef",
    ],
)
def test_anything_else_opens_nothing(door: Auth, header: str | None) -> None:
    assert door.world(header) is None


def test_a_key_in_the_place_of_the_password_or_without_a_scheme_opens_nothing(door: Auth, world: World) -> None:
    for header in (basic("", world.api_key), basic("x", world.api_key), world.api_key, f"Bearer {world.api_key}"):
        assert door.world(header) is None


def test_a_deleted_key_opens_nothing_even_if_it_was_seen(door: Auth, world: World) -> None:
    header = basic(world.api_key)
    assert door.world(header) is world

    key = world.store.find("api_keys").documents[0]["id"]
    world.perform(_route("DELETE", "/v1/api_keys/{api_key}"), {"api_key": key})

    assert door.world(header) is None
    assert door.world(header) is None


def test_a_world_that_is_put_back_to_before_its_key_is_opened_by_it_no_more(door: Auth, world: World) -> None:
    before = world.saved()
    world.perform(_route("POST", "/v1/api_keys"), {})
    header = basic(world.store.find("api_keys").documents[0]["secret"])
    assert door.world(header) is world

    world.restore(before)

    assert door.world(header) is None


def test_a_dropped_world_is_opened_by_nothing(door: Auth, worlds: Worlds) -> None:
    world, _ = worlds.open_with_key({})
    header = basic(world.api_key)
    assert door.world(header) is world

    worlds.drop(world)

    assert door.world(header) is None


def test_a_key_that_moves_to_another_world_opens_that_one(door: Auth, worlds: Worlds) -> None:
    world, _ = worlds.open_with_key({})
    header, dump = basic(world.api_key), world.dump()
    assert door.world(header) is world
    worlds.drop(world)

    heir = worlds.create()
    heir.load(dump)

    assert door.world(header) is heir


def test_memory_is_bounded(door: Auth, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_SEEN", 2)

    for number in range(5):
        assert door.world(basic(world.api_key, str(number))) is world
        assert door.world(basic(str(number))) is None

    assert len(door._seen) <= 2


WORLDS = Worlds(Ground(wall=Wall(), seed="tests"))


texts = st.text(st.characters())  # lone surrogates too, which is how bytes that are no UTF-8 arrive
headers = texts | texts.map(lambda text: f"Basic {text}")
headers |= st.binary().map(lambda raw: f"Basic {b64encode(raw).decode()}")


@given(headers)
def test_no_header_is_a_surprise(header: str) -> None:
    assert Auth(WORLDS).world(header) is None


def _route(method: str, path: str) -> Route:
    return next(route for route in ROUTES if (route.method, route.path) == (method, path))
