"""Who may talk to a server on localhost: rules on Host, Origin and fetch metadata, asked before routing.

Loopback keeps out the network, not the browser: any page a developer visits can send requests here, and a page that
rebinds its name to 127.0.0.1 can read the answers too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hmac import compare_digest
from typing import Protocol

from aiohttp import hdrs

from sandbox.web import page
from sandbox.web.answers import Pairs

CONTROL = "/_sandbox"

_SITE = "Sec-Fetch-Site"
_MODE = "Sec-Fetch-Mode"
_DEST = "Sec-Fetch-Dest"
_KEY = "X-Sandbox-Control"

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN = page.paths() | {f"{CONTROL}/health", f"{CONTROL}/ready"}  # what tells no more than that the server is there
_SEEN = 256  # header values whose verdict is remembered; a client sends the same few

# Strict patterns instead of a URL class: a URL class repairs what it reads, and each repairs differently. ASCII is
# spelled out because re.IGNORECASE and \d match beyond it, and lower() turns the Kelvin sign into a k.
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_AUTHORITY = re.compile(r"(?P<host>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_WEB_ORIGIN = re.compile(r"https?://(?P<authority>[^/?#@\s]+)")
_ABSOLUTE = re.compile(r"https?://(?P<authority>[^/?#@\s]+)(?=[/?]|$)", re.IGNORECASE)
_LONGEST = 300  # characters; names have 253 at most

ALWAYS: Pairs = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
_PREFLIGHT: Pairs = (
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Sandbox-Control, X-Sandbox-Fault"),
    ("Access-Control-Allow-Private-Network", "true"),
    ("Access-Control-Max-Age", "600"),
)
_EXPOSED = ("Access-Control-Expose-Headers", "Location, X-Sandbox-Request-Id, X-Sandbox-Rule")


class Headers(Protocol):
    """What is asked of a request's headers; their names are the same in every case."""

    def __contains__(self, name: object, /) -> bool:
        """Return whether there is one of this name."""
        ...

    def get(self, name: str, /) -> str | None:
        """Return the first of this name, None for none."""
        ...

    def getall(self, name: str, default: Sequence[str], /) -> Sequence[str]:
        """Return all of this name."""
        ...


class Guard:
    """The rules for one server; none of its answers raises, whatever the headers hold.

    ``wide`` says that the server listens beyond loopback: its own address then is a Host like any other, and the
    levers, which show API keys, take ``control_token``.
    """

    def __init__(
        self,
        allow_hosts: Sequence[str] = (),
        allow_origins: Sequence[str] = (),
        wide: bool = False,
        control_token: str | None = None,
    ) -> None:
        self._hosts = frozenset(_bracketed(host).lower() for host in allow_hosts)
        self._origins = frozenset(_without_default_port(origin.lower()) for origin in allow_origins)
        self._wide = wide
        self._key = _bytes(control_token) if control_token is not None else None if wide else b"1"
        # Every request passes here and most look alike, so the verdict on a raw value is looked up, not thought out.
        self._judge_host = lru_cache(_SEEN)(self._refuse_host)
        self._judge_origin = lru_cache(_SEEN)(self._refuse_origin)
        self._headers_for = lru_cache(_SEEN)(self._echo)

    def refuse(self, method: str, path: str, headers: Headers, target: str = "/") -> str | None:
        """Return why this request gets a 403, or ``None`` when it may pass.

        ``path`` is the decoded one, ``target`` what the request line names: a path but for clients of a proxy.
        """
        hosts = headers.getall(hdrs.HOST, ())
        if len(hosts) != 1:
            return "A request needs exactly one Host header."
        host = hosts[0]
        if reason := self._judge_host(host):
            return reason
        if not target.startswith("/") and target != "*" and not _is_on(host, target):
            return "The request line names another host than the Host header."
        if hdrs.ORIGIN in headers:
            origins = headers.getall(hdrs.ORIGIN, ())
            reason = self._judge_origin(origins[0], host) if len(origins) == 1 else "More than one Origin header."
        elif _SITE in headers:
            reason = _refuse_site(method, headers)
        if reason is None and path.startswith(CONTROL) and self._is_guarded(method, path):
            reason = self._refuse_control(headers)
        return reason

    def answer_headers(self, headers: Headers) -> Pairs:
        """Return what to add to the answer, refusals included; an allowed Origin is echoed, never a ``*``."""
        if hdrs.ORIGIN not in headers:
            return ALWAYS
        return self._headers_for(tuple(headers.getall(hdrs.ORIGIN, ())), tuple(headers.getall(hdrs.HOST, ())))

    def preflight(self, method: str, headers: Headers) -> Pairs | None:
        """Return what to add to the 204 that answers a CORS preflight, or ``None`` when the request is none.

        To be asked after :meth:`refuse`: by then the Origin is an allowed one.
        """
        if method == "OPTIONS" and hdrs.ORIGIN in headers and hdrs.ACCESS_CONTROL_REQUEST_METHOD in headers:
            return self.answer_headers(headers) + _PREFLIGHT
        return None

    def _refuse_host(self, raw: str) -> str | None:
        host = _host_of(raw)
        if host is None:
            return "The Host header is no host name or address."
        if self._passes(host) or (self._wide and _is_address(host)):
            return None
        return f"Host {host} is not local; to allow it, start with --allow-host {host}"

    def _refuse_origin(self, raw: str, host: str) -> str | None:
        origin = raw.lower() if raw.isascii() else ""
        if _without_default_port(origin) in self._origins:
            return None
        match = _WEB_ORIGIN.fullmatch(origin)
        there = _host_of(match["authority"]) if match else None
        if there is None:
            return "The Origin is no http or https address."
        # An address cannot be rebound to another server as a name can, so a page from the very address
        # that was asked is our own; a page from any other address is a stranger.
        if self._passes(there) or (self._wide and _is_address(there) and there == _host_of(host)):
            return None
        return f"Origin {origin} is not allowed; to allow it, start with --allow-origin {origin}"

    def _passes(self, host: str) -> bool:
        return _is_loopback(host) or host in self._hosts

    def _is_guarded(self, method: str, path: str) -> bool:
        if method in _READS:
            return self._wide and method != "OPTIONS" and path not in _OPEN
        return True

    def _refuse_control(self, headers: Headers) -> str | None:
        # A page of another origin cannot send this header without asking first, so a form post never gets here.
        if self._key is None:
            return "The sandbox listens beyond loopback without --control-token, so its levers cannot be pulled."
        sent = headers.getall(_KEY, ())
        if len(sent) == 1 and compare_digest(_bytes(sent[0]), self._key):
            return None
        return f"Pulling this lever takes the header {_KEY}: {'1' if self._key == b'1' else '<control token>'}"

    def _echo(self, origins: tuple[str, ...], hosts: tuple[str, ...]) -> Pairs:
        vary = (*ALWAYS, ("Vary", "Origin"))
        if len(origins) != 1 or len(hosts) != 1 or self._refuse_origin(origins[0], hosts[0]):
            return vary
        return (*vary, ("Access-Control-Allow-Origin", origins[0]), _EXPOSED)


def _refuse_site(method: str, headers: Headers) -> str | None:
    """Judge a browser's request without an Origin: a stranger's page may link here, not embed or fetch."""
    if all(site in ("none", "same-origin") for site in headers.getall(_SITE, ())):
        return None
    if method == "GET" and headers.get(_MODE) == "navigate" and headers.get(_DEST) == "document":
        return None
    return "Another site asked for this; only following a link from there is allowed."


def _is_on(host: str, target: str) -> bool:
    """Return whether an absolute target is on this host (RFC 9112 §3.2.2); there is no tunnel to anywhere."""
    match = _ABSOLUTE.match(target)
    return match is not None and match["authority"].lower() == host.lower()


def _host_of(raw: str) -> str | None:
    """Return the host of a ``host[:port]`` in lower case, an IPv6 address in brackets; ``None`` when it is none."""
    match = _AUTHORITY.fullmatch(raw) if len(raw) <= _LONGEST else None
    return match["host"].lower() if match else None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost") or host == "[::1]":
        return True
    return host.startswith("127.") and _IPV4.fullmatch(host) is not None


def _is_address(host: str) -> bool:
    return host.startswith("[") or _IPV4.fullmatch(host) is not None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _without_default_port(origin: str) -> str:
    """Write an origin the way browsers do, which leave out 80 and 443."""
    return origin.removesuffix(":443") if origin.startswith("https:") else origin.removesuffix(":80")


def _bytes(text: str) -> bytes:
    # compare_digest takes no text beyond ASCII, and header values may hold lone surrogates.
    return text.encode(errors="surrogatepass")
