"""When Python looks for garbage.

Its collector goes through whatever there is, again and again, while more is made. Modules and records hold no cycles,
so it finds nothing there, and without this the cost of a start and of a creation grows with what is stored.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def not_looked_for() -> Iterator[None]:
    """Have it not look at all, while what is made is to stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def looked_for_rarely() -> Iterator[None]:
    """Have it look at what is made from now on, and seldom at all of that."""
    usual, was_on = gc.get_threshold(), gc.isenabled()
    gc.freeze()
    gc.set_threshold(50_000, 20, 1000)
    gc.enable()
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
        if not was_on:
            gc.disable()
