"""Writes the rows of a sample that arrives: the image, its labels, and the label in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from store.database.database import now
from store.database.schema import labels, samples
from store.samples.label_rules import UNLABELLED, GivenLabel, LabelState
from store.samples.near_duplicates import index_sample, near_split
from store.samples.pending import note_correction
from store.samples.quarantine import as_counted, names_quarantined
from store.samples.splits import strictest

# Built once: building a statement takes longer than running it.
_INSERT_SAMPLE = insert(samples).returning(samples.c.id)
_INSERT_LABELS = insert(labels)
_LABELS = (
    select(labels.c.source, labels.c.label, labels.c.is_trusted, labels.c.is_settlement)
    .where(labels.c.sample_id == bindparam("sample_id"))
    .order_by(labels.c.id)
)
_REVISION = select(func.max(labels.c.id)).where(
    labels.c.sample_id == bindparam("sample_id"),
    labels.c.label == bindparam("label"),
    labels.c.is_trusted == bindparam("is_trusted"),
    or_(labels.c.is_settlement.is_(True), labels.c.source.not_in(bindparam("quarantined", expanding=True))),
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
        is_trusted: The label is authoritative: the key is trusted, or the sample is an initial one.
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
    is_trusted: bool = False
    group: str | None = None
    prediction_id: str | None = None
    predicted_label: str | None = None
    split: str | None = None
    created: datetime | None = None

    @property
    def given(self) -> GivenLabel:
        """Return the label with its source."""
        return GivenLabel(self.source, self.label, self.is_trusted)


def known_split(connection: Connection, new: NewSample, distance: int) -> str | None:
    """Return the split of known samples that are near to a sample or of its group, or None if there are none.

    Args:
        connection: Where to look.
        new: What arrived.
        distance: Bits of the perceptual hash in which two pictures of one thing may differ.
    """
    return with_group(connection, near_split(connection, new.phash, distance), new.group)


def with_group(connection: Connection, near: str | None, group: str | None) -> str | None:
    """Return the stricter of a sample's near-duplicates' split and its group's; None where it has neither."""
    if group is None:
        return near
    query = select(samples.c.split).where(samples.c.group == group).order_by(samples.c.id).limit(1)
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
        "is_trusted": label_state.is_trusted,
        "source": new.source,
        "created": created,
    }
    sample_id = int(connection.execute(_INSERT_SAMPLE, row).scalar_one())
    index_sample(connection, sample_id, new.phash)
    return sample_id


def append_label(
    connection: Connection, sample_id: int, given: GivenLabel, created: datetime | None = None
) -> None:
    """Add a source's label of a sample, by default now."""
    connection.execute(_INSERT_LABELS, _label_row(sample_id, given, created or now(connection)))


def label_history(connection: Connection, sample_id: int) -> list[GivenLabel]:
    """Return all labels of a sample, oldest first; those of quarantined sources are withheld."""
    quarantined = names_quarantined(connection)
    rows = connection.execute(_LABELS, {"sample_id": sample_id})
    return [as_counted(GivenLabel(*tuple(row)), quarantined) for row in rows]


def append_first_labels(
    connection: Connection, first: Mapping[int, NewSample], in_force: Sequence[int], created: datetime
) -> None:
    """Add the labels that new samples came with; labels in force also become the samples' revisions."""
    rows = [_label_row(sample_id, new.given, new.created or created) for sample_id, new in first.items()]
    connection.execute(_INSERT_LABELS, rows)
    if in_force:
        connection.execute(_FIRST_REVISIONS, {"sample_ids": in_force})


def put_in_force(connection: Connection, sample_id: int, label_state: LabelState) -> None:
    """Write a sample's state and label; its revision is the newest row that stands behind the label."""
    key = {
        "sample_id": sample_id,
        "label": label_state.label,
        "is_trusted": label_state.is_trusted,
        # No source has an empty name; without any name the database would run a subquery.
        "quarantined": [*names_quarantined(connection), ""],
    }
    revision = connection.execute(_REVISION, key).scalar_one_or_none()
    values = {
        "state": label_state.state,
        "label": label_state.label,
        "is_trusted": label_state.is_trusted,
        "label_revision": revision,
    }
    connection.execute(_UPDATE, values | {"sample_id": sample_id})
    note_correction(connection, sample_id)


def _label_row(sample_id: int, given: GivenLabel, created: datetime) -> dict[str, Any]:
    return {
        "sample_id": sample_id,
        "label": given.label,
        "source": given.source,
        "is_trusted": given.is_trusted,
        "is_settlement": given.is_settlement,
        "created": created,
    }
