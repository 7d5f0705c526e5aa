"""Write `tests/data/<version>/`: data directories of this version, and what it answered about them.

    python -m tests.data

Run once before a release; what is there is never written again.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import sandbox
from sandbox import fixtures
from sandbox.store import DataDirectory
from sandbox.store.store import Fsync
from sandbox.web.app import Application
from sandbox.web.guard import Guard
from sandbox.worlds import Ground, Worlds
from tests.api import Api
from tests.conftest import Wall
from tests.levers import Levers
from tests.served import Client, Served
from tests.store.lives import MODES
from tests.store.stories import FIXTURES, STORIES

HERE = Path(__file__).parent
KEPT = "answers.json"
"""What was answered, by world and path."""

COUNTED = ("/v1/events", "/v1/callbacks")
LOOKED_AT = ("/v1/customers", *(f"{{marketplace}}/{plural}" for plural in ("cards", "holds", "debits", "refunds")))
"""The lists of which only the length is kept, and those of which every record is."""


async def write(folder: Path, fsync: Fsync) -> dict[str, Any]:
    """Fill a data directory with a world a story, and return what each of them answers; it is never stopped."""
    worlds = Worlds(Ground(wall=Wall(), seed=f"released {fsync}", folder=folder, fsync=fsync))
    answers: dict[str, Any] = {}
    for name, story in STORIES.items():
        world = worlds.create() if answers else worlds.default
        fixtures.populate(world, FIXTURES[name])
        async with Client(Served(Application(worlds, Guard()))) as client:
            api = Api(client, world.api_key, world.marketplace_uri)
            await story(Levers(api))
            answers[world.name] = {"key": world.api_key, **await looked_at(api)}
    return answers


async def looked_at(api: Api) -> dict[str, Any]:
    """Return how long the lists of a world are, and what is answered about its records, by path."""
    totals: dict[str, int] = {}
    shown: dict[str, Any] = {}
    for path in (*COUNTED, *LOOKED_AT):
        collection = path.format(marketplace=api.marketplace)
        page = (await api.get(f"{collection}?limit=100")).body
        totals[collection] = page["total"]
        if path in LOOKED_AT:
            shown |= {item["uri"]: (await api.get(item["uri"])).body for item in page["items"]}
    return {"totals": totals, "shown": shown}


async def main() -> int:
    """Write every mode's directory, and refuse to write over one that is there."""
    release = HERE / sandbox.__version__
    if release.exists():
        print(f"{release} is there already, and what was released does not change", file=sys.stderr)
        return 1
    for fsync in MODES:
        with DataDirectory(release / fsync / "data"):
            answers = await write(release / fsync / "data", fsync)
        (release / fsync / "data" / ".lock").unlink(missing_ok=True)
        (release / fsync / KEPT).write_text(json.dumps(answers, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
