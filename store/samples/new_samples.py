"""Writes the rows of a sample that arrives: the image, its labels, and the label in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select, update

from store.database.database import now
from store.database.schema import labels, samples
from store.samples.label_rules import UNLABELLED, LabelState
from store.samples.near_duplicates import index_sample, near_split
from store.samples.pending import recount_pending
from store.samples.splits import strictest

# Built once: building a statement takes longer than running it.
_INSERT_SAMPLE = insert(samples).returning(samples.c.id)
_INSERT_LABELS = insert(labels)
_LABELS = (
    select(labels.c.source, labels.c.label)
    .where(labels.c.sample_id == bindparam("sample_id"))
    .order_by(labels.c.id)
)
_REVISION = select(func.max(labels.c.id)).where(
    labels.c.sample_id == bindparam("sample_id"), labels.c.label == bindparam("label")
)
# Of samples that have one label, which is in force.
_FIRST_REVISIONS = (
    update(samples)
    .where(samples.c.id.in_(bindparam("sample_ids", expanding=True)))
    .values(
        label_revision=select(func.max(labels.c.id))
        .where(labels.c.sample_id == samples.c.id)
        .scalar_subquery()
    )
)
_UPDATE = update(samples).where(samples.c.id == bindparam("sample_id"))


@dataclass(frozen=True, slots=True)
class NewSample:
    """An image with its label, as it arrives. Its bytes are in the blob store already.

    Attributes:
        sha256: Of the bytes; two samples never share it.
        phash: The perceptual hash, signed, 64 bits.
        origin: initial, audit, direct or volunteered.
        source: The name of the key that sent the label.
        label: A class name, or what somebody believed to be one.
        group: Samples of one group share a split.
        prediction_id: The prediction that the label is for.
        predicted_label: What was answered then.
        split: Given for initial samples by `train`, and for samples that are imported again; decided by the
            store for all others.
        created: When it first arrived, for samples that are imported again; None is now.
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


def known_split(connection: Connection, new: NewSample, distance: int) -> str | None:
    """Return the split of known samples that are near to a sample or of its group, or None if there are none.

    Args:
        connection: Where to look.
        new: What arrived.
        distance: Bits of the perceptual hash in which two pictures of one thing may differ.
    """
    near = near_split(connection, new.phash, distance)
    if new.group is None:
        return near
    query = select(samples.c.split).where(samples.c.group == new.group).order_by(samples.c.id).limit(1)
    first = connection.execute(query).scalar_one_or_none()
    return strictest(split for split in (near, first) if split is not None)


def insert_sample(
    connection: Connection,
    new: NewSample,
    split: str,
    created: datetime,
    label_state: LabelState = UNLABELLED,
) -> int:
    """Add the row of a new image, and return its number; its labels are appended afterwards."""
    row = {
        "sha256": new.sha256,
        "phash": new.phash,
        "origin": new.origin,
        "split": split,
        "group": new.group,
        "prediction_id": new.prediction_id,
        "predicted_label": new.predicted_label,
        "state": label_state.state,
        "label": label_state.label,
        "source": new.source,
        "created": created,
    }
    sample_id = int(connection.execute(_INSERT_SAMPLE, row).scalar_one())
    index_sample(connection, sample_id, new.phash)
    return sample_id


def append_label(
    connection: Connection, sample_id: int, label: str, source: str, created: datetime | None = None
) -> None:
    """Add a source's label of a sample, by default now."""
    row = {"sample_id": sample_id, "label": label, "source": source, "created": created or now(connection)}
    connection.execute(_INSERT_LABELS, row)


def label_history(connection: Connection, sample_id: int) -> list[tuple[str, str]]:
    """Return (source, label) of all labels of a sample, oldest first."""
    return [(row.source, row.label) for row in connection.execute(_LABELS, {"sample_id": sample_id})]


def append_first_labels(
    connection: Connection, first: Mapping[int, NewSample], in_force: Sequence[int], created: datetime
) -> None:
    """Add the labels that new samples came with; labels in force also become the samples' revisions."""
    rows = [
        {"sample_id": sample_id, "label": new.label, "source": new.source, "created": new.created or created}
        for sample_id, new in first.items()
    ]
    connection.execute(_INSERT_LABELS, rows)
    if in_force:
        connection.execute(_FIRST_REVISIONS, {"sample_ids": in_force})


def put_in_force(connection: Connection, sample_id: int, label_state: LabelState) -> None:
    """Write a sample's state and label; its revision is the newest row with the label in force."""
    key = {"sample_id": sample_id, "label": label_state.label}
    revision = connection.execute(_REVISION, key).scalar_one_or_none()
    values = {"state": label_state.state, "label": label_state.label, "label_revision": revision}
    connection.execute(_UPDATE, values | {"sample_id": sample_id})
    recount_pending(connection)
