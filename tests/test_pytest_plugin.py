"""The pytest plugin, in suites as strangers have them: each runs by itself, most in a process of its own."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sandbox.report  # noqa: F401 - what a run in this process imports by itself is forgotten after it
from sandbox.background import serving
from sandbox.client import Client
from sandbox.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "sample_project"

# From this checkout, also where the package is installed, and with no warning let pass.
OURS = ("-pno:balanced_sandbox", "-psandbox.pytest_plugin", "-pno:cacheprovider", "-pno:randomly", "-Werror")

# Where others are not loaded by themselves, as that takes longer than most of the tests.
ASYNCIO, ANYIO, XDIST = "-ppytest_asyncio.plugin", "-panyio.pytest_plugin", "-pxdist.plugin"
SCOPE = "-oasyncio_default_fixture_loop_scope=function"  # unless it is chosen there is a warning

Run = Callable[..., pytest.RunResult]

A_WORLD = """
def test_a_world(balanced_sandbox):
    made = balanced_sandbox.client.post("/v1/customers", {"name": "Alice"})
    assert balanced_sandbox.client.get(made["uri"]) == made
"""
A_CLIENT = """
async def test_a_client(balanced_sandbox, balanced_sandbox_client):
    async with balanced_sandbox_client.post("/v1/customers", json={"name": "Alice"}) as answer:
        assert answer.status == 201
    assert balanced_sandbox.customers()[0]["name"] == "Alice"
"""


@pytest.fixture(autouse=True)
def _on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "LOG", "COVERAGE", "CONTROL_TOKEN"):
        monkeypatch.delenv(f"BALANCED_SANDBOX_{name}", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run the suite in the test's folder in this process."""
    return lambda *options: pytester.runpytest_inprocess(*OURS, *options)


@pytest.fixture
def run_apart(pytester: pytest.Pytester) -> Run:
    """Run the suite in the test's folder in a process of its own."""
    return lambda *options: pytester.runpytest_subprocess(*OURS, *options)


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The url of a sandbox that runs already."""
    with serving(Settings(port=0)) as url:
        yield url


def said(result: pytest.RunResult) -> str:
    return result.stdout.str() + result.stderr.str()


# In whatever way tests run.


@pytest.mark.parametrize(
    ("mode", "mark"), [("strict", "@pytest.mark.asyncio"), ("auto", "")], ids=["asyncio strict", "asyncio auto"]
)
def test_sync_and_async_tests_run_under_pytest_asyncio(
    pytester: pytest.Pytester, run_apart: Run, mode: str, mark: str
) -> None:
    pytester.makepyfile(f"import pytest\n{A_WORLD}\n{mark}{A_CLIENT}")

    result = run_apart(ASYNCIO, SCOPE, f"--asyncio-mode={mode}")

    result.assert_outcomes(passed=2)


def test_asyncio_is_left_in_the_mode_it_was_in(pytester: pytest.Pytester, run_apart: Run) -> None:
    pytester.makepyfile(
        """
        def test_the_mode(pytestconfig, balanced_sandbox):
            assert pytestconfig.getini("asyncio_mode") == "strict"
            assert pytestconfig.getoption("--asyncio-mode") is None
        """
    )

    run_apart(ASYNCIO, SCOPE).assert_outcomes(passed=1)


@pytest.mark.parametrize("options", [(ASYNCIO, SCOPE), ()], ids=["beside asyncio", "alone"])
def test_async_tests_run_under_anyio(pytester: pytest.Pytester, run_apart: Run, options: tuple[str, ...]) -> None:
    backend = "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'"
    pytester.makepyfile(f"import pytest\n{A_WORLD}\n{backend}\n\n@pytest.mark.anyio{A_CLIENT}")

    result = run_apart(ANYIO, *options)

    result.assert_outcomes(passed=2)


def test_without_any_async_plugin_only_the_async_client_is_missing(
    pytester: pytest.Pytester, run_apart: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    pytester.makepyfile(A_WORLD, test_other="def test_a_client(balanced_sandbox_client): ...")

    result = run_apart("-pno:asyncio", "-pno:aiohttp", "-pno:anyio")

    result.assert_outcomes(passed=1, errors=1)
    assert "it needs pytest-aiohttp, or anyio" in said(result)


def test_classes_of_unittest_take_a_world_by_a_fixture(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import unittest, pytest

        class TestShop(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _take(self, balanced_sandbox):
                self.client = balanced_sandbox.client

            def test_good(self):
                self.client.post("/v1/customers", {"name": "Alice"})

            def test_bad(self):
                self.client.post("/v1/customers", {"email": "nobody"})
        """
    )

    result = run()

    result.assert_outcomes(passed=1, failed=1)
    assert "refused by invalid-field; email" in said(result)


def test_the_ids_of_a_test_are_the_same_in_whatever_order_tests_run(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeconftest(
        """
        import random

        def pytest_addoption(parser):
            parser.addoption("--shuffle")

        def pytest_collection_modifyitems(config, items):
            random.Random(config.getoption("--shuffle")).shuffle(items)
        """
    )
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.balanced_sandbox(clock="2013-05-06T17:18:00Z")
        @pytest.mark.parametrize("number", range(4))
        def test_one(balanced_sandbox, number):
            print(f"customer {number} is", balanced_sandbox.client.post("/v1/customers")["id"])
        """
    )

    made = [re.findall("customer . is .*", said(run("-s", f"--shuffle={seed}"))) for seed in "abc"]

    assert len({tuple(ids) for ids in made}) == 3
    assert [len(set(ids)) for ids in made] == [4, 4, 4]
    assert sorted(made[0]) == sorted(made[1]) == sorted(made[2])


def test_worlds_serve_threads_in_parallel(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        from concurrent.futures import ThreadPoolExecutor

        def test_threads(balanced_sandbox_factory):
            def names(number):
                sandbox = balanced_sandbox_factory()
                for _ in range(5):
                    sandbox.client.post("/v1/customers", {"name": f"customer {number}"})
                return {customer["name"] for customer in sandbox.customers()}

            with ThreadPoolExecutor(8) as threads:
                seen = list(threads.map(names, range(24)))

            assert all(f"customer {number}" in mine for number, mine in enumerate(seen))
            assert all(sum(name.startswith("customer ") for name in mine if name) == 1 for mine in seen)
        """
    )

    run().assert_outcomes(passed=1)


def test_workers_of_xdist_share_nothing_and_their_coverage_is_merged(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_one(balanced_sandbox, number):
            balanced_sandbox.client.post("/v1/customers", {"name": "Alice"})
            assert len(balanced_sandbox.requests.where(operation="customers.create")) == 1
        """
    )

    result = run(XDIST, "-n2", "--balanced-sandbox-coverage")

    result.assert_outcomes(passed=6)
    result.stdout.re_match_lines([".*balanced_sandbox coverage.*", "operations: 1 of .*", " +6  customers.create"])
    written = json.loads((pytester.path / "balanced-sandbox-coverage.json").read_text())
    assert written["operations"]["customers.create"] == 6
    assert written["operations"]["debits.create"] == 0
    assert set(written["refusals"].values()) == {0}


# A stranger's project.


def _sample(pytester: pytest.Pytester) -> None:
    for path in SAMPLE.iterdir():
        if path.is_file():
            (pytester.path / path.name).write_bytes(path.read_bytes())


def test_a_strangers_project_passes(pytester: pytest.Pytester, run_apart: Run) -> None:
    _sample(pytester)

    result = run_apart(XDIST, ASYNCIO, SCOPE, "-n2")

    result.assert_outcomes(passed=8)


def test_a_strangers_failure_says_what_was_asked_and_why_it_was_refused(pytester: pytest.Pytester, run: Run) -> None:
    _sample(pytester)

    result = run("broken_till.py")

    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines(
        [
            r"-+ balanced_sandbox: requests of world-\d+ -+",
            r"POST /v1/customers: 201",
            r"    curl .*-u \"\$KEY:\" -X POST http://127.0.0.1:\d+/v1/customers .* -d '{\"name\":\"Alice\"}'",
            r"POST /v1/.*/cards: 201",
            r"    curl .* -d '{\"card_number\":\"\*\*\*\",.*}'",
            r"POST /v1/.*/debits: 400",
            r"    refused by invalid-field; amount, got -1: \"-1\" must be >= 50 .*",
            r"    curl .*/debits .* -d '{\"amount\":-1}'",
        ],
        consecutive=True,
    )
    assert "4111111111111111" not in "\n".join(result.outlines).partition("requests of world")[2]


# A sandbox that runs elsewhere.


def test_a_sandbox_elsewhere_is_used_and_left_as_it_was(
    pytester: pytest.Pytester, run_apart: Run, elsewhere: str
) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.balanced_sandbox(seed=7, clock="2013-05-06T17:18:00Z")
        @pytest.mark.parametrize("number", range(6))
        def test_one(balanced_sandbox, number):
            balanced_sandbox.client.post("/v1/customers", {{"name": "Alice"}})
            assert balanced_sandbox.url == "{elsewhere}"
            assert len(balanced_sandbox.requests) == 1
        """
    )

    result = run_apart(XDIST, "-n2", f"--balanced-sandbox-url={elsewhere}/")

    result.assert_outcomes(passed=6)
    assert [world["id"] for world in Client(elsewhere).get("/_sandbox/worlds")["items"]] == ["default"]


@pytest.mark.parametrize("where", ["environment", "ini"])
def test_a_sandbox_elsewhere_is_named_without_an_option_too(
    pytester: pytest.Pytester, run: Run, elsewhere: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "environment":
        monkeypatch.setenv("BALANCED_SANDBOX_URL", elsewhere)
    else:
        pytester.makeini(f"[pytest]\nbalanced_sandbox_url = {elsewhere}")
    pytester.makepyfile(f"def test_where(balanced_sandbox): assert balanced_sandbox.url == '{elsewhere}'")

    run().assert_outcomes(passed=1)


def test_an_interrupted_run_leaves_no_world_behind(pytester: pytest.Pytester, run: Run, elsewhere: str) -> None:
    pytester.makepyfile("def test_interrupted(balanced_sandbox): raise KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        run(f"--balanced-sandbox-url={elsewhere}")

    assert [world["id"] for world in Client(elsewhere).get("/_sandbox/worlds")["items"]] == ["default"]


def test_a_sandbox_that_cannot_be_changed_without_a_token_is_given_the_one_of_the_environment(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALANCED_SANDBOX_CONTROL_TOKEN", "let me in")
    pytester.makepyfile(A_WORLD)

    with serving(Settings(port=0, control_token="let me in")) as url:
        result = run(f"--balanced-sandbox-url={url}")

    result.assert_outcomes(passed=1)


# What goes wrong.


def test_a_sandbox_that_cannot_start_says_so_in_the_test(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeconftest(
        """
        import dataclasses, pytest

        @pytest.fixture(scope="session")
        def balanced_sandbox_settings(balanced_sandbox_settings):
            return dataclasses.replace(balanced_sandbox_settings, fixtures=("nowhere.json",))
        """
    )
    pytester.makepyfile(A_WORLD, test_other="def test_without(): ...")

    result = run()

    result.assert_outcomes(passed=1, errors=1)
    assert "nowhere.json: is neither a file nor a folder" in said(result)


def test_a_port_that_is_taken_is_an_error_in_the_test(pytester: pytest.Pytester, run: Run, elsewhere: str) -> None:
    pytester.makeconftest(
        f"""
        import dataclasses, pytest

        @pytest.fixture(scope="session")
        def balanced_sandbox_settings(balanced_sandbox_settings):
            return dataclasses.replace(balanced_sandbox_settings, port={elsewhere.rpartition(":")[2]})
        """
    )
    pytester.makepyfile(A_WORLD)

    result = run()

    result.assert_outcomes(errors=1)
    assert "address already in use" in said(result)


def test_a_sandbox_elsewhere_that_does_not_answer_is_an_error_in_the_test(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(A_WORLD)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    result = run(f"--balanced-sandbox-url=http://127.0.0.1:{port}")

    result.assert_outcomes(errors=1)
    assert f"ConnectionError: no sandbox answers at http://127.0.0.1:{port}: " in said(result)


@pytest.mark.parametrize(
    ("marked", "why"),
    [
        ("'shop'", "'shop' is none of fixtures, clock, seed, strict"),
        ("fixture='shop'", "fixture is none of fixtures, clock, seed, strict"),
        ("strict='yes'", "strict: is True or False"),
        ("clock='yesterday'", "clock: is no time such as 2013-05-06T17:18:00Z"),
        ("fixtures='shopp'", "fixtures[0]: is an object, or one of documented, shop"),
        ("fixtures='nowhere.json'", "nowhere.json: [Errno 2] No such file or directory"),
        ("fixtures={'customers': [{'email': 1}]}", "fixtures: fixtures[0]: $.customers[0].email"),
        ("seed=1.5", "seed: is a number or text"),
    ],
)
def test_a_marker_that_cannot_be_meant_is_an_error_in_the_test(
    pytester: pytest.Pytester, run: Run, marked: str, why: str
) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.balanced_sandbox({marked})
        def test_one(balanced_sandbox): ...
        """
    )

    result = run()

    result.assert_outcomes(errors=1)
    assert f"@pytest.mark.balanced_sandbox: {why}" in said(result).replace(f"{pytester.path}/", "")
    assert "Traceback" not in said(result)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--balanced-sandbox-coverage", "test_one.py"), "'test_one.py' is no name of a .json file; say =FILE"),
        (("-obalanced_sandbox_log=some",), "balanced_sandbox_log: 'some' is none of failed, all, off"),
    ],
)
def test_an_option_that_cannot_be_meant_stops_the_run(
    pytester: pytest.Pytester, run: Run, options: tuple[str, ...], why: str
) -> None:
    result = run(*options)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert why in said(result)


# What a world is made of.


def test_markers_say_what_is_in_a_world_and_the_closest_is_right(pytester: pytest.Pytester, run: Run) -> None:
    (pytester.path / "worlds").mkdir()
    (pytester.path / "worlds" / "two.json").write_text(
        '{"customers": [{"name": "Tweedledum"}, {"name": "Tweedledee"}]}'
    )
    pytester.makepyfile(
        """
        import datetime, pytest

        pytestmark = pytest.mark.balanced_sandbox(clock="2013-05-06T17:18:00Z", fixtures="shop", seed=7)

        def names(sandbox):
            return {customer["name"] for customer in sandbox.customers()}

        def test_the_module(balanced_sandbox):
            assert balanced_sandbox.clock.now == "2013-05-06T17:18:00.000000Z"
            assert not balanced_sandbox.clock.running
            assert balanced_sandbox.seed == "7"
            assert "Ishmael" in names(balanced_sandbox)

        @pytest.mark.balanced_sandbox(fixtures=["worlds/two.json", {"customers": [{"name": "Alice"}]}], seed="eight")
        def test_fixtures_of_its_own(balanced_sandbox):
            assert {"Tweedledum", "Tweedledee", "Alice"} < names(balanced_sandbox)
            assert "Ishmael" not in names(balanced_sandbox)
            assert balanced_sandbox.seed == "eight"
            assert balanced_sandbox.clock.now == "2013-05-06T17:18:00.000000Z"

        @pytest.mark.balanced_sandbox(clock=datetime.datetime(2014, 1, 1), fixtures=())
        def test_a_clock_of_its_own(balanced_sandbox):
            assert balanced_sandbox.clock.now == "2014-01-01T00:00:00.000000Z"
            assert "Ishmael" not in names(balanced_sandbox)
        """
    )

    result = run()

    result.assert_outcomes(passed=3)


def test_settings_are_those_of_every_world(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeconftest(
        """
        import dataclasses, pytest

        @pytest.fixture(scope="session")
        def balanced_sandbox_settings(balanced_sandbox_settings):
            return dataclasses.replace(
                balanced_sandbox_settings, fixtures=("shop",), clock="2013-05-06T17:18:00Z", clock_running=True, seed=7
            )
        """
    )
    pytester.makepyfile(
        """
        def test_one(balanced_sandbox):
            assert "Ishmael" in [customer["name"] for customer in balanced_sandbox.customers()]
            assert balanced_sandbox.clock.running
            assert balanced_sandbox.clock.now.startswith("2013-05-06T17:18:0")
            assert balanced_sandbox.seed == "7"
        """
    )

    run().assert_outcomes(passed=1)


# What is said of a test.

ONE_REFUSED = """
    def test_one(balanced_sandbox):
        balanced_sandbox.client.post("/v1/customers", {"email": "nobody"})
"""
NOTED = "balanced_sandbox: requests of world-"


@pytest.mark.parametrize(("log", "noted"), [("failed", True), ("all", True), ("off", False)])
def test_the_requests_of_a_failed_test_are_reported_as_chosen(
    pytester: pytest.Pytester, run: Run, log: str, noted: bool
) -> None:
    pytester.makepyfile(ONE_REFUSED)

    result = run(f"--balanced-sandbox-log={log}")

    result.assert_outcomes(failed=1)
    assert (NOTED in said(result)) is noted


@pytest.mark.parametrize(("log", "noted"), [("failed", False), ("all", True)])
def test_the_requests_of_a_passed_test_are_reported_when_all_are(
    pytester: pytest.Pytester, run: Run, log: str, noted: bool
) -> None:
    pytester.makepyfile(A_WORLD)

    result = run("-rP", f"-obalanced_sandbox_log={log}")

    result.assert_outcomes(passed=1)
    assert (NOTED in said(result)) is noted


def test_requests_are_reported_of_what_fails_before_and_after_a_test_too(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def before(balanced_sandbox):
            balanced_sandbox.client.post("/v1/customers", {"email": "before"})

        @pytest.fixture
        def after(balanced_sandbox):
            yield
            balanced_sandbox.client.post("/v1/customers", {"email": "after"})

        def test_one(before): ...
        def test_two(after): ...
        """
    )

    result = run()

    result.assert_outcomes(errors=2, passed=1)
    assert 'email, got "before"' in said(result)
    assert 'email, got "after"' in said(result)


def test_only_the_last_requests_of_many_are_reported_and_a_fault_is_named(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        def test_one(balanced_sandbox):
            for number in range(30):
                balanced_sandbox.client.post("/v1/customers", {"name": f"customer {number}"})
            balanced_sandbox.faults.add({"operation": "customers.create"}, {"status": 503})
            balanced_sandbox.client.post("/v1/customers")
        """
    )

    result = run()

    assert "… 11 before these" in said(result)
    assert "customer 10" not in said(result).partition(NOTED)[2]
    assert "customer 11" in said(result).partition(NOTED)[2]
    result.stdout.fnmatch_lines(
        ["POST /v1/customers: 503", "    refused by scripted: *", '    scripted fault: {"status": 503}'],
        consecutive=True,
    )


def test_no_card_number_is_in_the_log_that_pytest_captures(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        NUMBER = "4111" + 3 * "1111"

        def test_one(balanced_sandbox):
            card = {"card_number": NUMBER, "expiration_month": 12, "expiration_year": 2030}
            balanced_sandbox.client.post(f"{balanced_sandbox.marketplace_uri}/cards", card)
            raise RuntimeError
        """
    )

    result = run("--log-level=DEBUG", "--show-capture=all")

    assert "DEBUG    sandbox.web.app:" in said(result)
    assert "cards.create" in said(result)
    assert "4111111111111111" not in said(result)


def test_who_asks_with_a_wrong_key_is_told_that_nothing_came(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        from sandbox.client import Client

        def test_one(balanced_sandbox):
            Client(balanced_sandbox.url, "wrong").get("/v1/customers")
        """
    )

    result = run()

    assert "nothing was asked with this world's key at http://127.0.0.1:" in said(result)
    assert "GET /v1/customers: 401" in said(result)


def test_a_sandbox_that_went_away_leaves_a_report_all_the_same(
    pytester: pytest.Pytester, run: Run, elsewhere: str
) -> None:
    pytester.makepyfile(
        """
        def test_one(balanced_sandbox):
            balanced_sandbox.client.delete(balanced_sandbox.client.get("/v1/api_keys")["items"][0]["uri"])
            raise RuntimeError("the test itself")
        """
    )

    result = run(f"--balanced-sandbox-url={elsewhere}")

    result.assert_outcomes(failed=1)
    assert f"{elsewhere} does not say: " in said(result)
    assert "RuntimeError: the test itself" in said(result)
    assert [world["id"] for world in Client(elsewhere).get("/_sandbox/worlds")["items"]] == ["default"]


# Strict.

A_LIE = """
    import pytest

    {mark}
    def test_one(balanced_sandbox):
        world = balanced_sandbox.client.get("/_sandbox/dump")
        world["tables"]["marketplaces"][0]["in_escrow"] = 17
        balanced_sandbox.client.put("/_sandbox/load", world)
"""


@pytest.mark.parametrize(
    ("ini", "mark", "outcome"),
    [
        ("false", "", "passed"),
        ("true", "", "failed"),
        ("false", "@pytest.mark.balanced_sandbox(strict=True)", "failed"),
        ("true", "@pytest.mark.balanced_sandbox(strict=False)", "passed"),
    ],
)
def test_money_that_does_not_add_up_fails_a_strict_test(
    pytester: pytest.Pytester, run: Run, ini: str, mark: str, outcome: str
) -> None:
    pytester.makepyfile(A_LIE.format(mark=mark))

    result = run(f"-obalanced_sandbox_strict={ini}")

    result.assert_outcomes(**{outcome: 1})
    strict = re.search(r"balanced_sandbox is strict:\n- .* has 17 in escrow, but the book says 0", said(result))
    assert (strict is not None) is (outcome == "failed")


def test_a_strict_test_with_nothing_wrong_passes(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(A_WORLD)

    run("-obalanced_sandbox_strict=true").assert_outcomes(passed=1)


def test_a_test_that_fails_by_itself_fails_for_its_own_reason(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(A_LIE.format(mark="") + "        raise RuntimeError('of my own')")

    result = run("-obalanced_sandbox_strict=true")

    result.assert_outcomes(failed=1)
    assert "RuntimeError: of my own" in said(result)
    assert "is strict" not in said(result)


# Coverage.


@pytest.mark.parametrize(
    "options", [("--balanced-sandbox-coverage=seen.json",), ("-obalanced_sandbox_coverage=seen.json",)]
)
def test_what_was_exercised_is_said_at_the_end(pytester: pytest.Pytester, run: Run, options: tuple[str, ...]) -> None:
    pytester.makepyfile(
        """
        import pytest
        from sandbox.client import Refused

        def test_one(balanced_sandbox, balanced_sandbox_factory):
            for sandbox in (balanced_sandbox, balanced_sandbox_factory()):
                with pytest.raises(Refused):
                    sandbox.client.post("/v1/customers", {"email": "nobody"})
        """
    )

    result = run(*options)

    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines(
        [
            "operations: 1 of .*",
            " +2  customers.create",
            "refusals: 1 of .*",
            " +2  invalid-field",
            "written to .*seen.json",
        ]
    )
    assert json.loads((pytester.path / "seen.json").read_text())["refusals"]["invalid-field"] == 2


def test_where_no_test_had_a_world_nothing_was_exercised(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("def test_without(): ...")

    result = run("--balanced-sandbox-coverage")

    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines(["operations: 0 of 0", "refusals: 0 of 0"])


# What it costs who does not use it.


def test_the_plugin_imports_pytest_and_the_standard_library_alone() -> None:
    program = "import pytest, sys; had = {*sys.modules}; import sandbox.pytest_plugin; print(*{*sys.modules} - had)"

    imported = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    strangers = {name for name in imported.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    assert strangers == {"sandbox", "sandbox.pytest_plugin"}
