"""A real server is sent secrets in every place there is; whatever it writes, keeps, shows or sends on has none left."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from sandbox import fixtures
from sandbox.world import World
from sandbox.worlds import Ground, Worlds
from tests.conformance.everything import deliver, everything
from tests.conformance.setting import Setting
from tests.conftest import Wall
from tests.secrets.asking import Ask, credentials, of_levers, of_routes, raw, with_headers
from tests.secrets.canaries import found
from tests.web.listener import Listener, calling, listening

ROOT = Path(__file__).resolve().parents[2]
START = 60.0  # seconds, far more than a start takes
ANSWER = 20.0  # seconds, more than any deadline of the server
AT_ONCE = 8
OFTEN = 900  # requests after which files and logs are searched, before they forget

MASKED = "************1486"
"""What is left of the card number."""


@dataclass
class Evidence:
    """What was seen of a server's life; of what it kept and showed only what was found, as it is much."""

    key: str
    statuses: Counter[int] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    left: list[tuple[str, str]] = field(default_factory=list)

    def search(self, where: str, text: str, *, without: str = "") -> None:
        """Note every secret in a text; ``without`` is where the API key belongs."""
        self.masked[where] += text.count(MASKED)
        self.left += [(where, one) for one in found(text)]
        text = text.replace(without, "") if without else text
        for shape in (self.key, credentials(self.key).partition(" ")[2]):
            at = text.find(shape)
            if at >= 0:
                self.left.append((where, text[max(0, at - 60) : at + 60]))

    def of(self, where: str) -> list[str]:
        return [one for place, one in self.left if place == where]


@dataclass
class Running:
    """One server, and what it writes to standard error."""

    process: Process
    url: str
    key: str
    log: asyncio.Task[bytes]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    """Start a server on a folder, and stop it in good order."""
    flags = ["--port", "0", "--data-dir", str(folder), "--fsync", "os", "--log-level", "debug", "--seed", "7"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "run_sandbox.py", *flags, "--clock", "2013-05-06T17:18:00Z", cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    log = asyncio.create_task(process.stderr.read())
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START)
        assert line, (await log).decode()
        ready = json.loads(line)
        yield Running(process, ready["url"], ready["api_key"], log)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), START) == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await log


async def full() -> World:
    """Return a world with one of everything."""
    wall = Wall()
    worlds = Worlds(Ground(wall=wall, seed="tests"))
    fixtures.populate(worlds.default)
    async with calling(worlds) as lab:
        await everything(Setting(lab.api, lab.api.marketplace), wall)
    deliver(worlds.default)
    return worlds.default


class Search:
    """Asks one server, and searches whatever comes of it."""

    def __init__(self, server: Running, folder: Path, listener: Listener, world: World) -> None:
        self.evidence = Evidence(world.api_key)
        self._server = server
        self._folder = folder
        self._listener = listener
        self._world = world

    async def everywhere(self) -> None:
        """Ask whatever there is to ask."""
        async with aiohttp.ClientSession(self._server.url) as session:
            for asks in (of_levers(self._world), with_headers(self._world), of_routes(self._world)):
                while some := list(islice(asks, OFTEN)):
                    await self._begin(session)
                    await self._ask_all(session, iter(some))
                    await self._told(session)
                    await self._look(session)
            for sent in raw(self._world):
                await self._send(sent)
            await self._look(session)
        for told in self._listener.told:
            self.evidence.search("callbacks", f"{told.path} {told.headers} {told.body.decode()}")

    async def _begin(self, session: aiohttp.ClientSession) -> None:
        """Have a world with one of everything, whatever was deleted before."""
        dump = json.dumps(self._world.dump()).replace("http://www.example.com/callback", self._listener.url)
        await self._pull(session, "PUT", "load", dump)

    async def _ask_all(self, session: aiohttp.ClientSession, asks: Iterator[Ask]) -> None:

        async def one_after_the_other() -> None:
            for ask in asks:
                await self._ask(session, ask)

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

    async def _ask(self, session: aiohttp.ClientSession, ask: Ask) -> None:
        url = URL(self._server.url + ask.path, encoded=True)
        # The levers are those of the default world without a key, also when one of them has put back another.
        levers = ask.path.startswith("/_sandbox")
        headers = ask.headers if levers else {"Authorization": credentials(self._world.api_key), **ask.headers}
        async with session.request(ask.method, url, data=ask.body, headers=headers, allow_redirects=False) as response:
            text = await response.text()
            self.evidence.statuses[response.status] += 1
            shown = f'"{"api_key" if levers else "secret"}":"{self.evidence.key}"'
            dumped = f'"secret":"{self.evidence.key}"' if ask.path.startswith("/_sandbox/dump") else ""
            text = text.replace(dumped, "") if dumped else text
            self.evidence.search("levers" if levers else "answers", f"{response.headers} {text}", without=shown)

    async def _send(self, sent: bytes) -> None:
        url = URL(self._server.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(ANSWER):
            self.evidence.search("answers", (await reader.read()).decode(errors="replace"))
        writer.close()
        await writer.wait_closed()

    async def _look(self, session: aiohttp.ClientSession) -> None:
        """Search what is kept and shown, and empty the request log before it forgets by itself."""
        for file in sorted(path for path in self._folder.rglob("*") if path.is_file()):
            text = file.read_bytes().decode(errors="replace").replace('": "', '":"')
            self.evidence.search("store", text, without=f'"secret":"{self.evidence.key}"')
        dump = await self._pull(session, "GET", "dump")
        self.evidence.search("dump", dump, without=f'"secret":"{self.evidence.key}"')
        for lever in ("requests?world=all", "deliveries", "faults", "checkpoints", "coverage"):
            self.evidence.search("request log", await self._pull(session, "GET", lever))
        await self._pull(session, "DELETE", "requests")

    async def _told(self, session: aiohttp.ClientSession) -> None:
        """Return when nothing more is to be sent to the callback."""
        async with asyncio.timeout(START):
            while json.loads(await self._pull(session, "GET", "deliveries?status=pending"))["items"]:
                pass

    async def _pull(self, session: aiohttp.ClientSession, method: str, lever: str, body: str | None = None) -> str:
        headers = {"X-Sandbox-Control": "1", "Content-Type": "application/json"}
        async with session.request(method, f"/_sandbox/{lever}", data=body, headers=headers) as response:
            text = await response.text()
            assert response.status < 300, text
            return text


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """A whole life of a server that is told secrets wherever it listens."""
    folder = tmp_path_factory.mktemp("data")

    async def live() -> Evidence:
        world = await full()
        async with listening() as listener:
            async with running(folder) as server:
                search = Search(server, folder, listener, world)
                await search.everywhere()
            search.evidence.search("log", (await server.log).decode())
        for file in (path for path in folder.rglob("*") if path.is_file()):
            text = file.read_bytes().decode(errors="replace").replace('": "', '":"')
            search.evidence.search("store", text, without=f'"secret":"{world.api_key}"')
        return search.evidence

    return asyncio.run(live())


def test_what_was_asked_came_to_every_kind_of_end(evidence: Evidence) -> None:
    assert evidence.statuses.keys() >= {200, 201, 204, 400, 401, 403, 404, 405, 409, 413, 415}
    assert not [status for status in evidence.statuses if status >= 500]


@pytest.mark.parametrize("where", ["store", "dump", "request log", "log", "callbacks", "answers", "levers"])
def test_no_secret_is_left(evidence: Evidence, where: str) -> None:
    assert evidence.masked[where], "nothing that was sent came here"
    assert evidence.of(where) == []
