"""Invented people: plausible, unreachable, and the same for the same seed."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sandbox import fixtures
from sandbox.worlds import Ground, Worlds

SEEDS = st.integers(min_value=0, max_value=2**64)


@pytest.fixture(scope="module", name="people")
def a_town() -> list[dict[str, Any]]:
    return list(fixtures.invent(500, seed=7))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(customers: int, seed: int, progress: io.StringIO | None = None) -> str:
    out = io.StringIO()
    fixtures.write(customers, seed, out, progress)
    return out.getvalue()


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    else:
        yield value


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert written(50, seed=7) == written(50, seed=7)
    assert written(50, seed=7) != written(50, seed=8)


def test_the_bytes_do_not_depend_on_the_process() -> None:
    command = "import sys; from sandbox import fixtures; fixtures.write(50, 7, sys.stdout)"

    other = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)

    assert other.stdout.decode() == written(50, seed=7)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(0, 20), st.integers(0, 20))
def test_more_people_begin_with_the_same_ones(seed: int, few: int, more: int) -> None:
    assert list(fixtures.invent(few + more, seed))[:few] == list(fixtures.invent(few, seed))


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_nobody_can_be_reached(seed: int) -> None:
    for person in fixtures.invent(20, seed):
        if "email" in person:
            assert re.fullmatch(r"[a-z0-9.]+@([a-z.-]+\.)?example\.(com|net|org)", person["email"])
        if "phone" in person:
            assert re.fullmatch(r"\([0-9]{3}\) 555-01[0-9]{2}", person["phone"])
        assert person.get("ein", "00").startswith("00")


def test_people_are_of_several_kinds(people: list[dict[str, Any]]) -> None:
    businesses = [person for person in people if "business_name" in person]
    verified = [person for person in people if "dob" in person and "postal_code" in person.get("address", {})]
    bare = [person for person in people if len(person.keys() - {"created_at", "meta"}) == 1]

    assert 0.15 < len(businesses) / len(people) < 0.25
    assert all("ein" in business for business in businesses)
    assert 0.3 < len(verified) / len(people) < 0.6
    assert 0.1 < len(bare) / len(people) < 0.2
    assert any("ssn_last4" in person for person in people)
    assert any("meta" in person for person in people)


def test_a_mail_address_is_made_from_the_name(people: list[dict[str, Any]]) -> None:
    person = next(person for person in people if person.keys() >= {"name", "email"})

    assert person["email"].startswith(person["name"].lower().replace(" ", "."))


def test_people_are_created_one_after_the_other(people: list[dict[str, Any]]) -> None:
    moments = [person["created_at"] for person in people]

    assert moments == sorted(set(moments))
    assert moments[0].startswith("2013-05-06T17:")


def test_nothing_about_them_is_empty(people: list[dict[str, Any]]) -> None:
    assert all(text.strip() for person in people for text in texts(person))


def test_they_load_and_follow_the_schema(people: list[dict[str, Any]]) -> None:
    raw = {"customers": people}
    world = Worlds(Ground(wall=lambda: 1367860683439563, seed="7")).default

    fixtures.populate(world, [fixtures.check("people.json", raw)])

    Draft202012Validator(fixtures.schema()).validate(raw)
    assert world.store.count("customers") == len(people) + 3


def test_what_is_written_is_one_customer_a_line_and_ends_in_a_newline() -> None:
    lines = written(3, seed=7).split("\n")

    people = list(fixtures.invent(3, seed=7))
    assert [json.loads(line.strip().rstrip(",")) for line in lines[2:5]] == people
    assert lines[-1] == ""
    assert json.loads("\n".join(lines)) == {"customers": people}


def test_nobody_is_a_fixture_too() -> None:
    assert json.loads(written(0, seed=7)) == {"customers": []}


def test_a_terminal_sees_the_progress() -> None:
    terminal = Terminal()

    assert written(200, 7, terminal) == written(200, 7)
    bars = terminal.getvalue().split("\r")[1:]
    assert len(bars) == 101
    assert bars[0] == f"[{'.' * 40}]   0% of 200 customers"
    assert bars[-1] == f"[{'#' * 40}] 100% of 200 customers\n"


def test_what_is_no_terminal_sees_nothing() -> None:
    log = io.StringIO()

    written(5, 7, log)

    assert log.getvalue() == ""


def test_a_bar_does_not_run_through_what_is_written_to_the_same_terminal() -> None:
    terminal = Terminal()

    fixtures.write(3, 7, terminal, terminal)

    assert terminal.getvalue() == written(3, seed=7)


def test_faker_is_imported_by_those_who_invent_only() -> None:
    command = "import sys; from sandbox import fixtures; sys.exit('faker' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
