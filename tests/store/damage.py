"""Every way to cut a journal short, to flip one bit of it, or to lose one sector: cut off, or refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sandbox.store import Store, StoreTrouble
from sandbox.store.generation import journal_path, snapshot_path
from sandbox.world import SHELVES
from tests.store.crashes import FOLDER, SECTOR, CrashingFiles, Inode
from tests.store.written import State, Written

Damage = tuple[str, int, bytes]
"""What was done, the first byte that is not as it was, and what the file is then."""


@dataclass
class Verdict:
    """How often a file was damaged, and how often that was neither cut off nor refused."""

    tried: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        """Count another's with these."""
        self.tried += other.tried
        self.refused += other.refused
        self.wrong += other.wrong


@dataclass(frozen=True)
class Patient:
    """A generation that is damaged in many ways."""

    written: Written

    @cached_property
    def states(self) -> Sequence[State]:
        """What the files say before each record, and after the last."""
        return self.written.states()

    def prefixes(self, every: int = 1) -> Verdict:
        """A prefix of the journal holds exactly what was answered by then."""
        verdict = Verdict()
        for length in range(0, len(self.written.journal) + 1, every):
            journal = self.written.journal[:length]
            whole = max(journal.count(b"\n") - 1, 0)
            self._judge(verdict, f"the first {length} bytes", self._found(journal), self.states[whole])
        return verdict

    def flips(self, every: int = 1) -> Verdict:
        """A bit of the journal the other way round is refused or, in the last record, cut off with it."""
        return self._damaged(flipped(self.written.journal, every))

    def lost_sectors(self, every: int = SECTOR) -> Verdict:
        """A sector of nothing in the journal is refused or, where only nothing follows, cut off with what it hit."""
        return self._damaged(zeroed(self.written.journal, every))

    def snapshot_flips(self, every: int = 1) -> Verdict:
        """A bit of the snapshot the other way round is refused."""
        return self._ruined(flipped(self.written.snapshot, every))

    def snapshot_lost_sectors(self, every: int = SECTOR) -> Verdict:
        """A sector of nothing in the snapshot is refused."""
        return self._ruined(zeroed(self.written.snapshot, every))

    def _damaged(self, damages: Iterator[Damage]) -> Verdict:
        verdict = Verdict()
        journal = self.written.journal
        for what, at, damaged in damages:
            whole = max(journal[:at].count(b"\n") - 1, 0)
            refusal = self._proves(damaged, at)
            self._judge(verdict, what, self._found(damaged), None if refusal else self.states[whole])
        return verdict

    def _proves(self, damaged: bytes, at: int) -> bool:
        """Whether the last record is there, and says that the line of a byte was on the disk before it."""
        journal = self.written.journal
        last = journal[:-1].rpartition(b"\n")[2]
        synced = json.loads(last[9:]).get("synced", len(journal))
        return damaged.endswith(last + b"\n") and bool(synced > journal.rfind(b"\n", 0, at) + 1)

    def _ruined(self, damages: Iterator[Damage]) -> Verdict:
        verdict = Verdict()
        for what, _, damaged in damages:
            self._judge(verdict, what, self._found(self.written.journal, damaged), None)
        return verdict

    def _judge(self, verdict: Verdict, what: str, found: State | None, expected: State | None) -> None:
        verdict.tried += 1
        verdict.refused += found is None
        if found != expected:
            came = "refused" if found is None else f"accepted up to number {found[1]}"
            verdict.wrong.append(f"generation {self.written.number}: {what}: {came}")

    def _found(self, journal: bytes, snapshot: bytes | None = None) -> State | None:
        """What the store finds in these files, or None when it refuses them."""
        number, kept = self.written.number, self.written.snapshot if snapshot is None else snapshot
        lying = {FOLDER: b"", snapshot_path(FOLDER, number): kept, journal_path(FOLDER, number): journal}
        files = CrashingFiles({path: Inode(data, data) for path, data in lying.items()})
        try:
            store = Store.open(SHELVES, FOLDER, files=files)
        except StoreTrouble:
            return None
        return {name: dict(store.rows(name)) for name in store.tables()}, store.contents()[1]


def flipped(data: bytes, every: int) -> Iterator[Damage]:
    """The data with one bit the other way round, one after the other or every so many."""
    for number in range(0, len(data) * 8, every):
        at, bit = divmod(number, 8)
        yield f"bit {bit} of byte {at} flipped", at, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def zeroed(data: bytes, every: int) -> Iterator[Damage]:
    """The data with a sector of it zeroed, from every so many bytes on."""
    for at in range(0, len(data), every):
        end = min(at + SECTOR, len(data))
        yield f"bytes {at} to {end} zeroed", at, data[:at] + bytes(end - at) + data[end:]
