"""What the prediction log shows beside its samples: images that nobody labelled."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from store.database.schema import predictions, samples

# Rows of the log that are read for each image wanted: many show one picture, or a sample.
_ROWS_PER_IMAGE = 5


@dataclass(frozen=True, slots=True)
class LoggedImage:
    """An image of the log, as it was predicted last.

    Attributes:
        sha256: Of its bytes.
        num_bytes: How many these are.
        source: The key that asked.
        group: The group that its client put it into.
        created: When it was predicted.
    """

    sha256: str
    num_bytes: int
    source: str
    group: str | None
    created: datetime


def unsampled_images(connection: Connection, limit: int) -> list[LoggedImage]:
    """Return the last `limit` logged images that are no samples, newest first.

    There may be fewer, though older ones exist: at most the last 5 rows for each image wanted are read.
    """
    newest = (
        select(*(predictions.c[name] for name in LoggedImage.__slots__))
        .order_by(predictions.c.created.desc(), predictions.c.sha256)
        .limit(limit * _ROWS_PER_IMAGE)
        .subquery()
    )
    is_sample = select(samples.c.id).where(samples.c.sha256 == newest.c.sha256).exists()
    images: dict[str, LoggedImage] = {}
    for row in connection.execute(select(newest).where(~is_sample)):
        if len(images) < limit:
            images.setdefault(row.sha256, LoggedImage(*row))
    return list(images.values())
