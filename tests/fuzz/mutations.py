"""Real requests as bytes, and the ways in which clients get them wrong; the same seed gives the same bytes."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from tests.fuzz.oddities import BODIES, CHUNKS, FIELDS, LENGTHS, METHODS, TARGETS, VERSIONS

Mutation = Callable[[Random, bytes], bytes]

CARD = b'{"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2030}'
PERSON = b'{"name": "Zo\xc3\xab", "email": "zoe@example.com", "meta": {"a": "b"}, "address": {"country_code": "USA"}}'
FORM = b"name=Zo%C3%AB&meta%5Ba%5D=b+c&address[postal_code]=94110"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
END = b"\r\n\r\n"


def requests(key: bytes, marketplace: bytes, customer: bytes) -> Sequence[bytes]:
    """Return the requests to begin with; none of them empties the world, or opens another."""

    def request(method: bytes, path: bytes, body: bytes = b"", media: bytes = b"application/json") -> bytes:
        head = method + b" " + path + b" HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + key + b"\r\n"
        if path.startswith(b"/_sandbox"):
            head += b"X-Sandbox-Control: 1\r\n"
        if body:
            head += b"Content-Type: " + media + b"\r\nContent-Length: %d\r\n" % len(body)
        return head + b"\r\n" + body

    return (
        request(b"GET", b"/v1/customers"),
        request(b"GET", b"/v1/customers?limit=2&sort=created_at,desc&meta[a]=b"),
        request(b"HEAD", b"/v1/customers"),
        request(b"GET", customer),
        request(b"OPTIONS", b"/v1/customers"),
        request(b"POST", b"/v1/customers", PERSON),
        request(b"POST", b"/v1/customers", FORM, b"application/x-www-form-urlencoded"),
        request(b"PUT", customer, b'{"card": ' + CARD + b"}"),
        request(b"POST", marketplace + b"/cards", CARD),
        request(b"POST", customer + b"/debits", b'{"amount": 100}'),
        request(b"DELETE", b"/v1/customers/CU1"),
        request(b"POST", b"/v1/nowhere", PERSON),
        request(b"GET", b"/_sandbox/verify"),
        request(b"GET", b"/_sandbox/requests?status=418"),
        request(
            b"POST", b"/_sandbox/faults", b'{"on": {"operation": "holds.void"}, "do": {"status": 418}, "times": 1}'
        ),
        request(b"PUT", b"/_sandbox/clock", b'{"running": false}'),
        request(b"POST", b"/_sandbox/settle", b"{}"),
        request(b"PUT", b"/_sandbox/load", b'{"tables": {}}'),
    )


def wrong_method(chance: Random, raw: bytes) -> bytes:
    """Ask with another method, or none."""
    return chance.choice(METHODS) + b" " + raw.partition(b" ")[2]


def wrong_target(chance: Random, raw: bytes) -> bytes:
    """Ask for something strange."""
    method, _, rest = raw.partition(b" ")
    return method + b" " + chance.choice(TARGETS) + b" " + rest.partition(b" ")[2]


def wrong_version(chance: Random, raw: bytes) -> bytes:
    """Speak another version."""
    return raw.replace(b"HTTP/1.1", chance.choice(VERSIONS), 1)


def one_more_header(chance: Random, raw: bytes) -> bytes:
    """Send one header more."""
    head, end, body = raw.partition(END)
    lines = head.split(b"\r\n")
    lines.insert(chance.randrange(len(lines)) + 1, chance.choice(FIELDS))
    return b"\r\n".join(lines) + end + body


def one_header_less(chance: Random, raw: bytes) -> bytes:
    """Leave a header out."""
    head, end, body = raw.partition(END)
    lines = head.split(b"\r\n")
    del lines[chance.randrange(len(lines))]
    return b"\r\n".join(lines) + end + body


def one_header_twice(chance: Random, raw: bytes) -> bytes:
    """Send a header again."""
    head, end, body = raw.partition(END)
    lines = head.split(b"\r\n")
    return b"\r\n".join([*lines, chance.choice(lines)]) + end + body


def wrong_length(chance: Random, raw: bytes) -> bytes:
    """Name a length that is not the body's."""
    head, _, body = raw.partition(END)
    said = chance.choice((*LENGTHS, b"%d" % (len(body) + 1), b"%d" % max(0, len(body) - 1)))
    return _without_length(head) + b"\r\nContent-Length: " + said + END + body


def chunk_games(chance: Random, raw: bytes) -> bytes:
    """Send the body in chunks, most of them wrong."""
    head, _, body = raw.partition(END)
    whole = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    return _without_length(head) + b"\r\n" + CHUNKED + b"\r\n" + chance.choice((*CHUNKS, whole))


def another_body(chance: Random, raw: bytes) -> bytes:
    """Send a body that is hardly one."""
    head, _, _ = raw.partition(END)
    body = chance.choice(BODIES)
    return _without_length(head) + b"\r\nContent-Length: %d" % len(body) + END + body


def compressed(chance: Random, raw: bytes) -> bytes:
    """Compress the body: well, badly, or so that little becomes much."""
    head, _, body = raw.partition(END)
    name, pack = chance.choice(((b"gzip", partial(gzip.compress, mtime=0)), (b"deflate", zlib.compress)))
    packed = pack(chance.choice((body or b"{}", b" " * 1_000_000)))
    packed = chance.choice((packed, packed, packed[:-5], packed + b"rest", body, b"\x00" + packed))
    head = _without_length(head) + b"\r\nContent-Encoding: " + name
    return head + b"\r\nContent-Length: %d" % len(packed) + END + packed


def flipped_bytes(chance: Random, raw: bytes) -> bytes:
    """Change some bytes to any others."""
    changed = bytearray(raw)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def lost_bytes(chance: Random, raw: bytes) -> bytes:
    """Lose some bytes."""
    begin = chance.randrange(len(raw))
    return raw[:begin] + raw[begin + chance.randint(1, 20) :]


def stray_bytes(chance: Random, raw: bytes) -> bytes:
    """Put bytes in between."""
    begin = chance.randrange(len(raw))
    stray = chance.choice(
        (chance.randbytes(chance.randint(1, 20)), b"\r\n", b"\r", b"\n", b"\x00", b"\r\n\r\n", b" " * 50)
    )
    return raw[:begin] + stray + raw[begin:]


def other_line_ends(chance: Random, raw: bytes) -> bytes:
    """End lines in another way."""
    return raw.replace(b"\r\n", chance.choice((b"\n", b"\r", b"\n\r", b"\r\r\n", b"\x0b")))


def cut_off(chance: Random, raw: bytes) -> bytes:
    """Stop at any byte."""
    return raw[: chance.randrange(1, len(raw) + 1)]


def pipelined(chance: Random, raw: bytes) -> bytes:
    """Send more before an answer."""
    return raw * chance.randint(2, 40)


MUTATIONS: Sequence[Mutation] = (
    wrong_method,
    wrong_target,
    wrong_version,
    one_more_header,
    one_header_less,
    one_header_twice,
    wrong_length,
    chunk_games,
    another_body,
    compressed,
    flipped_bytes,
    lost_bytes,
    stray_bytes,
    other_line_ends,
    cut_off,
    pipelined,
)


def mutated(chance: Random, raw: bytes) -> bytes:
    """Return a request with one to three things wrong."""
    for mutation in chance.choices(MUTATIONS, k=chance.choice((1, 1, 2, 3))):
        raw = mutation(chance, raw) or b"\r\n"
    return raw


def _without_length(head: bytes) -> bytes:
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:"))
