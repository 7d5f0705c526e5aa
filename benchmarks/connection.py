"""One connection to a server, kept open: whoever uses it waits for each answer before the next request."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection
from types import TracebackType
from urllib.parse import urlsplit

TIMEOUT = 300.0  # seconds for an answer


class Connection:
    """Sends requests to the server at ``url``, all with the same headers."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._http = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
        self._headers = dict(headers)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def send(self, method: str, path: str, body: str = "") -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        self._http.request(method, path, body or None, self._headers)
        answer = self._http.getresponse()
        return answer.status, answer.read()
