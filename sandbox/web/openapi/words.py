"""What a declaration says of itself, as the document repeats it."""

from __future__ import annotations

import re
from typing import Any

_SOURCE = re.compile(r"\s*\(``[^)]*\)")  # where a rule is written


def summary(documented: Any) -> str:
    """Return the first line of a docstring as Markdown, without its source, what is raised, and the full stop."""
    said = _SOURCE.sub("", (documented.__doc__ or "").partition("\n")[0]).replace("``", "`")
    return said.partition("; raises")[0].rstrip(".")
