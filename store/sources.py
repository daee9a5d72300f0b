"""Sources: what each labelled, which versions learnt from it, and its quarantine."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from store.database.chunks import chunks
from store.database.schema import labels, predictions, questions, samples, version_samples
from store.database.schema import versions as versions_table
from store.errors import SourceNotQuarantinedError, UnknownSampleError, UnknownSourceError
from store.samples.answered import mark_labelled
from store.samples.pending import recount_pending
from store.samples.quarantine import (
    Quarantine,
    names_quarantined,
    note_quarantine,
    note_release,
    quarantined_sources,
)
from store.samples.resolving import resolve_again
from store.versions import production_classes

#: The source of what `train` imports: those images were given by whoever trains, and are no feedback.
FIRST_TRAINING = "train"
_MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Source:
    """A source as it stands.

    Attributes:
        name: Of the key that sends its labels.
        num_samples: Samples that it labelled.
        num_in_force: Of them, those whose label in force is its own.
        quarantine: None unless it is quarantined.
    """

    name: str
    num_samples: int
    num_in_force: int
    quarantine: Quarantine | None


def read_sources(connection: Connection) -> list[Source]:
    """Return all sources of feedback, the largest first."""
    query = (
        select(
            labels.c.source,
            func.count(labels.c.sample_id.distinct()).label("num"),
            func.count(samples.c.id.distinct()).label("num_in_force"),
        )
        .select_from(labels)
        .outerjoin(samples, samples.c.label_revision == labels.c.id)
        .where(labels.c.source != FIRST_TRAINING, labels.c.is_settlement.is_(False))
        .group_by(labels.c.source)
        .order_by(func.count(labels.c.sample_id.distinct()).desc(), labels.c.source)
    )
    quarantined = quarantined_sources(connection)
    known = [
        Source(row.source, row.num, row.num_in_force, quarantined.pop(row.source, None))
        for row in connection.execute(query)
    ]
    # Quarantined sources whose last label was deleted are still to be released.
    return [*known, *(Source(name, 0, 0, each) for name, each in quarantined.items())]


def label_sources(connection: Connection, revisions: Collection[int]) -> dict[int, str]:
    """Return label revision → the source that gave it."""
    known: dict[int, str] = {}
    for chunk in chunks(revisions):
        rows = connection.execute(select(labels.c.id, labels.c.source).where(labels.c.id.in_(chunk)))
        known |= {row.id: row.source for row in rows}
    return known


def quarantine(connection: Connection, name: str, reason: str, by: str) -> int:
    """Let a source's labels count no more, from now on; return how many samples that changed.

    Samples that nobody else labelled leave training, replay, what is pending and the holdouts; those that
    others labelled keep the others' label. Nothing is deleted. Its answers in the queue are asked for again.
    A source that is quarantined stays so, under its first reason.

    Args:
        connection: Of a write.
        name: Of the source.
        reason: Why, for people; cut after 500 characters.
        by: Who decides.

    Raises:
        UnknownSourceError: It gave no label, or only those of a first training.
    """
    _refuse_unknown(connection, name)
    if name in names_quarantined(connection):
        return 0
    note_quarantine(connection, name, by, reason[:_MAX_REASON])
    changed = _resolve(connection, name)
    _ask_again(connection, name, _images(connection, changed, is_withheld=True))
    return len(changed)


def release(connection: Connection, name: str) -> int:
    """Let the labels of a quarantined source count again; return how many samples that changed.

    Raises:
        SourceNotQuarantinedError: It is not quarantined.
    """
    quarantined = names_quarantined(connection)
    if name not in quarantined:
        known = ", ".join(sorted(quarantined)) or "none"
        raise SourceNotQuarantinedError(
            f"Expected a quarantined source, found {name[:100]!r}, which is not. Quarantined: {known}."
        )
    note_release(connection, name)
    changed = _resolve(connection, name)
    mark_labelled(connection, dict.fromkeys(_images(connection, changed, is_withheld=False), name))
    return len(changed)


def num_withheld(connection: Connection, sample_ids: Collection[int]) -> int:
    """Return how many of these samples are withheld."""
    num = 0
    for chunk in chunks(sample_ids):
        query = select(func.count()).where(samples.c.id.in_(chunk), samples.c.state == "withheld")
        num += int(connection.execute(query).scalar_one())
    return num


def labelled_image(connection: Connection, name: str, sample_id: int) -> str:
    """Return the SHA-256 of a sample's image.

    Raises:
        UnknownSampleError: There is no such sample that the source labelled.
    """
    query = select(samples.c.sha256).where(
        samples.c.id == sample_id,
        select(labels.c.id).where(labels.c.sample_id == samples.c.id, labels.c.source == name).exists(),
    )
    sha256: str | None = connection.execute(query).scalar_one_or_none()
    if sha256 is None:
        raise UnknownSampleError(f"Expected a sample that {name[:100]!r} labelled, found {sample_id}.")
    return sha256


def versions_that_learnt(connection: Connection, name: str) -> list[str]:
    """Return the versions that learnt a source's labels, or descend from one that did, oldest first.

    To be chosen by its labels, on validation, counts as learning; to be judged by them does not.
    """
    saw = (
        select(version_samples.c.version)
        .join(labels, labels.c.id == version_samples.c.label_revision)
        .where(
            labels.c.source == name, labels.c.is_settlement.is_(False), version_samples.c.role != "holdout"
        )
        .distinct()
    )
    line = saw.cte("line", recursive=True)
    line = line.union(select(versions_table.c.version).where(versions_table.c.parent == line.c.version))
    query = select(versions_table.c.version).where(versions_table.c.version.in_(select(line.c.version)))
    return list(connection.execute(query.order_by(versions_table.c.number)).scalars())


def learnt_from_quarantined(connection: Connection) -> dict[str, list[str]]:
    """Return version → the quarantined sources from which it learnt, of the versions that learnt from any."""
    marked: dict[str, list[str]] = {}
    for name in sorted(names_quarantined(connection)):
        for version in versions_that_learnt(connection, name):
            marked.setdefault(version, []).append(name)
    return marked


def _resolve(connection: Connection, name: str) -> list[int]:
    labelled = select(labels.c.sample_id).where(labels.c.source == name)
    changed = resolve_again(connection, set(production_classes(connection) or ()), labelled)
    recount_pending(connection)
    return changed


def _images(connection: Connection, sample_ids: Collection[int], *, is_withheld: bool) -> list[str]:
    images: list[str] = []
    for chunk in chunks(sample_ids):
        has_state = (samples.c.state == "withheld") if is_withheld else (samples.c.state != "withheld")
        images += connection.execute(
            select(samples.c.sha256).where(samples.c.id.in_(chunk), has_state)
        ).scalars()
    return images


def _ask_again(connection: Connection, name: str, sha256s: Collection[str]) -> None:
    """Open the questions that a source answered, and note that its images have no label now."""
    for chunk in chunks(sha256s):
        connection.execute(
            update(predictions).where(predictions.c.sha256.in_(chunk)).values(is_labelled=False)
        )
        of_images = questions.c.sha256.in_(chunk) & questions.c.answered.is_not(None)
        connection.execute(update(questions).where(of_images).values(answered=None, answered_by=None))
    said_none = questions.c.is_none.is_(True) & (questions.c.answered_by == name)
    connection.execute(
        update(questions).where(said_none).values(answered=None, answered_by=None, is_none=False)
    )


def _refuse_unknown(connection: Connection, name: str) -> None:
    gave_one = select(labels.c.id).where(labels.c.source == name, labels.c.is_settlement.is_(False)).limit(1)
    if name == FIRST_TRAINING or connection.execute(gave_one).one_or_none() is None:
        what = "which is the first training" if name == FIRST_TRAINING else "which labelled nothing"
        raise UnknownSourceError(
            f"Expected the name of a source of feedback, found {name[:100]!r}, {what}. List them first."
        )
