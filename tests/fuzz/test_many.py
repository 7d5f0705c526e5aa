"""A crowd that comes at once is let in, every one of it."""

from __future__ import annotations

import pytest

from tests.fuzz import many


def test_nobody_of_a_crowd_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    failed = many.main(["--connections", "1500"])

    told = capsys.readouterr()
    assert not failed, told
    assert "1500 connections at once: 0 refused" in told.out


async def test_a_port_where_nobody_listens_refuses_everyone() -> None:
    assert (await many.come(9, 3))[0] == 3
