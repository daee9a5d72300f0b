"""Deletes the bytes of blobs that no row names, and of predictions that have expired."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from store.blobs.blob_store import BlobStore
from store.database.blob_references import unreferenced
from store.database.chunks import chunks
from store.database.database import Database, now
from store.predictions.retention import RetentionSettings, expire_predictions

# The deletions run inside a write, and every other write waits for it.
_NUM_AT_ONCE = 20

# An expired image that was sent again within this time is kept, because its new row may not be written yet.
# `collect_blobs` deletes it later if no row comes.
_FRESH = timedelta(hours=1)
# The row that names new bytes is written sooner than this.
_UNNAMED = timedelta(days=1)


def delete_blobs(
    database: Database,
    blobs: BlobStore,
    shas: Sequence[str],
    *,
    unless_newer_than: datetime | None = None,
) -> list[str]:
    """Delete the bytes of those of `shas` that no row names, and return which these were.

    Call it after the commit that deleted their rows. It looks for names and deletes inside one write, so no
    row can begin to name a blob in between. A later write may name bytes that were put before and deleted
    here: that is why a write that names bytes calls `BlobStore.ensure`.

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
    """Remove every prediction over the limits from the log, in short writes, and delete its bytes.

    Returns:
        How many predictions were removed.
    """
    num_predictions = 0
    while True:
        expired = database.write(lambda connection: expire_predictions(connection, settings, batch))
        if expired.num_predictions == 0:
            return num_predictions
        num_predictions += expired.num_predictions
        with database.read() as connection:
            fresh_since = now(connection) - _FRESH
        delete_blobs(database, blobs, expired.blobs_to_delete, unless_newer_than=fresh_since)


def collect_blobs(database: Database, blobs: BlobStore) -> list[str]:
    """Delete blobs that no row names and that nobody put for a day; return which.

    Bytes are put before the row that names them, and putting them again makes them new again. So no row is
    about to name bytes that are old and unnamed. The leftovers of killed puts and deletions are deleted too.
    """
    with database.read() as connection:
        cutoff = now(connection) - _UNNAMED
    blobs.clear_leftovers(cutoff)
    deleted: list[str] = []
    for old in chunks(sha256 for sha256, modified in blobs.names() if modified < cutoff):
        with database.read() as connection:
            unnamed = unreferenced(connection, old)
        deleted += delete_blobs(database, blobs, unnamed, unless_newer_than=cutoff)
    return deleted
