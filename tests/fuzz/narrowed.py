"""Hooks of Schemathesis, which loads this file by itself: what of the document is left out, and why."""

from __future__ import annotations

import os
from typing import Any

import schemathesis  # type: ignore[import-not-found]  # it has an environment of its own

KEPT = frozenset(os.environ.get("BALANCED_SANDBOX_FUZZ_KEPT", "").split())
"""The ids of the key and of the world that are asked with: to delete them would end the session."""

LEFT_OUT = ("#/components/parameters/X-Sandbox-Fault", "#/components/parameters/world")
"""A fault for one request, and the name of another world than the default one."""


@schemathesis.hook  # type: ignore[untyped-decorator]  # as above
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Narrow what breaks a connection, waits or takes minutes because it was told to."""
    for path, methods in raw_schema["paths"].items():
        for operation in methods.values():
            operation["parameters"] = [one for one in operation["parameters"] if one.get("$ref") not in LEFT_OUT]
            if path.startswith("/_sandbox"):
                # Levers act on the default world, which nobody can delete, and not on the one of the key: a fault that
                # breaks connections is never met.
                operation["security"] = [one for one in operation["security"] if "key" not in one]


@schemathesis.hook  # type: ignore[untyped-decorator]  # as above
def filter_case(context: Any, case: Any) -> bool:
    """Leave out what takes its time, and a form that is null, which is no body at all and not bad data."""
    if case.path == "/_sandbox/events/wait" and _between(0.01, 60, (case.query or {}).get("timeout", 10)):
        return False
    if (
        case.path == "/_sandbox/invent"
        and isinstance(case.body, dict)
        and _between(100, 100_000, case.body.get("customers"))
    ):
        return False
    return case.media_type != "application/x-www-form-urlencoded" or case.body is not None


@schemathesis.hook  # type: ignore[untyped-decorator]  # as above
def filter_path_parameters(context: Any, path_parameters: dict[str, Any] | None) -> bool:
    """Leave the session its key and its world."""
    return not KEPT.intersection(map(str, (path_parameters or {}).values()))


def _between(least: float, most: float, value: Any) -> bool:
    """Return whether a value is a number between two others, or a text of one."""
    try:
        return least <= float(value) <= most
    except (TypeError, ValueError):
        return False
