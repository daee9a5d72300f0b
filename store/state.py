"""Opens the database and the blob store together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from store.blobs.blob_store import BlobStore
from store.database.database import Database


@dataclass(frozen=True, slots=True)
class State:
    """The database and the bytes of one Perennial."""

    database: Database
    blobs: BlobStore


@contextmanager
def opened(database_url: str, blobs_url: str) -> Iterator[State]:
    """Open a state whose database is migrated already, and close it at the end."""
    database = Database(database_url)
    blobs = BlobStore(blobs_url)
    try:
        yield State(database, blobs)
    finally:
        database.close()
        blobs.close()
