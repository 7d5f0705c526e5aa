"""The search for an order: it finds one where there is one, and only there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.durability.history import Operation, around
from tests.durability.orders import unexplained


def add(began: int, over: int, amount: int) -> Operation:
    return Operation("add", began, over, given={"amount": amount})


def read(began: int, over: int, answer: int) -> Operation:
    return Operation("read", began, over, answer=answer)


def counted(total: int, operation: Operation) -> int | None:
    """The object that is asked here: a number that is added to."""
    if operation.what == "add":
        return total + int(operation.given["amount"])
    return total if operation.answer == total else None


def is_explained_by_trying_every_order(history: Sequence[Operation]) -> bool:
    def keeps_time(order: Sequence[Operation]) -> bool:
        return all(earlier.began <= later.over for earlier, later in combinations(order, 2))

    def comes_out(order: Sequence[Operation]) -> bool:
        total: int | None = 0
        for operation in order:
            total = None if total is None else counted(total, operation)
        return total is not None

    return any(keeps_time(order) and comes_out(order) for order in permutations(history))


def test_a_read_may_see_what_is_under_way_and_may_not() -> None:
    for answer in (5, 6):
        history = [add(1, 2, 5), add(3, 6, 1), read(4, 5, answer)]

        assert unexplained(history, 0, counted) is None


def test_a_read_that_misses_what_was_over_is_found_with_what_it_could_have_been() -> None:
    stale = read(3, 4, 0)

    found = unexplained([add(1, 2, 5), stale], 0, counted)

    assert found is not None
    assert found.operation is stale
    assert found.states == {5}


def test_a_read_of_what_has_not_begun_is_found() -> None:
    early = read(1, 2, 5)

    found = unexplained([early, add(3, 4, 5)], 0, counted)

    assert found is not None
    assert found.operation is early


def test_reads_that_each_could_be_but_not_in_this_order_are_found() -> None:
    second = read(4, 5, 0)

    found = unexplained([add(1, 9, 5), read(2, 3, 5), second], 0, counted)

    assert found is not None
    assert found.operation is second


def test_two_reads_that_need_opposite_orders_are_found() -> None:
    history = [add(1, 9, 1), add(1, 9, 2), read(2, 3, 1), read(2, 3, 2)]

    assert unexplained(history, 0, counted) is not None


moments = st.tuples(st.integers(0, 12), st.integers(0, 12))
operations = st.one_of(
    st.builds(lambda when, amount: add(min(when), max(when), amount), moments, st.integers(1, 3)),
    st.builds(lambda when, answer: read(min(when), max(when), answer), moments, st.integers(0, 6)),
)


@settings(deadline=None)
@given(st.lists(operations, max_size=5))
def test_it_agrees_with_trying_every_order(history: list[Operation]) -> None:
    assert (unexplained(history, 0, counted) is None) == is_explained_by_trying_every_order(history)


times = st.tuples(st.integers(0, 40), st.integers(0, 40))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), times), max_size=40))
def test_whatever_happened_in_some_order_is_explained(steps: list[tuple[int, tuple[int, int]]]) -> None:
    history, total = [], 0
    for number, (amount, (before, after)) in enumerate(steps):
        began, over = 10 * number - before, 10 * number + after
        total += amount
        history.append(add(began, over, amount) if amount else read(began, over, total))

    assert unexplained(history, 0, counted) is None


def test_what_was_under_way_together_is_told_in_the_order_it_began() -> None:
    first, second, third, later = add(1, 4, 1), add(2, 9, 2), read(3, 5, 0), read(6, 7, 0)

    assert around([later, third, second, first], third) == [first, second, third]
