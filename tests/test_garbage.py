"""When Python looks for garbage: not during a start, seldom while serving, and as before when it is over."""

from __future__ import annotations

import gc

from sandbox import garbage


def test_it_is_looked_for_again_after_the_start_of_a_server() -> None:
    with garbage.not_looked_for():
        assert not gc.isenabled()
        with garbage.looked_for_rarely():
            assert gc.isenabled()
        assert not gc.isenabled()

    assert gc.isenabled()


def test_what_is_there_when_serving_begins_is_not_looked_through() -> None:
    before = gc.get_threshold()
    record = {"what": ["stays"]}

    with garbage.looked_for_rarely():
        assert all(tracked is not record for tracked in gc.get_objects())
        assert gc.get_threshold() > before

    assert any(tracked is record for tracked in gc.get_objects())
    assert gc.get_threshold() == before
