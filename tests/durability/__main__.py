"""Crash, cut, damage and kill, and print how often a promise was broken as a Markdown table; 1 when any was.

python -m tests.durability
python -m tests.durability --full
python -m tests.durability --only store --crashes 4 --seed 123
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from tests.durability import acknowledged, bank, journals, kills, store
from tests.durability.figures import Figure, Progress


@dataclass(frozen=True, slots=True)
class Program:
    """One way to break promises: its name, what its size is called and means, and how much of it is enough."""

    name: str
    run: Callable[[int, int, Progress], Sequence[Figure]]
    flag: str
    means: str
    few: int
    full: int


PROGRAMS = (
    Program("store", store.run, "--crashes", "crashes of the store", 2_000, 100_000),
    Program("journals", journals.run, "--flip-every", "flip one bit out of so many", 17, 1),
    Program("kills", kills.run, "--kills", "rounds in which the server is killed", 20, 1_000),
    Program("bank", bank.run, "--banks", "banks that many use at once", 4, 100),
    Program("acknowledged", acknowledged.run, "--lives", "lives of the server that customers are added to", 4, 100),
)


HEAD = ("| what | tried | broken | |", "| --- | ---: | ---: | --- |")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, and print the table."""
    chosen = _parser().parse_args(arguments)
    names = chosen.only or [program.name for program in PROGRAMS]
    figures: list[Figure] = []
    print(*HEAD, sep="\n", flush=True)
    for program in PROGRAMS:
        if program.name in names:
            size = getattr(chosen, program.name) or (program.full if chosen.full else program.few)
            found = program.run(size, chosen.seed, _progress(program.name))
            print(*map(row, found), sep="\n", flush=True)
            figures += found
    return code(figures)


def code(figures: Sequence[Figure]) -> int:
    """Return the exit code: 1 when a promise was broken."""
    return 1 if any(figure.broken for figure in figures) else 0


def row(figure: Figure) -> str:
    """Return a line of the table."""
    return f"| {figure.what} | {figure.tried:,} | {figure.broken:,} | {figure.remark} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.durability", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="as much of everything as the README quotes")
    parser.add_argument("--seed", type=int, default=20130506, help="what all is drawn from; %(default)s")
    parser.add_argument("--only", action="append", choices=[program.name for program in PROGRAMS], help="repeatable")
    for program in PROGRAMS:
        sizes = f"{program.means}; {program.few}, or {program.full} with --full"
        parser.add_argument(program.flag, dest=program.name, type=_size, metavar="N", help=sizes)
    return parser


def _size(text: str) -> int:
    size = int(text)
    if size < 1:
        raise ValueError(text)
    return size


def _progress(name: str) -> Progress:
    """Return what shows on a terminal how far a program has come, a few times a second; elsewhere nothing."""
    shown = 0.0

    def progress(done: int, of: int) -> None:
        nonlocal shown
        if sys.stderr.isatty() and (done == of or monotonic() - shown > 0.2):
            shown = monotonic()
            filled = 30 * done // of
            bar = "#" * filled + "." * (30 - filled)
            print(f"\r{name:>12} [{bar}] {done:,}/{of:,}", end="\n" if done == of else "", file=sys.stderr, flush=True)

    return progress


if __name__ == "__main__":
    sys.exit(main())
