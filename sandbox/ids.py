"""Ids, request ids, transaction numbers and secrets, all from one seed and a running number.

An id is a prefix and the base-62 digits of a version-1 UUID whose time is the record's ``created_at``
(``entities.md`` §1). What a UUID takes from its host and from chance comes here from the running number, so the same
seed, time and number always give the same id, and two numbers never give the same one.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct

from sandbox.clock import Moment

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = [tens + ones for tens in _DIGITS for ones in _DIGITS]
_UUID = Struct(">IHHQ")  # time_low, time_mid, version and time_high, variant and clock sequence and node
_UUID_EPOCH = 0x01B21DD213814000  # 1970 in 100 ns steps since 1582-10-15
_HOST = 0x8000_026BA7_000000  # the variant, and the first half of the API's own hosts' addresses
_MASK = (1 << 38) - 1  # 14 bits of clock sequence and 24 of node are free
_SPREAD = 0x9E3779B97F4A7C15 & _MASK  # odd, so multiplying by it modulo a power of two maps numbers one to one


class Ids:
    """A source of names for one seed; it keeps no state, the caller brings the running number.

    Secrets are drawn from the name of the world besides, so that two worlds of one seed have the same records and keys
    of their own.
    """

    def __init__(self, seed: str, world: str = "") -> None:
        self._seed = seed.encode()
        self._world = world
        self._salt = int.from_bytes(self._draw("salt", 0)[:8], "big") & _MASK

    def record(self, prefix: str, at: Moment, number: int) -> str:
        """Return the id of a record: ``CU75sp5yGSxBGHksti1E7j3j``."""
        return prefix + base62(int.from_bytes(self._uuid(at, number), "big"))

    def event(self, at: Moment, number: int) -> str:
        """Return the id of an event: ``EV`` and 32 hex digits."""
        return "EV" + self._uuid(at, number).hex()

    def request(self, at: Moment, number: int) -> str:
        """Return a request id: ``OHM`` and 32 hex digits."""
        return "OHM" + self._uuid(at, number).hex()

    def secret(self, number: int) -> str:
        """Return the secret of an API key: 32 hex digits."""
        return self._draw(f"secret/{self._world}", number).hex()

    def transaction_number(self, prefix: str, number: int) -> str:
        """Return a transaction number: ``W109-369-8530``."""
        digits = f"{int.from_bytes(self._draw('transaction', number), 'big') % 10**10:010d}"
        return f"{prefix}{digits[:3]}-{digits[3:6]}-{digits[6:]}"

    def chance(self, number: int) -> float:
        """Return a number from 0 up to 1, evenly spread."""
        return int.from_bytes(self._draw("chance", number)[:7], "big") / 2**56

    def seed(self, number: int) -> str:
        """Return the seed of the world with this number."""
        return self._draw("world", number).hex()

    def _uuid(self, at: Moment, number: int) -> bytes:
        steps = at * 10 + _UUID_EPOCH
        free = (number * _SPREAD + self._salt) & _MASK
        node = free >> 24 << 48 | _HOST | free & 0xFFFFFF
        return _UUID.pack(steps & 0xFFFFFFFF, steps >> 32 & 0xFFFF, 0x1000 | steps >> 48 & 0x0FFF, node)

    def _draw(self, purpose: str, number: int) -> bytes:
        return blake2b(b"%s/%s/%d" % (self._seed, purpose.encode(), number), digest_size=16).digest()


def base62(value: int) -> str:
    """Write a number in base 62: digits, lower case, upper case; no padding."""
    pairs = []
    while value:
        value, pair = divmod(value, 62 * 62)
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs)).lstrip("0") or "0"
