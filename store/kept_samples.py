"""Samples with all that is remembered of them, read page by page, and brought back as they were."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from store.database import Database, now
from store.label_rules import Standing, standing
from store.new_samples import (
    NewSample,
    append_label,
    insert_sample,
    known_split,
    latest_labels,
    put_in_force,
)
from store.registry import production
from store.sample_rows import Sample, sample_of, select_samples
from store.schema import labels, samples
from store.splits import SplitSettings, inherited_split

_NUM_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SourceLabel:
    """What one source says now."""

    source: str
    label: str
    created: datetime


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
        is_moved: It is near to something known here, or of its group, and joined its split.
        contradicted: Sources whose label here is another than the one that was brought; ours stays.
    """

    status: Literal["added", "labelled", "known"]
    is_moved: bool = False
    contradicted: tuple[str, ...] = ()


def num_samples(connection: Connection) -> int:
    """Return how many samples there are."""
    return connection.execute(select(func.count()).select_from(samples)).scalar_one()


def kept_samples(database: Database) -> Iterator[KeptSample]:
    """Yield every sample, oldest first, in short reads; what comes meanwhile may be among them."""
    last = 0
    while True:
        with database.read() as connection:
            query = select_samples().where(samples.c.id > last).order_by(samples.c.id).limit(_NUM_AT_ONCE)
            page = [sample_of(row) for row in connection.execute(query)]
            if not page:
                return
            said = _labels_of(connection, [sample.id for sample in page])
        for sample in page:
            yield KeptSample(sample, tuple(said[sample.id].values()))
        last = page[-1].id


def bring_back(
    connection: Connection,
    new: NewSample,
    said: tuple[SourceLabel, ...],
    known_labels: frozenset[str],
    settings: SplitSettings,
) -> Arrival:
    """Add a sample with its split and its sources' labels, or what is missing of it; nothing twice.

    The split that it brings is kept, unless something near to it, or of its group, is here already: then
    it joins that, lest one picture is learnt from and judged on. A source that has labelled the sample here
    keeps the label that it gave here.

    Args:
        connection: Of a write.
        new: The image; its split is given.
        said: The labels.
        known_labels: Those that are classes where there is no production to tell.
        settings: How near is near.
    """
    found = connection.execute(select(samples).where(samples.c.sha256 == new.sha256)).one_or_none()
    is_moved = False
    if found is None:
        split = _split(connection, new, settings)
        is_moved = split != new.split
        created = new.created or now(connection)
        sample_id, was = insert_sample(connection, new, split, created), None
    else:
        sample_id, was = int(found.id), Standing(found.state, found.label)
    before = latest_labels(connection, sample_id)
    missing = [each for each in said if each.source not in before]
    for each in missing:
        append_label(connection, sample_id, each.label, each.source, each.created)
    after = before | {each.source: each.label for each in missing}
    if was is None or missing:
        stands = standing(after, _class_names(connection, known_labels, was, before))
        if stands != was:
            put_in_force(connection, sample_id, stands)
    contradicted = tuple(each.source for each in said if after[each.source] != each.label)
    status: Literal["labelled", "known"] = "labelled" if missing else "known"
    return Arrival("added" if found is None else status, is_moved, contradicted)


def _labels_of(connection: Connection, ids: list[int]) -> dict[int, dict[str, SourceLabel]]:
    said: dict[int, dict[str, SourceLabel]] = {sample_id: {} for sample_id in ids}
    query = select(labels).where(labels.c.sample_id.in_(ids)).order_by(labels.c.id)
    for row in connection.execute(query):
        # Taken out first, so that a source that corrected itself stands where it spoke last.
        said[row.sample_id].pop(row.source, None)
        said[row.sample_id][row.source] = SourceLabel(row.source, row.label, row.created)
    return said


def _class_names(
    connection: Connection, known_labels: frozenset[str], was: Standing | None, before: dict[str, str]
) -> Collection[str]:
    """Return what production knows, or before there is one, what counted as a class here and there."""
    champion = production(connection)
    if champion is not None:
        return champion.class_names
    if was is None or was.state == "quarantined":
        return known_labels
    return known_labels | ({was.label} if was.label is not None else set(before.values()))


def _split(connection: Connection, new: NewSample, settings: SplitSettings) -> str:
    """Return the split that is brought, unless something near, or of the group, has one here: then that."""
    brought, here = str(new.split), known_split(connection, new, settings.near_duplicate_distance)
    if here is None:
        return brought
    inherited = inherited_split(here)
    # Golden is held back as well as holdout is, and was golden where it comes from.
    return brought if inherited == "holdout" and brought == "golden" else inherited
