"""Measure the sandbox beside a bare aiohttp application, in one run and in turns, and print a Markdown table.

Only the ratios carry over to another machine; CPU time a request is the steadier of the two where others work on it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, get_args
from urllib.request import Request, urlopen

import aiohttp

from benchmarks import load, served, table
from benchmarks.load import Ask, Load
from benchmarks.served import Mode, Served
from benchmarks.table import Round, Row

METHODS: Mapping[str, str] = {"get": "GET", "page": "GET", "update": "PUT", "create": "POST"}
"""The operations, and how each is asked for."""

PERSON = {
    "name": "Alice Liddell",
    "email": "alice.liddell@example.com",
    "phone": "(415) 555-0104",
    "business_name": "Three Bears Porridge & Oats",
    "ein": "001234567",
    "dob": "1975-12",
    "ssn_last4": "1843",
    "facebook": "https://facebook.example.com/alice",
    "twitter": "@alice",
    "address": {
        "line1": "12 Note G Street",
        "line2": "Floor 7",
        "city": "Seattle",
        "state": "WA",
        "postal_code": "98101",
        "country_code": "US",
    },
    "meta": {"found us by": "fell into the basement", "orders": load.NUMBER},
}
"""What is posted and put: every field of a customer, and something new each time."""

WARM_UP = 1.0  # seconds that nobody counts
LINUX = Path("/proc/self/stat")  # where CPU time and memory of a process are read


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure: with which load, for how long, how often, over how many connections."""

    load: Load
    seconds: float
    rounds: int
    connections: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for, and print the table row by row."""
    options = _read(arguments)
    if not LINUX.exists():
        print("benchmarks: CPU time and memory are read from /proc, which is not here", file=sys.stderr)
        return 1
    print(_conditions(options), *table.head(), sep="\n", flush=True)
    for row in _rows(options):
        print(table.line(row), flush=True)
    return 0


def _rows(options: argparse.Namespace) -> Iterator[Row]:
    """Yield what was measured; each row has a sandbox of its own, so that none finds what another left behind."""
    plan = Plan(load.LOADS[options.load], options.seconds, options.rounds, options.connections)
    with tempfile.TemporaryDirectory() as folder, served.bare() as bare:
        fixtures = {count: _invent(count, Path(folder, f"{count}.json")) for count in options.customers}
        for mode, operation, count in product(options.mode or ["memory"], options.operations, options.customers):
            _say(f"{mode}, {operation}, {count:,} customers: starting")
            with tempfile.TemporaryDirectory() as data, served.sandbox(mode, fixtures[count], Path(data)) as sandbox:
                yield _compare(mode, operation, count, bare, sandbox, plan)


def _compare(mode: Mode, operation: str, customers: int, bare: Served, sandbox: Served, plan: Plan) -> Row:
    asks = (_ask_bare(operation, sandbox, bare), _ask_sandbox(operation, sandbox))
    servers = (bare, sandbox)
    for ask in asks:
        load.put(plan.load, ask, min(WARM_UP, plan.seconds), plan.connections)
    rounds: tuple[list[Round], list[Round]] = ([], [])
    asked, events = 0, _total(sandbox, "events")
    for number in range(plan.rounds):
        _say(f"{mode}, {operation}, {customers:,} customers: round {number + 1} of {plan.rounds}")
        for server, ask, measured in zip(servers, asks, rounds, strict=True):
            before = server.spent
            done = load.put(plan.load, ask, plan.seconds, plan.connections)
            measured.append(Round(done.requests / done.seconds, (server.spent - before) / done.requests))
            asked += done.requests if server is sandbox else 0
    _say("")
    if METHODS[operation] != "GET" and _total(sandbox, "events") - events < asked:
        raise load.LoadFailed(f"{operation}: {asked} were answered well, and fewer events tell of them")
    return Row(mode, operation, customers, *rounds, _total(sandbox, "customers"), sandbox.resident)


def _ask_sandbox(operation: str, sandbox: Served) -> Ask:
    if operation == "page":
        path = "/v1/customers?limit=10"
    elif operation == "create":
        path = "/v1/customers"
    else:
        path = f"/v1/customers/{_customer(sandbox)}"
    return _ask(operation, sandbox, sandbox.url + path)


def _ask_bare(operation: str, sandbox: Served, bare: Served) -> Ask:
    """Return a request of the same size: it has the sandbox's headers too."""
    return _ask(operation, sandbox, f"{bare.url}/{operation}")


def _ask(operation: str, sandbox: Served, url: str) -> Ask:
    headers = {"Authorization": aiohttp.encode_basic_auth(sandbox.api_key)}
    if METHODS[operation] == "GET":
        return Ask("GET", url, headers=headers)
    return Ask(METHODS[operation], url, json.dumps(PERSON), {**headers, "Content-Type": "application/json"})


def _customer(sandbox: Served) -> str:
    """Return the id of the newest invented customer, once it has every field."""
    items = _send(sandbox, "GET", "/v1/customers")["items"]
    newest: str = next(item["id"] for item in items if item["id"].startswith("CU"))
    _send(sandbox, "PUT", f"/v1/customers/{newest}", PERSON)
    return newest


def _total(sandbox: Served, plural: str) -> int:
    total: int = _send(sandbox, "GET", f"/v1/{plural}?limit=1")["total"]
    return total


def _send(sandbox: Served, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    request = Request(sandbox.url + path, None if body is None else json.dumps(body).encode(), method=method)
    request.add_header("Authorization", aiohttp.encode_basic_auth(sandbox.api_key))
    request.add_header("Content-Type", "application/json")
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _invent(customers: int, path: Path) -> Path:
    command = [sys.executable, "run_sandbox.py", "invent", "--customers", str(customers), "--seed", "1"]
    with path.open("w") as file:
        subprocess.run(command, cwd=served.ROOT, stdout=file, check=True)
    return path


def _conditions(options: argparse.Namespace) -> str:
    rounds = f"{options.rounds} rounds of {options.seconds:g} s over {options.connections} connections"
    python = f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}, {os.cpu_count()} CPUs"
    return f"{python}; load by {options.load}, medians of {rounds}\n"


def _say(text: str) -> None:
    """Show on a terminal what is being done; nothing on anything else."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    counts = [10, 1_000, 10_000, 100_000]
    add("--customers", type=_from(1, 1_000_000), nargs="+", default=counts, metavar="N", help="how many are there")
    add("--operations", choices=tuple(METHODS), nargs="+", default=tuple(METHODS), help="what to measure (all)")
    add("--mode", choices=get_args(Mode), action="append", help="where data is kept; repeatable (memory)")
    add("--seconds", type=_seconds, default=2.0, metavar="S", help="length of a round (2); whole ones for wrk")
    add("--rounds", type=_from(1, 100), default=5, metavar="N", help="rounds of each server, in turns (5)")
    add("--connections", type=_from(1, 256), default=16, metavar="N", help="connections at a time (16)")
    add("--load", choices=tuple(load.LOADS), default=load.best(), help="what makes the requests (wrk where installed)")
    options = parser.parse_args(arguments)
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
    raise SystemExit(main())
