"""Journals that the real application wrote, cut at any byte or damaged anywhere: none is believed where it is wrong."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import pytest

from tests.store.damage import Patient, Verdict
from tests.store.stories import FIXTURES, STORIES
from tests.store.written import Written, write

THIN = 41
"""One bit in so many is flipped, each of a byte's as often; `python -m tests.durability --full` flips every one."""


@pytest.fixture(scope="module", params=STORIES)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Written]:
    """The generations of a story, each change of which was left to the system to write."""
    story = STORIES[request.param], FIXTURES[request.param]
    return asyncio.run(write(tmp_path_factory.mktemp("written"), *story, "os"))


@pytest.fixture(scope="module", params=STORIES)
def compacted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Written]:
    """The same with a new generation every ten records, and each change on the disk before it was answered."""
    story = STORIES[request.param], FIXTURES[request.param]
    return asyncio.run(write(tmp_path_factory.mktemp("compacted"), *story, "always", 10))


@pytest.fixture(autouse=True)
def _says_less(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "sandbox.store")


def judged(generations: Sequence[Written], harm: Callable[[Patient], Verdict]) -> Verdict:
    """What came of doing the same to each generation."""
    whole = Verdict()
    for generation in generations:
        whole.add(harm(Patient(generation)))
    return whole


def test_what_was_answered_is_what_the_files_say(written: Sequence[Written]) -> None:
    for generation in written:
        states = generation.states()

        assert all(states[records] == answered for records, answered in generation.answered)
        assert len(generation.answered) > 1


def test_every_prefix_holds_exactly_what_was_answered_by_then(written: Sequence[Written]) -> None:
    verdict = judged(written, Patient.prefixes)

    assert verdict.wrong == []
    assert verdict.tried > 5_000


def test_a_flipped_bit_is_refused_or_cut_off(written: Sequence[Written]) -> None:
    verdict = judged(written, lambda patient: patient.flips(THIN))

    assert verdict.wrong == []
    assert verdict.tried > verdict.refused > verdict.tried / 3


@pytest.mark.parametrize("every", [512, 100])
def test_a_lost_sector_is_refused_or_cut_off(written: Sequence[Written], every: int) -> None:
    verdict = judged(written, lambda patient: patient.lost_sectors(every))

    assert verdict.wrong == []
    assert verdict.refused


def test_any_damage_to_a_snapshot_is_refused(written: Sequence[Written]) -> None:
    for harm in (lambda patient: patient.snapshot_flips(THIN), Patient.snapshot_lost_sectors):
        verdict = judged(written, harm)

        assert verdict.wrong == []
        assert verdict.refused == verdict.tried > 0


def test_compacting_every_ten_records_changes_none_of_this(compacted: Sequence[Written]) -> None:
    for generation in compacted:
        assert generation.journal.count(b"\n") <= 11
        states = generation.states()
        assert all(states[records] == answered for records, answered in generation.answered)
    for harm in (
        lambda patient: patient.prefixes(THIN),
        lambda patient: patient.flips(THIN * 3),
        Patient.lost_sectors,
        lambda patient: patient.snapshot_flips(THIN * 3),
        Patient.snapshot_lost_sectors,
    ):
        assert judged(compacted, harm).wrong == []
