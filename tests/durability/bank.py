"""A bank after Jepsen's: eight clients hold, capture, void, debit, credit, refund and reverse at once, and read.

Every read of what is in escrow has to be explained by some order of what was answered; in every second bank the server
is killed, stopped and continued on the way.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from tests.conformance.setting import BANK_ACCOUNT
from tests.durability.acts import CARD
from tests.durability.audit import Page, Record, faults
from tests.durability.figures import Figure, Progress
from tests.durability.history import History
from tests.durability.server import CLIENTS, MODES, Server, serving
from tests.durability.trouble import Trouble

LIVES = 4
"""How many lives of the server a disturbed bank has, before the one that shows what is left."""

EACH = 50
"""How many operations a client asks for in an undisturbed bank; it is fewer where the server is killed."""

RECENT = 6
"""Only so many of the last holds, debits and credits are acted on, so that clients meet."""


@dataclass(frozen=True, slots=True)
class Made:
    """A hold, a debit or a credit to act on."""

    tag: str
    body: Mapping[str, Any]


class Bank:
    """One merchant's money, and what all clients know of it."""

    def __init__(self, chance: Random) -> None:
        self.history = History()
        self.payer: Mapping[str, Any] = {}
        self._chance = chance
        self._tags = itertools.count(1)
        self._made: dict[str, list[Made]] = {"hold": [], "debit": [], "credit": []}

    async def open(self, server: Server) -> None:
        """Find someone who pays, and begin with something in escrow."""
        body = {"name": "John Lee Hooker", "card": CARD}
        self.payer = (await server.ask("POST", "/v1/customers", body)).body
        await self._ask(server, "debit", {"amount": 5_000})

    async def life(self, server: Server, chance: Random | None) -> None:
        """Let eight clients do what comes to their minds; given chance there is trouble, which ends it."""
        trouble = None if chance is None else Trouble(server, chance)
        come = [] if trouble is None else [trouble.come()]
        await asyncio.gather(*come, *(self._client(server, trouble) for _ in range(CLIENTS)))
        self.history.settle()

    async def close(self, server: Server) -> Sequence[Record]:
        """Read what is there when all is over."""
        await self._escrow(server)
        await self._page(server)
        return list(_records(await server.items("/v1/transactions"), with_voids=True))

    async def _client(self, server: Server, trouble: Trouble | None) -> None:
        for _ in range(EACH):
            await self._do_something(server)
            if trouble is not None:
                trouble.heard()
            if server.is_killed:
                return

    async def _do_something(self, server: Server) -> None:
        chance, amount = self._chance, self._chance.randint(50, 1_000)
        possible = [what for what, of in _DONE_TO.items() if not of or self._made[of]]
        match chance.choice([*possible, "escrow", "escrow", "page"]):
            case "escrow":
                await self._escrow(server)
            case "page":
                await self._page(server)
            case "credit":
                await self._ask(server, "credit", {"amount": 3 * amount})  # sometimes more than there is
            case "void":
                await self._ask(server, "void", {}, self._recent("hold"))
            case "capture":
                hold = self._recent("hold")
                await self._ask(server, "capture", {"amount": chance.randint(50, hold.body["amount"])}, hold)
            case what:
                of = _DONE_TO[what]
                await self._ask(server, what, {"amount": amount}, self._recent(of) if of else None)

    async def _ask(self, server: Server, what: str, given: dict[str, Any], made: Made | None = None) -> None:
        """Ask for an act, under a tag that its record is found by."""
        tag = str(next(self._tags))
        method, uri, body = self._request(what, tag, {} if made is None else made.body)
        about = {"tag": tag, **given} if made is None else {"tag": tag, **given, "of": made.tag}
        reply = await self.history.ask(server, what, about, method, uri, {**given, **body})
        kind = "debit" if what == "capture" else what
        if reply.is_good and kind in self._made:
            self._made[kind].append(Made(tag, reply.body))

    def _request(self, what: str, tag: str, of: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """Return the method, the uri and the body of an act on something, but for the amount."""
        tagged = {"description": tag}
        match what:
            case "hold":
                return "POST", self.payer["holds_uri"], tagged
            case "debit":
                return "POST", self.payer["debits_uri"], tagged
            case "capture":
                return "POST", self.payer["debits_uri"], {**tagged, "hold_uri": of["uri"]}
            case "void":
                return "PUT", of["uri"], {"is_void": True, "meta": {"void": tag}}
            case "credit":
                return "POST", "/v1/credits", {**tagged, "bank_account": BANK_ACCOUNT}
            case "refund":
                return "POST", of["refunds_uri"], tagged
        return "POST", of["reversals_uri"], tagged

    async def _escrow(self, server: Server) -> None:
        uri = server.marketplace_uri
        await self.history.ask(server, "escrow", {}, "GET", uri, heard=lambda body: body["in_escrow"])

    async def _page(self, server: Server) -> None:
        await self.history.ask(server, "page", {}, "GET", "/v1/transactions?limit=20", heard=_page)

    def _recent(self, kind: str) -> Made:
        return self._chance.choice(self._made[kind][-RECENT:])


_DONE_TO = {
    "hold": "",
    "debit": "",
    "credit": "",
    "capture": "hold",
    "void": "hold",
    "refund": "debit",
    "reversal": "credit",
}
"""Each act, and the kind of what it is done to."""


def _page(body: Mapping[str, Any]) -> Page:
    counts = body["counts"]
    return Page(
        (counts["hold"], counts["debit"], counts["credit"], counts["refund"], counts["reversal"]),
        tuple(_records(body["items"])),
        is_all=body["total"] == len(body["items"]),
    )


def _records(items: Iterable[Mapping[str, Any]], *, with_voids: bool = False) -> Iterator[Record]:
    """Yield what acts left behind; the hold that comes with a debit is the debit's."""
    for item in items:
        what, tag, amount = item["_type"], item["description"], item["amount"]
        if what == "hold":
            if item["debit"] is None or item["debit"]["description"] != tag:
                yield Record(what, tag, amount)
            if with_voids and item["is_void"]:
                yield Record("void", item["meta"]["void"], of=tag)
        elif what == "debit":
            of = item["hold"]["description"]
            yield Record("debit", tag, amount) if of == tag else Record("capture", tag, amount, of)
        elif what == "credit":
            yield Record(what, tag, amount)
        else:
            yield Record(what, tag, amount, item["debit" if what == "refund" else "credit"]["description"])


def run(size: int, seed: int, progress: Progress) -> Sequence[Figure]:
    """Run so many banks, every second one with trouble, and audit each."""
    return asyncio.run(_run(size, seed, progress))


async def _run(size: int, seed: int, progress: Progress) -> Sequence[Figure]:
    found: list[str] = []
    outcomes: Counter[str] = Counter()
    for number in range(size):
        bank, lives = Bank(Random(f"{seed}/{number}")), LIVES if number % 2 else 0
        records = await _live(bank, lives, MODES[number // 2 % len(MODES)], Random(f"{seed}/{number}/trouble"))
        outcomes.update("reads" if one.what in ("escrow", "page") else one.outcome for one in bank.history.operations)
        found += (f"bank {number} of seed {seed}: {fault}" for fault in faults(bank.history.operations, records))
        progress(number + 1, size)
    for fault in found:
        print(fault, file=sys.stderr)
    told = f"{outcomes['reads']} reads, {outcomes['refused']} refusals, {outcomes['unknown']} unanswered"
    remark = f"{size} banks, {size // 2 * LIVES} kills; {told}"
    return [Figure("concurrent operations on money, explained by one order", outcomes.total(), len(found), remark)]


async def _live(bank: Bank, lives: int, fsync: str, chance: Random) -> Sequence[Record]:
    """Return what is left of a bank whose server was killed so often, or used undisturbed."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "data"
        for life in range(lives or 1):
            async with serving(folder, fsync) as server:
                if not life:
                    await bank.open(server)
                await bank.life(server, chance if lives else None)
        async with serving(folder, fsync) as server:
            return await bank.close(server)
