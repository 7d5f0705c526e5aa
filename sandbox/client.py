"""A client of a running sandbox for examples and tests; it needs the standard library and nothing else.

>>> client = Client("http://127.0.0.1:8642", api_key)
>>> client.post("/v1/customers", {"name": "John Lee Hooker"})["uri"]
"""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

TIMEOUT = 30.0  # seconds without a sign from the server


class Refused(Exception):
    """The sandbox said no: ``status`` is the answer's, ``body`` its JSON."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class Client:
    """One API key's way into the sandbox at ``url``; without a key it may ask for one at ``/v1/api_keys``.

    Each verb takes a path such as a record's ``uri``, returns the answer's JSON or ``None`` where it has no body, and
    raises :class:`Refused` for any status but a 2xx. ``control_token`` is that of a sandbox beyond loopback,
    ``certificate`` the file that it was started with, and ``timeout`` in seconds.
    """

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        control_token: str = "1",
        certificate: Path | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.url = url.rstrip("/")
        # A sandbox is a neighbour: it is called directly, whatever proxy the environment names.
        self._open = _opener(certificate).open
        self._timeout = timeout
        # Changes through /_sandbox take a header that no form of a web page can send.
        self._headers = {"Content-Type": "application/json", "X-Sandbox-Control": control_token}
        if api_key:
            self._headers["Authorization"] = "Basic " + b64encode(f"{api_key}:".encode()).decode()

    def get(self, path: str) -> Any:
        return self._send("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._send("POST", path, body)

    def put(self, path: str, body: Any = None) -> Any:
        return self._send("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path)

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, self._headers, method=method)
        try:
            with self._open(request, timeout=self._timeout) as answer:
                return _read(answer.read())
        except HTTPError as refused:
            with refused:
                raise Refused(refused.code, _read(refused.read())) from None


@cache
def _opener(certificate: Path | None) -> OpenerDirector:
    """Return what opens a url; it is made once, as it reads all the certificates that the machine trusts."""
    own = [] if certificate is None else [HTTPSHandler(context=_trusting(certificate))]
    return build_opener(ProxyHandler({}), *own)


def _trusting(certificate: Path) -> ssl.SSLContext:
    """Trust this certificate and no other, whoever signed it and whatever name of the machine it is for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context


def _read(raw: bytes) -> Any:
    return json.loads(raw) if raw else None
