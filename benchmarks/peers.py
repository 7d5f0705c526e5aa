"""What others use for the same, fetched by name into an environment of its own: json-server and the server of moto.

json-server keeps customers as they are posted, and writes its file on every change. Moto's are items of a DynamoDB
table, which it keeps in memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import load, served
from benchmarks.connection import Connection
from benchmarks.entrants import JSON, Entrant
from benchmarks.load import Ask, LoadFailed
from benchmarks.operations import NUMBER, PERSON
from benchmarks.served import Served

MOST = 10_000
"""With more customers than this they take minutes for what is measured in seconds."""

OPERATIONS = ("get", "page", "update", "create")

_FETCH = 600.0  # seconds for npm or pip
_ASKED = 100  # customers that are asked for by turns

_REGION = "us-east-1"
_BATCH = 25  # items that DynamoDB takes at once


class Missing(Exception):
    """A peer cannot be had here."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Something to install into a folder, and to serve from there with so many customers."""

    name: str
    install: Callable[[Path], None]
    serve: Callable[[Path, int], AbstractContextManager[Entrant]]


def install(peer: Peer, folder: Path) -> None:
    """Fetch a peer, and see that it does what is to be measured; raises ``Missing`` with the reason."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        peer.install(folder)
        with peer.serve(folder, 10) as entrant:
            for ask in entrant.asks.values():
                load.check(ask)
    except subprocess.CalledProcessError as failed:
        raise Missing(f"{peer.name}: {failed.stderr.strip() or failed}") from None
    except (OSError, RuntimeError, LoadFailed, subprocess.TimeoutExpired) as trouble:
        raise Missing(f"{peer.name}: {trouble}") from None


def _install_json_server(version: str, folder: Path) -> None:
    _run("npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", f"json-server@{version}")


def _install_moto(version: str, folder: Path) -> None:
    _run(sys.executable, "-m", "venv", str(folder))
    _run(str(folder / "bin" / "pip"), "install", "--quiet", f"moto[server]=={version}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_FETCH)


@contextmanager
def _json_server(version: str, page: str, folder: Path, customers: int) -> Iterator[Entrant]:
    people = [{"id": str(number), **PERSON} for number in range(customers)]
    file, port = folder / f"{customers}.json", served.free_port()
    file.write_text(json.dumps({"customers": people}))
    command = [str(folder / "node_modules" / ".bin" / "json-server"), "--host", "127.0.0.1", "--port", str(port)]
    ones = [f"/customers/{number}" for number in _spread(customers)]
    with served.stranger([*command, str(file)], port, folder) as server:

        def ask(method: str, paths: Sequence[str], status: int = 200, least: int = 300) -> Ask:
            body = "" if method == "GET" else json.dumps(PERSON)
            return Ask(method, server.url, paths, body, JSON if body else {}, status, (least, 60_000))

        asks = {
            "get": ask("GET", ones),
            "page": ask("GET", [f"/customers?{page}"], least=3000),
            "update": ask("PUT", ones),
            "create": ask("POST", ["/customers"], 201),
        }
        yield Entrant(f"json-server {version}", customers, server, asks, may_stall=True)


@contextmanager
def _moto(version: str, folder: Path, customers: int) -> Iterator[Entrant]:
    port = served.free_port()
    command = [str(folder / "bin" / "moto_server"), "--host", "127.0.0.1", "--port", str(port)]
    middle = {"id": {"S": str(customers // 2)}}
    with served.stranger(command, port, folder) as server:
        _fill(server, customers)
        asks = {
            "get": _dynamo(server, "GetItem", {"Key": middle}, 300),
            "page": _dynamo(server, "Scan", {"Limit": 10}, 3000),
            "update": _dynamo(server, "PutItem", {"Item": _item(str(customers // 2)), "ReturnValues": "ALL_OLD"}, 300),
            "create": _dynamo(server, "PutItem", {"Item": _item(f"new-{NUMBER}")}, 0),
        }
        yield Entrant(f"moto {version}", customers, server, asks, may_stall=True)


def _fill(server: Served, customers: int) -> None:
    """Make the table, and put the customers into it."""
    key = {"AttributeName": "id"}
    shape = {
        "KeySchema": [{**key, "KeyType": "HASH"}],
        "AttributeDefinitions": [{**key, "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    asks = [_dynamo(server, "CreateTable", shape, 0)]
    for first in range(0, customers, _BATCH):
        several = range(first, min(first + _BATCH, customers))
        puts = [{"PutRequest": {"Item": _item(str(number))}} for number in several]
        asks.append(_dynamo(server, "BatchWriteItem", {"RequestItems": {"customers": puts}}, 0))
    for ask in asks:
        with Connection(ask.url, ask.headers) as connection:
            status, answer = connection.send(ask.method, ask.paths[0], ask.body)
        if status != 200:
            raise LoadFailed(f"{ask.headers['X-Amz-Target']}: {status}: {answer[:300]!r}")


def _dynamo(server: Served, action: str, body: Mapping[str, Any], least: int) -> Ask:
    """Return how an action of DynamoDB is asked for; nobody looks at the signature."""
    whose = f"Credential=testing/20130506/{_REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
    headers = {
        "X-Amz-Target": f"DynamoDB_20120810.{action}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": f"AWS4-HMAC-SHA256 {whose}",
    }
    named = body if action == "BatchWriteItem" else {"TableName": "customers", **body}
    return Ask("POST", server.url, ["/"], json.dumps(named), headers, 200, (least, 60_000))


def _item(identifier: str) -> dict[str, Any]:
    typed: dict[str, Any] = _typed({"id": identifier, **PERSON})["M"]
    return typed


def _typed(value: Any) -> dict[str, Any]:
    """Return a value as DynamoDB writes it."""
    if isinstance(value, Mapping):
        return {"M": {name: _typed(one) for name, one in value.items()}}
    return {"S": value}


def _spread(customers: int) -> list[int]:
    """Return the numbers of some customers, over all of the list."""
    return sorted({customers * part // _ASKED for part in range(_ASKED)})


def _json_server_of(version: str, page: str) -> Peer:
    return Peer(f"json-server {version}", partial(_install_json_server, version), partial(_json_server, version, page))


PEERS = (
    _json_server_of("0.17.4", "_page=1&_limit=10"),
    _json_server_of("1.0.0-beta.15", "_page=1&_per_page=10"),
    Peer("moto 5.2.5", partial(_install_moto, "5.2.5"), partial(_moto, "5.2.5")),
)
