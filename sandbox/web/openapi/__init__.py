"""The API and the levers as one OpenAPI 3.1 document, from the records, the routes and the rows of the levers.

Nothing is written down for it alone: a schema is the declaration of a record, a type of a lever or a form; a summary
the first sentence of a verb; an example what the sandbox really answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox import __version__
from sandbox.call import Route
from sandbox.json_schema import Schema
from sandbox.resources import MODULES
from sandbox.web.lever import Lever
from sandbox.web.openapi import levers as control
from sandbox.web.openapi import refusals
from sandbox.web.openapi.examples import Examples
from sandbox.web.openapi.operations import Operations
from sandbox.web.openapi.reference import written
from sandbox.web.openapi.types import Components

__all__ = ["document", "written"]

Document = dict[str, Any]

_ABOUT = """\
The Balanced Payments v1 API as this sandbox serves it, and the levers under `/_sandbox` that no real API has.

Whatever is not known in a body or a query string of the API is ignored. Every path that answers `GET` answers `HEAD`
too, and one that is asked with another method answers 405 with `Allow`. A fault, added by `POST /_sandbox/faults` or
sent in `X-Sandbox-Fault`, can have any operation of the API answer any status from 400 to 599, or refuse with any code
of the bank: that is in the envelope of an error, too. `x-evidence` says how an operation is known: it was `recorded`
from the real API, `specified` in its documentation, used by an official `client`, or is `ours`."""


def document(routes: Sequence[Route], levers: Sequence[Lever]) -> Document:
    """Return the document of these routes and levers; the same ones give the same document."""
    components = Components()
    operations = Operations(components, routes)
    paths: dict[str, dict[str, Schema]] = {}
    examples = Examples()
    for route in routes:
        operation = operations.of(route)
        _exemplify(operation, str(route.status), examples.body(route), examples.answer(route))
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    for lever in levers:
        paths.setdefault(f"/_sandbox/{lever.path}", {})[lever.method.lower()] = control.of(lever, levers, components)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "Balanced Payments v1, in a sandbox", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/", "description": "The sandbox this was asked of."}],
        "tags": _tags(),
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.schemas.items())),
            "responses": dict(sorted(components.responses.items())),
            "parameters": dict(sorted(components.parameters.items())),
            "headers": dict(refusals.HEADERS),
            "securitySchemes": _SECURITY,
        },
    }


_SECURITY: Schema = {
    "key": {
        "type": "http",
        "scheme": "basic",
        "description": "The API key is the user name. Without one a lever acts on the default world.",
    },
    "control": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Sandbox-Control",
        "description": "`1`, or the control token the sandbox was started with.",
    },
}


def _exemplify(operation: Schema, status: str, sent: Any, answered: Any) -> None:
    if "requestBody" in operation and sent is not None:
        for content in operation["requestBody"]["content"].values():
            content["example"] = sent
    if answered is not None:
        operation["responses"][status]["content"][refusals.JSON]["example"] = answered


def _tags() -> list[Schema]:
    named = [(module.__name__.rpartition(".")[2], (module.__doc__ or "").partition("\n")[0]) for module in MODULES]
    return [
        *({"name": name, "description": said} for name, said in named),
        {"name": control.TAG, "description": "What no real API has: time, faults, checkpoints, the log of requests."},
    ]
