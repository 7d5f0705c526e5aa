"""A client for the tests: the API over HTTP, with one world's key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import encode_basic_auth
from aiohttp.test_utils import TestClient


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    reason: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def description(self) -> str:
        """The error's sentence without the request id."""
        described: str = self.body["description"]
        return described.rpartition(" Your request id is ")[0]

    @property
    def refusal(self) -> tuple[int, str, str, str]:
        """Status, type, code and sentence of an error."""
        return self.status, self.body["category_type"], self.body["category_code"], self.description


class Api:
    """One key's way into the sandbox."""

    def __init__(self, client: TestClient[Any, Any], key: str, marketplace: str = "") -> None:
        self.client = client
        self.key = key
        self.marketplace = marketplace

    def with_key(self, key: str) -> Api:
        """Return the same client with another key."""
        return Api(self.client, key)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        form: str | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answered:
        sent: dict[str, str] = {}
        data = raw
        if body is not None:
            data, sent = orjson.dumps(body), {"Content-Type": "application/json"}
        if form is not None:
            data, sent = form.encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        if self.key:
            sent["Authorization"] = encode_basic_auth(self.key)
        sent |= headers or {}
        async with self.client.request(method, path, data=data, headers=sent, allow_redirects=False) as response:
            return Answered(response.status, response.reason or "", dict(response.headers), await response.read())

    async def get(self, path: str) -> Answered:
        return await self.send("GET", path)

    async def post(self, path: str, body: Any = None, **how: Any) -> Answered:
        return await self.send("POST", path, body, **how)

    async def put(self, path: str, body: Any = None, **how: Any) -> Answered:
        return await self.send("PUT", path, body, **how)

    async def delete(self, path: str) -> Answered:
        return await self.send("DELETE", path)
