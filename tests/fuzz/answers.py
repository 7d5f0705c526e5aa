"""Reads what a sandbox answered, byte by byte, and says what is wrong with it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

SERVER = "server"
ALWAYS = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""What the guard adds to every answer."""

_STATUS_LINE = re.compile(rb"HTTP/[0-9]\.[0-9] ([1-5][0-9]{2}) [\x20-\x7e]*")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x20-\x7e]*)")
_ENVELOPE = {"status", "status_code", "category_type", "category_code", "description", "request_id", "_uris"}


class Wrong(Exception):
    """What was answered is not what any answer has to be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return the only header of a name; raises ``Wrong``."""
        values = [value for key, value in self.headers if key == name]
        if len(values) != 1:
            raise Wrong(f"{self.status}: {len(values)} headers {name}")
        return values[0]

    def check(self) -> None:
        """Hold it against what every answer has: our headers, no fault of ours, and errors in one form or the other."""
        if self.status >= 500:
            raise Wrong(f"{self.status}: {self.body!r}")
        if not self.header(SERVER).startswith("balanced-sandbox/"):
            raise Wrong(f"{self.status}: by {self.header(SERVER)}")
        for name, value in ALWAYS.items():
            if self.header(name) != value:
                raise Wrong(f"{self.status}: {name} is {self.header(name)}")
        if self.status >= 400 and self.body:
            self._check_error()

    def _check_error(self) -> None:
        media = self.header("content-type")
        told = json.loads(self.body)
        if media == "application/json":
            good = told.keys() >= _ENVELOPE and told["status_code"] == self.status
        else:
            good = media == "application/problem+json" and told["status"] == self.status and bool(told["detail"])
        if not good:
            raise Wrong(f"{self.status} {media}: {self.body!r}")


def read(raw: bytes) -> list[Answer]:
    """Return the answers in what came over one connection; raises ``Wrong`` for anything else in it.

    The last one may be cut off; it is left out.
    """
    found = []
    while raw:
        head, ended, rest = raw.partition(b"\r\n\r\n")
        if not ended:
            break
        line, *fields = head.split(b"\r\n")
        status = _match(_STATUS_LINE, line)
        headers = tuple(
            (one[1].decode().lower(), one[2].decode()) for one in (_match(_FIELD, field) for field in fields)
        )
        answer = Answer(int(status[1]), headers, b"")
        if answer.status == 100:
            raw = rest
            continue
        length = int(answer.header("content-length")) if answer.status != 204 else 0
        # An answer to HEAD names a length too, and has no body; no body of a sandbox begins like an answer.
        if rest.startswith(b"HTTP/1."):
            length = 0
        if len(rest) < length and rest:
            break
        found.append(Answer(answer.status, headers, rest[:length]))
        raw = rest[length:]
    return found


def _match(pattern: re.Pattern[bytes], line: bytes) -> re.Match[bytes]:
    match = pattern.fullmatch(line)
    if match is None:
        raise Wrong(f"no line of an answer: {line!r}")
    return match
