"""Replaces the golden images of a lineage by new ones; the old ones return to training."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from store.database.chunks import chunks
from store.database.schema import samples, slice_samples, slices, version_samples, versions
from store.evidence.returning import return_to_training, returnable
from store.slices import GOLDEN_PREFIX, add_slice, golden_slice, slice_names
from store.versions import Version, ancestry

_RENEWAL = "-renewal-"


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a renewal does.

    Attributes:
        slice: The new golden slice.
        ended: The golden slices that it replaces.
        golden: Ids of its samples.
        returned: Ids of old golden samples that may be learnt from now on.
        num_set_aside: Old golden samples that are like an image that still judges: they do neither.
    """

    slice: str
    ended: tuple[str, ...]
    golden: tuple[int, ...]
    returned: tuple[int, ...]
    num_set_aside: int


def plan_renewal(connection: Connection, production: Version, golden: Collection[int]) -> Renewal:
    """Return what replacing the golden images of production's lineage would do.

    Args:
        connection: Of a read.
        production: The version in production.
        golden: Ids of golden samples; those that are golden images already are passed over.
    """
    ended = tuple(
        name for name in slice_names(connection, production.lineage) if name.startswith(GOLDEN_PREFIX)
    )
    old = set(
        connection.execute(
            select(slice_samples.c.sample_id).where(slice_samples.c.slice.in_(ended))
        ).scalars()
    )
    returned = {sample.id for cluster in returnable(connection, old) for sample in cluster}
    return Renewal(
        slice=_next_name(production.lineage, ended),
        ended=ended,
        golden=tuple(sorted(set(golden) - old)),
        returned=tuple(sorted(returned)),
        num_set_aside=len(old) - len(returned),
    )


def renew_golden(connection: Connection, production: Version, renewal: Renewal) -> None:
    """Do what `plan_renewal` returned, in one transaction."""
    for table, name in ((slice_samples, slice_samples.c.slice), (slices, slices.c.name)):
        connection.execute(delete(table).where(name.in_(renewal.ended)))
    add_slice(connection, renewal.slice, production.lineage, None, renewal.golden)
    return_to_training(connection, renewal.returned)
    _mark_as_judged(connection, production, renewal.returned)


def _next_name(lineage: int, ended: Sequence[str]) -> str:
    """Return a name that no slice had: what was measured on an earlier one is of other images."""
    numbers = [int(name.rpartition(_RENEWAL)[2]) for name in ended if _RENEWAL in name]
    return f"{golden_slice(lineage)}{_RENEWAL}{max(numbers, default=0) + 1}"


def _mark_as_judged(connection: Connection, production: Version, sample_ids: Sequence[int]) -> None:
    """Record that production's first version was judged on samples, so that they can be replayed."""
    query = select(versions.c.version).where(
        versions.c.version.in_(ancestry(connection, production.version)),
        versions.c.lineage == production.lineage,
    )
    first = connection.execute(query.order_by(versions.c.number).limit(1)).scalar_one()
    for chunk in chunks(sample_ids):
        known = select(version_samples.c.sample_id).where(
            version_samples.c.version == first, version_samples.c.sample_id.in_(chunk)
        )
        recorded = set(connection.execute(known).scalars())
        rows = [
            {"version": first, "sample_id": sample_id, "role": "holdout"}
            for sample_id in chunk
            if sample_id not in recorded
        ]
        if rows:
            connection.execute(insert(version_samples), rows)
        connection.execute(update(samples).where(samples.c.id.in_(chunk)).values(is_seen=True))
