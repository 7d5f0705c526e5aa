"""Bodies: one object comes out, or a refusal; never a surprise, and never someone else's bytes."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from pytest_aiohttp.plugin import AiohttpServer

from sandbox.errors import Invalid, Refusal, TooLarge, UnsupportedEncoding, UnsupportedType
from sandbox.web.body import DEADLINE, DEPTH, LIMIT, PAIRS, parse_form, parse_json, read_body

JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
GZIP = "Content-Encoding: gzip"
CHUNKED = "Transfer-Encoding: chunked"


class Wire:
    """A connection on which any bytes can be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, raw: bytes, *headers: str, length: int | None = None) -> None:
        """Send a request; its length is the true one unless told otherwise or chunked."""
        head = ["POST / HTTP/1.1", "Host: localhost", *headers]
        if CHUNKED not in headers:
            head.append(f"Content-Length: {len(raw) if length is None else length}")
        self.writer.write("\r\n".join([*head, "", ""]).encode(errors="surrogateescape") + raw)

    async def answer(self) -> tuple[int, Any]:
        """Return the status and body of the next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = next(line for line in head.split("\r\n") if line.startswith("Content-Length: "))
        return int(head.split()[1]), orjson.loads(await self.reader.readexactly(int(length.split()[1])))

    async def ask(self, raw: bytes, *headers: str, length: int | None = None) -> tuple[int, Any]:
        self.send(raw, *headers, length=length)
        return await self.answer()


@pytest.fixture
def interruptions() -> asyncio.Queue[asyncio.CancelledError]:
    """What became of requests that could not be answered."""
    return asyncio.Queue()


@pytest.fixture
def deadline() -> float:
    """How many seconds a body may take; tests choose their own by a parameter of this name."""
    return DEADLINE


@pytest.fixture
async def server(
    interruptions: asyncio.Queue[asyncio.CancelledError], aiohttp_server: AiohttpServer, deadline: float
) -> TestServer:
    """A server that answers with what it read, or with the sentence of its refusal."""

    async def echo(request: web.Request) -> web.Response:
        try:
            return web.Response(body=orjson.dumps(await read_body(request, deadline=deadline)))
        except Refusal as refusal:
            return web.Response(status=refusal.status, body=orjson.dumps(refusal.sentence))
        except asyncio.CancelledError as interruption:
            interruptions.put_nowait(interruption)
            raise

    app = web.Application()
    app.router.add_post("/", echo)
    return await aiohttp_server(app, lingering_time=0.1)


@pytest.fixture
async def wire(server: TestServer) -> Any:
    assert server.port
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    yield Wire(reader, writer)
    writer.close()


@pytest.mark.parametrize("headers", [[], [JSON], [FORM], ["Content-Type: text/plain"], [JSON, GZIP]])
async def test_an_empty_body_is_an_empty_object(wire: Wire, headers: list[str]) -> None:
    assert await wire.ask(b"", *headers) == (200, {})


async def test_a_request_that_names_no_length_has_an_empty_body(wire: Wire) -> None:
    wire.writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert await wire.answer() == (200, {})


async def test_an_empty_chunked_body_is_an_empty_object(wire: Wire) -> None:
    assert await wire.ask(b"0\r\n\r\n", JSON, CHUNKED) == (200, {})


async def test_null_is_an_empty_object(wire: Wire) -> None:
    assert await wire.ask(b" null ", JSON) == (200, {})


async def test_an_object_arrives_as_it_was_sent(wire: Wire) -> None:
    sent = {"name": "Zoë", "amount": 100, "meta": {"url": "http://a:b", "n": None}, "on": [True, 1.5, {"a": {}}]}

    assert await wire.ask(orjson.dumps(sent), JSON) == (200, sent)


async def test_a_chunked_body_arrives_whole(wire: Wire) -> None:
    assert await wire.ask(b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n', JSON, CHUNKED) == (200, {"a": 1})


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)], ids=["gzip", "deflate"]
)
async def test_a_compressed_body_is_decompressed(wire: Wire, encoding: str, compress: Callable[[bytes], bytes]) -> None:
    assert await wire.ask(compress(b'{"a":1}'), JSON, f"Content-Encoding: {encoding}") == (200, {"a": 1})


@pytest.mark.parametrize(
    "media",
    [
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF8",
        'application/json; charset="utf-8"',
        "application/json; version=1.1; q=0.9",
        "application/json;",
    ],
)
async def test_parameters_of_the_type_are_tolerated(wire: Wire, media: str) -> None:
    assert await wire.ask(b'{"a":1}', f"Content-Type: {media}") == (200, {"a": 1})


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/xml",
        "application/jsonp",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=nonsense",
        "application/json; charset=",
        "application/x-www-form-urlencoded; charset=latin-1",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "nonsense",
        ";",
    ],
)
async def test_any_other_type_or_charset_is_refused(wire: Wire, media: str) -> None:
    status, sentence = await wire.ask(b'{"a":1}', f"Content-Type: {media}")

    assert status == 415
    assert media in sentence


async def test_a_type_that_is_no_text_is_refused_with_a_readable_answer(wire: Wire) -> None:
    status, sentence = await wire.ask(b"{}", "Content-Type: text/\udcff")

    assert status == 415
    assert '"text/?"' in sentence


async def test_an_undeclared_object_is_json(wire: Wire) -> None:
    assert await wire.ask(b'\n{"a":"b=c"}') == (200, {"a": "b=c"})
    assert await wire.ask(b"null") == (200, {})


async def test_an_undeclared_form_is_a_form(wire: Wire) -> None:
    assert await wire.ask(b"a=1&b[c]=2", "Content-Type:") == (200, {"a": "1", "b": {"c": "2"}})


@pytest.mark.parametrize("raw", [b"hello", b'{"a=": 1', b"[1]", b'"a=b"', b"1"])
async def test_an_undeclared_body_that_is_neither_is_refused(wire: Wire, raw: bytes) -> None:
    status, sentence = await wire.ask(raw)

    assert status == 400
    assert sentence.startswith("Request body is not valid")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"a":1', id="cut off after a value"),
        pytest.param(b'{"a":1}}', id="one bracket too many"),
        pytest.param(b'{"a":1} {"b":2}', id="two objects"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":1,}', id="trailing comma"),
        pytest.param(b"a=1", id="a form"),
        pytest.param(b"   ", id="blank"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":Infinity}', id="Infinity"),
        pytest.param(b'{"a":-Infinity}', id="-Infinity"),
        pytest.param(b'{"a":1e999}', id="a float beyond all"),
        pytest.param(b'{"a":01}', id="leading zero"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
        pytest.param(rb'{"a":"\ud800"}', id="lone surrogate"),
        pytest.param(rb'{"\udc00":1}', id="lone surrogate as a key"),
        pytest.param(b'{"a":"\x00"}', id="NUL byte"),
        pytest.param(rb'{"a":"\u0000"}', id="escaped NUL"),
        pytest.param(rb'{"a":"\\\u0000"}', id="escaped NUL after an escaped backslash"),
        pytest.param(rb'{"\u0000":1}', id="escaped NUL as a key"),
        pytest.param(b'{"a":"\n"}', id="newline in a string"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="5,000 digits"),
        pytest.param(b'{"a":%d}' % 100**100, id="100 to the 100th"),
        pytest.param(b'{"a":18446744073709551616}', id="just beyond 64 bits"),
        pytest.param(b'{"a":[{"b":-9223372036854775809}]}', id="just below 64 bits"),
        pytest.param(b"[" * 30_000, id="30,000 open brackets"),
        pytest.param(b"[" * 30_000 + b"]" * 30_000, id="30,000 nested arrays"),
        pytest.param(b'{"a":' * 30_000 + b"1" + b"}" * 30_000, id="30,000 nested objects"),
        pytest.param(b'{"a":' * (DEPTH + 1) + b"1" + b"}" * (DEPTH + 1), id="one level too deep"),
        pytest.param(b"[]", id="an array"),
        pytest.param(b"false", id="false"),
        pytest.param(b"0", id="zero"),
        pytest.param(b'""', id="a string"),
    ],
)
async def test_a_body_that_is_no_readable_object_is_refused(wire: Wire, raw: bytes) -> None:
    status, sentence = await wire.ask(raw, JSON)

    assert status == 400
    assert sentence.startswith("Request body is not valid")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"b":{"c":[{"d":1,"d":2}]}}',
        b'{"a" : 1, "a"\n:2}',
        rb'{"a":1,"\u0061":2}',
        b'{"a":{"b":1},"a":{}}',
        b'{"a":1,"a":"with a \\": in it"}',
        b'{"":1,"":2}',
    ],
)
def test_a_key_given_twice_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid, match="given twice"):
        parse_json(raw)


@pytest.mark.parametrize(
    "sent",
    [
        {"a": 'x": y', "b": ":", "c": '":":'},
        {"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 2}]},
        {"a": r"\u0000", "b": "\\\\"},
        {"a": 2**64 - 1, "b": -(2**63), "c": 54.8, "d": 1e18},
        {"a" * 300: ["x" * 1000]},
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", " : ")])
def test_what_only_looks_suspicious_is_read(sent: dict[str, Any], separators: tuple[str, str]) -> None:
    assert parse_json(json.dumps(sent, separators=separators).encode()) == sent


def test_an_object_as_deep_as_allowed_is_read() -> None:
    assert parse_json(b'{"a":' * DEPTH + b"1" + b"}" * DEPTH)["a"]


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", '"', ":", '":', "\\"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "b", '":', "\\"]), TREES), st.booleans())
def test_every_object_without_duplicates_is_read(sent: dict[str, Any], ascii_only: bool) -> None:
    assert parse_json(json.dumps(sent, ensure_ascii=ascii_only).encode()) == sent


@given(st.binary() | st.text('{}[]":,\\u0a1e \n').map(str.encode))
def test_json_parsing_refuses_or_returns_an_object(raw: bytes) -> None:
    try:
        parsed = parse_json(raw)
    except Invalid:
        return

    assert parsed == (json.loads(raw) or {})


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (b"amount=5000&description=a+b%20c", {"amount": "5000", "description": "a b c"}),
        (
            b"card[card_number]=4111&card[address][postal_code]=1",
            {"card": {"card_number": "4111", "address": {"postal_code": "1"}}},
        ),
        (b"card%5Bname%5D=Zo%C3%AB", {"card": {"name": "Zoë"}}),
        (b"meta[a.b]=1&a.b=2", {"meta": {"a.b": "1"}, "a.b": "2"}),
        (b"none=", {"none": ""}),
        (b"none", {"none": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"&a=1&&b=2&", {"a": "1", "b": "2"}),
        (b"description=100% cotton, 5%", {"description": "100% cotton, 5%"}),
        ("description=Zoë".encode(), {"description": "Zoë"}),
        (b"a;b=1", {"a;b": "1"}),
    ],
)
def test_a_form_is_read(raw: bytes, read: dict[str, Any]) -> None:
    assert parse_form(raw) == read


async def test_a_form_is_read_over_http(wire: Wire) -> None:
    assert await wire.ask(b"meta[k]=v&amount=1", FORM) == (200, {"meta": {"k": "v"}, "amount": "1"})


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"a=1&a=2", id="given twice"),
        pytest.param(b"a[b]=1&a[b]=1", id="given twice inside"),
        pytest.param(b"a=1&a[b]=2", id="value, then object"),
        pytest.param(b"a[b]=2&a=1", id="object, then value"),
        pytest.param(b"a[b]=2&a[b][c]=1", id="value, then object, inside"),
        pytest.param(b"a[]=1", id="no name in the brackets"),
        pytest.param(b"a[b=1", id="bracket left open"),
        pytest.param(b"a]b[=1", id="brackets the wrong way round"),
        pytest.param(b"a[b]c=1", id="text after the brackets"),
        pytest.param(b"a[b[c]]=1", id="brackets in brackets"),
        pytest.param(b"[a]=1", id="no name before the brackets"),
        pytest.param(b"=1", id="no name"),
        pytest.param(b"a=%FF", id="not UTF-8, escaped"),
        pytest.param(b"a=\xff", id="not UTF-8"),
        pytest.param(b"%FF=a", id="a name that is not UTF-8"),
        pytest.param(b"a=%ED%A0%80", id="a surrogate in UTF-8"),
        pytest.param(b"a=%00", id="NUL"),
        pytest.param(b"a\x00=1", id="NUL in a name"),
        pytest.param(b"a" + b"[b]" * DEPTH + b"=1", id="one level too deep"),
        pytest.param(b"a" + b"[b]" * 30_000 + b"=1", id="30,000 levels"),
        pytest.param(b"a&" * PAIRS, id="too many fields"),
    ],
)
async def test_a_form_that_is_no_readable_object_is_refused(wire: Wire, raw: bytes) -> None:
    status, sentence = await wire.ask(raw, FORM)

    assert status == 400
    assert sentence.startswith("Request body is not valid")


@given(st.binary() | st.text("ab[]=&%0+", max_size=30).map(str.encode))
def test_form_parsing_refuses_or_returns_an_object(raw: bytes) -> None:
    try:
        parsed = parse_form(raw)
    except Invalid:
        return

    assert isinstance(parsed, dict)


async def test_a_body_of_exactly_the_limit_is_read(wire: Wire) -> None:
    raw = b'{"a":"' + b"x" * (LIMIT - 8) + b'"}'

    status, read = await wire.ask(raw, JSON)

    assert status == 200
    assert len(read["a"]) == LIMIT - 8


@pytest.mark.parametrize("more", [1, 10 * LIMIT])
async def test_a_body_beyond_the_limit_is_refused(wire: Wire, more: int) -> None:
    assert await wire.ask(b"x" * (LIMIT + more), JSON) == (413, TooLarge(LIMIT).sentence)


async def test_a_small_body_that_decompresses_beyond_the_limit_is_refused(wire: Wire) -> None:
    assert await wire.ask(gzip.compress(b"x" * 100 * LIMIT), JSON, GZIP) == (413, TooLarge(LIMIT).sentence)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"{}", id="not compressed"),
        pytest.param(gzip.compress(b'{"a":1}')[:-10], id="cut off"),
        pytest.param(gzip.compress(b'{"a":1}')[:-8] + b"\0" * 8, id="wrong checksum"),
    ],
)
async def test_bad_gzip_is_refused(wire: Wire, raw: bytes) -> None:
    status, sentence = await wire.ask(raw, JSON, GZIP)

    assert status == 400
    assert sentence.startswith("Request body is not valid")


@pytest.mark.parametrize("encoding", ["snappy", "x-gzip", "gzip, gzip", "identity, gzip", "gz\udcffip"])
async def test_an_encoding_that_would_be_left_on_is_refused(wire: Wire, encoding: str) -> None:
    status, _ = await wire.ask(b'{"a":1}', JSON, f"Content-Encoding: {encoding}")

    assert status == 415


async def test_an_encoding_inside_another_is_refused(wire: Wire) -> None:
    twice = gzip.compress(gzip.compress(b'{"a":1}'))

    assert await wire.ask(twice, JSON, GZIP, GZIP) == (415, UnsupportedEncoding().sentence)


@pytest.mark.parametrize("encoding", ["", "identity", "Identity", "GZIP"])
async def test_an_encoding_that_is_none_or_written_otherwise_is_read(wire: Wire, encoding: str) -> None:
    raw = gzip.compress(b'{"a":1}') if encoding == "GZIP" else b'{"a":1}'

    assert await wire.ask(raw, JSON, f"Content-Encoding: {encoding}") == (200, {"a": 1})


async def test_bad_gzip_is_no_surprise_in_the_log(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    await wire.ask(b"{}", JSON, GZIP)

    assert await wire.reader.read() == b""
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("deadline", [0.01])
async def test_a_body_that_is_too_slow_is_refused_and_the_connection_closed(wire: Wire) -> None:
    assert await wire.ask(b'{"a":', JSON, length=7) == (408, "Request body did not arrive in time")
    assert await wire.reader.read() == b""


async def test_a_client_that_gives_up_midway_ends_its_request(
    wire: Wire, interruptions: asyncio.Queue[asyncio.CancelledError], caplog: pytest.LogCaptureFixture
) -> None:
    wire.send(b"", JSON, "Expect: 100-continue", length=7)
    await wire.reader.readuntil(b"\r\n\r\n")

    wire.writer.write(b'{"a":')
    wire.writer.close()

    assert await interruptions.get()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("status", "raw", "headers"),
    [
        pytest.param(413, b"x" * (2 * LIMIT), [JSON], id="too large"),
        pytest.param(413, gzip.compress(b"x" * 100 * LIMIT), [JSON, GZIP], id="too large once decompressed"),
        pytest.param(415, b"POST / HTTP/1.1\r\n\r\n", ["Content-Type: text/plain"], id="wrong type"),
        pytest.param(400, b"{" * 1000, [JSON], id="malformed"),
    ],
)
async def test_the_rest_of_a_refused_body_is_not_taken_for_the_next_request(
    wire: Wire, status: int, raw: bytes, headers: list[str]
) -> None:
    wire.send(raw, *headers)
    wire.send(b'{"next":1}', JSON)

    assert (await wire.answer())[0] == status
    assert await wire.answer() == (200, {"next": 1})


async def test_a_type_is_refused_before_the_body_arrived(wire: Wire) -> None:
    wire.send(b"", "Content-Type: text/plain", length=LIMIT)

    assert await wire.answer() == (415, UnsupportedType("text/plain").sentence)


async def test_a_client_may_ask_before_it_sends(wire: Wire) -> None:
    wire.send(b"", JSON, "Expect: 100-continue", length=7)
    assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"

    wire.writer.write(b'{"a":1}')

    assert await wire.answer() == (200, {"a": 1})


async def test_a_body_that_turns_out_empty_is_an_empty_object(wire: Wire) -> None:
    wire.send(b"", JSON, CHUNKED, "Expect: 100-continue")
    await wire.reader.readuntil(b"\r\n\r\n")

    wire.writer.write(b"0\r\n\r\n")

    assert await wire.answer() == (200, {})
