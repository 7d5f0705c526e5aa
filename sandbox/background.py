"""The sandbox on a thread of this process, with a loop of its own: a test that waits for an answer holds nothing up."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread, current_thread

from sandbox import clock, fixtures
from sandbox.redact import RedactingFilter
from sandbox.settings import Settings
from sandbox.web.server import Server
from sandbox.worlds import Ground, Worlds

Stop = Callable[[], object]

_LOGGING = ("aiohttp", "asyncio", "sandbox")  # who writes of what was sent


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve in memory, whatever the settings say of a disk, and lend the url; raises whatever prevents the start."""
    started: Future[tuple[str, Stop]] = Future()
    thread = Thread(target=_run, args=(settings, started), name="balanced-sandbox", daemon=True)
    thread.start()
    url, stop = started.result()
    try:
        with _redacted_logs(thread):
            yield url
    finally:
        stop()
        thread.join()


class _Masking(RedactingFilter):
    """Redacts what is logged on one thread, and leaves the rest of the process alone."""

    def __init__(self, thread: Thread) -> None:
        super().__init__()
        self._thread = thread

    def filter(self, record: logging.LogRecord) -> bool:
        return current_thread() is not self._thread or super().filter(record)


@contextmanager
def _redacted_logs(thread: Thread) -> Iterator[None]:
    """Mask secrets in whatever the sandbox logs; at the loggers, as the handlers are not ours."""
    masking = _Masking(thread)
    named = (name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _LOGGING)
    loggers = [logging.getLogger(name) for name in named]
    for logger in loggers:
        logger.addFilter(masking)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(masking)


def _run(settings: Settings, started: Future[tuple[str, Stop]]) -> None:
    try:
        asyncio.run(_serve(settings, started))
    except BaseException as trouble:
        if started.done():
            raise
        started.set_exception(trouble)


async def _serve(settings: Settings, started: Future[tuple[str, Stop]]) -> None:
    worlds = Worlds(_ground(settings))
    planted = [fixtures.read(path) for name in settings.fixtures for path in fixtures.locate(name)]
    fixtures.populate(worlds.default, planted)
    server = Server(worlds, settings)
    url = await server.start()
    try:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        started.set_result((url, lambda: loop.call_soon_threadsafe(stopped.set)))
        await stopped.wait()
    finally:
        await server.stop()


def _ground(settings: Settings) -> Ground:
    return Ground(
        wall=lambda: time.time_ns() // 1000,
        seed=os.urandom(16).hex() if settings.seed is None else str(settings.seed),
        begins=None if settings.clock is None else clock.parse(settings.clock),
        runs=settings.clock_running,
    )
