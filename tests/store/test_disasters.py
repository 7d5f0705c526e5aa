"""Thousands of crashes: nothing answered is lost, nothing is invented, and everything opens again."""

import logging

import pytest

from tests.store.disasters import CRASHES, Came, crash

SIZE = 2_000
"""Crashes; `python -m tests.durability --full` goes on to 100,000."""


@pytest.fixture(autouse=True)
def _says_less(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "sandbox.store")


def test_nothing_is_lost_invented_or_unreadable_after_any_crash() -> None:
    came = Came()
    for seed in range(SIZE // CRASHES):
        came.add(crash(seed))

    assert came.broken == []
    assert came.crashes.total() == SIZE // CRASHES * CRASHES
    assert len(came.crashes) == 4
    assert min(came.crashes.values()) > SIZE / 5


def test_the_same_seed_is_the_same_disaster() -> None:
    assert [crash(seed) for seed in range(20)] == [crash(seed) for seed in range(20)]
