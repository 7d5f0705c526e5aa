"""Measure the sandbox beside a bare aiohttp application, in one run and by turns, and print Markdown tables.

Only the ratios carry over to another machine. It takes a quarter of an hour, with --quick three minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import aiohttp

from benchmarks import comparison, levers, load, memory, peers, served, side_by_side, starts, worlds
from benchmarks.figures import By
from benchmarks.levers import LEVERS
from benchmarks.operations import OPERATIONS
from benchmarks.peers import PEERS, Missing, Peer
from benchmarks.rounds import Plan
from benchmarks.served import Mode

LINUX = Path("/proc/self/stat")  # where CPU time and memory of a process are read

ALL = (*OPERATIONS, *LEVERS, "start", "memory", "suite")
"""Everything that can be measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for, and print each table as soon as it is known."""
    options = _read(arguments)
    if not LINUX.exists():
        print("benchmarks: CPU time and memory are read from /proc, which is not here", file=sys.stderr)
        return 1
    plan = Plan(load.LOADS[options.load], options.seconds, options.rounds, options.connections, _say)
    wanted = frozenset(options.operations)
    _show([_conditions(options)])
    with tempfile.TemporaryDirectory() as folder:
        fixtures = {count: _invent(count, Path(folder, f"{count}.json")) for count in sorted(options.customers)}
        most = max(fixtures)
        if wanted & {*OPERATIONS, *LEVERS}:
            _compare(options, plan, fixtures, Path(folder))
        if "start" in wanted:
            _show(["", starts.HEAD, *starts.rows(fixtures, plan)])
        if "memory" in wanted:
            _show(["", memory.HEAD, *memory.rows(most, fixtures[most], plan)])
    if "suite" in wanted:
        _say("a suite")
        _show(["", worlds.HEAD, *worlds.rows(options.worlds, options.tests)])
    return 0


def _compare(options: argparse.Namespace, plan: Plan, fixtures: Mapping[int, Path], folder: Path) -> None:
    """Measure what is asked of servers that run; only what changes a world depends on where that is kept."""
    operations = [OPERATIONS[name] for name in OPERATIONS if name in options.operations]
    pulled = [lever for name in LEVERS if name in options.operations for lever in LEVERS[name]]
    rivals = _install(folder / "peers") if options.peers else {}
    beside: list[str] = []
    of_levers: list[str] = []
    if operations:
        _show(["", side_by_side.head(list(fixtures))])
    for mode in options.mode:
        first = mode == options.mode[0]
        with comparison.compare(mode, fixtures, rivals if first else {}, plan, options.by) as compared:
            for operation in operations:
                if first or operation.changes:
                    row, rows = compared.operation(operation)
                    beside += rows
                    _show([row])
            of_levers += [compared.lever(lever) for lever in pulled]
    if beside:
        _show(["", side_by_side.peers_head([peer.name for peer in rivals]), *beside])
    if of_levers:
        _show(["", levers.head(list(fixtures)), *of_levers])


def _install(folder: Path) -> dict[Peer, Path]:
    """Return the peers that can be had, each with the folder it is installed in."""
    had: dict[Peer, Path] = {}
    for number, peer in enumerate(PEERS):
        _say(f"{peer.name} is fetched")
        try:
            peers.install(peer, folder / str(number))
        except Missing as missing:
            _show(["", f"Left out: {missing}"])
        else:
            had[peer] = folder / str(number)
    return had


def _invent(customers: int, path: Path) -> Path:
    _say(f"{customers:,} customers are invented")
    command = [sys.executable, "run_sandbox.py", "invent", "--customers", str(customers), "--seed", "1"]
    with path.open("w") as file:
        subprocess.run(command, cwd=served.ROOT, stdout=file, check=True)
    return path


def _conditions(options: argparse.Namespace) -> str:
    rounds = f"{options.rounds} rounds of {options.seconds:g} s over {options.connections} connections"
    compared = "" if options.by == "rate" else "; shares and growth are those of CPU time"
    python = f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}"
    return f"{os.cpu_count()} CPUs, {_processor()}; {python}; load by {options.load}, medians of {rounds}{compared}."


def _processor() -> str:
    """Return the name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        _say("")
        print(line, flush=True)


def _say(text: str) -> None:
    """Show on a terminal what is being done; nothing on anything else."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    counts = [10, 1_000, 10_000, 100_000]
    add("--operations", choices=ALL, nargs="+", default=ALL, help="what to measure (all)")
    add("--customers", type=_from(10, 1_000_000), nargs="+", default=counts, metavar="N", help="how many are there")
    add("--mode", choices=get_args(Mode), nargs="+", default=["os", "always", "memory"], help="where data are kept")
    add("--peers", action="store_true", help="fetch json-server and moto, and measure them too")
    add("--seconds", type=_seconds, default=1.0, metavar="S", help="length of a round (1); whole ones for wrk")
    add("--rounds", type=_from(1, 100), default=7, metavar="N", help="how often everybody has a turn (7)")
    add("--connections", type=_from(1, 256), default=16, metavar="N", help="connections at a time (16)")
    add("--load", choices=tuple(load.LOADS), default=load.best(), help="what makes the requests (wrk where installed)")
    add("--by", choices=get_args(By), help="what shares are of (rate with wrk, spent CPU time with the slower aiohttp)")
    add("--worlds", type=_from(1, 100_000), default=1000, metavar="N", help="worlds in one process, of suite (1000)")
    add("--tests", type=_from(1, 100_000), default=300, metavar="N", help="tests of the suite (300)")
    add("--quick", action="store_true", help="a look: 10 and 10,000 customers, --mode os, 3 rounds of 1 s")
    if parser.parse_args(arguments).quick:
        parser.set_defaults(customers=[10, 10_000], mode=["os"], rounds=3, seconds=1.0, worlds=100, tests=50)
    options = parser.parse_args(arguments)
    options.by = options.by or ("rate" if options.load == "wrk" else "spent")
    if options.load == "wrk" and not options.seconds.is_integer():
        parser.error("--seconds: wrk takes whole ones")
    return options


def _from(least: int, most: int) -> Any:
    def number(text: str) -> int:
        if not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most}")
        return int(text)

    return number


def _seconds(text: str) -> float:
    if not 0 < float(text) <= 60:
        raise argparse.ArgumentTypeError("must be at most 60")
    return float(text)


if __name__ == "__main__":
    # Whoever is told to stop stops the servers too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    raise SystemExit(main())
