"""A world's rows behind get, find, put and drop: TinyDB, made fast and safe."""

from tinydb import Query
from tinydb.queries import QueryInstance, QueryLike

from sandbox.store.directory import DataDirectory
from sandbox.store.files import Files, remove_dropped, remove_folder
from sandbox.store.found import Found, Sort, merge
from sandbox.store.shelf import Document
from sandbox.store.shelves import Checkpoint
from sandbox.store.store import Fsync, Store
from sandbox.store.troubles import Damaged, Full, InUse, ReadOnly, StoreTrouble, TooNew, Unsafe

__all__ = [
    "Checkpoint",
    "Damaged",
    "DataDirectory",
    "Document",
    "Files",
    "Found",
    "Fsync",
    "Full",
    "InUse",
    "Query",
    "QueryInstance",
    "QueryLike",
    "ReadOnly",
    "Sort",
    "Store",
    "StoreTrouble",
    "TooNew",
    "Unsafe",
    "merge",
    "remove_dropped",
    "remove_folder",
]
