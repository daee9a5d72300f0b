"""Measured values by metric, version, slice and time."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from store import leases
from store.database.database import now
from store.database.schema import measurements as measurements_table
from store.errors import NotFiniteError


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value; `id` and `created` are filled in by the store."""

    metric: str
    value: float
    num_samples: int
    version: str | None = None
    slice: str | None = None
    round_id: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    created: datetime | None = None
    id: int | None = None


def record(connection: Connection, measurement: Measurement, fencing: int | None = None) -> None:
    """Store a value under the database's present time.

    Raises:
        FencedError: The lease is no longer that of `fencing` (None: no learner measures).
        NotFiniteError: The value is not a finite number.
    """
    if fencing is not None:
        leases.check(connection, fencing)
    if not math.isfinite(measurement.value):
        raise NotFiniteError(
            f"Expected a finite number for {measurement.metric}, found {measurement.value}. "
            "Leave out what could not be measured."
        )
    connection.execute(
        insert(measurements_table).values(
            metric=measurement.metric,
            version=measurement.version,
            slice=measurement.slice,
            round_id=measurement.round_id,
            value=measurement.value,
            num_samples=measurement.num_samples,
            detail=measurement.detail,
            created=now(connection),
        )
    )


def latest(connection: Connection, metric: str, *, version: str | None = None) -> Measurement | None:
    """Return the last value of a metric, of the version where it is given, or None."""
    newest = series(connection, metric, version=version, limit=1)
    return newest[0] if newest else None


def series(
    connection: Connection,
    metric: str,
    *,
    version: str | None = None,
    limit: int = 500,
) -> list[Measurement]:
    """Return the values of a metric, of the version where it is given, newest first."""
    query = select(measurements_table).where(measurements_table.c.metric == metric)
    if version is not None:
        query = query.where(measurements_table.c.version == version)
    # The index on metric and time has them in this order; ordering by id alone would sort all of them.
    newest = measurements_table.c.created.desc(), measurements_table.c.id.desc()
    return [_measurement(row) for row in connection.execute(query.order_by(*newest).limit(limit))]


def _measurement(row: Row[Any]) -> Measurement:
    return Measurement(**{column.name: row._mapping[column.name] for column in measurements_table.columns})
