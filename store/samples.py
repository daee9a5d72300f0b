"""Samples: images with their labels, which arrive, are corrected, and go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, select, update

from store.blob_names import unreferenced
from store.chunks import chunks
from store.database import now
from store.errors import UnknownSampleError
from store.label_rules import Standing, Status, nearest_class, standing, status_of
from store.near_duplicates import forget_sample
from store.new_samples import (
    NewSample,
    append_first_labels,
    append_label,
    insert_sample,
    known_split,
    latest_labels,
    put_in_force,
)
from store.pending import (
    is_counted,
    note_pending,
    num_pending,
    pending,
    recount_pending,
    replayable,
)
from store.sample_rows import Sample, sample_of, select_samples
from store.schema import labels, samples, slice_samples, versions
from store.splits import SplitSettings, inherited_split, shown_split, split_for
from store.versions import versions_that_saw

__all__ = [
    "Deletion",
    "FeedbackOutcome",
    "NewSample",
    "Sample",
    "SplitSettings",
    "add_sample",
    "add_samples",
    "delete_sample",
    "num_pending",
    "pending",
    "replayable",
    "samples_by_id",
]

_KNOWN = select(samples.c.sha256).where(samples.c.sha256.in_(bindparam("sha256s", expanding=True)))
_BY_SHA256 = select(samples.c.id, samples.c.split, samples.c.state, samples.c.label).where(
    samples.c.sha256 == bindparam("sha256")
)


@dataclass(frozen=True, slots=True)
class FeedbackOutcome:
    """What became of a label.

    Attributes:
        sample_id: The sample, old or new.
        status: accepted (a new sample), duplicate (nothing changed), corrected (the label in force is another
            now, or is one again), conflict (sources disagree), quarantined (no class has that name).
        split: As clients see it.
        nearest_class: The class whose name is most like a quarantined label.
    """

    sample_id: int
    status: Status
    split: Literal["train", "holdout"]
    nearest_class: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What went with a sample.

    Attributes:
        sample_id: The sample.
        versions: Versions that saw it, or descend from one that did.
        blobs_to_delete: Bytes that no row names any more; to be deleted after the commit.
    """

    sample_id: int
    versions: list[str]
    blobs_to_delete: list[str]


def add_sample(
    connection: Connection, new: NewSample, class_names: Sequence[str], settings: SplitSettings
) -> FeedbackOutcome:
    """Add a label, and its image where that is new.

    Labels are only ever appended. The label in force is what the latest labels of all sources agree on.

    Args:
        connection: Of a write.
        new: What arrived.
        class_names: What production knows; another label is quarantined.
        settings: How new images are cut.
    """
    return add_samples(connection, [new], class_names, settings)[0]


def add_samples(
    connection: Connection, arrived: Sequence[NewSample], class_names: Sequence[str], settings: SplitSettings
) -> list[FeedbackOutcome]:
    """Add labels, and their images where those are new, as `add_sample` does for each, in one go.

    Those that are new share their statements: most of what a sample takes is not the database's.
    """
    known: set[str] = set()
    for chunk in chunks(new.sha256 for new in arrived):
        known.update(connection.execute(_KNOWN, {"sha256s": chunk}).scalars())
    first: dict[str, int] = {}
    for number, new in enumerate(arrived):
        if new.sha256 not in known:
            first.setdefault(new.sha256, number)
    numbers = list(first.values())
    added = _add_first(connection, [arrived[number] for number in numbers], class_names, settings)
    outcomes = dict(zip(numbers, added, strict=True))
    return [
        outcomes.get(number) or _add_label(connection, new, class_names) for number, new in enumerate(arrived)
    ]


def samples_by_id(connection: Connection, ids: Iterable[int]) -> list[Sample]:
    """Return the samples of these ids that are still there, by id."""
    found: list[Sample] = []
    for chunk in chunks(sorted(set(ids))):
        query = select_samples().where(samples.c.id.in_(chunk)).order_by(samples.c.id)
        found += [sample_of(row) for row in connection.execute(query)]
    return found


def delete_sample(connection: Connection, sample_id: int) -> Deletion:
    """Delete a sample's rows, and mark the versions that saw it.

    Raises:
        UnknownSampleError: There is no such sample.
    """
    query = select(samples.c.sha256, samples.c.phash).where(samples.c.id == sample_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownSampleError(
            f"Expected the id of a sample, found {sample_id}. None has it, or it was deleted."
        )
    saw = versions_that_saw(connection, sample_id)
    connection.execute(
        update(versions)
        .where(versions.c.version.in_(saw))
        .values(num_deleted_samples=versions.c.num_deleted_samples + 1)
    )
    forget_sample(connection, sample_id, row.phash)
    connection.execute(delete(slice_samples).where(slice_samples.c.sample_id == sample_id))
    connection.execute(delete(labels).where(labels.c.sample_id == sample_id))
    connection.execute(delete(samples).where(samples.c.id == sample_id))
    recount_pending(connection)
    return Deletion(sample_id, saw, unreferenced(connection, [row.sha256]))


def _add_first(
    connection: Connection, arrived: Sequence[NewSample], class_names: Sequence[str], settings: SplitSettings
) -> list[FeedbackOutcome]:
    if not arrived:
        return []
    present, num_counted = now(connection), 0
    first: dict[int, NewSample] = {}
    in_force: list[int] = []
    outcomes = []
    for new in arrived:
        # One after the other: each may be near to one before it.
        split = new.split or _split(connection, new, settings)
        stands = standing({new.source: new.label}, class_names)
        sample_id = insert_sample(connection, new, split, new.created or present, stands)
        first[sample_id] = new
        if stands.label is not None:
            in_force.append(sample_id)
            num_counted += is_counted(split, new.origin)
        outcomes.append(_outcome(sample_id, split, new, class_names, before={}, was=None, stands=stands))
    append_first_labels(connection, first, in_force, present)
    note_pending(connection, num_counted)
    return outcomes


def _add_label(connection: Connection, new: NewSample, class_names: Sequence[str]) -> FeedbackOutcome:
    known = connection.execute(_BY_SHA256, {"sha256": new.sha256}).one()
    sample_id, was = int(known.id), Standing(known.state, known.label)
    before = latest_labels(connection, sample_id)
    if before.get(new.source) != new.label:
        append_label(connection, sample_id, new.label, new.source)
    stands = standing({**before, new.source: new.label}, class_names)
    if stands != was:
        put_in_force(connection, sample_id, stands)
    return _outcome(sample_id, known.split, new, class_names, before=before, was=was, stands=stands)


def _outcome(
    sample_id: int,
    split: str,
    new: NewSample,
    class_names: Sequence[str],
    *,
    before: Mapping[str, str],
    was: Standing | None,
    stands: Standing,
) -> FeedbackOutcome:
    status = status_of(new.source, new.label, before=before, was=was, stands=stands, class_names=class_names)
    nearest = nearest_class(new.label, class_names) if status == "quarantined" else None
    return FeedbackOutcome(sample_id, status, shown_split(split), nearest)


def _split(connection: Connection, new: NewSample, settings: SplitSettings) -> str:
    known = known_split(connection, new, settings.near_duplicate_distance)
    if known is not None:
        return inherited_split(known)
    return split_for(new.group or new.sha256, new.origin, settings)
