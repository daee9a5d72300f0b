"""Opens the state that all commands act on: the database and the blob store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perennial.settings import Settings
from store.blobs import BlobStore
from store.database import Database, migrate


@dataclass(frozen=True, slots=True)
class State:
    """The database and the bytes of one Perennial."""

    database: Database
    blobs: BlobStore


@contextmanager
def open_state(settings: Settings) -> Iterator[State]:
    """Open the state, making and migrating it where needed, and close it at the end."""
    prepare_home(settings)
    database = Database(settings.database_url)
    blobs = BlobStore(settings.blobs)
    try:
        yield State(database, blobs)
    finally:
        database.close()
        blobs.close()


def prepare_home(settings: Settings) -> None:
    """Make the home and bring the database to the newest revision; once at a time, under a lock."""
    Path(settings.home).mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
