"""A page of documents out of a shelf."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tinydb.queries import QueryLike

from sandbox.store.shelf import Document, Key, Shelf, key_of

Sort = Sequence[tuple[str, bool]]  # fields with whether they descend, the most significant first


@dataclass(frozen=True, slots=True)
class Found:
    """The documents of one page, and how many there are on all pages."""

    documents: list[Document]
    total: int


def page(shelf: Shelf, keys: Sequence[Key], newest_first: bool, limit: int | None, offset: int) -> Found:
    """A page in the order of creation, at the cost of the page alone."""
    total = len(keys)
    start, stop = offset, total if limit is None else min(offset + limit, total)
    if newest_first:
        start, stop = max(total - stop, 0), max(total - start, 0)
    shown = keys[start:stop]
    rows = shelf.rows
    return Found([rows[key[2]] for key in (reversed(shown) if newest_first else shown)], total)


def scan(shelf: Shelf, keys: Sequence[Key], where: QueryLike | None, newest_first: bool, sort: Sort) -> list[Document]:
    """Every candidate that a query lets through, sorted; equals keep the order of creation."""
    rows = shelf.rows
    documents = [rows[key[2]] for key in (reversed(keys) if newest_first else keys)]
    if where is not None:
        documents = [document for document in documents if where(document)]
    _sort(documents, sort)
    return documents


def merge(lists: Iterable[Iterable[Document]], sort: Sort) -> list[Document]:
    """The documents of several lists in one: the newest first or, where they are sorted, as each list is."""
    documents = sorted((document for one in lists for document in one), key=key_of, reverse=True)
    _sort(documents, sort)
    return documents


def _sort(documents: list[Document], sort: Sort) -> None:
    for field, descending in reversed(sort):
        documents.sort(key=lambda document, field=field: rank(document.get(field)), reverse=descending)  # type: ignore[misc]  # mypy cannot infer a lambda that binds its loop variable


def rank(value: Any) -> tuple[int, Any]:
    """What a value is sorted by: nothing, then numbers, then text, then whatever has no order of its own."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    return (2, value) if isinstance(value, str) else (3, 0)
