"""Ask a sandbox for one thing after the other, well and badly, and see whether it keeps anything of it.

``python -m tests.fuzz.leaks --requests 200000``
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from tests.fuzz.answers import Answer, Wrong, read
from tests.fuzz.server import PATIENCE, Failed, Sandbox, running

GROWTH = 20 * 1024 * 1024  # bytes a sandbox may grow by after it has warmed up
WARM_UP = 4_000  # requests until what is bounded is full
ROUND = 2_000  # requests until the world is put back
MOST = 10_000_000  # requests in one go

CHECKPOINT = "/_sandbox/checkpoints/leaks"


@dataclass(frozen=True, slots=True)
class Held:
    """What a sandbox takes up."""

    memory: int
    descriptors: int


class Asker:
    """Asks one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._line = _connect(sandbox.port)
        self.asked = 0
        sandbox.have("PUT", CHECKPOINT)

    def ask(self, count: int) -> Held:
        """Ask at least so often, and return what the sandbox takes up afterwards."""
        until = self.asked + count
        while self.asked < until:
            enough = self.asked + ROUND
            while self.asked < enough:
                self._live_a_life()
                self._ask_badly()
            self._begin_again()
        # Whoever left before these were asked is gone when they are answered.
        for _ in range(3):
            self._send(self._request("GET", "/_sandbox/health"))
        return Held(self._sandbox.resident, self._sandbox.descriptors)

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _live_a_life(self) -> None:
        """Make a customer, read and change it, and delete it."""
        made, *_ = self._send(
            self._request("POST", "/v1/customers", b'{"name": "Alice", "meta": {"a": "b"}}'),
            self._request("GET", "/v1/customers?limit=10"),
            self._request("GET", "/v1/events?limit=10"),
            self._request("GET", "/v1/customers?name=Alice&sort=created_at,desc"),
        )
        uri = json.loads(made.body)["uri"]
        told = self._send(
            self._request("GET", uri),
            self._request("PUT", uri, b'{"name": "Alice Liddell"}'),
            self._request("GET", f"{uri}/debits"),
            self._request("DELETE", uri),
        )
        if [made.status, *(one.status for one in told)] != [201, 200, 200, 200, 204]:
            raise Wrong(f"a customer's life went wrong: {[made.status, *(one.status for one in told)]}")

    def _ask_badly(self) -> None:
        """Ask for what is refused, say what is no HTTP, and leave in the midst of it."""
        told = self._send(
            self._request("GET", "/v1/customers/CU1"),
            self._request("GET", "/nowhere"),
            self._request("PATCH", "/v1/customers"),
            self._request("POST", "/v1/customers", b"{"),
            self._request("POST", "/v1/customers", b'{"email": 1}'),
            self._request("GET", f"/v1/customers/CU{self.asked}?{'a=b&' * 20}"),
            f"GET /v1/customers HTTP/1.1\r\nHost: {self.asked}.example\r\n\r\n".encode(),
            f"GET /v1/customers HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {self.asked}\r\n\r\n".encode(),
        )
        if min(one.status for one in told) < 400:
            raise Wrong("what is wrong was not refused")
        for raw in (b"\x00\r\n\r\n", self._request("POST", "/v1/customers", b"{}")[:-1]):
            with closing(_connect(self._sandbox.port)) as leaving:
                leaving.sendall(raw)
            self.asked += 1

    def _begin_again(self) -> None:
        """Open another world and drop it, and put this one back to its beginning."""
        worlds = {one["id"] for one in self._sandbox.have("GET", "/_sandbox/worlds")["items"]}
        self._sandbox.have("POST", "/v1/api_keys", key=False)
        for opened in {one["id"] for one in self._sandbox.have("GET", "/_sandbox/worlds")["items"]} - worlds:
            self._sandbox.have("DELETE", f"/_sandbox/worlds/{opened}")
        self._sandbox.have("POST", f"{CHECKPOINT}/restore")
        self._sandbox.check_log()

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {self._sandbox.authorization}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def _send(self, *raw: bytes) -> list[Answer]:
        """Send some requests in one go, and return their answers."""
        self._line.sendall(b"".join(raw))
        heard = b""
        while len(told := read(heard)) < len(raw):
            more = self._line.recv(1 << 18)
            if not more:
                raise Wrong("a good client was sent away")
            heard += more
        self.asked += len(raw)
        return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask as often as the command line says, and print what the sandbox kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.leaks", description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000, metavar="N", help="how many after warm-up (200000)")
    options = parser.parse_args(arguments)
    try:
        with running() as sandbox, closing(Asker(sandbox)) as asker:
            before = asker.ask(WARM_UP)
            warm = asker.asked
            after = asker.ask(min(options.requests, MOST))
    except (Failed, Wrong) as failed:
        print(failed, file=sys.stderr)
        return 1
    grown, left = after.memory - before.memory, after.descriptors - before.descriptors
    asked = f"{asker.asked - warm} requests after {warm} to warm up"
    print(f"{asked}: {before.memory / 1e6:.1f} MB grew by {grown / 1e6:.1f} MB, {left} descriptors left")
    return int(grown >= GROWTH or left > 0)


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


if __name__ == "__main__":
    raise SystemExit(main())
