"""A request's head, its first line and its headers, and what follows from it alone; who answers, and whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from sandbox.request_log import Entry
from sandbox.web.answers import Pairs
from sandbox.world import Answer, World

FAULT = "X-Sandbox-Fault"


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What follows from one head; while it is kept, the same head gives the same object."""

    answer: Handler
    """Whoever answers; where the head alone is reason enough for it, by raising a refusal."""
    ids: Mapping[str, str]
    """The ids on the path, by name."""
    method: str
    guarded: Pairs
    """The headers that the guard adds to any answer."""
    uri: str
    """The path and the query, as they were sent."""
    path: str
    """The path alone."""
    query: str
    """The query alone, empty for none."""
    has_body: bool
    """Whether something may follow."""
    key: str | None
    """The ``Authorization`` header."""
    fault: str | None
    """The ``X-Sandbox-Fault`` header."""


@dataclass(slots=True)
class Exchange:
    """A request on its way to its answer."""

    request: web.BaseRequest
    head: Head
    noted: tuple[World, Entry] | None = None
    """What was noted of it, and in which world."""


class NothingHappened(Exception):
    """The connection is broken, and there is nothing to note of what would have been asked on it."""


Handler = Callable[[Exchange], Awaitable[Answer | web.StreamResponse]]
"""Answers a request; raises ``Refusal``."""
