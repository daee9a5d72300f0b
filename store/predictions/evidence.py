"""What the prediction log shows of a version: its confidence, its answers, and images to judge it on."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from store.database.chunks import chunks
from store.database.schema import prediction_hours, predictions, samples

# Rows of the log that are read for each image wanted: many show one picture, or a sample.
_ROWS_PER_IMAGE = 5


def mean_confidence(connection: Connection, version: str) -> float | None:
    """Return the mean confidence of all that a version answered, in [0, 1]; None where that is nothing.

    The hourly roll-ups hold it, also of predictions that have expired: the log may have ten million rows.
    """
    query = select(func.sum(prediction_hours.c.sum_confidence), func.sum(prediction_hours.c.num_predictions))
    total, num = connection.execute(query.where(prediction_hours.c.version == version)).one()
    return float(total) / int(num) if num else None


def answered_by(connection: Connection, version: str, prediction_ids: Collection[str]) -> list[str]:
    """Return those of the predictions that a version answered and that are still in the log."""
    ids: list[str] = []
    for chunk in chunks(prediction_ids):
        query = select(predictions.c.id).where(predictions.c.id.in_(chunk), predictions.c.version == version)
        ids += connection.scalars(query)
    return ids


def unsampled_images(connection: Connection, limit: int) -> dict[str, int]:
    """Return SHA-256 → size in bytes of the last `limit` logged images that are no samples, newest first.

    There may be fewer, though older ones exist: at most the last 5 rows for each image wanted are read.
    """
    newest = (
        select(predictions.c.sha256, predictions.c.num_bytes)
        .order_by(predictions.c.created.desc(), predictions.c.sha256)
        .limit(limit * _ROWS_PER_IMAGE)
        .subquery()
    )
    is_sample = select(samples.c.id).where(samples.c.sha256 == newest.c.sha256).exists()
    images: dict[str, int] = {}
    for row in connection.execute(select(newest).where(~is_sample)):
        if len(images) < limit:
            images.setdefault(row.sha256, row.num_bytes)
    return images
