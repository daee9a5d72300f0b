"""Reads samples with the labels of all their sources, and adds such samples again."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from store.database.database import Database, now
from store.database.schema import labels, samples
from store.registry import production
from store.samples.contradictions import note_dispute
from store.samples.label_rules import (
    GivenLabel,
    LabelState,
    contradiction,
    latest_labels,
    resolve_labels,
)
from store.samples.new_samples import (
    NewSample,
    append_label,
    insert_sample,
    known_split,
    label_history,
    put_in_force,
)
from store.samples.sample import Sample, sample_of, select_samples
from store.samples.splits import SplitSettings, inherited_split
from store.versions import production_classes

_NUM_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SourceLabel:
    """What one source says now, and when it said so."""

    given: GivenLabel
    created: datetime

    def unsettled(self) -> "SourceLabel":
        """Return the label as one that settles nothing."""
        return replace(self, given=replace(self.given, is_settlement=False))


@dataclass(frozen=True, slots=True)
class KeptSample:
    """A sample with the label of each of its sources, in the order in which they were given."""

    sample: Sample
    labels: tuple[SourceLabel, ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of a sample that was brought back.

    Attributes:
        status: added (it is new), labelled (known, with labels that are new), known (nothing changed).
        is_moved: It is near to a known sample, or of its group, and joined that sample's split.
        contradicted: Sources whose label in this store differs from the new one; the stored label stays.
    """

    status: Literal["added", "labelled", "known"]
    is_moved: bool = False
    contradicted: tuple[str, ...] = ()


def num_samples(connection: Connection) -> int:
    """Return how many samples there are."""
    return connection.execute(select(func.count()).select_from(samples)).scalar_one()


def kept_samples(database: Database) -> Iterator[KeptSample]:
    """Yield every sample, oldest first, in short reads; samples that arrive meanwhile may be among them."""
    last = 0
    while True:
        with database.read() as connection:
            query = select_samples().where(samples.c.id > last).order_by(samples.c.id).limit(_NUM_AT_ONCE)
            page = [sample_of(row) for row in connection.execute(query)]
            if not page:
                return
            class_names = frozenset(production_classes(connection) or ())
            source_labels = _labels_of(connection, [sample.id for sample in page], class_names)
        for sample in page:
            yield KeptSample(sample, source_labels[sample.id])
        last = page[-1].id


def bring_back(
    connection: Connection,
    new: NewSample,
    source_labels: tuple[SourceLabel, ...],
    known_labels: frozenset[str],
    settings: SplitSettings,
) -> Arrival:
    """Add a sample with its split and its sources' labels, or only the part that the store lacks.

    It keeps its split, unless the store has a sample near to it, or of its group. Then it joins that
    sample's split, so that no picture is both learnt from and judged on. A source that has already labelled
    the sample in this store keeps its stored label.

    Args:
        connection: Of a write.
        new: The image; its split is given.
        source_labels: The labels.
        known_labels: Labels that count as classes while there is no production version.
        settings: How near is near.
    """
    row = connection.execute(select(samples).where(samples.c.sha256 == new.sha256)).one_or_none()
    is_moved = False
    if row is None:
        split = _split(connection, new, settings)
        is_moved = split != new.split
        created = new.created or now(connection)
        sample_id, state_before = insert_sample(connection, new, split, created), None
    else:
        sample_id, state_before = int(row.id), LabelState(row.state, row.label, row.is_trusted)
    history = label_history(connection, sample_id)
    class_names = _class_names(connection, known_labels, state_before, history)
    stored = latest_labels(history, class_names)
    # What is settled here stays settled.
    brought = source_labels if row is None else tuple(each.unsettled() for each in source_labels)
    missing = [each for each in brought if _is_missing(each.given, stored.get(each.given.source))]
    for each in missing:
        append_label(connection, sample_id, each.given, each.created)
    if state_before is None or missing:
        history = label_history(connection, sample_id)
        state_now = resolve_labels(history, class_names)
        if state_now != state_before:
            put_in_force(connection, sample_id, state_now)
        note_dispute(connection, sample_id, contradiction(history, class_names))
    contradicted = _contradicted([each.given for each in brought], stored)
    status: Literal["labelled", "known"] = "labelled" if missing else "known"
    return Arrival("added" if row is None else status, is_moved, contradicted)


def _labels_of(
    connection: Connection, ids: list[int], class_names: Collection[str]
) -> dict[int, tuple[SourceLabel, ...]]:
    """Return the label of each source that counts, as `latest_labels` does, with its time."""
    histories: dict[int, list[SourceLabel]] = {sample_id: [] for sample_id in ids}
    query = select(labels).where(labels.c.sample_id.in_(ids)).order_by(labels.c.id)
    for row in connection.execute(query):
        given = GivenLabel(row.source, row.label, row.is_trusted, row.is_settlement)
        histories[row.sample_id].append(SourceLabel(given, row.created))
    return {sample_id: _counting(history, class_names) for sample_id, history in histories.items()}


def _counting(history: Sequence[SourceLabel], class_names: Collection[str]) -> tuple[SourceLabel, ...]:
    latest = latest_labels([each.given for each in history], class_names)
    return tuple(each for each in history if each.given is latest[each.given.source])


def _is_missing(brought: GivenLabel, stored: GivenLabel | None) -> bool:
    """Return whether a source has said nothing here, or the same with less trust."""
    if stored is None:
        return True
    return stored.label == brought.label and brought.is_trusted and not stored.is_trusted


def _contradicted(brought: Sequence[GivenLabel], stored: Mapping[str, GivenLabel]) -> tuple[str, ...]:
    """Return the sources that have said something else here."""
    said = [(given, stored.get(given.source)) for given in brought]
    return tuple(given.source for given, ours in said if ours is not None and ours.label != given.label)


def _class_names(
    connection: Connection,
    known_labels: frozenset[str],
    state_before: LabelState | None,
    history: Sequence[GivenLabel],
) -> Collection[str]:
    """Return production's classes, or before there is one, the labels that counted as classes so far."""
    champion = production(connection)
    if champion is not None:
        return champion.class_names
    if state_before is None or state_before.state == "quarantined":
        return known_labels
    return known_labels | (
        {state_before.label} if state_before.label is not None else {given.label for given in history}
    )


def _split(connection: Connection, new: NewSample, settings: SplitSettings) -> str:
    """Return the split that the sample brings, or that of a known sample that is near or of its group."""
    brought, known = str(new.split), known_split(connection, new, settings.near_duplicate_distance)
    if known is None:
        return brought
    inherited = inherited_split(known)
    # Golden samples are kept from learning as holdout samples are, so a golden sample stays golden.
    return brought if inherited == "holdout" and brought == "golden" else inherited
