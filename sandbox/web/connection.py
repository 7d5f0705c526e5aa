"""One client's connection: nothing on it takes for ever, and whatever aiohttp refuses by itself is answered as ours."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol, cast

from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError, LineTooLong

from sandbox.errors import Invalid, Refusal, Surprise, UnsupportedEncoding
from sandbox.web.body import DEADLINE


@dataclass(frozen=True, slots=True)
class Deadlines:
    """For how many seconds a client is waited for; then its connection is closed."""

    head: float = 15.0
    """For the whole head of a request, from connecting or from the answer before; an idle connection has as much."""
    body: float = DEADLINE
    """For a whole body; this one is answered, with 408."""
    rest: float = 2.0
    """For what is left of a body that nobody reads, after the answer: closed at once, it might reset the answer."""
    answer: float = 30.0
    """For taking an answer that no buffer of the system holds."""
    handshake: float = 10.0
    """For agreeing on TLS."""


DEADLINES = Deadlines()


class Answers(Protocol):
    """Answers what never came as far as a handler."""

    def refuse(self, request: web.BaseRequest, refusal: Refusal) -> web.StreamResponse:
        """Return the answer."""
        ...


class Connection(web.RequestHandler):
    """Speaks HTTP with one client."""

    __slots__ = ("_answers", "_giving_up", "_patience")

    def __init__(
        self, server: web.Server, answers: Answers, deadlines: Deadlines, *, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # none is what None stands for, though not in the signature
            keepalive_timeout=deadlines.head,
            lingering_time=deadlines.rest,
        )
        self._answers = answers
        self._patience = deadlines.answer
        self._giving_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and ask to be told as soon as the client takes less than it is sent."""
        super().connection_made(transport)
        cast(asyncio.WriteTransport, transport).set_write_buffer_limits(high=0)

    def pause_writing(self) -> None:
        """Wait for the client to take what it was sent, and give it up when it does not."""
        super().pause_writing()
        if self.transport is not None:
            # Closing would wait for the client too, and for ever.
            self._giving_up = self._loop.call_later(self._patience, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has taken everything."""
        super().resume_writing()
        self._stop_waiting()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        super().connection_lost(exc)
        self._stop_waiting()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and close the connection: where the next request would begin is anyone's guess."""
        if isinstance(exc, HttpProcessingError):
            refusal = _malformed(exc)
        else:
            self.log_exception("a fault of the sandbox: %s", message or status, exc_info=exc)
            refusal = Surprise()
        response = self._answers.refuse(request, refusal)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log a fault of ours; that a client sends a broken body which nobody reads is none."""
        if not isinstance(kw.get("exc_info"), web.RequestPayloadError | HttpProcessingError):
            super().log_exception(*args, **kw)

    def _stop_waiting(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None


def _malformed(trouble: HttpProcessingError) -> Refusal:
    """Say what is wrong with the bytes, and repeat none: they may hold a secret, or mean something to a terminal."""
    if isinstance(trouble, ContentEncodingError):
        return UnsupportedEncoding()
    if isinstance(trouble, LineTooLong):
        return Invalid("A line of the request is too long")
    return Invalid("Request is not valid HTTP")
