"""The command line: ``balanced-sandbox``, ``python -m sandbox`` and ``python run_sandbox.py``."""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sandbox import __version__, clock, fixtures, redact, settings
from sandbox.resources import ROUTES
from sandbox.settings import BadSetting, Settings
from sandbox.store import Damaged, DataDirectory, InUse, StoreTrouble
from sandbox.store.check import check, repair
from sandbox.web.server import Server
from sandbox.world import World
from sandbox.worlds import Ground, Worlds

OK, ERROR, USAGE, IN_USE, DAMAGED, PORT_IN_USE = range(6)

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code.

    0 good, 1 error, 2 usage, 3 data directory in use, 4 data damaged, 5 port in use.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given.insert(0, "serve")
    options = parser.parse_args(given)
    try:
        return int(options.verb(options))
    except (BadSetting, fixtures.BadFixture) as bad:
        return _fail(bad, USAGE if isinstance(bad, BadSetting) else ERROR)
    except InUse as trouble:
        return _fail(trouble, IN_USE)
    except Damaged as trouble:
        return _fail(trouble, DAMAGED)
    except (StoreTrouble, OSError) as trouble:
        return _fail(trouble, ERROR)


def serve(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    chosen = settings.read(options, os.environ)
    _log_to_stderr(chosen)
    planted = [fixtures.read(path) for name in chosen.fixtures for path in fixtures.locate(name)]
    with _worlds(chosen) as worlds:
        if worlds.default.is_empty:
            fixtures.populate(worlds.default, planted)
        else:
            fixtures.remember(worlds.default, planted)
            if planted:
                log.warning("fixtures are for an empty world; %s keeps one, until it is reset", chosen.data_dir)
        try:
            asyncio.run(_run(worlds, chosen))
        except OSError as trouble:
            if trouble.errno != errno.EADDRINUSE:
                raise
            where = f"{chosen.host}:{chosen.port}"
            return _fail(f"{where} is taken; stop who listens there or choose another with --port", PORT_IN_USE)
    return OK


async def _run(worlds: Worlds, chosen: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Where a loop takes no signal handlers, Ctrl-C still ends asyncio.run.
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    server = Server(worlds, chosen)
    url = await server.start()
    try:
        _announce(_ready(worlds.default, url), chosen)
        await stopped.wait()
    finally:
        await server.stop()


@contextmanager
def _worlds(chosen: Settings) -> Iterator[Worlds]:
    ground: dict[str, Any] = {
        "wall": lambda: time.time_ns() // 1000,
        "seed": os.urandom(16).hex() if chosen.seed is None else str(chosen.seed),
        "fsync": chosen.fsync,
        "begins": None if chosen.clock is None else clock.parse(chosen.clock),
        "runs": chosen.clock_running,
    }
    if chosen.memory:
        yield Worlds(Ground(**ground))
        return
    with DataDirectory(chosen.data_dir) as directory:
        worlds = Worlds(Ground(**ground, folder=directory.path))
        try:
            yield worlds
        finally:
            worlds.close()


def _ready(world: World, url: str) -> dict[str, Any]:
    return {
        "event": "ready",
        "url": url,
        "api_key": world.api_key,
        "marketplace_uri": world.marketplace_uri,
        "pid": os.getpid(),
        "version": __version__,
    }


def _announce(ready: Mapping[str, Any], chosen: Settings) -> None:
    line = json.dumps(ready)
    if chosen.ready_file is not None:
        # By rename, so that whoever waits for the file finds all of it.
        beside = chosen.ready_file.with_name(chosen.ready_file.name + ".tmp")
        beside.write_text(line + "\n")
        beside.replace(chosen.ready_file)
    print(_table(ready, chosen) if sys.stdout.isatty() else line, flush=True)


def _table(ready: Mapping[str, Any], chosen: Settings) -> str:
    kept = "in memory, gone when this stops" if chosen.memory else str(chosen.data_dir)
    return "\n".join(
        (
            f"balanced-sandbox {__version__}",
            f"  url          {ready['url']}",
            f"  API key      {ready['api_key']}",
            f"  marketplace  {ready['marketplace_uri']}",
            f"  data         {kept}",
            f"  try          curl -u {ready['api_key']}: {ready['url']}/v1/customers",
            "  stop         Ctrl-C",
        )
    )


def _list_fixtures(options: argparse.Namespace) -> int:
    print("\n".join(fixtures.bundled()))
    return OK


def _show_fixture(options: argparse.Namespace) -> int:
    for path in fixtures.locate(options.name):
        sys.stdout.write(path.read_text())
    return OK


def _check_fixtures(options: argparse.Namespace) -> int:
    paths = [path for name in options.names for path in fixtures.locate(name)]
    # Loaded together, as serve would, into a world that is thrown away.
    fixtures.populate(Worlds(Ground(wall=lambda: 0, seed="check")).default, [fixtures.read(path) for path in paths])
    print("\n".join(f"{path}: good" for path in paths))
    return OK


def _check_data(options: argparse.Namespace) -> int:
    if not options.directory.is_dir():
        return _fail(f"{options.directory} is no folder", ERROR)
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
    for route in ROUTES:
        print(f"{route.method:<6} {route.path:<70} {route.operation:<32} {route.evidence}")
    return OK


def _invent(options: argparse.Namespace) -> int:
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

    settings.arguments(verb("serve", serve, "run the sandbox; what is done when no verb is given"))

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
    verb("version", _version, "print the version").add_argument("--json", action="store_true")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError("must be from 1 to 1000000")
    return number


def _log_to_stderr(chosen: Settings) -> None:
    handler = logging.StreamHandler()
    text = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler.setFormatter(_JsonLines() if chosen.log_format == "json" else logging.Formatter(text))
    logging.basicConfig(level=chosen.log_level.upper(), handlers=[handler], force=True)
    redact.install()


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps(line)


def _fail(why: object, code: int) -> int:
    print(f"balanced-sandbox: {why}", file=sys.stderr)
    return code
