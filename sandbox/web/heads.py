"""From a request's head to whoever answers it.

Clients send the same few heads again and again, so what follows from one is thought out once for all that are alike to
the byte. It follows from the head and the settings of the server alone: nothing here depends on what a world holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain

from aiohttp import HttpVersion11, hdrs, web

from sandbox.errors import ExpectationFailed, Forbidden, Invalid, NotAllowed, NotFound, Refusal
from sandbox.web.guard import ALWAYS, Guard
from sandbox.web.head import FAULT, Exchange, Handler, Head
from sandbox.web.paths import Paths
from sandbox.world import Answer

_KEPT = 512  # heads kept ready
_LONGEST = 2048  # bytes of one that is


class Stranger(Forbidden):
    """Who the guard does not let in; nobody notes it, as a page could fill the log and use up the ids."""


class NothingHappened(Exception):
    """The connection is broken, and there is nothing to note of what would have been asked on it."""


class Heads:
    """What follows from the heads that are sent to one server."""

    def __init__(self, guard: Guard, paths: Paths[Handler]) -> None:
        self._guard = guard
        self._paths = paths
        self._ready: dict[tuple[object, ...], Head] = {}
        self.none = Head(_refusing(NotFound), {}, "", ALWAYS, "/", "/", "", None, None)
        """What follows where there is no head, as what was sent is no HTTP."""

    def read(self, request: web.BaseRequest) -> Head:
        """Return what follows from a request's head."""
        sent = (request.method, request.raw_path, request.raw_headers)
        head = self._ready.get(sent)
        if head is None:
            head = self._think(request)
            if len(request.raw_path) + sum(map(len, chain(*request.raw_headers))) <= _LONGEST:
                if len(self._ready) >= _KEPT:
                    self._ready.clear()
                self._ready[sent] = head
        return head

    def why_not(self, request: web.BaseRequest) -> str | None:
        """Return why the guard does not let a request in, None when it does."""
        return self._guard.refuse(request.method, request.path, request.headers, request.raw_path)

    def _think(self, request: web.BaseRequest) -> Head:
        answer, ids = self._lead(request)
        url, headers = request.rel_url, request.headers
        return Head(
            answer,
            ids,
            request.method,
            self._guard.answer_headers(headers),
            url.raw_path_qs,
            url.raw_path,
            url.raw_query_string,
            headers.get(hdrs.AUTHORIZATION),
            headers.get(FAULT),
        )

    def _lead(self, request: web.BaseRequest) -> tuple[Handler, Mapping[str, str]]:
        """Return who answers, and the ids on the path."""
        method, headers = request.method, request.headers
        if reason := self.why_not(request):
            return _refusing(Stranger, reason), {}
        if not request.raw_path.isascii():  # aiohttp's parser in C refuses it, the one in Python does not
            return _refusing(Invalid, "Request is not valid HTTP"), {}
        if method == "OPTIONS" and (preflight := self._guard.preflight(method, headers)):
            return _answering(Answer(204, headers=dict(preflight))), {}
        ends, ids = self._paths.find(request.rel_url.path_safe)
        end = ends.get(method)
        if end is not None:
            answer, named = end.handler, end.named(ids)
        else:
            answer = _refusing(NotAllowed, ", ".join(sorted(ends))) if ends else _refusing(NotFound)
            named = {}
        return _after_telling_to_go_on(answer) if hdrs.EXPECT in headers else answer, named


def _refusing(refusal: Callable[..., Refusal], *why: str) -> Handler:
    async def answer(exchange: Exchange) -> Answer:
        raise refusal(*why)

    return answer


def _answering(always: Answer) -> Handler:
    async def answer(exchange: Exchange) -> Answer:
        return always

    return answer


def _after_telling_to_go_on(then: Handler) -> Handler:
    """Meet the one expectation there is; the answer to any other is ``ExpectationFailed``."""

    async def answer(exchange: Exchange) -> Answer | web.StreamResponse:
        request = exchange.request
        if request.headers[hdrs.EXPECT].lower() != "100-continue":
            raise ExpectationFailed
        if request.version >= HttpVersion11:
            try:
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            except ConnectionError:
                raise NothingHappened from None
            request.writer.output_size = 0  # this was not the answer yet
        return await then(exchange)

    return answer
