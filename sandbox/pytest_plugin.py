"""The pytest plugin ``balanced_sandbox``: a sandbox for the session, and a world of its own for every test that asks.

It is loaded in every pytest run of its environment. So it imports pytest and the standard library alone, and the rest
when a test asks for a sandbox.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import ExitStack, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from sandbox.settings import Settings
    from sandbox.testing import Sandbox, Server

NAME = "balanced_sandbox"
LOGS = ("failed", "all", "off")
COVERAGE = "balanced-sandbox-coverage.json"
SHOWN = 20  # requests of each world in a report

TAKES = ("fixtures", "clock", "seed", "strict")
MARKER = (
    f"{NAME}(fixtures=..., clock=..., seed=..., strict=...): what is in the test's world, when its clock stands still, "
    "what its ids are drawn from, and whether the test fails for what the sandbox holds against it"
)

_worlds = pytest.StashKey["list[Sandbox]"]()
_until_the_end = pytest.StashKey[ExitStack]()
_seen = pytest.StashKey[list[Any]]()


# What may be chosen.


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and the lines of the ini file under the same names."""
    where = "the sandbox to use, instead of one in this process (also BALANCED_SANDBOX_URL)"
    log = "whose tests' requests to report: failed (the default), all, off"
    coverage = f"say at the end which operations and refusals the tests exercised, and write it to FILE ({COVERAGE})"
    group = parser.getgroup(NAME, "a sandbox of the Balanced Payments API")
    group.addoption("--balanced-sandbox-url", metavar="URL", help=where)
    group.addoption("--balanced-sandbox-log", choices=LOGS, help=log)
    group.addoption("--balanced-sandbox-coverage", nargs="?", const=COVERAGE, metavar="FILE", help=coverage)
    parser.addini("balanced_sandbox_url", where)
    parser.addini("balanced_sandbox_log", log, default="failed")
    parser.addini("balanced_sandbox_coverage", coverage)
    parser.addini("balanced_sandbox_strict", "fail tests for what the sandbox holds against them", "bool", False)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and refuse a choice that cannot be meant."""
    config.addinivalue_line("markers", MARKER)
    config.stash[_seen] = []
    config.stash[_until_the_end] = ExitStack()
    if _chosen(config, "log") not in LOGS:
        raise pytest.UsageError(f"balanced_sandbox_log: {_chosen(config, 'log')!r} is none of {', '.join(LOGS)}")
    coverage = _chosen(config, "coverage")
    if coverage and not coverage.endswith(".json"):
        # Most likely a test file that stood behind the option.
        raise pytest.UsageError(f"--balanced-sandbox-coverage: {coverage!r} is no name of a .json file; say =FILE")
    _register_client(config)


def _chosen(config: pytest.Config, name: str) -> str:
    """Return an option, else what the environment says, else the ini file."""
    option = config.getoption(f"--balanced-sandbox-{name}")
    return str(option or os.environ.get(f"BALANCED_SANDBOX_{name.upper()}") or config.getini(f"{NAME}_{name}"))


# What a test is given.


@pytest.fixture(scope="session")
def balanced_sandbox_settings() -> Settings:
    """Return the settings of the session's sandbox; override it with ``dataclasses.replace`` of this one.

    Its fixtures, clock and seed are also those of every test's world, unless a marker says otherwise.
    """
    from sandbox.settings import Settings

    return Settings(port=0, memory=True, control_token=os.environ.get("BALANCED_SANDBOX_CONTROL_TOKEN") or None)


@pytest.fixture(scope="session")
def balanced_sandbox_server(request: pytest.FixtureRequest, balanced_sandbox_settings: Settings) -> Server:
    """Return the session's sandbox: the one at a url that was chosen, or one on a thread of this process."""
    from sandbox.testing import Server

    config = request.config
    url = _chosen(config, "url")
    # Not for as long as this fixture: the last test's report is made after that.
    stack = config.stash[_until_the_end]
    if not url:
        from sandbox.background import serving

        url = stack.enter_context(serving(balanced_sandbox_settings))
    server = Server(url, balanced_sandbox_settings, config.rootpath)
    server.check()
    stack.callback(server.close)
    return server


@pytest.fixture
def balanced_sandbox_factory(
    request: pytest.FixtureRequest, balanced_sandbox_settings: Settings, balanced_sandbox_server: Server
) -> Callable[..., Sandbox]:
    """Return a function that makes one more world: ``factory(fixtures="shop", clock="2013-05-06T17:18:00Z", seed=7)``.

    Without a seed it is drawn from the name of the test, so that its ids have nothing to do with the tests before it.
    """
    made: list[Sandbox] = []
    request.node.stash[_worlds] = made

    def make(*, seed: int | str | None = None, **wanted: Any) -> Sandbox:
        if seed is None and balanced_sandbox_settings.seed is None:
            seed = f"{request.node.nodeid} {len(made)}"
        made.append(balanced_sandbox_server.world(seed=seed, **wanted))
        return made[-1]

    return make


@pytest.fixture
def balanced_sandbox(request: pytest.FixtureRequest, balanced_sandbox_factory: Callable[..., Sandbox]) -> Sandbox:
    """Return a world of the test's own."""
    wanted = _marked(request.node)
    wanted.pop("strict", None)
    try:
        return balanced_sandbox_factory(**wanted)
    except ValueError as bad:
        why = str(bad)
    # Out here, as what happened inside tells a test nothing.
    return pytest.fail(f"@pytest.mark.{NAME}: {why}", pytrace=False)


@pytest.fixture
def balanced_sandbox_client(request: pytest.FixtureRequest) -> ClientSession:
    """Return an aiohttp session with the url and the key of the test's world, in the loop of the test."""
    runner = "anyio" if "anyio_backend" in request.fixturenames else "asyncio"
    if runner == "asyncio" and not _has_asyncio(request.config):
        pytest.fail("balanced_sandbox_client is for async tests: it needs pytest-aiohttp, or anyio", pytrace=False)
    session: ClientSession = request.getfixturevalue(f"_{NAME}_client_of_{runner}")
    return session


def _client() -> Callable[[Sandbox], AsyncIterator[ClientSession]]:
    """Return a new async fixture: whoever runs it writes on the function that it is theirs."""

    async def client(balanced_sandbox: Sandbox) -> AsyncIterator[ClientSession]:
        from aiohttp import ClientSession, encode_basic_auth

        headers = {"Authorization": encode_basic_auth(balanced_sandbox.api_key)}
        async with ClientSession(balanced_sandbox.url, headers=headers) as session:
            yield session

    return client


def _register_client(config: pytest.Config) -> None:
    """Register the async fixture twice, as the plugin that runs a test is the one that has to run its fixtures."""
    held = ModuleType(f"{NAME}_client")
    fixtures: dict[str, Callable[..., Any]] = {"anyio": pytest.fixture}
    if _has_asyncio(config):
        from pytest_asyncio import fixture

        fixtures["asyncio"] = fixture
    for runner, declare in fixtures.items():
        name = f"_{NAME}_client_of_{runner}"
        setattr(held, name, declare(name=name)(_client()))
    config.pluginmanager.register(held)


def _has_asyncio(config: pytest.Config) -> bool:
    # Its option tells, under whatever name it was loaded.
    return hasattr(config.option, "asyncio_mode")


def _marked(item: pytest.Item) -> dict[str, Any]:
    """Return what the markers of a test say; the closest one is right. Raises what fails the test."""
    said: dict[str, Any] = {}
    for marker in item.iter_markers(NAME):
        for unknown in (*map(repr, marker.args), *(name for name in marker.kwargs if name not in TAKES)):
            pytest.fail(f"@pytest.mark.{NAME}: {unknown} is none of {', '.join(TAKES)}", pytrace=False)
        said = {**marker.kwargs, **said}
    if not isinstance(said.get("strict", False), bool):
        pytest.fail(f"@pytest.mark.{NAME}: strict: is True or False", pytrace=False)
    return said


# What is said of a test.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a strict test that has passed, and left something wrong."""
    result = yield
    made = item.stash.get(_worlds, [])
    if made and _marked(item).get("strict", item.config.getini("balanced_sandbox_strict")):
        from sandbox.report import wrongs

        found = [wrong for sandbox in made for wrong in wrongs(sandbox)]
        if found:
            pytest.fail("\n- ".join(("balanced_sandbox is strict:", *found)), pytrace=False)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a report what was asked of the test's worlds; after the last report they are dropped."""
    report = yield
    log = _chosen(item.config, "log")
    for sandbox in item.stash.get(_worlds, []):
        if (report.failed and log != "off") or (report.when == "call" and log == "all"):
            report.sections.append((f"{NAME}: requests of {sandbox.id}", _told(sandbox)))
        if report.when == "teardown":
            _let_go(sandbox, item.config)
    return report


def _told(sandbox: Sandbox) -> str:
    from sandbox.report import told

    try:
        return told(sandbox, SHOWN)
    except Exception as trouble:  # a test is reported, whatever became of its sandbox
        return f"{sandbox.url} does not say: {trouble}"


def _let_go(sandbox: Sandbox, config: pytest.Config) -> None:
    # What goes wrong here is no fault of the test; the end of the session drops what is left.
    with suppress(Exception):
        if _chosen(config, "coverage"):
            config.stash[_seen].append(sandbox.coverage())
    with suppress(Exception):
        sandbox.drop()


# What is said at the end.


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the sandbox, and let a worker of pytest-xdist hand over what its tests exercised."""
    config = session.config
    config.stash[_until_the_end].close()
    if hasattr(config, "workeroutput"):
        from sandbox.coverage import merged

        parts = config.stash[_seen]
        config.workeroutput[NAME] = merged(parts)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what the tests of a worker exercised; one that crashed cannot say."""
    if NAME in getattr(node, "workeroutput", {}):
        node.config.stash[_seen].append(node.workeroutput[NAME])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which operations and refusals the tests exercised, and write it to a file."""
    name = _chosen(config, "coverage")
    if not name:
        return
    from sandbox.coverage import merged, table

    parts = config.stash[_seen]
    seen = merged(parts)
    terminalreporter.section(f"{NAME} coverage")
    terminalreporter.write_line(table(seen))
    path = config.invocation_params.dir / name
    path.write_text(json.dumps(seen, indent=1) + "\n")
    terminalreporter.write_line(f"written to {path}")
