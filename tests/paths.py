"""Paths that lead somewhere: ids of a world for the placeholders of a route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from sandbox.call import Call, Route
from sandbox.errors import Refusal
from sandbox.resource import KINDS
from sandbox.world import World

Ids = dict[str, str]


def placeholders(route: Route) -> list[str]:
    """The names of a route's placeholders, in order."""
    return re.findall(r"\{(\w+)\}", route.path)


def reached(world: World, route: Route) -> Ids:
    """Ids for the placeholders of a route that lead to something."""
    names = placeholders(route)
    for named in _candidates(world, *names) if names else [()]:
        path = dict(zip(names, named, strict=True))
        try:
            if route.method == "GET":
                world.perform(route, path)
            else:
                Call(world.tools, world.clock.now(), route, path=path)
        except Refusal:
            continue
        return path
    raise AssertionError(f"nothing is reached by {route.path}")


def _candidates(world: World, *names: str) -> Iterator[tuple[str, ...]]:
    """Every record of the last kind, with the parents it names, and with any it does not name."""
    *parents, last = names
    for document in list(world.store.rows(KINDS[last].shape.table).values()):
        record = world.tools.records.of(KINDS[last], document)
        known = [[str(getattr(record, one))] if hasattr(record, one) else ids(world, one) for one in parents]
        yield from product(*([last_word(one) for one in one_kind] for one_kind in known), [last_word(record.id)])


def ids(world: World, kind: str) -> list[str]:
    """The ids of a kind, as the store has them."""
    return list(world.store.rows(KINDS[kind].shape.table))


def last_word(identifier: str) -> str:
    """The id a path has for what the store has under this one."""
    # What was sent to a callback is kept under two ids, of which the path names the event's first.
    return identifier.rpartition("/")[2]
