"""The house rules: what every file keeps to, and no one has to remember."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from sandbox import settings
from sandbox.represent import wire
from sandbox.resource import KINDS, Family, Place, Record
from sandbox.resources import MODULES, ROUTES

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "sandbox"
FILES = sorted(PACKAGE.rglob("*.py"))

WITHOUT_ROUTES = {"book", "charges", "deliveries", "parties", "refusals", "statements"}
"""Files of ``resources/`` that several resources stand on; their tests are those of the resources."""

TESTED_WITH = {"event_callbacks": "callbacks"}
"""Resources whose tests are in the file of another, because neither makes sense alone."""

DOORS = {"__main__", "background", "cli", "pytest_plugin", "report", "running", "service"}
"""Where the clock on the wall, chance and the environment come in."""

NOWHERE = {"eval", "exec", "pickle", "marshal", "shelve", "yaml"}
"""What turns data into code, or text into something else than it says."""

AT_THE_DOORS = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "os.environ",
    "os.getenv",
    "os.urandom",
    "random",
    "secrets",
    "time.localtime",
    "time.monotonic",
    "time.sleep",
    "time.time",
    "time.time_ns",
    "uuid",
}
"""What nothing below the doors may ask; the same seed, clock and requests give the same bytes."""

SEEDED = {"random.Random"}
"""Chance that is given its seed."""


def module(path: Path) -> str:
    """Return the name of a file's module within the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def shape(path: str) -> str:
    """Return a route's path without the names of its placeholders."""
    return re.sub(r"\{\w+\}", "{}", path)


# Imports.


def test_imports_go_down_the_floors_and_libraries_stay_in_their_rooms() -> None:
    beside = Path(sys.executable).with_name("lint-imports")
    command = str(beside) if beside.exists() else shutil.which("lint-imports")
    if command is None:
        pytest.skip("import-linter is not installed; it comes with the extra dev")

    checked = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout


# Files.


def test_every_resource_has_a_test_of_its_name_and_every_test_a_resource() -> None:
    resources = {one.__name__.rpartition(".")[2] for one in MODULES}
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "resources").glob("test_*.py")}

    assert {TESTED_WITH.get(one, one) for one in resources} <= tests
    assert tests <= resources | WITHOUT_ROUTES


def test_every_file_of_the_resources_has_routes_or_is_known_to_have_none() -> None:
    files = {path.stem for path in (PACKAGE / "resources").glob("[!_]*.py")}

    assert files - {one.__name__.rpartition(".")[2] for one in MODULES} == WITHOUT_ROUTES


def test_every_setting_is_in_the_readme() -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README.md")
    text = readme.read_text()

    for setting in settings.table():
        assert f"`{setting.flag}`" in text
        assert f"`{setting.variable}`" in text


@pytest.mark.parametrize("path", FILES, ids=named)
def test_every_module_class_and_function_others_see_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())
    public = [
        node
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_")
    ]

    assert ast.get_docstring(tree)
    assert [node.name for node in public if not ast.get_docstring(node)] == []


# Time, chance and the outside come in through the doors.


def asked(tree: ast.Module) -> Iterator[str]:
    """Yield the full name of everything a module takes from elsewhere, however it calls it."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {one.asname or one.name.partition(".")[0]: one.name if one.asname else "" for one in node.names}
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            known |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
            yield from (f"{node.module}.{one.name}" for one in node.names)
    for node in ast.walk(tree):
        name = dotted(node)
        if name:
            first, _, rest = name.partition(".")
            yield ".".join(part for part in (known.get(first) or first, rest) if part)


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return before and f"{before}.{node.attr}"
    return ""


def among(names: Iterable[str], forbidden: Collection[str], allowed: Collection[str] = ()) -> set[str]:
    """Return the names that are forbidden, or part of something that is."""

    def within(name: str, those: Collection[str]) -> bool:
        return any(name == one or name.startswith(f"{one}.") for one in those)

    return {name for name in names if within(name, forbidden) and not within(name, allowed)}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_nothing_turns_data_into_code(path: Path) -> None:
    assert among(asked(ast.parse(path.read_text())), NOWHERE) == set()


@pytest.mark.parametrize("path", [path for path in FILES if module(path) not in DOORS], ids=named)
def test_nothing_below_the_doors_asks_for_the_time_for_chance_or_for_the_environment(path: Path) -> None:
    assert among(asked(ast.parse(path.read_text())), AT_THE_DOORS, SEEDED) == set()


@pytest.mark.parametrize(
    "source",
    [
        "import time; time.time()",
        "import time as t; t.time()",
        "from time import time; time()",
        "from datetime import datetime as d; d.now()",
        "import datetime; datetime.datetime.now()",
        "import os; os.environ['HOME']",
        "from os import environ",
        "import os.path, os; os.getenv('HOME')",
        "import random; random.random()",
        "from random import choice",
        "import uuid",
        "def later(): from secrets import token_hex",
    ],
)
def test_the_rule_about_the_doors_sees_through_other_names(source: str) -> None:
    assert among(asked(ast.parse(source)), AT_THE_DOORS, SEEDED)


@pytest.mark.parametrize(
    "source",
    [
        "from random import Random; Random(7).random()",
        "from datetime import datetime; datetime.fromisoformat('2013')",
        "from sandbox.clock import now; now()",
        "import time; time.perf_counter()",
        "clock.now(); self.time.time()",
    ],
)
def test_the_rule_about_the_doors_lets_the_rest_pass(source: str) -> None:
    assert not among(asked(ast.parse(source)), AT_THE_DOORS, SEEDED)


# Routes.


def test_no_two_routes_are_the_same() -> None:
    routes = [(route.method, shape(route.path)) for route in ROUTES]

    assert len(set(routes)) == len(routes)


def test_paths_of_one_shape_name_their_placeholders_alike() -> None:
    """Two names would be two resources to the router, and a 405 would list the methods of the first one only."""
    paths = defaultdict(set)
    for route in ROUTES:
        paths[shape(route.path)].add(route.path)

    assert [alike for alike in paths.values() if len(alike) > 1] == []


def test_every_placeholder_is_a_kind() -> None:
    placeholders = {name for route in ROUTES for name in re.findall(r"\{(\w+)\}", route.path)}

    assert placeholders <= KINDS.keys()


def test_every_path_is_plain_and_has_no_end_of_its_own() -> None:
    for route in ROUTES:
        assert re.fullmatch(r"/v1(/([a-z_]+|\{[a-z_]+\}))+", route.path)


def test_only_what_creates_or_changes_takes_anything() -> None:
    assert [route.operation for route in ROUTES if route.takes and route.method not in ("POST", "PUT")] == []


def test_whoever_opens_a_world_is_one_and_whoever_needs_no_key_names_a_marketplace() -> None:
    assert [route.path for route in ROUTES if route.open == "world"] == ["/v1/api_keys"]
    for route in ROUTES:
        assert route.open != "marketplace" or "{marketplace}" in route.path


# Links.

SHOWN = {kind: record for kind, record in KINDS.items() if record.__module__.startswith("sandbox.resources")}


RELATIONS = ("points_to", "embeds")


def sample(kind: type[Record], owned: bool = True) -> Record:
    """Return a record of a kind: its ids are made up, its relations are there or not, and the rest says nothing."""
    targets = {field.attribute: field.target or "card" for field in kind.shape.fields if field.role in RELATIONS}
    past = {field.attribute for field in kind.shape.fields if field.role == "as_it_was"}
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name == "id":
            values["id"] = f"{kind.shape.prefix}1"
        elif field.name in targets:
            values[field.name] = f"{KINDS[targets[field.name]].shape.prefix}1" if owned else None
        elif field.name in past:
            values[field.name] = {"kind": "customer", "document": sample(KINDS["customer"]).document()}
        elif field.default is MISSING and field.default_factory is MISSING:
            values[field.name] = ""
    return kind(**values)


@pytest.mark.parametrize("owned", [True, False], ids=["with relations", "without relations"])
@pytest.mark.parametrize("family", Family, ids=lambda family: family.value)
@pytest.mark.parametrize("kind", [kind for kind, record in SHOWN.items() if record.shape.collections])
def test_every_collection_of_a_record_is_a_list_that_answers(kind: str, family: Family, owned: bool) -> None:
    lists = [re.compile(re.sub(r"\{\w+\}", "[^/]+", route.path)) for route in ROUTES if route.method == "GET"]

    body = wire(
        sample(SHOWN[kind], owned), Place("/v1/marketplaces/TEST-MP1", family), lambda kind, _: sample(KINDS[kind])
    )

    for plural in SHOWN[kind].shape.collections:
        uri = body[f"{plural}_uri"]
        assert body["_uris"][f"{plural}_uri"] == {"_type": "page", "key": plural}
        assert any(one.fullmatch(uri) for one in lists), uri


@pytest.mark.parametrize("kind", SHOWN)
def test_every_field_that_leads_to_a_record_leads_to_a_kind(kind: str) -> None:
    for field in SHOWN[kind].shape.fields:
        assert not field.target or field.target in KINDS


@pytest.mark.parametrize("kind", SHOWN)
def test_what_can_be_filtered_or_sorted_by_is_a_field(kind: str) -> None:
    shape = SHOWN[kind].shape
    names = {field.name for field in shape.fields} | {field.key for field in shape.fields}

    assert {*shape.filterable, *shape.sortable, *shape.listed_under} <= names
