"""Thins old measurements to one an hour."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from store.database.chunks import chunks
from store.database.database import now
from store.database.facts import read_fact, write_fact
from store.database.schema import measurements

FULL_DETAIL_DAYS = 7.0


def thin(connection: Connection, metric: str, *, batch: int = 1000) -> int:
    """Keep only the largest value of each hour, version and slice that is over a week old.

    Each call continues where the last one stopped, from the oldest on; call until it looks at none.

    Returns:
        How many measurements it looked at, `batch` at most.
    """
    fact = f"{metric}_thinned_before"
    end = _hour(now(connection) - timedelta(days=FULL_DETAIL_DAYS))
    query = select(measurements).where(measurements.c.metric == metric, measurements.c.created < end)
    thinned_before = read_fact(connection, fact)
    if thinned_before is not None:
        query = query.where(measurements.c.created >= datetime.fromisoformat(thinned_before))
    rows = connection.execute(query.order_by(measurements.c.created).limit(batch)).all()
    if len(rows) == batch:
        # The last hour may continue behind the batch. An hour that fills the batch is cut.
        last = _hour(rows[-1].created)
        complete = [row for row in rows if row.created < last]
        rows, end = (complete, last) if complete else (rows, rows[-1].created + timedelta(microseconds=1))
    for chunk in chunks(_all_but_largest(rows)):
        connection.execute(delete(measurements).where(measurements.c.id.in_(chunk)))
    write_fact(connection, fact, end.isoformat())
    return len(rows)


def _all_but_largest(rows: Iterable[Row[Any]]) -> Sequence[int]:
    largest: dict[tuple[Any, ...], Row[Any]] = {}
    going = []
    for row in rows:
        key = row.version, row.slice, _hour(row.created)
        known = largest.setdefault(key, row)
        if known is row:
            continue
        if row.value > known.value:
            largest[key], row = row, known
        going.append(row.id)
    return going


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
