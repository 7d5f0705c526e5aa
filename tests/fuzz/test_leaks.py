"""Requests, good and bad, leave nothing behind."""

from __future__ import annotations

import pytest

from tests.fuzz import leaks


def test_requests_leave_neither_memory_nor_descriptors_behind(capsys: pytest.CaptureFixture[str]) -> None:
    failed = leaks.main(["--requests", "5000"])

    told = capsys.readouterr()
    assert not failed, told
    assert "0 descriptors left" in told.out
