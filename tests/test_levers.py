"""The walk-through of README.md, "The answer was lost after the money moved", as it stands there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import Client
from sandbox.web.control import LEVERS
from tests.shell import ROOT, Shell, served

README = (ROOT / "README.md").read_text()
SECTION = README.partition("## Levers\n")[2].partition("\n## ")[0]


def test_the_walk_through_goes_as_it_is_told(tmp_path: Path) -> None:
    (lines,) = re.findall(r"^```console\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
    with served() as ready:
        shell = Shell(tmp_path, {"URL": ready["url"], "KEY": ready["api_key"]})
        shell.call("curl", f"{shutil.which('curl')} --silent --show-error --fail-with-body")

        done = shell.run(lines)

        client: Any = Client(ready["url"], ready["api_key"])
        log = client.get("/_sandbox/requests?operation=debits.create")["items"]
        (fault,) = client.get("/_sandbox/faults")["items"] or [None]
        assert client.get("/_sandbox/verify") == {"good": True, "violations": []}

    assert done.returncode == 0, done.stderr
    assert "no answer: were 50 dollars charged?" in done.stdout
    assert "Empty reply from server" in done.stderr or "reset by peer" in done.stderr
    assert fault is None  # the checkpoint is of before it was added
    assert [(one["status"], one["answer"]["amount"], one["fault"]) for one in log] == [
        (201, 5000, {"drop": "after"}),
        (201, 5000, None),
    ]


@pytest.mark.parametrize("lever", LEVERS, ids=lambda lever: f"{lever.method} {lever.path}")
def test_every_lever_is_in_a_table(lever: Any) -> None:
    path = re.sub(r"\{\w+\}", "{}", lever.path)
    rows = [re.sub(r"\{\w+\}", "{}", row) for row in README.splitlines() if row.startswith("| `")]

    assert any(path in row.split("|")[1] and lever.method in row.split("|")[1] for row in rows)
