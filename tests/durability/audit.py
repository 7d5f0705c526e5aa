"""The books of a bank that many used at once: what was answered, refused and read, held against what is there at last.

Whether the reads agree is asked of an order (:mod:`tests.durability.orders`): for all the money together, and for each
hold, debit and credit by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import NamedTuple, TypeVar

from tests.durability.history import Operation, around
from tests.durability.orders import Step, unexplained

S = TypeVar("S", bound=Hashable)

Counts = tuple[int, int, int, int, int]
"""How many holds, debits, credits, refunds and reversals there are."""

MOVES: dict[str, tuple[int, Counts]] = {
    "hold": (0, (1, 0, 0, 0, 0)),
    "debit": (1, (1, 1, 0, 0, 0)),
    "capture": (1, (0, 1, 0, 0, 0)),
    "credit": (-1, (0, 0, 1, 0, 0)),
    "refund": (-1, (0, 0, 0, 1, 0)),
    "reversal": (1, (0, 0, 0, 0, 1)),
}
"""Which way each operation moves money, into escrow or out of it, and which records it leaves."""

ACTS = (*MOVES, "void")
POOR = ("insufficient-funds", "refund-insufficient-funds")
SPENT = ("debit-already-refunded", "credit-already-reversed")
TOO_MUCH = ("request", "invalid-reversal-amount")
ENDED = ("cannot-capture-authorization", "cannot-void-authorization")
NEVER_SENT = "never sent"


class Record(NamedTuple):
    """What an act leaves to be found: its tag, cents, and the tag of the hold, debit or credit it was done to."""

    what: str
    tag: str
    amount: int = 0
    of: str = ""


class Page(NamedTuple):
    """The newest of all transactions in one answer, and how many there are."""

    counts: Counts
    newest: tuple[Record, ...]
    is_all: bool


class Ledger(NamedTuple):
    """Cents in escrow, and how many records there are of each kind."""

    escrow: int = 0
    counts: Counts = (0, 0, 0, 0, 0)


def faults(history: Sequence[Operation], records: Sequence[Record]) -> list[str]:
    """Return what is wrong with a history at whose end these records were found, each with what was under way then."""
    there = {record.tag for record in records}
    happened = [one for one in history if one.outcome == "ok" or one.tag in there]
    refused = [one for one in history if one.outcome == "refused" and one.answer != NEVER_SENT]
    return [
        *_records(history, records),
        *_pages(history),
        *_escrow(history, records),
        *_unexplained("escrow", Ledger(), _ledger, [*filter(_counts, happened), *filter(_is_of_ledger, refused)]),
        *_unexplained_each(happened, [one for one in refused if not _is_of_ledger(one)]),
    ]


def record_of(operation: Operation) -> Record:
    """Return what an act leaves when it is done."""
    given = operation.given
    return Record(operation.what, operation.tag, given.get("amount", 0), given.get("of", ""))


# What is there at last.


def _records(history: Iterable[Operation], records: Sequence[Record]) -> Iterator[str]:
    acts = {one.tag: one for one in history if one.what in ACTS}
    there = Counter(record.tag for record in records)
    for tag, act in acts.items():
        if act.outcome == "ok" and not there[tag]:
            yield f"lost: {act}"
    for record in records:
        known = acts.get(record.tag)
        if known is None or known.outcome == "refused":
            yield f"invented: {record}"
        elif record != record_of(known):
            yield f"altered: {record} came of {known}"
    for tag, count in there.items():
        if count > 1:
            yield f"duplicated: {tag} is there {count} times"


def _escrow(history: Iterable[Operation], records: Iterable[Record]) -> Iterator[str]:
    reads = [one for one in history if one.what == "escrow" and one.outcome == "ok"]
    last = max(reads, key=lambda one: one.began, default=None)
    moved = sum(MOVES[record.what][0] * record.amount for record in records if record.what in MOVES)
    if last is not None and last.answer != moved:
        yield f"the records come to {moved}, not to what is in escrow: {last}"


# What was read on the way. Each answer is of one moment; a list over several pages is not, so one page is looked at.


def _pages(history: Sequence[Operation]) -> Iterator[str]:
    acts = {one.tag: one for one in history if one.what in MOVES}
    for read in history:
        if read.what == "page" and read.outcome == "ok":
            for fault in _page(read, read.answer, acts):
                yield f"{fault}: {read}"


def _page(read: Operation, page: Page, acts: dict[str, Operation]) -> Iterator[str]:
    shown = {record.tag for record in page.newest}
    for record in page.newest:
        act = acts.get(record.tag)
        if act is None or act.outcome == "refused" or act.began > read.over or record != record_of(act):
            yield f"a page shows {record}, which nobody had asked for"
    # What began after the oldest on the page was over is newer than that.
    since = 0 if page.is_all or page.newest[-1].tag not in acts else acts[page.newest[-1].tag].over
    for tag, act in acts.items():
        if act.outcome == "ok" and since < act.began and act.over < read.began and tag not in shown:
            yield f"a page does not show {record_of(act)}"


# What an order has to explain.


def _counts(operation: Operation) -> bool:
    return operation.what != "void"


def _is_of_ledger(operation: Operation) -> bool:
    """Whether a refusal is about escrow, or about nothing that could refuse it."""
    return operation.answer in POOR or operation.what in ("hold", "debit", "credit")


def _unexplained(about: str, state: S, step: Step[S], history: Sequence[Operation]) -> Iterator[str]:
    found = unexplained(history, state, step)
    if found is not None:
        states = ", ".join(sorted(map(str, found.states)))
        together = "\n  ".join(map(str, around(history, found.operation)))
        yield f"no order explains of {about}: {found.operation}\n it could have been {states}, with\n  {together}"


def _unexplained_each(happened: Sequence[Operation], refused: Sequence[Operation]) -> Iterator[str]:
    """Yield what no order explains of one hold, debit or credit: whatever was done to it, or refused."""
    made = {one.tag: one for one in happened if one.what in ("hold", "debit", "capture", "credit")}
    done = sorted((one for one in (*happened, *refused) if one.given.get("of")), key=lambda one: one.given["of"])
    for tag, acts in groupby(done, key=lambda one: one.given["of"]):
        if tag not in made:
            yield f"{tag} was acted on, and is not there: {next(acts)}"
        elif made[tag].what == "hold":
            yield from _unexplained(f"hold {tag}", "active", partial(_hold, made[tag].given["amount"]), list(acts))
        else:
            yield from _unexplained(f"{made[tag].what} {tag}", made[tag].given["amount"], _left, list(acts))


def _ledger(ledger: Ledger, operation: Operation) -> Ledger | None:
    """Return the money after an operation; escrow is never overdrawn, and a refusal for want of it has to be true."""
    if operation.what == "escrow":
        return ledger if operation.answer == ledger.escrow else None
    if operation.what == "page":
        return ledger if operation.answer.counts == ledger.counts else None
    amount = operation.given["amount"]
    if operation.outcome == "refused":
        return ledger if operation.answer in POOR and amount > ledger.escrow else None
    way, (holds, debits, credits_, refunds, reversals) = MOVES[operation.what]
    escrow, counts = ledger.escrow + way * amount, ledger.counts
    if escrow < 0:
        return None
    return Ledger(
        escrow,
        (counts[0] + holds, counts[1] + debits, counts[2] + credits_, counts[3] + refunds, counts[4] + reversals),
    )


def _hold(amount: int, status: str, operation: Operation) -> str | None:
    """Return how a hold stands after an operation: it ends once, by a capture of no more than it or by a void."""
    if operation.outcome == "refused":
        return status if operation.answer in ENDED and status != "active" else None
    if status != "active" or operation.given.get("amount", 0) > amount:
        return None
    return operation.what


def _left(left: int, operation: Operation) -> int | None:
    """Return how much is left of a debit or a credit after it was given or taken back, or that was refused."""
    amount, code = operation.given["amount"], operation.answer
    if operation.outcome != "refused":
        return left - amount if amount <= left else None
    is_true = (
        (code in SPENT and left == 0) or (code in TOO_MUCH and 0 < left < amount) or (code in POOR and amount <= left)
    )
    return left if is_true else None
