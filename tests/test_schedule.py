"""The schedule: what falls due, the earliest first, and once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock import DAY, SECOND, Moment
from sandbox.schedule import TABLE, Due, Schedule
from sandbox.store import Store
from tests.conftest import NOW
from tests.store.undone import undone

EXPIRE, SETTLE = "holds.expire", "credits.settle"


@pytest.fixture
def store() -> Store:
    return Store.open({TABLE: ()})


@pytest.fixture
def schedule(store: Store) -> Schedule:
    return Schedule(store)


def test_nothing_is_due_before_its_moment(store: Store, schedule: Schedule) -> None:
    with store.transaction():
        schedule.add(EXPIRE, "HL1", NOW + DAY)

    assert schedule.next(NOW + DAY - 1) is None
    assert schedule.next(NOW + DAY) == Due(EXPIRE, "HL1", NOW + DAY)
    assert schedule.next(NOW + 7 * DAY) == Due(EXPIRE, "HL1", NOW + DAY)


def test_what_is_due_stays_until_it_is_cancelled(store: Store, schedule: Schedule) -> None:
    with store.transaction():
        schedule.add(EXPIRE, "HL1", NOW)
    assert schedule.next(NOW) == schedule.next(NOW) is not None

    with store.transaction():
        schedule.cancel(EXPIRE, "HL1")

    assert schedule.next(NOW) is None
    assert list(schedule) == []


def test_the_earliest_is_first_and_equals_are_in_the_order_they_came(store: Store, schedule: Schedule) -> None:
    with store.transaction():
        schedule.add(EXPIRE, "HL2", NOW + 2 * SECOND)
        schedule.add(SETTLE, "CR1", NOW + SECOND)
        schedule.add(EXPIRE, "HL1", NOW + SECOND)
        schedule.add(SETTLE, "CR0", NOW)

    assert [due.record for due in schedule] == ["CR0", "CR1", "HL1", "HL2"]
    assert schedule.first() == Due(SETTLE, "CR0", NOW)


def test_nothing_is_first_when_nothing_is_to_be_done(schedule: Schedule) -> None:
    assert schedule.first() is None


def test_the_latest_moment_named_for_a_duty_counts(store: Store, schedule: Schedule) -> None:
    with store.transaction():
        schedule.add(EXPIRE, "HL1", NOW)
        schedule.add(EXPIRE, "HL1", NOW + DAY)

    assert list(schedule) == [Due(EXPIRE, "HL1", NOW + DAY)]


def test_duties_of_one_record_and_records_of_one_duty_are_apart(store: Store, schedule: Schedule) -> None:
    with store.transaction():
        schedule.add(EXPIRE, "HL1", NOW)
        schedule.add(EXPIRE, "HL2", NOW)
        schedule.add(SETTLE, "HL1", NOW)

        schedule.cancel(EXPIRE, "HL1")

    assert list(schedule) == [Due(EXPIRE, "HL2", NOW), Due(SETTLE, "HL1", NOW)]


def test_what_is_not_to_be_done_can_be_cancelled_too(store: Store, schedule: Schedule) -> None:
    with store.transaction():
        schedule.cancel(EXPIRE, "HL1")

    assert list(schedule) == []


def test_a_transaction_that_fails_schedules_nothing(store: Store, schedule: Schedule) -> None:
    with undone(store):
        schedule.add(EXPIRE, "HL1", NOW)

    assert schedule.next(NOW + DAY) is None


def test_what_is_to_be_done_survives_a_restart(tmp_path: Path) -> None:
    store = Store.open({TABLE: ()}, tmp_path / "world")
    with store.transaction():
        Schedule(store).add(EXPIRE, "HL1", NOW)
    store.close()

    assert list(Schedule(Store.open({TABLE: ()}, tmp_path / "world"))) == [Due(EXPIRE, "HL1", NOW)]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(NOW, NOW + 3 * SECOND)), max_size=20))
def test_doing_what_is_due_one_by_one_is_going_through_it_in_order(planned: list[tuple[int, Moment]]) -> None:
    store = Store.open({TABLE: ()})
    schedule = Schedule(store)
    with store.transaction():
        for number, at in planned:
            schedule.add(EXPIRE, f"HL{number}", at)
    expected = list(schedule)

    done = []
    while (due := schedule.next(NOW + 3 * SECOND)) is not None:
        done.append(due)
        with store.transaction():
            schedule.cancel(due.duty, due.record)

    assert done == expected == sorted(expected, key=lambda due: due.at)
    assert {due.record: due.at for due in done} == {f"HL{number}": at for number, at in planned}
