"""Which rows name a blob: samples, predictions and versions."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from store.database.chunks import chunks
from store.database.schema import predictions, samples, versions


def unreferenced(connection: Connection, shas: Iterable[str]) -> list[str]:
    """Return those of `shas` that no row names, each once, in their order."""
    distinct = list(dict.fromkeys(shas))
    if not distinct:
        return []
    named = version_blobs(connection)
    for chunk in chunks(distinct):
        for column in (samples.c.sha256, predictions.c.sha256):
            named.update(connection.execute(select(column).where(column.in_(chunk)).distinct()).scalars())
    return [sha256 for sha256 in distinct if sha256 not in named]


def version_blobs(connection: Connection) -> set[str]:
    """Return the SHA-256s of all files of all versions."""
    return {sha for files in connection.execute(select(versions.c.files)).scalars() for sha in files.values()}
