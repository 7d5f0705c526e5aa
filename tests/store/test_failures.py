"""A disk that fails at any call: the answer, memory and disk agree, and what was answered survives."""

import logging
from random import Random

import pytest

from sandbox.store.store import Fsync
from tests.store.crashes import FATES
from tests.store.disasters import CALLS, lived, start_again
from tests.store.failures import FOR_GOOD, KINDS, Failure
from tests.store.lives import MODES

FIRST = 14  # calls, more than it takes to start
SOON = 10  # calls after it failed the power is cut


@pytest.fixture(autouse=True)
def _says_less(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "sandbox.store")


@pytest.mark.parametrize("fsync", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_memory_and_disk_agree_whichever_call_fails(kind: str, fsync: Fsync) -> None:
    for at in range(CALLS):
        life = lived(Failure(kind, at), fsync, CALLS + 30)

        start_again(life, life.files.after_kill())


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_answered_survives_a_power_cut_whichever_call_failed(kind: str) -> None:
    for at in range(CALLS):
        life = lived(Failure(kind, at), "always", at + SOON)
        life.timeline.crash("power cut")

        for number, fate in enumerate(FATES):
            start_again(life, life.files.after_power_cut(fate, Random(number)))


@pytest.mark.parametrize("fsync", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_answered_survives_a_disk_that_fails_for_good(kind: str, fsync: Fsync) -> None:
    for at in range(CALLS):
        life = lived(Failure(kind, at, FOR_GOOD), fsync, CALLS + 30)

        start_again(life, life.files.after_kill())


def test_a_store_whose_journal_cannot_be_synced_is_read_only_and_says_why() -> None:
    lives = [lived(Failure("failed fsync", at), "always", at + SOON) for at in range(FIRST, CALLS)]

    troubles = {life.store.trouble for life in lives} - {None, "the store is closed"}
    assert len(troubles) > 2
    assert all("could not be synced" in str(trouble) for trouble in troubles)
