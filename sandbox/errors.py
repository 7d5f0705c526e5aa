"""Every refusal: its status, its category, its sentence, and the envelope they travel in."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

PHRASES = {
    300: "Multiple Choices",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


_ALL_PHRASES = {status.value: status.phrase for status in HTTPStatus} | PHRASES


class Refusal(Exception):
    """An answer that is not the one asked for; raised by a rule, shown by :func:`envelope`.

    ``sentence`` carries its own full stop where the API wrote one: field messages have none, the others do
    (``money.md`` §2.2).
    """

    status = 500
    category_type = "request"
    category_code = "request"

    def __init__(
        self,
        sentence: str,
        *,
        code: str | None = None,
        additional: str | None = None,
        extras: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.category_code = code or type(self).category_code
        self.additional = additional
        self.extras = dict(extras or {})
        self.headers = dict(headers or {})
        self.rule = self.category_code
        """The rule that refused, as the request log names it."""
        self.more: Mapping[str, str] = {}


class Redirect(Refusal):
    """300: an identity that could not be verified; the person is to be sent to ``location`` (``entities.md`` §8.5)."""

    status = 300
    category_type = "redirect"

    def __init__(self, code: str, sentence: str, location: str) -> None:
        super().__init__(sentence, code=code, headers={"Location": location})
        self.more = {
            "redirect_uri": location,
            "friendly_html": f'<title>Redirect</title><p>Please continue at <a href="{location}">{location}</a>.</p>',
        }


class Invalid(Refusal):
    """400: what was sent cannot be read; one entry of ``extras`` a field, the first is the description."""

    status = 400

    @classmethod
    def body(cls, why: str) -> Invalid:
        """Refuse a body that is no readable object at all."""
        return cls(f"Request body is not valid: {why}").by("unreadable-body")

    @classmethod
    def field(cls, name: str, detail: str) -> Invalid:
        """Refuse the value of one field."""
        return cls(_wrong(name, detail), extras={name: detail}).by("invalid-field")

    @classmethod
    def missing(cls, name: str) -> Invalid:
        """Refuse for a required field that was not sent."""
        return cls(_missing(name), extras={name: _missing(name)}).by("missing-field")

    @classmethod
    def fields(cls, faults: Mapping[str, str | None]) -> Invalid:
        """Refuse for several fields at once; ``None`` stands for a required field that was not sent."""
        extras = {name: detail or _missing(name) for name, detail in faults.items()}
        name, detail = next(iter(faults.items()))
        if detail is None:
            return cls(_missing(name), extras=extras).by("missing-field")
        return cls(_wrong(name, detail), extras=extras).by("invalid-field")

    def by(self, rule: str) -> Invalid:
        """Name the rule that refused, as the category code only says ``request``."""
        self.rule = rule
        return self


class BadRequest(Refusal):
    """400 with a code of its own, such as ``invalid-routing-number``."""

    status = 400


class Unauthorized(Refusal):
    """401: no key, an unknown key, or a deleted one."""

    status = 401
    category_type = "permission"
    category_code = "authentication-required"

    def __init__(self, action: str, collection: str) -> None:
        super().__init__(
            f"Not permitted to perform {action} on {collection}.",
            headers={"WWW-Authenticate": 'Basic realm="Balanced"'},
        )


class Declined(Refusal):
    """402: the bank said no."""

    status = 402
    category_type = "banking"
    category_code = "card-declined"


class Forbidden(Refusal):
    """403: a good key that may not do this."""

    status = 403
    category_type = "permission"
    category_code = "not-authorized"


class NotFound(Refusal):
    """404: an unknown route or id, another world's id included."""

    status = 404
    category_code = "not-found"

    def __init__(self) -> None:
        super().__init__(
            # Two spaces after "server.", as the API wrote it.
            "The requested URL was not found on the server.  "
            "If you entered the URL manually please check your spelling and try again."
        )


class NotAllowed(Refusal):
    """405: a route that exists, but not with this method."""

    status = 405
    category_code = "method-not-allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__("The method is not allowed for the requested URL.", headers={"Allow": allowed})


class RequestTimeout(Refusal):
    """408: the body did not arrive in time."""

    status = 408

    def __init__(self) -> None:
        super().__init__("Request body did not arrive in time")


class Conflict(Refusal):
    """409: understood, but against a rule; ``code`` names the rule."""

    status = 409
    category_type = "logical"

    def __init__(self, code: str, sentence: str, *, extras: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence, code=code, extras=extras)


class TooLarge(Refusal):
    """413: a body above the limit, in bytes."""

    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"Request body is larger than {limit} bytes")


class UnsupportedType(Refusal):
    """415: a body in a form this API does not read."""

    status = 415

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f'Content type "{content_type}" is not supported; '
            "send application/json or application/x-www-form-urlencoded"
        )


class UnsupportedEncoding(Refusal):
    """415: a body compressed in a way this API does not read."""

    status = 415

    def __init__(self) -> None:
        sentence = "Content encoding is not supported; send gzip, deflate or none"
        super().__init__(sentence, headers={"Accept-Encoding": "gzip, deflate"})


class ExpectationFailed(Refusal):
    """417: the client expects something else than to be told to go on."""

    status = 417

    def __init__(self) -> None:
        super().__init__("The only expectation that can be met is 100-continue")


class Scripted(Refusal):
    """Whatever status a fault asks for."""

    category_code = "scripted"

    def __init__(self, status: int) -> None:
        super().__init__("A fault of the sandbox was told to answer this.")
        self.status = status


class Surprise(Refusal):
    """500: a fault of the sandbox itself; its log has the traceback."""

    status = 500
    category_code = "internal-server-error"

    def __init__(self) -> None:
        super().__init__("The sandbox ran into a fault of its own; its log has the details.")


class Unavailable(Refusal):
    """503: the change could not be kept on disk, so it was not made."""

    status = 503
    category_code = "service-unavailable"


def envelope(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return the error body (``money.md`` §2.1); a 404 has neither ``additional`` nor ``extras``."""
    body: dict[str, Any] = {
        "_uris": {},
        "status": phrase(refusal.status),
        "status_code": refusal.status,
        "category_type": refusal.category_type,
        "category_code": refusal.category_code,
        "description": f"{refusal.sentence} Your request id is {request_id}.",
        "additional": refusal.additional,
        "extras": refusal.extras,
        "request_id": request_id,
        **refusal.more,
    }
    if isinstance(refusal, NotFound):
        del body["additional"], body["extras"]
    return body


def phrase(status: int) -> str:
    """Return the reason phrase of a status."""
    return _ALL_PHRASES.get(status, "Scripted")


def _missing(name: str) -> str:
    return f"Missing required field [{name}]"


def _wrong(name: str, detail: str) -> str:
    return f"Invalid field [{name}] - {detail}"
