"""The table of deviations itself: nothing in it is idle, unfounded, or missing from its page."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.conformance.deviations import COMMAND, DEVIATIONS, PAGE, Change, Deviation, Seen, page
from tests.conformance.recordings import LATE, SEED_WEEK, exchanges, forms
from tests.shared import needs_shared


@needs_shared
@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda deviation: deviation.title)
def test_every_exchange_it_names_was_recorded_otherwise(deviation: Deviation) -> None:
    for pattern in deviation.exchanges:
        concerned = [one for name, one in exchanges(LATE).items() if fnmatchcase(name, pattern)]

        assert any(deviation(recorded := forms(one.answered)) != recorded for one in concerned), pattern


@needs_shared
@pytest.mark.parametrize(
    ("deviation", "change"),
    [(deviation, change) for deviation in DEVIATIONS for change in deviation.changes],
    ids=lambda one: one.path if isinstance(one, Change) else one.title,
)
def test_every_change_changes_something(deviation: Deviation, change: Change) -> None:
    concerned = [one for name, one in exchanges(LATE).items() if deviation.concerns(name)]

    assert any(change(recorded := forms(one.answered)) != recorded for one in concerned)


@needs_shared
@pytest.mark.parametrize(
    "seen",
    [seen for deviation in DEVIATIONS for seen in deviation.seen],
    ids=lambda seen: f"{seen.exchange}: {seen.path}",
)
def test_what_the_seeds_week_is_said_to_have_was_recorded_then(seen: Seen) -> None:
    assert forms(exchanges(SEED_WEEK)[seen.exchange].answered)[seen.path] == seen.form


@pytest.mark.parametrize(
    "deviation", [one for one in DEVIATIONS if one.seen and one.changes], ids=lambda deviation: deviation.title
)
def test_what_was_seen_in_the_seeds_week_is_what_is_answered(deviation: Deviation) -> None:
    for seen in deviation.seen:
        assert any(change.gives(seen.form) for change in deviation.changes), seen


def test_its_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), f"write it with: {COMMAND}"
