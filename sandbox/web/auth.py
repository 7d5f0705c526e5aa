"""Basic credentials to a world."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error

from sandbox.world import World
from sandbox.worlds import Worlds

_SEEN = 65_536  # headers whose world is remembered


class Auth:
    """Finds the world of an ``Authorization`` header; one that was seen is checked when rows have changed since."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._seen: dict[str, tuple[World, str, int]] = {}

    def world(self, header: str | None) -> World | None:
        """Return the world the header's key opens, or None without a key or with a wrong one."""
        if header is None:
            return None
        seen = self._seen.get(header)
        if seen is None:
            secret = _secret(header)
            world = self._worlds.holder(secret) if secret else None
        else:
            # A key may have been deleted since, or its world dropped or put back to before the key.
            world, secret, changes = seen
            if world.is_open and world.store.changes == changes:
                return world
            world = world if world.opens_with(secret) else self._worlds.holder(secret)
        if world is None:
            self._seen.pop(header, None)
            return None
        if len(self._seen) >= _SEEN:
            self._seen.clear()
        self._seen[header] = (world, secret, world.store.changes)
        return world


def _secret(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(encoded.strip(), validate=True).decode().partition(":")[0]
    except (Error, UnicodeDecodeError, ValueError):
        return ""
