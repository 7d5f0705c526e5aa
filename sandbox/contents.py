"""What is in a world: its collections, and what is found in them by a word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sandbox.resource import KINDS, Record
from sandbox.resources import MODULES
from sandbox.store import Document

_LAST_PLACEHOLDER = re.compile(r"\{(\w+)\}$")


def _collections() -> dict[str, type[Record]]:
    """Return the kinds of which the API shows one record, in the order of their modules."""
    routes = [route for module in MODULES for route in module.ROUTES if route.verb.__module__ == module.__name__]
    named = (_LAST_PLACEHOLDER.search(route.path) for route in routes if route.method == "GET")
    kinds = (KINDS[found[1]] for found in named if found)
    return {kind.shape.plural: kind for kind in kinds}


COLLECTIONS: Mapping[str, type[Record]] = _collections()
"""The kinds of records that the API has, by the names of their collections."""


def matching(documents: Iterable[Document], kind: type[Record], wanted: str) -> Iterator[Document]:
    """Yield the documents that show a text somewhere, whatever its case; what a link names counts, keys do not."""
    keys = ["id", *(field.key for field in kind.shape.fields if field.kept and field.role != "hidden")]
    says = _saying(wanted.casefold())
    return (document for document in documents if any(says(document.get(key)) for key in keys))


def _saying(wanted: str) -> Callable[[Any], bool]:
    def says(value: Any) -> bool:
        if isinstance(value, str):
            return wanted in value.casefold()
        if isinstance(value, Mapping):
            return any(map(says, value.values()))
        if isinstance(value, list | tuple):
            return any(map(says, value))
        return isinstance(value, int) and not isinstance(value, bool) and wanted in str(value)

    return says
