"""Come to a sandbox with many clients at once, each of which stays until all have their answer.

``python -m tests.fuzz.many --connections 1500``
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence

from tests.fuzz.answers import Wrong, read
from tests.fuzz.server import PATIENCE, Failed, allow_descriptors, running

MOST = 10_000  # connections at once

ASKING = b"GET /_sandbox/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def come(port: int, count: int) -> tuple[int, float]:
    """Return how many were refused or not answered well, and after how many seconds the last had its answer."""
    all_here = asyncio.Barrier(count)
    started = time.perf_counter()
    answered = await asyncio.gather(*(_ask(port, all_here) for _ in range(count)))
    return answered.count(False), time.perf_counter() - started


async def _ask(port: int, all_here: asyncio.Barrier) -> bool:
    """Return whether a client was let in, and answered while all the others were there."""
    writer = None
    good = False
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await all_here.wait()
            writer.write(ASKING)
            heard = b""
            while not (told := read(heard)):
                more = await reader.read(1 << 16)
                if not more:
                    raise Wrong("closed without an answer")
                heard += more
            told[0].check()
            good = told[0].status == 200
            await all_here.wait()
    except (OSError, Wrong, TimeoutError, asyncio.BrokenBarrierError):
        # The others need not wait for this one.
        await all_here.abort()
    finally:
        if writer is not None:
            writer.close()
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    """Come with as many as the command line says, and print how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.many", description=__doc__)
    parser.add_argument("--connections", type=int, default=1500, metavar="N", help="how many at once (1500)")
    count = min(parser.parse_args(arguments).connections, MOST)
    try:
        with running() as sandbox:
            allow_descriptors(count + 200)  # not before: the sandbox has to do so for itself
            refused, took = asyncio.run(come(sandbox.port, count))
            sandbox.check_log()
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    print(f"{count} connections at once: {refused} refused, the last answer after {took:.2f} s")
    return int(refused > 0)


if __name__ == "__main__":
    raise SystemExit(main())
