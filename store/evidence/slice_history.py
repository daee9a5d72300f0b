"""Merges old slices into one history slice, so that a lineage has at most eight beside it."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from sqlalchemy import Connection, delete, func, insert, select

from store import leases
from store.database.chunks import chunks
from store.database.database import Database
from store.database.schema import slice_samples, slices, version_samples
from store.evidence.returning import present, return_to_training, returnable
from store.samples.sample import Sample
from store.slices import slice_names
from store.versions import Version

NUM_LIVE = 8
NUM_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge does.

    Attributes:
        history: The slice that it fills.
        lineage: Of all of these slices.
        ended: Slices that are merged into it, oldest first.
        kept: Ids of the samples that it has afterwards.
        returned: Ids of the samples that return to training.
    """

    history: str
    lineage: int
    ended: tuple[str, ...]
    kept: tuple[int, ...]
    returned: tuple[int, ...]


def history_slice(lineage: int) -> str:
    """Return the name of the slice that holds what was kept of a lineage's older slices."""
    return f"history-{lineage}"


def merge_old_slices(
    database: Database,
    production: Version,
    *,
    fencing: int | None = None,
    num_live: int = NUM_LIVE,
    num_kept: int = NUM_KEPT,
) -> Merge | None:
    """Keep the newest slices of production's line live; merge older ones into the history slice.

    The history keeps a fair draw by slice and class; the rest returns to training.

    Args:
        database: Where the slices are.
        production: The version in production.
        fencing: The learner's number; None for a person.
        num_live: Slices of rounds that stay as they are.
        num_kept: Images of the history, counted as clusters. Those near to an image that still judges are
            kept beside them.

    Returns:
        What was done; None where there are no more slices than that.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
    """
    with database.read() as connection:
        live = [
            name
            for name in slice_names(connection, production.lineage, production.version)
            if name.startswith("round-")
        ]
        ended = live[: max(len(live) - num_live, 0)]
        if not ended:
            return None
        slice_of = _slices_of(connection, [history_slice(production.lineage), *ended])
        strata = {**slice_of, **_first_judged_by(connection, list(slice_of))}
        clusters = returnable(connection, strata)
    kept, returned = _divide(clusters, strata, num_kept)
    merge = Merge(history_slice(production.lineage), production.lineage, tuple(ended), kept, returned)
    database.write(lambda connection: _apply(connection, merge, fencing))
    return merge


def fair_draw(
    clusters: Sequence[Sequence[Sample]], strata: Mapping[int, Hashable], num: int
) -> list[Sequence[Sample]]:
    """Return at most `num` clusters, as evenly from each stratum and class as there are.

    Args:
        clusters: What to draw from.
        strata: Sample id → its stratum.
        num: Clusters wanted.
    """
    by_stratum: defaultdict[Hashable, list[Sequence[Sample]]] = defaultdict(list)
    # A digest's order says nothing about its image, and it stays the same: what was kept once stays.
    for cluster in sorted(clusters, key=lambda members: members[0].sha256):
        by_stratum[strata[cluster[0].id], cluster[0].label].append(cluster)
    turns = chain.from_iterable(zip_longest(*by_stratum.values()))
    return [cluster for cluster in turns if cluster is not None][:num]


def _divide(
    clusters: Sequence[Sequence[Sample]], strata: Mapping[int, Hashable], num_kept: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids of the samples that the history keeps, and of those that return to training."""
    kept = {id(cluster) for cluster in fair_draw(clusters, strata, num_kept)}
    returned = {sample.id for cluster in clusters if id(cluster) not in kept for sample in cluster}
    return tuple(sorted(set(strata) - returned)), tuple(sorted(returned))


def _slices_of(connection: Connection, names: Sequence[str]) -> dict[int, Hashable]:
    query = select(slice_samples.c.sample_id, slice_samples.c.slice).where(slice_samples.c.slice.in_(names))
    return {row.sample_id: row.slice for row in connection.execute(query)}


def _first_judged_by(connection: Connection, sample_ids: Sequence[int]) -> dict[int, Hashable]:
    """Return sample → the version that it judged first: which slice a sample of the history came from."""
    versions: dict[int, Hashable] = {}
    for chunk in chunks(sample_ids):
        query = (
            select(version_samples.c.sample_id, func.min(version_samples.c.version).label("version"))
            .where(version_samples.c.sample_id.in_(chunk), version_samples.c.role == "holdout")
            .group_by(version_samples.c.sample_id)
        )
        versions |= {row.sample_id: row.version for row in connection.execute(query)}
    return versions


def _apply(connection: Connection, merge: Merge, fencing: int | None) -> None:
    if fencing is not None:
        leases.check(connection, fencing)
    # The history stands where the oldest of its slices stood.
    oldest = select(func.min(slices.c.created)).where(slices.c.name.in_([merge.history, *merge.ended]))
    row = {"name": merge.history, "lineage": merge.lineage, "round_id": None, "is_retired": False}
    created = connection.execute(oldest).scalar_one()
    for table, name in ((slice_samples, slice_samples.c.slice), (slices, slices.c.name)):
        connection.execute(delete(table).where(name.in_([merge.history, *merge.ended])))
    connection.execute(insert(slices).values(**row, created=created))
    members = [
        {"slice": merge.history, "sample_id": sample_id} for sample_id in present(connection, merge.kept)
    ]
    if members:
        connection.execute(insert(slice_samples), members)
    return_to_training(connection, merge.returned)
