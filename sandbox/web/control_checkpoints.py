"""The levers that put a world back: checkpoints, and reset."""

from __future__ import annotations

from typing import Any

from sandbox.fixtures import BadFixture
from sandbox.web import control_clock, control_worlds, shapes
from sandbox.web.answers import Problem
from sandbox.web.lever import Lever, Pull
from sandbox.web.shapes import Changes, Checkpoint, Clock, Items
from sandbox.world import EMPTY, FIXTURES


def _reset(pull: Pull) -> Any:
    """Go back to the fixtures, to nothing but the key and the marketplace, or to a checkpoint."""
    to, places = pull.body.get("to", FIXTURES), pull.world.places
    if to not in places:
        raise Problem(404, f"is none of {', '.join(places)}" if places else "there is nothing to go back to", "to")
    try:
        pull.world.reset(to)
    except BadFixture as bad:
        raise Problem(409, str(bad), "to") from None
    return control_worlds.shown(pull.world)


def _list(pull: Pull) -> Any:
    """List the checkpoints, oldest first."""
    return {"items": [saved.shown(name) for name, saved in pull.world.checkpoints]}


def _show(pull: Pull) -> Any:
    """Show a checkpoint."""
    return pull.world.checkpoints.get(_known(pull)).shown(pull.path["name"])


def _save(pull: Pull) -> Any:
    """Remember the world as it is under a name."""
    name = _own(pull)
    saved = pull.world.saved()
    pull.world.checkpoints.keep(name, saved)
    return saved.shown(name)


def _drop(pull: Pull) -> Any:
    """Forget a checkpoint."""
    _own(pull)
    pull.world.checkpoints.drop(_known(pull))


def _restore(pull: Pull) -> Any:
    """Be as a checkpoint was, its time and its next ids too."""
    pull.world.restore(pull.world.checkpoints.get(_known(pull)))
    return control_clock.shown(pull.world)


def _diff(pull: Pull) -> Any:
    """Show what was created, changed and removed since a checkpoint."""
    return pull.world.difference(_known(pull))


def _known(pull: Pull) -> str:
    name = pull.path["name"]
    if name not in pull.world.checkpoints:
        raise Problem(404, f"there is no checkpoint {name}", "name")
    return name


def _own(pull: Pull) -> str:
    name = pull.path["name"]
    if name in (EMPTY, FIXTURES):
        raise Problem(409, "this name belongs to a place reset goes to", "name")
    return name


LEVERS = (
    Lever("POST", "reset", _reset, takes={"to": str}, answers=shapes.World, refuses=(409,)),
    Lever("GET", "checkpoints", _list, answers=Items[Checkpoint]),
    Lever("GET", "checkpoints/{name}", _show, answers=Checkpoint),
    Lever("PUT", "checkpoints/{name}", _save, answers=Checkpoint, refuses=(409,)),
    Lever("DELETE", "checkpoints/{name}", _drop, refuses=(409,)),
    Lever("POST", "checkpoints/{name}/restore", _restore, answers=Clock),
    Lever("GET", "checkpoints/{name}/diff", _diff, answers=dict[str, Changes]),
)
