"""What the prediction log shows of a version: its confidence, its answers, and images to judge it on."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from store.database.chunks import chunks
from store.database.schema import predictions, samples


def mean_confidence(connection: Connection, version: str) -> float | None:
    """Return the mean confidence of a version's logged predictions, in [0, 1]; None where there is none."""
    query = select(func.avg(predictions.c.confidence)).where(predictions.c.version == version)
    confidence = connection.scalar(query)
    return None if confidence is None else float(confidence)


def answered_by(connection: Connection, version: str, prediction_ids: Collection[str]) -> list[str]:
    """Return those of the predictions that a version answered and that are still in the log."""
    ids: list[str] = []
    for chunk in chunks(prediction_ids):
        query = select(predictions.c.id).where(predictions.c.id.in_(chunk), predictions.c.version == version)
        ids += connection.scalars(query)
    return ids


def unsampled_images(connection: Connection, limit: int) -> dict[str, int]:
    """Return SHA-256 → size in bytes of the last `limit` logged images that are no samples, newest first."""
    is_sample = select(samples.c.id).where(samples.c.sha256 == predictions.c.sha256).exists()
    rows = connection.execute(
        select(predictions.c.sha256, func.max(predictions.c.num_bytes).label("num_bytes"))
        .where(~is_sample)
        .group_by(predictions.c.sha256)
        .order_by(func.max(predictions.c.created).desc(), predictions.c.sha256)
        .limit(limit)
    )
    return {row.sha256: row.num_bytes for row in rows}
