"""Leave a sandbox at every stage of a debit, and see that the debit is there as a whole or not at all.

``python -m tests.fuzz.leaving --rounds 20``
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.server import PATIENCE, Failed, Sandbox, half_close, running

STAGES = (
    "connected",
    "in the head",
    "after the head",
    "in the body",
    "after the body",
    "while it waits",
    "in the answer",
)
ENDS = ("closes", "resets", "half-closes")
FAULTS: Mapping[str, Mapping[str, Any] | None] = {
    "no fault": None,
    "delay": {"delay_ms": 5},
    "drop before": {"drop": "before"},
    "drop after": {"drop": "after"},
    "status": {"status": 500},
    "status after": {"status_after_commit": 500},
    "twice told": {"duplicate_delivery": True},
}

NEVER = frozenset(STAGES[: STAGES.index("after the body")])
"""Who leaves here has not asked for anything yet."""

LEAST = 1_000  # cents of the first debit; each of the others is for one more, and known by that
MOST = 1_000  # rounds in one go


@dataclass(slots=True)
class Left:
    """What was asked for, by its amount, and whether it was asked for as a whole."""

    asked: dict[int, bool] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    there: int = 0


class Leaver:
    """Asks one sandbox for debits, and leaves."""

    def __init__(self, sandbox: Sandbox, chance: Random, left: Left) -> None:
        self._sandbox = sandbox
        self._chance = chance
        self._left = left
        card = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}
        # Nobody listens there, so that each event has a delivery that fails, and another one due.
        sandbox.have("POST", "/v1/callbacks", {"url": "http://127.0.0.1:9/", "method": "post"})
        self._debits = sandbox.have("POST", "/v1/customers", {"card": card})["debits_uri"]

    def leave(self, stage: str, end: str, fault: Mapping[str, Any] | None) -> None:
        """Ask for one debit, and leave."""
        amount = LEAST + len(self._left.asked)
        head, body = self._request(amount, fault)
        self._left.asked[amount] = stage not in NEVER
        heard = b""
        with socket.create_connection(("127.0.0.1", self._sandbox.port), timeout=PATIENCE) as client:
            with suppress(ConnectionError):
                client.sendall(self._said(stage, head, body))
                if stage == "while it waits":
                    self._sandbox.have("GET", "/_sandbox/health")  # by now it has been read
                elif stage == "in the answer":
                    heard = client.recv(20)
                if end == "half-closes":
                    half_close(client)
                    while more := client.recv(1 << 16):
                        heard += more
            if end == "resets":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if heard.startswith(b"HTTP/1.1 201"):
            self._left.answered.add(amount)

    def _said(self, stage: str, head: bytes, body: bytes) -> bytes:
        if stage == "connected":
            return b""
        if stage == "in the head":
            return head[: self._chance.randrange(1, len(head))]
        if stage == "after the head":
            return head
        if stage == "in the body":
            return head + body[: self._chance.randrange(1, len(body))]
        return head + body

    def _request(self, amount: int, fault: Mapping[str, Any] | None) -> tuple[bytes, bytes]:
        body = json.dumps({"amount": amount}).encode()
        lines = [
            f"POST {self._debits} HTTP/1.1",
            "Host: localhost",
            f"Authorization: {self._sandbox.authorization}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        if fault is not None:
            lines.append(f"X-Sandbox-Fault: {json.dumps({'do': fault})}")
        return "\r\n".join((*lines, "", "")).encode(), body


def check(world: Any, left: Left) -> None:
    """Hold a dumped world against what was asked for; raises ``Failed`` for a part without the rest."""
    tables = world["tables"]
    debits = {debit["amount"]: debit for debit in tables.get("debits", ())}
    if len(debits) != len(tables.get("debits", ())):
        raise Failed("a debit that was asked for once is there twice")
    for amount, debit in debits.items():
        hold = next(hold for hold in tables["holds"] if hold["id"] == debit["hold"])
        entries = [entry["amount"] for entry in tables["entries"] if entry["because"] == debit["id"]]
        events = sorted(event["type"] for event in tables["events"] if event["of"] in (debit["id"], hold["id"]))
        if hold["debit"] != debit["id"] or sorted(entries) != [-amount, amount]:
            raise Failed(f"{amount}: the books have {entries}, the hold {hold}")
        if events != ["debit.created", "debit.succeeded", "hold.captured", "hold.created"]:
            raise Failed(f"{amount}: the events are {events}")
        if not left.asked[amount]:
            raise Failed(f"{amount}: nobody asked for that as a whole")
    if len(tables.get("holds", ())) != len(debits) or len(tables.get("entries", ())) != 2 * len(debits):
        raise Failed("there are holds or entries of no debit")
    if lost := left.answered - debits.keys():
        raise Failed(f"answered with 201 and not there: {lost}")
    left.there = len(debits)


def leave(rounds: int, folder: Path | None, seed: int = 0) -> Left:
    """Leave at every stage in every way, so many times; in a folder, hold it against a restart too."""
    left = Left()
    with running("c", folder, "--seed", "7") as sandbox:
        leaver = Leaver(sandbox, Random(seed), left)
        for stage, end, fault in _ways(rounds):
            leaver.leave(stage, end, fault)
        before = _settled(sandbox)
        check(before, left)
    if folder is not None:
        with running("c", folder) as sandbox:
            after = _settled(sandbox)
            check(after, left)
            if _kept(after) != _kept(before):
                raise Failed("after a restart something else is there")
    return left


def _ways(rounds: int) -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
    for _ in range(rounds):
        yield from product(STAGES, ENDS, FAULTS.values())


def _settled(sandbox: Sandbox) -> Any:
    """Return the world when all that was going on has come to its end."""
    if not sandbox.have("GET", "/_sandbox/verify")["good"]:
        raise Failed("the books do not add up")
    sandbox.check_log()
    return sandbox.have("GET", "/_sandbox/dump")


def _kept(world: Any) -> Any:
    """Return what a restart leaves as it is; deliveries are under way in every life."""
    return {
        table: rows for table, rows in world["tables"].items() if table in ("debits", "holds", "entries", "customers")
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Leave as often as the command line says, in memory and on disk, and print how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.leaving", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=20, metavar="N", help=f"of {len(list(_ways(1)))} ways to leave (20)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="where in a head or body to leave (0)")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, place in (("in memory", None), ("on disk", Path(folder) / "data")):
                left = leave(min(options.rounds, MOST), place, options.seed)
                print(f"{name}: {len(left.asked)} clients left, {left.there} debits there as a whole, none in part")
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
