"""Send bytes to a sandbox that are almost requests, and hold whatever it answers against what every answer has to be.

``python -m tests.fuzz.raw --requests 100000 --seed 1 --parser py``
"""

from __future__ import annotations

import argparse
import socket
import struct
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from random import Random
from typing import get_args

from tests.fuzz import answers
from tests.fuzz.answers import Answer, Wrong
from tests.fuzz.mutations import mutated, requests
from tests.fuzz.server import PATIENCE, Failed, Parser, Sandbox, basic, half_close, running

LOOK = 100  # requests between two looks at the log and the books
DRIP = 300  # bytes of a request that comes byte by byte, at most
MOST = 1_000_000  # requests in one go

CHECKPOINT = "/_sandbox/checkpoints/fuzz"


@dataclass(slots=True)
class Fuzzed:
    """What was sent, and what came back."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)


class Fuzzer:
    """Mistreats one sandbox."""

    def __init__(self, sandbox: Sandbox, seed: int) -> None:
        self._sandbox = sandbox
        self._chance = Random(seed)
        customer = sandbox.have("POST", "/v1/customers", {"name": "Alice"})["uri"]
        sandbox.have("PUT", CHECKPOINT)
        self._requests = requests(sandbox.authorization.encode(), sandbox.marketplace.encode(), customer.encode())
        self._count = _asking("/v1/events?limit=1", sandbox.authorization)
        self._line = _connect(sandbox.port)
        # In a world of its own, which nobody else has the key to.
        other = sandbox.have("POST", "/v1/api_keys", key=False)
        self._good = _asking(other["uri"], basic(other["secret"]))
        self._known = self._exchange(self._good)
        self.done = Fuzzed()

    def run(self, count: int) -> None:
        """Send so many; raises ``Failed`` with what was sent when a promise was broken."""
        for number in range(count):
            raw = mutated(self._chance, self._chance.choice(self._requests))
            try:
                self._send(raw)
                if number % LOOK == 0 or number == count - 1:
                    self._look()
                self._sandbox.check_log()
            except (Failed, Wrong, ValueError, OSError) as broken:
                raise Failed(f"request {number}: {broken}\n{raw[:500]!r} … {raw[-500:]!r}") from broken

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _send(self, raw: bytes) -> None:
        """Send one, in one of the ways clients do, and judge what comes back."""
        before = self._events()
        with _connect(self._sandbox.port) as client:
            end = self._chance.choice(("waits", "waits", "waits", "drips", "splits", "leaves", "resets", "half-closes"))
            try:
                self._deliver(client, raw, end)
            except ConnectionError:  # it was refused before it had come to its end
                end = "was cut"
            heard = b""
            if end not in ("leaves", "resets"):
                after = self._events()
                heard = _whatever_there_is(client)
        self.done.requests += 1
        self.done.ends[end] += 1
        for answer in (told := answers.read(heard)):
            answer.check()
            self.done.statuses[answer.status] += 1
        # What is refused changes nothing; what was answered with anything else may have.
        if end in ("waits", "drips", "splits") and _refused(told) and after != before:
            raise Wrong(f"{after - before} events of what was refused: {[answer.status for answer in told]}")

    def _deliver(self, client: socket.socket, raw: bytes, end: str) -> None:
        if end == "drips":
            for place in range(min(len(raw), DRIP)):
                client.sendall(raw[place : place + 1])
            client.sendall(raw[DRIP:])
        elif end == "splits":
            place = self._chance.randrange(len(raw))
            client.sendall(raw[:place])
            self._events()
            client.sendall(raw[place:])
        else:
            client.sendall(raw)
        if end == "half-closes":
            half_close(client)
        elif end == "resets":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _events(self) -> int:
        """Return how much has happened so far.

        Asked on a connection of its own, of a server that does one thing after the other: what was sent before was read
        before. The first to be asked may overtake a connection that is still being accepted, the third does not.
        """
        for _ in range(3):
            answer = self._exchange(self._count)
        return int(answer.body.partition(b'"total":')[2].partition(b",")[0].rstrip(b"}"))

    def _look(self) -> None:
        """Hold the sandbox against what it was before, and put it back to that."""
        good = self._exchange(self._good)
        if (good.status, good.body) != (self._known.status, self._known.body):
            raise Wrong(f"a good request is answered otherwise than before: {good}")
        self._sandbox.have("GET", "/_sandbox/requests")
        if not self._sandbox.have("GET", "/_sandbox/verify")["good"]:
            raise Wrong("the books do not add up")
        self._sandbox.have("POST", f"{CHECKPOINT}/restore")
        self._sandbox.have("DELETE", "/_sandbox/requests")

    def _exchange(self, raw: bytes) -> Answer:
        self._line.sendall(raw)
        heard = b""
        while not (told := answers.read(heard)):
            more = self._line.recv(1 << 16)
            if not more:
                raise Wrong("a good client was sent away")
            heard += more
        told[0].check()
        return told[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz as the command line asks for, and print what came back."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.raw", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, metavar="N", help="how many to send (20000)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed sends the same (0)")
    parser.add_argument("--parser", choices=get_args(Parser), default="c", help="which of aiohttp's parsers reads (c)")
    options = parser.parse_args(arguments)
    try:
        with (
            running(options.parser, None, "--seed", "7", "--clock", "2013-05-06T17:18:00Z") as sandbox,
            closing(Fuzzer(sandbox, options.seed)) as fuzzer,
        ):
            fuzzer.run(min(options.requests, MOST))
    except Failed as failed:
        print(f"seed {options.seed}, parser {options.parser}, {failed}", file=sys.stderr)
        return 1
    done = fuzzer.done
    print(f"{done.requests} requests, seed {options.seed}, parser {options.parser}: every answer as it has to be")
    print("answers:", ", ".join(f"{count} of {status}" for status, count in sorted(done.statuses.items())))
    print("clients:", ", ".join(f"{count} {end}" for end, count in sorted(done.ends.items())))
    return 0


def _asking(path: str, authorization: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\r\n".encode()


def _refused(told: Sequence[Answer]) -> bool:
    return all(answer.status >= 400 for answer in told)


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def _whatever_there_is(client: socket.socket) -> bytes:
    """Return what has come by now."""
    heard = b""
    client.setblocking(False)
    # Who was cut off finds the answer before the end, or nothing.
    with suppress(BlockingIOError, ConnectionError):
        while more := client.recv(1 << 16):
            heard += more
    return heard


if __name__ == "__main__":
    raise SystemExit(main())
