"""The record of a sample, and the query that reads it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from store.database.schema import samples


@dataclass(frozen=True, slots=True)
class Sample:
    """An image with its label.

    Attributes:
        id: Its number; never given again.
        sha256: Names the bytes.
        phash: The perceptual hash, signed, 64 bits.
        origin: initial, audit, direct or volunteered.
        split: train, validation, holdout, golden or surplus.
        state: accepted, conflict, quarantined or withheld.
        label: The label in force; None unless accepted.
        label_revision: The label's row: what a round records as the revision that it used.
        is_trusted: A trusted source or a settlement stands behind the label in force.
        source: Who sent it first.
        group: Samples of one group share a split.
        prediction_id: The prediction that it labels.
        predicted_label: What was answered then.
        created: When it arrived.
    """

    id: int
    sha256: str
    phash: int
    origin: str
    split: str
    state: str
    label: str | None
    label_revision: int | None
    is_trusted: bool
    source: str
    group: str | None
    prediction_id: str | None
    predicted_label: str | None
    created: datetime


def select_samples() -> Select[Any]:
    """Return the query whose rows `sample_of` converts."""
    return select(*(samples.c[name] for name in Sample.__slots__))


def sample_of(row: Row[Any]) -> Sample:
    """Return a row of `select_samples` as a sample."""
    # By position: reading a hundred thousand rows by name takes seconds.
    return Sample(*tuple(row))
