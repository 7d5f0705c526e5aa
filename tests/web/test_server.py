"""The server on a socket: it starts where it is told, says where that is, and lets go of it when it stops."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientSession, TCPConnector, encode_basic_auth
from yarl import URL

from sandbox.settings import Settings
from sandbox.web.connection import Deadlines
from sandbox.web.server import Server
from sandbox.worlds import Worlds

CUSTOMERS = "/v1/customers"


@asynccontextmanager
async def served(worlds: Worlds, **chosen: Any) -> AsyncIterator[str]:
    server = Server(worlds, Settings(port=0, **chosen))
    url = await server.start()
    try:
        yield url
    finally:
        await server.stop()


async def status(url: str, context: ssl.SSLContext | bool = True, **how: Any) -> int:
    async with (
        ClientSession(connector=TCPConnector(ssl=context)) as session,
        session.request(how.pop("method", "GET"), url, **how) as answer,
    ):
        return answer.status


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


async def test_port_0_is_any_free_one_and_the_url_says_which(worlds: Worlds) -> None:
    async with served(worlds) as one, served(worlds) as other:
        assert URL(one).port != URL(other).port
        for url in (one, other):
            assert URL(url).host == "127.0.0.1"
            assert URL(url).port
            assert await status(url + CUSTOMERS) == 401


async def test_it_listens_where_it_is_told(worlds: Worlds) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    server = Server(worlds, Settings(port=port))

    assert await server.start() == f"http://127.0.0.1:{port}"
    await server.stop()


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("0.0.0.0", "127.0.0.1"),
        pytest.param("::1", "::1", marks=needs_ipv6),
        pytest.param("[::1]", "::1", marks=needs_ipv6),
        pytest.param("::", "::1", marks=needs_ipv6),
    ],
)
async def test_the_url_is_one_that_can_be_called(worlds: Worlds, host: str, named: str) -> None:
    async with served(worlds, host=host) as url:
        assert URL(url).host == named
        assert await status(url + CUSTOMERS) == 401


async def test_a_stopped_server_does_not_listen(worlds: Worlds) -> None:
    async with served(worlds) as url:
        pass

    with pytest.raises(ClientConnectorError):
        await status(url)


async def test_its_port_is_free_again_at_once(worlds: Worlds) -> None:
    async with served(worlds) as url:
        assert await status(url + CUSTOMERS) == 401
    port = URL(url).port or 0

    server = Server(worlds, Settings(port=port))

    assert await server.start() == url
    await server.stop()


async def test_a_port_that_is_taken_is_an_error(worlds: Worlds) -> None:
    async with served(worlds) as url:
        with pytest.raises(OSError, match="address already in use"):
            await Server(worlds, Settings(port=URL(url).port or 0)).start()

        assert await status(url + CUSTOMERS) == 401


async def test_requests_under_way_are_finished_before_it_stops(worlds: Worlds) -> None:
    server = Server(worlds, Settings(port=0))
    url = await server.start()
    key = encode_basic_auth(worlds.default.api_key)
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
    head = ("POST /v1/customers HTTP/1.1", "Host: localhost", f"Authorization: {key}", "Content-Length: 2")
    writer.write("\r\n".join((*head, "Expect: 100-continue", "", "")).encode())
    assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"

    stopping = asyncio.create_task(server.stop())
    writer.write(b"{}")
    answer = await reader.read()
    await stopping

    assert b"HTTP/1.1 201 CREATED\r\n" in answer
    writer.close()


@pytest.mark.parametrize("turns", range(6))  # of the loop, at each of which a connection is in another state
async def test_who_connects_while_it_stops_is_let_go(worlds: Worlds, turns: int) -> None:
    server = Server(worlds, Settings(port=0))
    url = await server.start()
    troubles: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, trouble: troubles.append(trouble))

    with socket.create_connection(("127.0.0.1", URL(url).port or 0), timeout=5) as client:
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.stop()

        with suppress(ConnectionResetError):  # it was not accepted any more
            assert await asyncio.to_thread(client.recv, 1) == b""
    assert troubles == []


@pytest.mark.parametrize(("host", "expected"), [("127.0.0.1", 200), ("0.0.0.0", 403)])
async def test_beyond_loopback_the_sandbox_is_not_changed_without_a_token(
    worlds: Worlds, host: str, expected: int
) -> None:
    async with served(worlds, host=host) as url:
        answered = await status(f"{url}/_sandbox/reset", method="POST", headers={"X-Sandbox-Control": "1"})

    assert answered == expected


async def test_a_host_is_answered_to_only_if_it_is_local_or_listed(worlds: Worlds) -> None:
    async with served(worlds, allow_host=("sandbox.test",)) as url:
        assert await status(url + CUSTOMERS, headers={"Host": "sandbox.test"}) == 401
        assert await status(url + CUSTOMERS, headers={"Host": "elsewhere.test"}) == 403


async def test_the_name_it_was_told_to_listen_on_is_a_host_of_its_own(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a local network resolves it.
    known = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *how, **more: known("127.0.0.1" if host == "foo.lan" else host, *how, **more),
    )

    async with served(worlds, host="foo.lan") as url:
        assert URL(url).host == "foo.lan"
        assert await status(url + CUSTOMERS) == 401
        assert await status(url + CUSTOMERS, headers={"Host": "bar.lan"}) == 403


# TLS.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(key), "-out", str(certificate),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


async def test_with_a_certificate_it_speaks_https(worlds: Worlds, certificate: tuple[Path, Path]) -> None:
    async with served(worlds, tls_cert=certificate[0], tls_key=certificate[1]) as url:
        assert url.startswith("https://127.0.0.1:")
        assert await status(url + CUSTOMERS, ssl.create_default_context(cafile=certificate[0])) == 401


async def test_a_client_that_never_agrees_on_tls_is_closed(worlds: Worlds, certificate: tuple[Path, Path]) -> None:
    settings = Settings(port=0, tls_cert=certificate[0], tls_key=certificate[1])
    server = Server(worlds, settings, Deadlines(handshake=0.05))
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(await server.start()).port)

    assert await asyncio.wait_for(reader.read(), 30) == b""

    writer.close()
    await server.stop()


async def test_a_certificate_that_is_none_is_an_error_and_nothing_listens(worlds: Worlds, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")

    with pytest.raises(ssl.SSLError):
        await Server(worlds, Settings(port=0, tls_cert=bad, tls_key=bad)).start()
    with pytest.raises(FileNotFoundError):
        await Server(worlds, Settings(port=0, tls_cert=tmp_path / "none", tls_key=bad)).start()


async def test_an_address_of_another_machine_is_an_error(worlds: Worlds) -> None:
    # 192.0.2.1 is kept for documentation (RFC 5737).
    for host in ("192.0.2.1", "nowhere.invalid"):
        with pytest.raises(OSError, match=r"192\.0\.2\.1|not known|resolution"):
            await Server(worlds, Settings(host=host, port=0)).start()
