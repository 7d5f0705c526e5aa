"""A bank that keeps to the rules, one thing after another, and tells its history as if many had used it at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from tests.durability.audit import ACTS, MOVES, Page, Record, record_of
from tests.durability.history import Operation, Outcome

DONE_TO = {"capture": ("hold",), "void": ("hold",), "refund": ("debit", "capture"), "reversal": ("credit",)}
ON_A_PAGE = 3


@dataclass
class HonestBank:
    """What was asked of it and answered, what it keeps, and what its rules go by."""

    history: list[Operation] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    escrow: int = 0
    left: dict[str, int] = field(default_factory=dict)  # of a debit or a credit
    ended: set[str] = field(default_factory=set)  # holds

    def do(
        self,
        what: str,
        amount: int = 0,
        of: str = "",
        *,
        when: tuple[int, int] = (0, 5),
        told: tuple[Outcome, Any] | None = None,
    ) -> Operation:
        """Do something by the rules, or as it is told; it began and was over so long before and after it happened."""
        about: dict[str, Any] = {"tag": f"{what} {len(self.history)}"} if what in ACTS else {}
        about |= {"amount": amount} if what in MOVES else {}
        about |= {"of": of} if of else {}
        moment = 10 * len(self.history)
        outcome, answer = self._comes_of(what, amount, of) if told is None else told
        done = Operation(what, moment - when[0], moment + when[1], outcome, about, answer)
        if outcome == "ok" and what in ACTS:
            self._keep(record_of(done))
        self.history.append(done)
        return done

    def page(self) -> Page:
        shown = [record for record in self.records[::-1] if record.what != "void"]
        kinds = [[0] * 5, *(MOVES[record.what][1] for record in shown)]
        holds, debits, credits_, refunds, reversals = (sum(kind) for kind in zip(*kinds, strict=True))
        counts = (holds, debits, credits_, refunds, reversals)
        return Page(counts, tuple(shown[:ON_A_PAGE]), len(shown) <= ON_A_PAGE)

    def unheard(self, operation: Operation) -> None:
        """Let nobody have heard of something, whether it was done or not."""
        at = self.history.index(operation)
        over = 10 * len(self.history) + 1_000
        self.history[at] = replace(operation, outcome="unknown", answer=None, over=over)

    def _comes_of(self, what: str, amount: int, of: str) -> tuple[Outcome, Any]:
        code = self._code(what, amount, of)
        if code:
            return "refused", code
        return "ok", {"escrow": self.escrow, "page": self.page()}.get(what)

    def _code(self, what: str, amount: int, of: str) -> str:
        """Return the code of the refusal, empty when it is none."""
        if what in ("capture", "void"):
            return f"cannot-{what}-authorization" if of in self.ended else ""
        if what in ("refund", "reversal") and not self.left[of]:
            return "debit-already-refunded" if what == "refund" else "credit-already-reversed"
        if what in ("refund", "reversal") and amount > self.left[of]:
            return "request" if what == "refund" else "invalid-reversal-amount"
        if what in ("refund", "credit") and amount > self.escrow:
            return "refund-insufficient-funds" if what == "refund" else "insufficient-funds"
        return ""

    def _keep(self, record: Record) -> None:
        self.records.append(record)
        self.escrow += MOVES[record.what][0] * record.amount if record.what in MOVES else 0
        if record.what in ("debit", "capture", "credit"):
            self.left[record.tag] = record.amount
        if record.of in self.left:
            self.left[record.of] -= record.amount
        elif record.of:
            self.ended.add(record.of)


@st.composite
def banks(draw: st.DrawFn) -> HonestBank:
    """A bank that many used at once: operations overlap, and of some nobody heard whether they were done."""
    bank, unheard = HonestBank(), []
    for what in draw(st.lists(st.sampled_from([*DONE_TO, *MOVES, "escrow", "escrow", "page"]), max_size=30)):
        made = [record for record in bank.records if record.what in DONE_TO.get(what, ())]
        if what in DONE_TO and not made:
            continue
        of = draw(st.sampled_from(made)) if made else None
        amount = draw(st.integers(1, 200))
        if of and (what == "capture" or draw(st.booleans())):
            amount = min(amount, of.amount) if what == "capture" else of.amount  # the whole of it, perhaps again
        when = draw(st.tuples(st.integers(0, 40), st.integers(1, 40)))
        done = bank.do(what, amount, of.tag if of else "", when=when)
        if draw(st.integers(0, 9)) == 0:
            unheard.append(done)
    for one in unheard:
        bank.unheard(one)
    bank.do("escrow", when=(-1_100, 1_200))
    bank.do("page", when=(-1_100, 1_200))
    return bank
