"""The folder with the specification's own examples, which lies beside some checkouts and is no part of this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared"

SHARED: Path | None = _BESIDE if (_BESIDE / "seed" / "examples.json").is_file() else None

needs_shared = pytest.mark.skipif(SHARED is None, reason="no folder shared/ with examples beside this checkout")


def example(operation: str) -> Any:
    """Return the specification's example of a customer operation; only for tests that need the folder."""
    assert SHARED is not None
    examples = json.loads((SHARED / "seed" / "examples.json").read_bytes())["examples"]
    return next(one for one in examples if one["operation"] == operation)
