"""Slices: the golden set of a lineage, and the holdout that each promoted round added."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert, or_, select

from store.database.database import now
from store.database.schema import rounds, samples, slices
from store.database.schema import slice_samples as slice_samples_table
from store.samples.sample import Sample, sample_of, select_samples
from store.versions import ancestry

#: Of the names of golden slices: a lineage's first, and those that later trainings added.
GOLDEN_PREFIX = "golden-"


def golden_slice(lineage: int) -> str:
    """Return the name of a lineage's golden set."""
    return f"{GOLDEN_PREFIX}{lineage}"


def round_slice(round_id: int) -> str:
    """Return the name of the slice that a promoted round's holdout becomes."""
    return f"round-{round_id}"


def add_slice(
    connection: Connection, name: str, lineage: int, round_id: int | None, sample_ids: Iterable[int]
) -> None:
    """Add a slice of samples; a golden one has no round."""
    row = {"name": name, "lineage": lineage, "round_id": round_id, "is_retired": False}
    connection.execute(insert(slices).values(**row, created=now(connection)))
    members = [{"slice": name, "sample_id": sample_id} for sample_id in sample_ids]
    if members:
        connection.execute(insert(slice_samples_table), members)


def slice_names(connection: Connection, lineage: int, production: str | None = None) -> list[str]:
    """Return the slices of a lineage, oldest first.

    Where production is named, slices of rounds that it does not descend from are left out: after a
    roll-back their samples are pending again.
    """
    query = (
        select(slices.c.name)
        .outerjoin(rounds, rounds.c.id == slices.c.round_id)
        .where(slices.c.lineage == lineage, slices.c.is_retired.is_(False))
        .order_by(slices.c.created, slices.c.name)
    )
    if production is not None:
        in_line = rounds.c.candidate.in_(ancestry(connection, production))
        query = query.where(or_(slices.c.round_id.is_(None), in_line))
    return list(connection.execute(query).scalars())


def slice_samples(connection: Connection, name: str) -> list[Sample]:
    """Return a slice's accepted samples, by id."""
    query = (
        select_samples()
        .join(slice_samples_table, slice_samples_table.c.sample_id == samples.c.id)
        .where(slice_samples_table.c.slice == name, samples.c.state == "accepted")
        .order_by(samples.c.id)
    )
    return [sample_of(row) for row in connection.execute(query)]
