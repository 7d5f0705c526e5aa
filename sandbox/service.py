"""``serve`` and ``exec``: the sandbox as a process, until it is told to stop or while a command runs."""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from sandbox import __version__, child, clock, fixtures, garbage, redact, settings
from sandbox.exits import OK, PORT_IN_USE, Stop
from sandbox.settings import PREFIX, Settings
from sandbox.store import DataDirectory
from sandbox.web import page
from sandbox.web.server import Server
from sandbox.world import World
from sandbox.worlds import Ground, Worlds

DESCRIPTORS = 8192  # files and sockets to be open at once

# What the environment says of the sandbox that stays; one for the time of a command has its own place and port.
_OF_THE_OTHER = frozenset(PREFIX + name for name in ("HOST", "PORT", "DATA_DIR", "MEMORY", "READY_FILE"))

log = logging.getLogger(__name__)


def serve(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    chosen = settings.read(options, os.environ)
    return _with_worlds(chosen, lambda worlds: _until_stopped(worlds, chosen))


def execute(options: argparse.Namespace) -> int:
    """Serve while a command runs, on a free port and in memory unless told otherwise, and return its exit code."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_THE_OTHER}
    chosen = settings.read(options, environment, port=0, memory=options.data_dir is None)
    return _with_worlds(chosen, lambda worlds: _while_running(worlds, chosen, options.command))


async def _until_stopped(worlds: Worlds, chosen: Settings) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Where a loop takes no signal handlers, Ctrl-C still ends asyncio.run.
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with _serving(worlds, chosen) as ready:
        _announce(ready, chosen)
        await stopped.wait()
    return OK


async def _while_running(worlds: Worlds, chosen: Settings, command: list[str]) -> int:
    async with _serving(worlds, chosen) as ready:
        told = {PREFIX + name.upper(): ready[name] for name in ("url", "api_key", "marketplace_uri")}
        return await child.run(command, os.environ | told)


@asynccontextmanager
async def _serving(worlds: Worlds, chosen: Settings) -> AsyncIterator[Mapping[str, Any]]:
    server = Server(worlds, chosen)
    url = await server.start()
    try:
        ready = _ready(worlds.default, url)
        _note(ready, chosen)
        yield ready
    finally:
        await server.stop()


def _with_worlds(chosen: Settings, run: Callable[[Worlds], Coroutine[Any, Any, int]]) -> int:
    """Open the worlds, fill an empty one from the fixtures, and run a server over them."""
    _log_to_stderr(chosen)
    planted = [fixtures.read(path) for name in chosen.fixtures for path in fixtures.locate(name)]
    with _worlds(chosen) as worlds:
        if worlds.default.is_empty:
            fixtures.populate(worlds.default, planted)
        else:
            fixtures.remember(worlds.default, planted)
            if planted:
                log.warning("fixtures are for an empty world; %s keeps one, until it is reset", chosen.data_dir)
        _allow_many_connections()
        try:
            with garbage.looked_for_rarely():
                return asyncio.run(run(worlds))
        except OSError as trouble:
            if trouble.errno != errno.EADDRINUSE:
                raise
            where = f"{chosen.host}:{chosen.port}"
            why = f"{where} is taken; stop who listens there or choose another with --port"
            raise Stop(why, PORT_IN_USE) from None


def _allow_many_connections() -> None:
    """Ask for as many descriptors as connections may come at once: a process gets 1,024 or fewer unless it asks."""
    try:
        import resource
    except ImportError:  # on Windows, where no such limit is
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _worlds(chosen: Settings) -> Iterator[Worlds]:
    ground: dict[str, Any] = {
        "wall": lambda: time.time_ns() // 1000,
        "seed": os.urandom(16).hex() if chosen.seed is None else str(chosen.seed),
        "fsync": chosen.fsync,
        "begins": None if chosen.clock is None else clock.parse(chosen.clock),
        "runs": chosen.clock_running,
    }
    if chosen.memory:
        yield Worlds(Ground(**ground))
        return
    with DataDirectory(chosen.data_dir) as directory:
        worlds = Worlds(Ground(**ground, folder=directory.path))
        try:
            yield worlds
        finally:
            worlds.close()


def _ready(world: World, url: str) -> dict[str, Any]:
    return {
        "event": "ready",
        "url": url,
        "dashboard_url": url + page.HOME,
        "api_key": world.api_key,
        "marketplace_uri": world.marketplace_uri,
        "pid": os.getpid(),
        "version": __version__,
    }


def _note(ready: Mapping[str, Any], chosen: Settings) -> None:
    """Write the ready file, by rename, so that whoever waits for it finds all of it."""
    if chosen.ready_file is not None:
        beside = chosen.ready_file.with_name(chosen.ready_file.name + ".tmp")
        beside.write_text(json.dumps(ready) + "\n")
        beside.replace(chosen.ready_file)


def _announce(ready: Mapping[str, Any], chosen: Settings) -> None:
    print(_table(ready, chosen) if sys.stdout.isatty() else json.dumps(ready), flush=True)


def _table(ready: Mapping[str, Any], chosen: Settings) -> str:
    kept = "in memory, gone when this stops" if chosen.memory else str(chosen.data_dir)
    return "\n".join(
        (
            f"balanced-sandbox {__version__}",
            f"  url          {ready['url']}",
            f"  API key      {ready['api_key']}",
            f"  marketplace  {ready['marketplace_uri']}",
            f"  data         {kept}",
            f"  look         {ready['dashboard_url']}",
            f"  try          curl -u {ready['api_key']}: {ready['url']}/v1/customers",
            "  stop         Ctrl-C",
        )
    )


def _log_to_stderr(chosen: Settings) -> None:
    handler = logging.StreamHandler()
    text = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler.setFormatter(_JsonLines() if chosen.log_format == "json" else logging.Formatter(text))
    logging.basicConfig(level=chosen.log_level.upper(), handlers=[handler], force=True)
    redact.install()


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps(line)
