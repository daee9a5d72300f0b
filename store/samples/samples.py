"""Adds, corrects, reads and deletes samples: images with their labels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from store.database.blob_references import unreferenced
from store.database.chunks import chunks
from store.database.database import now
from store.database.schema import labels, samples, slice_samples, versions
from store.errors import UnknownSampleError
from store.forgotten_images import forget_answers_on, forget_deleted
from store.samples.answered import mark_labelled
from store.samples.contradictions import forget_disputes, note_dispute
from store.samples.label_rules import (
    GivenLabel,
    LabelState,
    Status,
    contradiction,
    is_news,
    latest_labels,
    nearest_class,
    resolve_labels,
    status_of,
)
from store.samples.near_duplicates import forget_sample
from store.samples.new_samples import (
    NewSample,
    append_first_labels,
    append_label,
    insert_sample,
    label_history,
    put_in_force,
)
from store.samples.pending import is_counted, note_pending, recount_pending
from store.samples.quarantine import as_counted, names_quarantined
from store.samples.sample import Sample, sample_of, select_samples
from store.samples.sightings import as_seen, sightings, split_of_new
from store.samples.splits import SplitSettings, splitter
from store.versions import versions_that_saw

_KNOWN = select(samples.c.sha256).where(samples.c.sha256.in_(bindparam("sha256s", expanding=True)))
_BY_SHA256 = select(samples.c.id, samples.c.state, samples.c.label, samples.c.is_trusted).where(
    samples.c.sha256 == bindparam("sha256")
)


@dataclass(frozen=True, slots=True)
class FeedbackOutcome:
    """What became of a label.

    Attributes:
        sample_id: The sample, old or new.
        status: accepted (a new sample), duplicate (nothing changed), corrected (the label in force changed,
            or there is one again), conflict (sources disagree: a person has to settle it), quarantined (no
            class has that name, or its source is quarantined).
        nearest_class: The class whose name is most like a quarantined label.
    """

    sample_id: int
    status: Status
    nearest_class: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deleted sample leaves behind.

    Attributes:
        sample_id: The sample.
        versions: Versions that saw it, or descend from one that did.
        blobs_to_delete: Bytes that no row names any more; the caller deletes them after the commit.
    """

    sample_id: int
    versions: list[str]
    blobs_to_delete: list[str]


def add_sample(
    connection: Connection, new: NewSample, class_names: Sequence[str], settings: SplitSettings
) -> FeedbackOutcome:
    """Add a label, and its image where that is new.

    Labels are only ever appended; `resolve_labels` says which one is in force.

    Args:
        connection: Of a write.
        new: What arrived.
        class_names: What production knows; another label is quarantined.
        settings: How new images are split.
    """
    return add_samples(connection, [new], class_names, settings)[0]


def add_samples(
    connection: Connection, arrived: Sequence[NewSample], class_names: Sequence[str], settings: SplitSettings
) -> list[FeedbackOutcome]:
    """Add labels, and their images if those are new, as `add_sample` does for each one.

    New samples share their statements, because most of the time of a statement is not the database's.
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
    labelled = [
        outcomes.get(number) or _add_label(connection, new, class_names) for number, new in enumerate(arrived)
    ]
    # However a label came, nobody is asked for it again.
    mark_labelled(connection, {new.sha256: new.source for new in arrived})
    return labelled


def samples_by_id(connection: Connection, ids: Iterable[int]) -> list[Sample]:
    """Return the samples of these ids that are still there, by id."""
    known: list[Sample] = []
    for chunk in chunks(sorted(set(ids))):
        query = select_samples().where(samples.c.id.in_(chunk)).order_by(samples.c.id)
        known += [sample_of(row) for row in connection.execute(query)]
    return known


def find_sample(connection: Connection, sample_id: int) -> Sample:
    """Return one sample.

    Raises:
        UnknownSampleError: There is none of that id.
    """
    known = samples_by_id(connection, [sample_id])
    if not known:
        raise UnknownSampleError(
            f"Expected the id of a sample, found {sample_id}. None has it, or it was deleted."
        )
    return known[0]


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
    forget_disputes(connection, sample_id)
    forget_answers_on(connection, row.sha256)
    connection.execute(delete(slice_samples).where(slice_samples.c.sample_id == sample_id))
    connection.execute(delete(labels).where(labels.c.sample_id == sample_id))
    connection.execute(delete(samples).where(samples.c.id == sample_id))
    forget_deleted(connection, row.sha256)
    recount_pending(connection)
    return Deletion(sample_id, saw, unreferenced(connection, [row.sha256]))


def _add_first(
    connection: Connection, arrived: Sequence[NewSample], class_names: Sequence[str], settings: SplitSettings
) -> list[FeedbackOutcome]:
    if not arrived:
        return []
    present, num_counted, split_by = now(connection), 0, splitter(connection, settings)
    quarantined = names_quarantined(connection)
    seen = sightings(connection, [new.sha256 for new in arrived])
    first: dict[int, NewSample] = {}
    in_force: list[int] = []
    outcomes = []
    for sent in arrived:
        new = as_seen(sent, seen.get(sent.sha256))
        # One after the other, because each may be near to one before it.
        split = new.split or split_of_new(connection, new, seen.get(new.sha256), split_by)
        given = as_counted(new.given, quarantined)
        state_now = resolve_labels([given], class_names)
        sample_id = insert_sample(connection, new, split, new.created or present, state_now)
        first[sample_id] = new
        if state_now.label is not None:
            in_force.append(sample_id)
            num_counted += is_counted(split, new.origin)
        outcomes.append(
            _outcome(sample_id, given, class_names, said_before=None, state_before=None, state_now=state_now)
        )
    append_first_labels(connection, first, in_force, present)
    note_pending(connection, num_counted)
    return outcomes


def _add_label(connection: Connection, new: NewSample, class_names: Sequence[str]) -> FeedbackOutcome:
    known = connection.execute(_BY_SHA256, {"sha256": new.sha256}).one()
    sample_id, state_before = int(known.id), LabelState(known.state, known.label, known.is_trusted)
    before = label_history(connection, sample_id)
    given = as_counted(new.given, names_quarantined(connection))
    history = [*before, given] if is_news(before, given) else before
    if history is not before:
        append_label(connection, sample_id, given)
    state_now = resolve_labels(history, class_names)
    if state_now != state_before:
        put_in_force(connection, sample_id, state_now)
    note_dispute(connection, sample_id, contradiction(history, class_names))
    said = latest_labels(before, class_names).get(new.source)
    return _outcome(
        sample_id,
        given,
        class_names,
        said_before=said.label if said is not None else None,
        state_before=state_before,
        state_now=state_now,
    )


def _outcome(
    sample_id: int,
    given: GivenLabel,
    class_names: Sequence[str],
    *,
    said_before: str | None,
    state_before: LabelState | None,
    state_now: LabelState,
) -> FeedbackOutcome:
    status = status_of(
        given,
        said_before=said_before,
        state_before=state_before,
        state_now=state_now,
        class_names=class_names,
    )
    is_unknown = given.label not in class_names
    nearest = nearest_class(given.label, class_names) if is_unknown else None
    return FeedbackOutcome(sample_id, status, nearest)
