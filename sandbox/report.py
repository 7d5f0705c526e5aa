"""What is said of a test by the worlds it had: what was asked of them, and what a strict test does not put up with."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.levers import Json
from sandbox.testing import Sandbox

GRACE = 2.0  # seconds that a callback which is being called may take
PAUSE = 0.01  # seconds between two looks


def wrongs(sandbox: Sandbox) -> list[str]:
    """Return what a strict test does not put up with: surprises, callbacks not delivered, money that does not add up.

    A callback that is being called gets :data:`GRACE` seconds to answer in.
    """
    surprises = sandbox.requests.where(status=500, rule="internal-server-error")
    return [
        *(f"{entry['method']} {entry['uri']} ran into a fault of the sandbox itself" for entry in surprises),
        *(f"{one['type']} did not get to {one['url']}: {one['status']}" for one in _undelivered(sandbox)),
        *sandbox.violations(),
    ]


def _undelivered(sandbox: Sandbox) -> Sequence[Json]:
    patience = time.monotonic() + GRACE
    while True:
        late = [one for one in sandbox.deliveries if one["status"] != "succeeded"]
        called_now = [one for one in late if one["status"] == "pending" and one["next_try"] is not None]
        if not called_now or time.monotonic() > patience:
            return late
        time.sleep(PAUSE)


def told(sandbox: Sandbox, last: int) -> str:
    """Return the last requests of a world as lines to read: each with its refusal and how to ask it again."""
    return "\n".join(_told(sandbox, last))


def _told(sandbox: Sandbox, last: int) -> Iterator[str]:
    entries = sandbox.requests.where()
    if len(entries) > last:
        yield f"… {len(entries) - last} before these"
    for entry in entries[-last:]:
        yield from _entry(entry)
    if not entries:
        yield f"nothing was asked with this world's key at {sandbox.url}"
        strangers = sandbox.server.strangers()
        if strangers:
            yield "without a key that opens any world, the last of all tests:"
            yield from _entry(strangers[-1])


def _entry(entry: Mapping[str, Any]) -> Iterator[str]:
    yield f"{entry['method']} {entry['uri']}: {entry['status'] or 'no answer'}"
    refused = entry["refused"]
    if refused:
        at = f"; {refused['field']}, got {json.dumps(refused['got'])}" if refused["field"] else ""
        source = f" ({refused['reference']})" if refused["reference"] else ""
        yield f"    refused by {refused['rule']}{at}: {refused['expected']}{source}"
    if entry["fault"]:
        yield f"    scripted fault: {json.dumps(entry['fault'])}"
    yield f"    {entry['curl']}"
