"""A transaction that fails on purpose."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sandbox.store import Store


class Failed(Exception):
    """A transaction that was meant to fail."""


@contextmanager
def undone(store: Store) -> Iterator[None]:
    """Do something in a transaction, and then fail it."""
    with suppress(Failed), store.transaction():
        yield
        raise Failed
