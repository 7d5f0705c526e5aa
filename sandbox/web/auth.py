"""Basic credentials to a world."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error

from sandbox.world import World
from sandbox.worlds import Worlds

_SEEN = 65_536  # headers whose world is remembered


class Auth:
    """Finds the world of an ``Authorization`` header; one dict look-up when it has been seen before."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._seen: dict[str, tuple[World, str]] = {}

    def world(self, header: str | None) -> World | None:
        """Return the world the header's key opens, or None without a key or with a wrong one."""
        if header is None:
            return None
        seen = self._seen.get(header)
        # A key may have been deleted since, or its world dropped or put back to before the key.
        if seen is not None and seen[0].opens_with(seen[1]):
            return seen[0]
        secret = _secret(header)
        world = self._worlds.holder(secret) if secret else None
        if world is None:
            self._seen.pop(header, None)
            return None
        if len(self._seen) >= _SEEN:
            self._seen.clear()
        self._seen[header] = (world, secret)
        return world


def _secret(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(encoded.strip(), validate=True).decode().partition(":")[0]
    except (Error, UnicodeDecodeError, ValueError):
        return ""
