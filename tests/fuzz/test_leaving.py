"""Whoever leaves in the midst of a write leaves it wholly applied or not at all."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.leaving import FAULTS, NEVER, STAGES, Left, check, leave
from tests.fuzz.server import Failed


@pytest.mark.parametrize("kept", ["in memory", "on disk"])
def test_a_write_whose_client_leaves_is_there_as_a_whole_or_not_at_all(tmp_path: Path, kept: str) -> None:
    left = leave(1, tmp_path / "data" if kept == "on disk" else None)

    assert len(left.asked) == len(STAGES) * 3 * len(FAULTS)
    assert 0 < left.there < len(left.asked) * (len(STAGES) - len(NEVER)) / len(STAGES)


WHOLE: dict[str, Any] = {
    "tables": {
        "debits": [{"id": "WD1", "amount": 1000, "hold": "HL1"}],
        "holds": [{"id": "HL1", "debit": "WD1"}],
        "entries": [{"because": "WD1", "amount": 1000}, {"because": "WD1", "amount": -1000}],
        "events": [
            {"type": "debit.created", "of": "WD1"},
            {"type": "debit.succeeded", "of": "WD1"},
            {"type": "hold.created", "of": "HL1"},
            {"type": "hold.captured", "of": "HL1"},
        ],
    }
}


def test_a_whole_debit_passes() -> None:
    left = Left({1000: True}, {1000})

    check(WHOLE, left)

    assert left.there == 1


@pytest.mark.parametrize("table", ["entries", "events"])
def test_a_debit_without_a_part_of_it_does_not_pass(table: str) -> None:
    world = deepcopy(WHOLE)
    world["tables"][table].pop()

    with pytest.raises(Failed):
        check(world, Left({1000: True}))


@pytest.mark.parametrize("table", ["debits", "holds", "entries"])
def test_a_part_without_a_debit_does_not_pass(table: str) -> None:
    world = deepcopy(WHOLE)
    world["tables"][table] += world["tables"][table]

    with pytest.raises(Failed):
        check(world, Left({1000: True}))


@pytest.mark.parametrize("left", [Left({1000: False}), Left({1000: True}, {1001})])
def test_a_debit_that_nobody_asked_for_or_that_is_lost_does_not_pass(left: Left) -> None:
    with pytest.raises(Failed):
        check(WHOLE, left)
