"""A client for the tests: the levers of one world over HTTP."""

from __future__ import annotations

from typing import Any

from tests.api import Answered, Api

CONTROL = {"X-Sandbox-Control": "1"}


class Levers:
    """What can be done to one world."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def get(self, path: str) -> Answered:
        return await self.api.send("GET", f"/_sandbox/{path}")

    async def post(self, path: str, body: Any = None) -> Answered:
        return await self.api.send("POST", f"/_sandbox/{path}", body, headers=CONTROL)

    async def put(self, path: str, body: Any = None) -> Answered:
        return await self.api.send("PUT", f"/_sandbox/{path}", body, headers=CONTROL)

    async def delete(self, path: str, body: Any = None) -> Answered:
        return await self.api.send("DELETE", f"/_sandbox/{path}", body, headers=CONTROL)

    async def pulled(self, method: str, path: str, body: Any = None) -> Any:
        """Pull a lever and return what it answered, which is no problem."""
        headers = CONTROL if method != "GET" else None
        answer = await self.api.send(method, f"/_sandbox/{path}", body, headers=headers)
        assert answer.status < 300, answer.raw
        return answer.body if answer.raw else None

    async def fault(self, do: Any, on: Any = None, **how: Any) -> Any:
        """Add a fault and return it."""
        return await self.pulled("POST", "faults", {"on": on or {}, "do": do, **how})


def problem(answer: Answered) -> tuple[int, str | None, str]:
    """Return the status, the field and the detail of a problem document."""
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.raw
    assert answer.body["status"] == answer.status
    return answer.status, answer.body.get("field"), answer.body["detail"]
