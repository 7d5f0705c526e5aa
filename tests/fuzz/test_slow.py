"""Clients that take their time are closed by their deadlines, and hold nobody else up."""

from __future__ import annotations

from aiohttp import encode_basic_auth
from yarl import URL

from sandbox.settings import Settings
from sandbox.web.connection import Deadlines
from sandbox.web.server import Server
from sandbox.worlds import Worlds
from tests.fuzz.slow import KINDS, besiege

CLIENTS = 100
SOON = 0.5  # seconds a client is waited for


async def test_slow_clients_of_every_kind_are_closed_while_another_is_answered(worlds: Worlds) -> None:
    server = Server(worlds, Settings(port=0), Deadlines(head=SOON, body=SOON, rest=SOON, answer=SOON))
    port = URL(await server.start()).port or 0

    went = await besiege(port, encode_basic_auth(worlds.default.api_key), CLIENTS, pause=SOON / 10, alone=20)

    await server.stop()
    assert {kind: len(took) for kind, took in went.closed.items()} == dict.fromkeys(KINDS, CLIENTS // len(KINDS))
    # Who waits for a slow one would wait as long as it stays.
    assert len(went.amid) > 20
