"""The lever that tells what happens, as it happens."""

from __future__ import annotations

from typing import Any, Literal

from sandbox.web.lever import Lever, Pull
from sandbox.web.stream import Stream
from sandbox.world import World

ALL = "all"
"""What is asked about in the place of one world, where that makes sense."""


def chosen(pull: Pull) -> World | None:
    """Return the world that is asked about, None for all of them."""
    return None if pull.query.get("world") == ALL else pull.world


def _stream(pull: Pull) -> Any:
    """Send an event for every request that is answered, and whenever something may have changed."""
    return Stream(pull.streams, chosen(pull))


LEVERS = (Lever("GET", "stream", _stream, asks={"world": Literal["all"]}, answers=Stream),)
