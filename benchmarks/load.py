"""Load: the same request over and over for a time, from a process of its own, to this machine only.

wrk makes far more requests than the server can answer. The aiohttp client, for machines without wrk, makes fewer: with
it the CPU times tell something, the requests a second do not.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from benchmarks.connection import Connection
from benchmarks.operations import NUMBER
from benchmarks.served import ROOT

MOST = 1_000_000  # requests in one go
_GRACE = 30.0  # seconds past its time until a load is given up

_SCRIPT = """\
wrk.method = {method}
{headers}
local paths = {{ {paths} }}
local before, after, number = {before}, {after}, {first}
function request()
  number = number + 1
  local path = paths[number % #paths + 1]
  return wrk.format(nil, path, nil, after and before .. number .. after or before)
end
function done(summary)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('{{"requests": %d, "seconds": %f, "failed": %d}}\\n',
    summary.requests, summary.duration / 1e6, failed))
end
"""


class LoadFailed(Exception):
    """Not every answer was a good one, so that nothing was measured."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, to be made many times, to several paths by turns; its body may hold a ``NUMBER``."""

    method: str
    url: str
    paths: Sequence[str]
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    """Of a good answer."""
    size: tuple[int, int] = (0, sys.maxsize)
    """The least and the most a good answer may have, in bytes."""


@dataclass(frozen=True, slots=True)
class Done:
    """How many requests were answered, how many of them badly, and in how many seconds."""

    requests: int
    seconds: float
    failed: int


Load = Callable[[Ask, int, float, int], Done]
"""Make a request, numbered from the one after a number, for some seconds over some connections."""

_goes = count()


def check(ask: Ask) -> None:
    """Ask once; raises ``LoadFailed`` unless the answer is the one that is to be measured."""
    first = next(_goes) * MOST
    with Connection(ask.url, ask.headers) as connection:
        status, body = connection.send(ask.method, ask.paths[0], ask.body.replace(NUMBER, str(first)))
    least, most = ask.size
    if status != ask.status or not least <= len(body) <= most:
        said = f"{status} and {len(body)} bytes, not {ask.status} and {least} to {most}"
        raise LoadFailed(f"{ask.method} {ask.url}{ask.paths[0]}: {said}: {body[:300]!r}")


def put(load: Load, ask: Ask, seconds: float, connections: int) -> Done:
    """Put a load on a server; raises ``LoadFailed`` when an answer is no success."""
    if urlsplit(ask.url).hostname != "127.0.0.1":
        raise ValueError(f"{ask.url} is not on this machine")
    done = load(ask, next(_goes) * MOST, seconds, connections)
    if done.failed:
        raise LoadFailed(f"{ask.method} {ask.url}{ask.paths[0]}: {done.failed} of {done.requests} failed")
    return done


def wrk(ask: Ask, first: int, seconds: float, connections: int) -> Done:
    """Make requests with wrk, from one thread; it knows whole seconds only."""
    before, numbered, after = ask.body.partition(NUMBER)
    script = _SCRIPT.format(
        method=_lua(ask.method),
        headers="\n".join(f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in ask.headers.items()),
        paths=", ".join(map(_lua, ask.paths)),
        before=_lua(before) if before else "nil",
        after=_lua(after) if numbered else "nil",
        first=first,
    )
    # Whoever is slower than the time there is has answered less, and not badly.
    patience = f"{seconds + _GRACE:.0f}s"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ask.lua")
        path.write_text(script)
        command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds:.0f}s"]
        said = subprocess.run(
            [*command, "--timeout", patience, "--script", str(path), ask.url],
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + _GRACE,
        )
    return Done(**json.loads(said.stdout.splitlines()[-1]))


def client(ask: Ask, first: int, seconds: float, connections: int) -> Done:
    """Make requests with aiohttp's client."""
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps({"ask": asdict(ask), "first": first, "seconds": seconds, "connections": connections}),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds + _GRACE,
    )
    return Done(**json.loads(said.stdout))


LOADS: Mapping[str, Load] = {"wrk": wrk, "aiohttp": client}


def best() -> str:
    """Return the name of the load to use here: wrk where it is installed."""
    return "wrk" if shutil.which("wrk") else "aiohttp"


def _lua(text: str) -> str:
    """Write a text as Lua reads it back unchanged."""
    return "'" + "".join(f"\\{byte:03}" for byte in text.encode()) + "'"


async def _ask(ask: Ask, first: int, seconds: float, connections: int) -> Done:
    asked = answered = failed = 0
    started = time.perf_counter()

    async def keep_asking(session: aiohttp.ClientSession) -> None:
        nonlocal asked, answered, failed
        while time.perf_counter() - started < seconds and asked < MOST:
            asked += 1
            url = ask.url + ask.paths[asked % len(ask.paths)]
            body = ask.body.replace(NUMBER, str(first + asked)) or None
            async with session.request(ask.method, url, data=body, headers=ask.headers) as answer:
                await answer.read()
            answered += 1
            failed += not answer.ok

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        await asyncio.gather(*(keep_asking(session) for _ in range(connections)))
    return Done(answered, time.perf_counter() - started, failed)


if __name__ == "__main__":
    job = json.load(sys.stdin)
    job["ask"] = Ask(**job["ask"])
    print(json.dumps(asdict(asyncio.run(_ask(**job)))))
