"""One comparison: the bare application, a sandbox for each number of customers, and peers, all there at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import entrants, levers, peers, rounds, served, side_by_side
from benchmarks.entrants import Entrant
from benchmarks.figures import By, Series
from benchmarks.levers import Lever
from benchmarks.operations import Operation
from benchmarks.peers import Peer
from benchmarks.rounds import Plan
from benchmarks.served import Mode, Served


@dataclass(frozen=True, slots=True)
class Comparison:
    """Who is compared, and how."""

    mode: Mode
    bare: Served
    sandboxes: Sequence[Entrant]
    """In order of size."""
    rivals: Sequence[Entrant]
    plan: Plan
    by: By

    def operation(self, operation: Operation) -> tuple[str, list[str]]:
        """Return the row of an operation, and those beside the peers that have it."""
        bare = entrants.of_bare(self.bare, self.sandboxes[0].served.api_key)
        rivals = [rival for rival in self.rivals if operation.name in rival.asks]
        everyone = (bare, *self.sandboxes, *rivals)
        measured = rounds.measure(operation, everyone, self.plan)
        series = {(one.name, one.customers): found for one, found in zip(everyone, measured, strict=True)}
        ours = [series[one.name, one.customers] for one in self.sandboxes]
        row = side_by_side.row(operation, self.mode, measured[0], ours, self.by)
        return row, list(_beside(operation, series, rivals))

    def lever(self, lever: Lever) -> str:
        """Return the row of a lever."""
        bare, *ours = levers.measure(lever, self.bare, self.sandboxes, self.plan)
        return levers.row(lever, self.mode, bare, ours)


@contextmanager
def compare(
    mode: Mode, fixtures: Mapping[int, Path], rivals: Mapping[Peer, Path], plan: Plan, by: By
) -> Iterator[Comparison]:
    """Start everybody, and stop them in the end; ``rivals`` are installed in folders."""
    with ExitStack() as stack:
        ours, others = [], []
        for customers, fixture in sorted(fixtures.items()):
            plan.say(f"{mode}: a sandbox with {customers:,} customers")
            folder = Path(stack.enter_context(TemporaryDirectory()))
            server = stack.enter_context(served.sandbox(mode, folder, fixture))
            ours.append(entrants.of_sandbox(server, customers))
        for peer, folder in rivals.items():
            for customers in sorted(count for count in fixtures if count <= peers.MOST):
                plan.say(f"{peer.name} with {customers:,} customers")
                others.append(stack.enter_context(peer.serve(folder, customers)))
        yield Comparison(mode, stack.enter_context(served.bare()), ours, others, plan, by)


def _beside(operation: Operation, series: Mapping[tuple[str, int], Series], rivals: Sequence[Entrant]) -> Iterator[str]:
    for customers in sorted({rival.customers for rival in rivals}):
        beside = {rival.name: series[rival.name, customers] for rival in rivals if rival.customers == customers}
        yield side_by_side.peers_row(operation, customers, series[entrants.SANDBOX, customers], beside)
