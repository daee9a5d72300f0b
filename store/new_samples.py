"""The rows of a sample as it arrives: the image, its labels, and the label in force."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from store.database import now
from store.label_rules import Standing
from store.near_duplicates import index_sample
from store.schema import labels, samples


@dataclass(frozen=True, slots=True)
class NewSample:
    """An image with its label, as it arrives. Its bytes are in the blob store already.

    Attributes:
        sha256: Of the bytes; two samples never share it.
        phash: The perceptual hash, signed, 64 bits.
        origin: initial, audit, direct or volunteered.
        source: The name of the key that sent the label.
        label: A class name, or what somebody took for one.
        group: Samples of one group share a split.
        prediction_id: The prediction that the label is for.
        predicted_label: What was answered then.
        split: Given by `train` for initial samples, and where samples are brought back; decided in the store
            for all others.
        created: When it arrived, where it is brought back; None is now.
    """

    sha256: str
    phash: int
    origin: str
    source: str
    label: str
    group: str | None = None
    prediction_id: str | None = None
    predicted_label: str | None = None
    split: str | None = None
    created: datetime | None = None


def insert_sample(connection: Connection, new: NewSample, split: str) -> int:
    """Add the row of an image that is new, and return its number; it has no label yet."""
    row = insert(samples).values(
        sha256=new.sha256,
        phash=new.phash,
        origin=new.origin,
        split=split,
        group=new.group,
        prediction_id=new.prediction_id,
        predicted_label=new.predicted_label,
        state="quarantined",
        source=new.source,
        created=new.created or now(connection),
    )
    sample_id = int(connection.execute(row.returning(samples.c.id)).scalar_one())
    index_sample(connection, sample_id, new.phash)
    return sample_id


def append_label(
    connection: Connection, sample_id: int, label: str, source: str, created: datetime | None = None
) -> None:
    """Add what a source says of a sample, by default now."""
    row = {"sample_id": sample_id, "label": label, "source": source, "created": created or now(connection)}
    connection.execute(insert(labels).values(row))


def latest_labels(connection: Connection, sample_id: int) -> dict[str, str]:
    """Return the latest label of each source."""
    query = select(labels).where(labels.c.sample_id == sample_id).order_by(labels.c.id)
    return {row.source: row.label for row in connection.execute(query)}


def put_in_force(connection: Connection, sample_id: int, stands: Standing) -> None:
    """Write where a sample stands; its revision is the newest row that says the label in force."""
    says_so = (labels.c.sample_id == sample_id) & (labels.c.label == stands.label)
    revision = connection.execute(select(func.max(labels.c.id)).where(says_so)).scalar_one_or_none()
    connection.execute(
        update(samples)
        .where(samples.c.id == sample_id)
        .values(state=stands.state, label=stands.label, label_revision=revision)
    )
