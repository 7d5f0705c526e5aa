"""Bytes that are almost requests are answered as any request is, whichever of aiohttp's parsers reads them."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz import raw
from tests.fuzz.answers import Answer, Wrong, read
from tests.fuzz.mutations import mutated

OURS = (
    b"HTTP/1.1 %s\r\nServer: balanced-sandbox/1\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    b"Cross-Origin-Resource-Policy: same-origin\r\nCache-Control: no-store\r\nContent-Type: %s\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)


def answered(status: bytes, body: bytes, media: bytes = b"application/json") -> Answer:
    (answer,) = read(OURS % (status, media, len(body), body))
    return answer


@pytest.mark.parametrize("parser", ["c", "py"])
def test_every_answer_to_almost_a_request_is_as_it_has_to_be(parser: str, capsys: pytest.CaptureFixture[str]) -> None:
    failed = raw.main(["--requests", "300", "--seed", "7", "--parser", parser])

    told = capsys.readouterr()
    assert not failed, told.err
    assert f"300 requests, seed 7, parser {parser}" in told.out


def test_the_same_seed_sends_the_same_bytes() -> None:
    first, again, other = ([mutated(Random(seed), REQUEST) for _ in range(50)] for seed in (1, 1, 2))

    assert first == again != other


REQUEST = b"POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    "answer",
    [
        answered(b"200 OK", b"{}"),
        answered(b"403 FORBIDDEN", b'{"status":403,"detail":"no"}', b"application/problem+json"),
        answered(b"404 NOT FOUND", b""),
    ],
)
def test_what_is_as_it_has_to_be_passes(answer: Answer) -> None:
    answer.check()


@pytest.mark.parametrize(
    "answer",
    [
        answered(b"500 SURPRISE", b"{}"),
        answered(b"400 BAD REQUEST", b"no", b"text/plain"),
        answered(b"400 BAD REQUEST", b"{}"),
        answered(b"400 BAD REQUEST", b'{"status":401,"detail":"no"}', b"application/problem+json"),
        Answer(200, (("server", "Python/3.11 aiohttp/3.14.5"),), b""),
        Answer(200, (("server", "balanced-sandbox/1"),), b""),
        Answer(200, (("server", "balanced-sandbox/1"),) * 2, b""),
    ],
)
def test_what_is_not_as_it_has_to_be_does_not_pass(answer: Answer) -> None:
    with pytest.raises((Wrong, ValueError)):
        answer.check()


@pytest.mark.parametrize("told", [b"Traceback\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nno field\r\n\r\n"])
def test_what_is_no_answer_does_not_pass(told: bytes) -> None:
    with pytest.raises(Wrong):
        read(told)
