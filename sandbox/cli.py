"""The command line: ``balanced-sandbox``, ``python -m sandbox`` and ``python run_sandbox.py``.

Each verb imports what it needs when it is called: ``ready`` is asked every few seconds and is to answer in no time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox import __version__, garbage, settings
from sandbox.exits import DAMAGED, ERROR, IN_USE, OK, USAGE, Stop
from sandbox.redact import redact
from sandbox.settings import BadSetting


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code.

    0 good, 1 error, 2 usage, 3 data directory in use, 4 data damaged, 5 port in use; of ``exec`` it is the command's.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "serve")
    given, command = _parted(given)
    options = _parser().parse_args(given, argparse.Namespace(command=command))
    try:
        return int(options.verb(options))
    except Exception as trouble:
        code = _code(trouble)
        if code is None:
            raise
        print("\n".join(map(redact, f"balanced-sandbox: {trouble}".splitlines())), file=sys.stderr)
        return code


def _parted(given: list[str]) -> tuple[list[str], list[str]]:
    """Part the command of ``exec`` from the words for us; argparse reads ``--`` otherwise in every version."""
    if given[0] != "exec" or "--" not in given:
        return given, []
    there = given.index("--")
    return given[:there], given[there + 1 :]


def _code(trouble: Exception) -> int | None:
    """Return the exit code of what can go wrong, None for a fault of ours."""
    from sandbox.fixtures import BadFixture
    from sandbox.store import Damaged, InUse, StoreTrouble

    if isinstance(trouble, Stop):
        return trouble.code
    codes = ((BadSetting, USAGE), (BadFixture, ERROR), (InUse, IN_USE), (Damaged, DAMAGED), (StoreTrouble, ERROR))
    return next((code for kind, code in (*codes, (OSError, ERROR)) if isinstance(trouble, kind)), None)


def _serve(options: argparse.Namespace) -> int:
    with garbage.not_looked_for():
        from sandbox import service

        return service.serve(options)


def _exec(options: argparse.Namespace) -> int:
    if not options.command:
        raise Stop("exec takes a command after --, such as: balanced-sandbox exec -- pytest", USAGE)
    with garbage.not_looked_for():
        from sandbox import service

        return service.execute(options)


def _ready(options: argparse.Namespace) -> int:
    from sandbox import running

    return running.ready(options)


def _dump(options: argparse.Namespace) -> int:
    from sandbox import running

    return running.dump(options)


def _load(options: argparse.Namespace) -> int:
    from sandbox import running

    return running.load(options)


def _list_fixtures(options: argparse.Namespace) -> int:
    from sandbox import fixtures

    print("\n".join(fixtures.bundled()))
    return OK


def _show_fixture(options: argparse.Namespace) -> int:
    from sandbox import fixtures

    for path in fixtures.locate(options.name):
        sys.stdout.write(path.read_text())
    return OK


def _check_fixtures(options: argparse.Namespace) -> int:
    from sandbox import fixtures
    from sandbox.worlds import Ground, Worlds

    paths = [path for name in options.names for path in fixtures.locate(name)]
    # Loaded together, as serve would, into a world that is thrown away.
    fixtures.populate(Worlds(Ground(wall=lambda: 0, seed="check")).default, [fixtures.read(path) for path in paths])
    print("\n".join(f"{path}: good" for path in paths))
    return OK


def _check_data(options: argparse.Namespace) -> int:
    from sandbox.store import DataDirectory
    from sandbox.store.check import check, repair

    if not options.directory.is_dir():
        raise Stop(f"{options.directory} is no folder")
    with DataDirectory(options.directory) as directory:
        found = check(directory.path)
        for finding in (one for findings in found.values() for one in findings):
            print(f"{finding.file}, line {finding.line}, byte {finding.byte}: {finding.why}")
        if options.repair:
            into = directory.path.with_name(directory.path.name + ".repaired")
            for folder, rows in repair(directory.path, into).items():
                print(f"{folder}: {rows} rows saved to {into}")
            return OK
    damaged = any(found.values())
    print("damaged" if damaged else "good")
    return DAMAGED if damaged else OK


def _list_routes(options: argparse.Namespace) -> int:
    from sandbox.resources import ROUTES

    for route in ROUTES:
        print(f"{route.method:<6} {route.path:<70} {route.operation:<32} {route.evidence}")
    return OK


def _openapi(options: argparse.Namespace) -> int:
    from sandbox.resources import ROUTES
    from sandbox.web import openapi
    from sandbox.web.control import LEVERS

    described = openapi.document(ROUTES, LEVERS)
    sys.stdout.write(openapi.written(described) if options.reference else json.dumps(described, indent=2) + "\n")
    return OK


def _invent(options: argparse.Namespace) -> int:
    from sandbox import fixtures

    fixtures.write(options.customers, options.seed, sys.stdout, progress=sys.stderr)
    return OK


def _version(options: argparse.Namespace) -> int:
    print(json.dumps({"name": "balanced-sandbox", "version": __version__}) if options.json else __version__)
    return OK


def _parser() -> argparse.ArgumentParser:
    about = "A local sandbox for the Balanced Payments v1 API."
    parser = argparse.ArgumentParser(prog="balanced-sandbox", description=about)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, does: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        added.set_defaults(verb=does)
        return added

    settings.arguments(verb("serve", _serve, "run the sandbox; what is done when no verb is given"))

    beside = verb("exec", _exec, "run a command beside a sandbox that lives as long as it")
    beside.usage = "balanced-sandbox exec [the flags of serve] -- COMMAND [ARGUMENT …]"
    settings.arguments(beside)

    ask = _reaching(verb("ready", _ready, "tell by the exit code whether a sandbox is ready"))
    ask.add_argument("--wait", type=_seconds, default=0.0, metavar="S", help="for up to so many seconds (0)")

    out = _reaching(verb("dump", _dump, "write the world of a running sandbox to one JSON file"))
    out.add_argument("file", nargs="?", default="-", metavar="FILE", help="standard output when left out or -")
    back = _reaching(verb("load", _load, "put a dumped world back in a running sandbox"))
    back.add_argument("file", metavar="FILE", help="standard input when -")
    for one in (out, back):
        one.add_argument("--api-key", help=f"whose world ({settings.PREFIX}API_KEY, default the default world)")

    invent = verb("invent", _invent, "write a fixture of invented people to standard output")
    invent.add_argument("--customers", type=_count, default=100, metavar="N", help="how many (100)")
    invent.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same people (0)")

    group = verbs.add_parser("fixtures", help="list, show or check fixtures")
    worlds = group.add_subparsers(metavar="VERB", required=True)
    worlds.add_parser("list", help="list the bundled ones").set_defaults(verb=_list_fixtures)
    show = worlds.add_parser("show", help="print one")
    show.add_argument("name", metavar="NAME|FILE")
    show.set_defaults(verb=_show_fixture)
    judge = worlds.add_parser("check", help="name file, JSON path and rule of what is wrong")
    judge.add_argument("names", nargs="+", metavar="NAME|FILE|DIR")
    judge.set_defaults(verb=_check_fixtures)

    data = verb("check", _check_data, "verify a data directory")
    data.add_argument("directory", type=Path, metavar="DIR")
    data.add_argument("--repair", action="store_true", help="write what can be saved to DIR.repaired")

    verb("routes", _list_routes, "list what is served, and on what evidence")
    described = verb("openapi", _openapi, "print what is served as an OpenAPI 3.1 document")
    described.add_argument("--reference", action="store_true", help="as a page to read, in Markdown")
    verb("version", _version, "print the version").add_argument("--json", action="store_true")
    return parser


def _reaching(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the flags that say which running sandbox is meant."""
    parser.add_argument("--url", help=f"where it is ({settings.PREFIX}URL, default from host and port)")
    settings.arguments(parser, *settings.REACHED_BY)
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError("must be a number of seconds")
    return seconds


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError("must be from 1 to 1000000")
    return number
