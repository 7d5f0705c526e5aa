"""From a request's head to whoever answers it.

Clients send the same headers with everything, and ask for the same things again and again, so what follows from either
is thought out once for all that are alike to the byte. It follows from them and the settings of the server alone:
nothing here depends on what a world holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain

from aiohttp import HttpVersion11, hdrs, web

from sandbox.errors import ExpectationFailed, Forbidden, Invalid, NotAllowed, NotFound, Refusal
from sandbox.web.answers import Pairs
from sandbox.web.guard import ALWAYS, Guard
from sandbox.web.head import FAULT, Exchange, Handler, Head, NothingHappened
from sandbox.web.paths import Paths
from sandbox.world import Answer

_KEPT = 512  # heads kept ready, and headers
_LONGEST = 2048  # bytes of headers, or characters of a target, that are


class Stranger(Forbidden):
    """Who the guard does not let in; nobody notes it, as a page could fill the log and use up the ids."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sender:
    """What follows from the headers alone."""

    guarded: Pairs
    has_body: bool
    key: str | None
    fault: str | None


class Heads:
    """What follows from the heads that are sent to one server."""

    def __init__(self, guard: Guard, paths: Paths[Handler]) -> None:
        self._guard = guard
        self._paths = paths
        self._senders: dict[tuple[tuple[bytes, bytes], ...], _Sender] = {}
        self._ready: dict[tuple[str, str, _Sender], Head] = {}
        self.none = Head(
            _refusing(NotFound),
            ids={},
            method="",
            guarded=ALWAYS,
            uri="/",
            path="/",
            query="",
            has_body=False,
            key=None,
            fault=None,
        )
        """What follows where there is no head, as what was sent is no HTTP."""

    def read(self, request: web.BaseRequest) -> Head:
        """Return what follows from a request's head."""
        sender = self._senders.get(request.raw_headers)
        if sender is None:
            sender = self._meet(request)
        asked = (request.method, request.raw_path, sender)
        head = self._ready.get(asked)
        if head is None:
            head = self._think(request, sender)
            if len(request.raw_path) <= _LONGEST:
                if len(self._ready) >= _KEPT:
                    self._ready.clear()
                self._ready[asked] = head
        return head

    def why_not(self, request: web.BaseRequest) -> str | None:
        """Return why the guard does not let a request in, None when it does."""
        return self._guard.refuse(request.method, request.path, request.headers, request.raw_path)

    def _meet(self, request: web.BaseRequest) -> _Sender:
        headers = request.headers
        sender = _Sender(
            self._guard.answer_headers(headers),
            # There is none without either (RFC 9112 §6.3).
            hdrs.CONTENT_LENGTH in headers or hdrs.TRANSFER_ENCODING in headers,
            headers.get(hdrs.AUTHORIZATION),
            headers.get(FAULT),
        )
        if sum(map(len, chain(*request.raw_headers))) <= _LONGEST:
            if len(self._senders) >= _KEPT:
                self._senders.clear()
            self._senders[request.raw_headers] = sender
        return sender

    def _think(self, request: web.BaseRequest, sender: _Sender) -> Head:
        (answer, ids), url = self._lead(request), request.rel_url
        return Head(
            answer,
            ids=ids,
            method=request.method,
            guarded=sender.guarded,
            uri=url.raw_path_qs,
            path=url.raw_path,
            query=url.raw_query_string,
            has_body=sender.has_body,
            key=sender.key,
            fault=sender.fault,
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
