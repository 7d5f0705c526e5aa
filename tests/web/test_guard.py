"""The guard: what a browser sends on a stranger's behalf is refused, what a developer's tools send passes."""

import re

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from pytest_aiohttp.plugin import AiohttpClient

from sandbox.web.guard import Guard

LOCAL = Guard()
LISTED = Guard(
    allow_hosts=["sandbox.test", "fd00::5"], allow_origins=["https://App.test:443", "chrome-extension://abc"]
)
WIDE = Guard(wide=True, control_token="s3cret")
SAME = "http://localhost:8642"
EVIL = "http://evil.example"
CONTROL = "/_sandbox/reset"


def headers(*pairs: tuple[str, str], host: str | None = "localhost:8642") -> CIMultiDictProxy[str]:
    first = [] if host is None else [("Host", host)]
    return CIMultiDictProxy(CIMultiDict([*first, *pairs]))


def passes(guard: Guard, *pairs: tuple[str, str], host: str | None = "localhost:8642", **asked: str) -> bool:
    return guard.refuse(asked.get("method", "GET"), asked.get("path", "/v1"), headers(*pairs, host=host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8642",
        "LOCALHOST:1",
        "shop.localhost",
        "a.b.localhost:1",
        "127.0.0.1",
        "127.0.0.1:8642",
        "127.255.255.254",
        "127.1.2.3:80",
        "[::1]",
        "[::1]:8642",
    ],
)
def test_a_local_host_passes(host: str) -> None:
    assert passes(LOCAL, host=host)


FOREIGN = [
    # names of others
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evillocalhost",
    ".localhost",
    "-",
    "_",
    # addresses written so that some programs read 127.0.0.1
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.01",
    "127.0.0.256",
    "127.0.0.1.",
    "127.0.0",
    "128.0.0.1",
    # addresses of others
    "0.0.0.0",
    "192.168.1.5",
    "169.254.169.254",
    "[::]",
    "[::2]",
    "[::ffff:127.0.0.1]",
    "[fe80::1%lo]",
    "::1",
    "[::1",
    "[]",
    # no host and at most one port
    "",
    " ",
    "localhost ",
    " localhost",
    "localhost\n",
    "localhost:",
    "localhost:8x",
    "localhost:123456",
    "a:b:c",
    "a:b",
    # user information or a path
    "user@localhost",
    "localhost@evil.example",
    "localhost:80@evil.example",
    "localhost/",
    "localhost#",
    "localhost?x",
    # more or less than a host
    "http://localhost",
    "localhost,evil.example",
    "*.localhost",
    "localhost.",
    "localhost.:80",
    "a..localhost",
    "localhost\\",
    "local%68ost",
    # no ASCII, or no text at all
    "\uff4cocalhost",
    "localho\u017ft",
    "127\u30020\u30020\u30021",
    "\u066127.0.0.1",
    "localhost\x00",
    "localhost\udc80",
    "a" * 400 + ".localhost",
]


@pytest.mark.parametrize("host", FOREIGN)
def test_any_other_host_is_refused(host: str) -> None:
    assert not passes(LOCAL, host=host)
    assert not passes(LOCAL, host=host, path="/nowhere", method="OPTIONS")


def test_a_request_without_a_host_is_refused() -> None:
    assert not passes(LOCAL, host=None)


def test_a_second_host_is_refused_even_a_local_one() -> None:
    assert not passes(LOCAL, ("Host", "localhost"))
    assert not passes(LOCAL, ("host", "evil.example"))


@pytest.mark.parametrize("host", ["sandbox.test", "SANDBOX.test:8642", "[fd00::5]:1"])
def test_a_listed_host_passes(host: str) -> None:
    assert passes(LISTED, host=host)
    assert not passes(LOCAL, host=host)


def test_a_listed_host_is_compared_letter_by_letter() -> None:
    guard = Guard(allow_hosts=["kiosk.test"])

    assert passes(guard, host="KIOSK.test")
    assert not passes(guard, host="\u212aiosk.test")
    assert not passes(guard, host="a.kiosk.test")


@pytest.mark.parametrize("host", ["0.0.0.0:8642", "192.168.1.5", "[fe80::1]:8642"])
def test_beyond_loopback_addresses_pass_but_names_do_not(host: str) -> None:
    assert passes(WIDE, host=host)
    assert not passes(WIDE, host="evil.example")
    assert not passes(WIDE, host="192.168.1")


def test_a_refusal_of_a_host_says_how_to_allow_it() -> None:
    assert LOCAL.refuse("GET", "/", headers(host="Shop.test:80")) == (
        "Host shop.test is not local; to allow it, start with --allow-host shop.test"
    )


def test_a_refusal_never_repeats_what_it_cannot_read() -> None:
    reason = LOCAL.refuse("GET", "/", headers(host="<script>"))

    assert reason == "The Host header is no host name or address."


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3000", "https://localhost", "http://127.0.0.1:1", "http://[::1]:8642", "http://shop.localhost"],
)
def test_a_page_on_a_local_host_passes(origin: str) -> None:
    assert passes(LOCAL, ("Origin", origin))
    assert passes(LOCAL, ("Origin", origin), ("Sec-Fetch-Site", "cross-site"), method="POST")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "NULL",
        "file://",
        "localhost",
        "//localhost",
        "http:",
        "http://",
        "ftp://localhost",
        "about:blank",
        EVIL,
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "http://localhost/",
        "http://localhost?",
        "http://localhost#",
        "http://localhost:80:80",
        "http://localhost evil",
        "http://localhost, http://localhost",
        "http://2130706433",
        "http://192.168.1.5",
        "chrome-extension://abc",
        "http://\u212aiosk.test",
        "http://localhost\n",
        "http://localhost\udc80",
        "javascript://localhost",
        "https://app.test",
    ],
)
def test_a_page_anywhere_else_is_refused(origin: str) -> None:
    assert not passes(LOCAL, ("Origin", origin))
    assert not passes(LOCAL, ("Origin", origin), method="POST", path=CONTROL)


def test_a_second_origin_is_refused_even_a_local_one() -> None:
    assert not passes(LOCAL, ("Origin", SAME), ("Origin", SAME))


@pytest.mark.parametrize(
    "origin", ["https://app.test", "https://APP.test", "https://app.test:443", "chrome-extension://abc"]
)
def test_a_listed_origin_passes(origin: str) -> None:
    assert passes(LISTED, ("Origin", origin))


@pytest.mark.parametrize(
    "origin", ["http://app.test", "https://app.test:8443", "https://a.app.test", "https://app.test.evil"]
)
def test_a_listed_origin_is_compared_as_a_whole(origin: str) -> None:
    assert not passes(LISTED, ("Origin", origin))


def test_an_origin_on_a_listed_host_passes() -> None:
    assert passes(LISTED, ("Origin", "http://sandbox.test:3000"))


def test_an_origin_equal_to_a_foreign_host_is_no_defence() -> None:
    assert not passes(LOCAL, ("Origin", EVIL), host="evil.example")
    assert not passes(WIDE, ("Origin", EVIL), host="evil.example")


def test_beyond_loopback_a_page_from_the_very_address_asked_passes_and_no_other() -> None:
    assert passes(WIDE, ("Origin", "http://192.168.1.5:8642"), host="192.168.1.5:8642")
    assert not passes(WIDE, ("Origin", "http://192.168.1.6"), host="192.168.1.5:8642")
    assert not passes(WIDE, ("Origin", "http://203.0.113.9"), host="localhost:8642")


NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    ("site", "method", "more", "expected"),
    [
        ("none", "GET", {}, True),
        ("same-origin", "GET", {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, True),
        ("same-origin", "POST", {}, True),
        ("cross-site", "GET", NAVIGATION, True),
        ("same-site", "GET", NAVIGATION, True),
        ("cross-site", "GET", {}, False),
        ("same-site", "GET", {}, False),
        ("cross-site", "GET", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, False),
        ("cross-site", "GET", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, False),
        ("cross-site", "GET", {"Sec-Fetch-Mode": "navigate"}, False),
        ("cross-site", "POST", NAVIGATION, False),
        ("cross-site", "HEAD", NAVIGATION, False),
        ("same-site", "DELETE", NAVIGATION, False),
        ("", "GET", {}, False),
        ("Cross-Site", "GET", {}, False),
        ("somewhere-new", "GET", {}, False),
    ],
)
@pytest.mark.parametrize("path", ["/v1/customers", "/_sandbox/health", "/nowhere"])
def test_without_an_origin_the_fetch_metadata_decide(
    site: str, method: str, more: dict[str, str], expected: bool, path: str
) -> None:
    pairs = [("Sec-Fetch-Site", site), ("X-Sandbox-Control", "1"), *more.items()]

    assert passes(LOCAL, *pairs, method=method, path=path) is expected


def test_a_second_sec_fetch_site_cannot_overrule_the_first() -> None:
    assert not passes(LOCAL, ("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site"))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_a_client_library_passes(method: str) -> None:
    assert passes(LOCAL, ("User-Agent", "curl/8"), method=method, path="/v1/customers")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "post", "BREW"])
@pytest.mark.parametrize(
    ("guard", "sent", "expected"),
    [
        (LOCAL, ["1"], True),
        (LOCAL, [], False),
        (LOCAL, ["true"], False),
        (LOCAL, [""], False),
        (LOCAL, ["1", "1"], False),
        (LOCAL, ["\udc80"], False),
        (WIDE, ["s3cret"], True),
        (WIDE, ["1"], False),
        (WIDE, ["S3CRET"], False),
        (WIDE, [], False),
        (Guard(control_token="s3cret"), ["s3cret"], True),
        (Guard(control_token="s3cret"), ["1"], False),
        (Guard(wide=True), ["1"], False),
        (Guard(wide=True), [], False),
    ],
)
def test_changing_the_sandbox_takes_the_control_header(
    guard: Guard, method: str, sent: list[str], expected: bool
) -> None:
    pairs = [("X-Sandbox-Control", value) for value in sent]

    assert passes(guard, *pairs, method=method, path=CONTROL) is expected


@pytest.mark.parametrize("guard", [LOCAL, Guard(control_token="s3cret")])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_at_the_sandbox_takes_no_control_header(guard: Guard, method: str) -> None:
    assert passes(guard, method=method, path="/_sandbox/info")


@pytest.mark.parametrize("path", ["/_sandbox/info", "/_sandbox/worlds", "/_sandbox/health/", "/_sandbox/page/"])
def test_beyond_loopback_looking_takes_the_control_token_too_as_keys_are_shown(path: str) -> None:
    for method in ("GET", "HEAD"):
        assert passes(WIDE, ("X-Sandbox-Control", "s3cret"), method=method, path=path)
        assert not passes(WIDE, ("X-Sandbox-Control", "1"), method=method, path=path)
        assert not passes(WIDE, method=method, path=path)
        assert not passes(Guard(wide=True), ("X-Sandbox-Control", "1"), method=method, path=path)


@pytest.mark.parametrize("guard", [WIDE, Guard(wide=True)])
@pytest.mark.parametrize("path", ["/_sandbox/health", "/_sandbox/ready", "/_sandbox", "/_sandbox/"])
def test_beyond_loopback_anyone_may_ask_whether_the_sandbox_is_there(guard: Guard, path: str) -> None:
    assert passes(guard, path=path)
    assert not passes(guard, path=path, method="POST")


def test_the_control_header_does_not_help_a_stranger() -> None:
    assert not passes(LOCAL, ("Origin", EVIL), ("X-Sandbox-Control", "1"), method="POST", path=CONTROL)


def test_a_refusal_never_shows_the_token() -> None:
    reason = WIDE.refuse("POST", CONTROL, headers())

    assert reason == "Pulling this lever takes the header X-Sandbox-Control: <control token>"


def test_every_answer_forbids_sniffing_embedding_referring_and_keeping() -> None:
    assert dict(LOCAL.answer_headers(headers(host="evil.example"))) == {
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def test_an_allowed_origin_is_echoed_and_caches_are_told() -> None:
    answered = dict(LOCAL.answer_headers(headers(("Origin", SAME))))

    assert answered["Access-Control-Allow-Origin"] == SAME
    assert answered["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answered


@pytest.mark.parametrize("origins", [[EVIL], ["null"], [SAME, SAME], [""]])
def test_no_other_origin_is_echoed(origins: list[str]) -> None:
    answered = dict(LOCAL.answer_headers(headers(*[("Origin", origin) for origin in origins])))

    assert "Access-Control-Allow-Origin" not in answered
    assert answered["Vary"] == "Origin"


def test_a_preflight_learns_which_methods_and_headers_are_allowed() -> None:
    asked = headers(("Origin", SAME), ("Access-Control-Request-Method", "PUT"))

    assert LOCAL.refuse("OPTIONS", CONTROL, asked) is None
    answered = dict(LOCAL.preflight("OPTIONS", asked) or ())
    assert answered["Access-Control-Allow-Origin"] == SAME
    assert "PUT" in answered["Access-Control-Allow-Methods"]
    assert "X-Sandbox-Control" in answered["Access-Control-Allow-Headers"]
    assert "*" not in answered.values()


@pytest.mark.parametrize(
    ("method", "pairs"),
    [
        ("OPTIONS", [("Origin", SAME)]),
        ("OPTIONS", [("Access-Control-Request-Method", "PUT")]),
        ("PUT", [("Origin", SAME), ("Access-Control-Request-Method", "PUT")]),
    ],
)
def test_anything_less_is_no_preflight(method: str, pairs: list[tuple[str, str]]) -> None:
    assert LOCAL.preflight(method, headers(*pairs)) is None


def test_a_preflight_from_a_stranger_is_refused() -> None:
    asked = headers(("Origin", EVIL), ("Access-Control-Request-Method", "PUT"))

    assert LOCAL.refuse("OPTIONS", "/v1", asked) is not None
    assert "Access-Control-Allow-Origin" not in dict(LOCAL.preflight("OPTIONS", asked) or ())


NAMES = st.sampled_from(
    ["Host", "host", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "X-Sandbox-Control", "Cookie"]
)
PARTS = st.sampled_from(
    [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "evil.example",
        "192.168.1.5",
        "http://",
        "https://",
        ":",
        "@",
        ".",
        "8642",
        "/",
        "null",
    ]
)
VALUES = st.lists(PARTS | st.text(max_size=3), max_size=4).map("".join) | st.text()
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(lambda pairs: CIMultiDictProxy(CIMultiDict(pairs)))
METHODS = st.sampled_from(["GET", "POST", "OPTIONS", "DELETE"]) | st.text(max_size=5)
PATHS = st.sampled_from(["/", "/v1/customers", CONTROL]) | st.text(max_size=10)
LOCAL_HOST = re.compile(r"(([a-z0-9_-]+\.)*localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?", re.ASCII | re.IGNORECASE)


@given(METHODS, PATHS, HEADERS, st.sampled_from([LOCAL, LISTED, WIDE]))
def test_the_guard_answers_whatever_the_headers_hold(
    method: str, path: str, sent: CIMultiDictProxy[str], guard: Guard
) -> None:
    reason = guard.refuse(method, path, sent)
    guard.answer_headers(sent)
    guard.preflight(method, sent)

    assert reason is None or reason.isascii()


@given(METHODS, PATHS, HEADERS)
def test_what_passes_has_exactly_one_host_and_a_local_one(method: str, path: str, sent: CIMultiDictProxy[str]) -> None:
    if LOCAL.refuse(method, path, sent) is not None:
        return

    (host,) = sent.getall("Host")
    assert host.isascii()
    assert LOCAL_HOST.fullmatch(host)


@pytest.mark.parametrize("path", [CONTROL, "/%5Fsandbox/reset", "/%5fsandbox/%72eset"])
async def test_an_encoded_path_does_not_slip_past_the_control_header(path: str, aiohttp_client: AiohttpClient) -> None:
    async def answer(request: web.Request) -> web.Response:
        reason = LOCAL.refuse(request.method, request.path, request.headers)
        return web.Response(status=403 if reason else 200)

    app = web.Application()
    app.router.add_post(CONTROL, answer)
    client = await aiohttp_client(app)

    response = await client.post(path)

    assert response.status in (403, 404)
