"""``ready``, ``dump`` and ``load``: verbs about a sandbox that runs already, here or elsewhere.

``ready`` is the health check of a container, so it is to start in no time: the standard library and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

from sandbox import settings
from sandbox.client import Client, Refused
from sandbox.exits import ERROR, OK, Stop
from sandbox.settings import PREFIX, BadSetting

ANSWER = 5.0  # seconds a sandbox has to say whether it is ready
PAUSE = 0.05  # seconds between two questions
STREAM = "-"

_URL = re.compile(r"https?://[^/?#\s]+/?")


def ready(options: argparse.Namespace) -> int:
    """Return 0 when a sandbox is ready, or becomes it within ``--wait`` seconds, else 1."""
    client = _client(options, timeout=ANSWER)
    until = time.monotonic() + options.wait
    while (why := _trouble(client)) is not None:
        if time.monotonic() >= until:
            print(f"balanced-sandbox: {client.url} is not ready: {why}", file=sys.stderr)
            return ERROR
        time.sleep(PAUSE)
    print(f"{client.url} is ready")
    return OK


def dump(options: argparse.Namespace) -> int:
    """Write a world as one JSON file."""
    client = _client(options)
    with _explained(client):
        text = json.dumps(client.get("/_sandbox/dump"), indent=1) + "\n"
    if options.file == STREAM:
        sys.stdout.write(text)
    else:
        # By rename, so that a dump that fails leaves the one before.
        beside = Path(options.file + ".tmp")
        beside.write_text(text)
        beside.replace(options.file)
    return OK


def load(options: argparse.Namespace) -> int:
    """Put a world from its file in the place of the one that is there, and say which key opens it now."""
    raw = sys.stdin.buffer.read() if options.file == STREAM else Path(options.file).read_bytes()
    try:
        world = json.loads(raw)
    except (ValueError, RecursionError) as bad:
        raise Stop(f"{options.file}: {bad}") from None
    client = _client(options)
    with _explained(client):
        print(json.dumps(client.put("/_sandbox/load", world)))
    return OK


def _client(options: argparse.Namespace, **more: Any) -> Client:
    chosen = settings.read(options, os.environ, *settings.REACHED_BY)
    url = _url(options)
    if url is None:
        if chosen.port == 0:
            raise BadSetting("--port", "0", "is where nobody can be asked; say --url")
        url = chosen.url()
    return Client(
        url,
        getattr(options, "api_key", None) or os.environ.get(f"{PREFIX}API_KEY", ""),
        control_token=chosen.control_token or "1",
        certificate=chosen.tls_cert,
        **more,
    )


def _url(options: argparse.Namespace) -> str | None:
    """Return the url that was given; a flag for host or port means more than a url from the environment."""
    url: str | None = options.url
    source = "--url"
    if url is None and options.host is None and options.port is None:
        source, url = f"{PREFIX}URL", os.environ.get(f"{PREFIX}URL") or None
    if url is not None and not _URL.fullmatch(url):
        raise BadSetting(source, url, "is no url such as http://127.0.0.1:8642")
    return url


def _trouble(client: Client) -> str | None:
    """Return why a sandbox is not ready, None when it is."""
    try:
        answer = client.get("/_sandbox/ready")
    except Refused as refused:
        return _detail(refused)
    except (OSError, HTTPException, ValueError) as trouble:
        return _reason(trouble)
    return None if answer == {"status": "ready"} else "another server answers there"


@contextmanager
def _explained(client: Client) -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise Stop(f"{client.url} refused: {_detail(refused)}") from None
    except (OSError, HTTPException, ValueError) as trouble:
        raise Stop(f"{client.url} did not answer: {_reason(trouble)}") from None


def _detail(refused: Refused) -> str:
    said = refused.body if isinstance(refused.body, dict) else {}
    detail = said.get("detail", f"status {refused.status}")
    return f"{said['field']} {detail}" if "field" in said else str(detail)


def _reason(trouble: Exception) -> str:
    return str(getattr(trouble, "reason", None) or trouble)
