"""The end of bytes: blobs that no row names, or that no row may keep any longer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from store.blob_names import unreferenced
from store.blobs import BlobStore
from store.chunks import chunks
from store.database import Database, now
from store.retention import RetentionSettings, expire_predictions

# A write lasts as long as the deletions inside it, and every other write waits for it.
_NUM_AT_ONCE = 20

# Expired images that someone sent again within this time are left to the collection of unnamed blobs:
# their new row may be on its way.
_FRESH = timedelta(hours=1)
# A row that names new bytes is on its way for less.
_NAMELESS = timedelta(days=1)


def delete_blobs(
    database: Database,
    blobs: BlobStore,
    shas: Sequence[str],
    *,
    unless_newer_than: datetime | None = None,
) -> list[str]:
    """Delete the bytes of those of `shas` that no row names, and return which these were.

    Call it after the commit of the deletion that named them. It asks for the names, and deletes, inside a
    write: so no row can begin to name a blob in between. A row that begins to name it afterwards, for bytes
    that were put before, is why a write that names bytes calls `BlobStore.ensure`.

    Args:
        database: Where the rows are.
        blobs: Where the bytes are.
        shas: What may be deleted.
        unless_newer_than: Keep bytes that were put, or put again, after this moment.
    """
    deleted: list[str] = []

    def delete_unnamed(chunk: Sequence[str], connection: Connection) -> list[str]:
        unnamed = unreferenced(connection, chunk)
        return [sha256 for sha256 in unnamed if blobs.delete(sha256, unless_newer_than=unless_newer_than)]

    for chunk in chunks(shas, _NUM_AT_ONCE):
        deleted += database.write(partial(delete_unnamed, chunk))
    return deleted


def expire(database: Database, blobs: BlobStore, settings: RetentionSettings, batch: int = 1000) -> int:
    """Take every prediction over the limits out of the log, in short writes, and delete its bytes.

    Returns:
        How many predictions went.
    """
    num_predictions = 0
    while True:
        taken = database.write(lambda connection: expire_predictions(connection, settings, batch))
        if taken.num_predictions == 0:
            return num_predictions
        num_predictions += taken.num_predictions
        with database.read() as connection:
            fresh_since = now(connection) - _FRESH
        delete_blobs(database, blobs, taken.blobs_to_delete, unless_newer_than=fresh_since)


def collect_blobs(database: Database, blobs: BlobStore) -> list[str]:
    """Delete blobs that no row names and that nobody put for a day; return which.

    Bytes are put before the row that names them, and putting what is there already makes it new again: so
    what is old and has no name has no row on its way either. What killed puts and deletions left goes too.
    """
    with database.read() as connection:
        cutoff = now(connection) - _NAMELESS
    blobs.clear_leftovers(cutoff)
    deleted: list[str] = []
    for old in chunks(sha256 for sha256, modified in blobs.names() if modified < cutoff):
        with database.read() as connection:
            unnamed = unreferenced(connection, old)
        deleted += delete_blobs(database, blobs, unnamed, unless_newer_than=cutoff)
    return deleted
