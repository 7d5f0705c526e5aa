"""Events out to callbacks by HTTP, each callback's in their order, and again as the world's clock says."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import hdrs

from sandbox import __version__, clock
from sandbox.errors import Unavailable
from sandbox.redact import redact
from sandbox.resources.deliveries import Letter
from sandbox.resources.event_callbacks import Attempt, EventCallback
from sandbox.store import StoreTrouble
from sandbox.web.disk import Disk
from sandbox.web.pulse import Pulse
from sandbox.web.targets import Targets
from sandbox.world import World
from sandbox.worlds import Worlds

AT_A_TIME = 8
"""How many callbacks are called at the same time, over all worlds."""

MOST_READ = 64 * 1024
"""How many bytes of an answer are read."""

_HEADERS = {
    hdrs.USER_AGENT: f"balanced-sandbox/{__version__}",
    # What is logged is what came, and a little that was sent never becomes a lot here.
    hdrs.ACCEPT_ENCODING: "identity",
}
_JSON = {hdrs.CONTENT_TYPE: "application/json"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How callbacks are called: whether at public addresses too, and how many seconds one may take in all."""

    allow_public: bool = False
    seconds: float = 10.0


class Courier:
    """Sends what is in the outboxes of all worlds, from the start of the application to its end.

    It looks into a world's outbox whenever the world's pulse beats, and when the next thing falls due under a clock
    that runs. What was sent and could not be noted, or was under way at the end, is sent once more: at least once.
    """

    def __init__(self, worlds: Worlds, pulse: Pulse, disk: Disk, delivery: Delivery) -> None:
        self._worlds = worlds
        self._pulse = pulse
        self._disk = disk
        self._delivery = delivery
        self._slots = asyncio.Semaphore(AT_A_TIME)
        self._rounds: dict[tuple[World, str], asyncio.Task[None]] = {}
        self._alarms: dict[World, asyncio.TimerHandle] = {}

    async def start(self) -> None:
        """Send what has been waiting, and whatever comes from now on."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                socket_factory=Targets(allow_public=self._delivery.allow_public).connecting,
                resolver=aiohttp.ThreadedResolver(),
                use_dns_cache=False,
                # A connection kept from the last time may be half closed, which would look like a failed attempt.
                force_close=True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._delivery.seconds),
            headers=_HEADERS,
            auto_decompress=False,
        )
        self._pulse.listen(self._look)
        for world in self._worlds:
            self._look(world)

    async def stop(self) -> None:
        """Send nothing more; what is under way is given up, and sent once more after a restart."""
        self._pulse.ignore(self._look)
        for alarm in self._alarms.values():
            alarm.cancel()
        rounds = list(self._rounds.values())
        for one in rounds:
            one.cancel()
        await asyncio.gather(*rounds, return_exceptions=True)
        await self._session.close()

    def _look(self, world: World) -> None:
        """Begin a round for every callback of a world that something waits for and that is not being called."""
        alarm = self._alarms.pop(world, None)
        if alarm is not None:
            alarm.cancel()
        # What cannot be noted would be sent again and again.
        if not world.is_open or world.store.trouble is not None or not world.store.count("callbacks"):
            return
        try:
            waiting = world.deliveries.waiting()
        except StoreTrouble as trouble:
            log.warning("%s: nothing is sent: %s", world.name, trouble)
            return
        for callback in waiting:
            if (world, callback) not in self._rounds:
                self._rounds[world, callback] = asyncio.create_task(self._round(world, callback))
        self._set_alarm(world)

    def _set_alarm(self, world: World) -> None:
        due, now = world.tools.schedule.first(), world.clock.now()
        # What is due and still to be done waits for room on the disk; a clock that stands waits for a lever.
        if due is not None and due.at > now and world.clock.running:
            seconds = (due.at - now) / clock.SECOND
            self._alarms[world] = asyncio.get_running_loop().call_later(seconds, self._pulse.beat, world)

    async def _round(self, world: World, callback: str) -> None:
        """Send what there is for one callback, one after the other, until there is nothing."""
        try:
            while world.is_open and (batch := world.deliveries.batch(callback)):
                for delivery in batch:
                    while world.is_open and await self._send(world, delivery):
                        pass
        except (StoreTrouble, Unavailable) as trouble:
            log.warning("%s: no more is sent to %s for now: %s", world.name, callback, trouble)
        except Exception:
            log.exception("a fault of the sandbox: %s, %s", world.name, callback)
        finally:
            del self._rounds[world, callback]

    async def _send(self, world: World, delivery: EventCallback) -> bool:
        """Send a delivery and keep what came of it; return whether there was anything to send."""
        async with self._slots:
            await self._disk.synced(world)  # nobody is told of what may yet be undone
            found = world.deliveries.letter(delivery)
            if found is None:
                return False
            sent, letter = found
            attempt = await self._call(letter)
            if not world.is_open:
                return False
            world.deliveries.attempted(sent, attempt)
            await self._disk.synced(world)
        self._pulse.beat(world)
        return True

    async def _call(self, letter: Letter) -> Attempt:
        """Call a callback, and return what it said or why it said nothing."""
        headers = _JSON if letter.body is not None else {}
        try:
            async with self._session.request(
                letter.method, letter.url, data=letter.body, headers=headers, allow_redirects=False
            ) as response:
                content = await _beginning(response)
                declared = hdrs.CONTENT_TYPE in response.headers
                return letter.answered(
                    response_status=response.status,
                    response_mime_type=redact(response.content_type) if declared else None,
                    response_body=_readable(content),
                )
        except TimeoutError:
            return letter.answered(response_body=f"no whole answer within {self._delivery.seconds:g} seconds")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return letter.answered(response_body=_readable(_why(error).encode()))


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    while len(content) < MOST_READ and (chunk := await response.content.read(MOST_READ - len(content))):
        content += chunk
    return bytes(content)


def _readable(content: bytes) -> str:
    """Return an answer as the log keeps it: as UTF-8, its secrets masked."""
    return "\n".join(map(redact, content.decode(errors="replace").splitlines()))


def _why(error: Any) -> str:
    return str(getattr(error, "os_error", error)) or type(error).__name__
