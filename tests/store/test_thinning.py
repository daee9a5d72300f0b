from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from store.database.database import Database
from store.database.schema import measurements
from store.thinning import thin

LONG_AGO = datetime(2026, 1, 5, 8, tzinfo=UTC)


def put(
    database: Database, moment: datetime, value: float, version: str = "v1", metric: str = "drift"
) -> None:
    row = {"metric": metric, "version": version, "value": value, "num_samples": 500, "detail": {}}
    database.write(lambda c: c.execute(insert(measurements).values(created=moment, **row)))


def values(database: Database, metric: str = "drift") -> list[float]:
    query = select(measurements.c.value).where(measurements.c.metric == metric).order_by(measurements.c.id)
    with database.read() as connection:
        return list(connection.execute(query).scalars())


def thin_all(database: Database, batch: int) -> int:
    steps = 0
    while database.write(lambda c: thin(c, "drift", batch=batch)):
        steps += 1
        assert steps < 100
    return steps


@pytest.mark.parametrize("batch", [2, 3, 7, 1000])
def test_of_each_old_hour_and_version_the_largest_value_is_kept(database: Database, batch: int) -> None:
    for hour in range(3):
        for minute, value in ((0, 0.1), (20, 0.7), (40, 0.3)):
            put(database, LONG_AGO + timedelta(hours=hour, minutes=minute), hour + value)
    put(database, LONG_AGO + timedelta(hours=2, minutes=50), 0.5, version="v2")
    thin_all(database, batch)
    kept = values(database)
    assert {0.7, 1.7, 2.7, 0.5} <= set(kept)
    # If an hour does not fit into a batch, each of its parts keeps one.
    assert len(kept) == 4 or batch < 4


def test_the_last_week_and_other_metrics_are_not_thinned(database: Database) -> None:
    recent = datetime.now(UTC) - timedelta(days=6)
    for minute in range(3):
        put(database, recent + timedelta(minutes=minute), 0.1)
        put(database, LONG_AGO + timedelta(minutes=minute), 0.2, metric="accuracy")
    assert thin_all(database, 1000) == 0
    assert values(database) == [0.1] * 3
    assert values(database, "accuracy") == [0.2] * 3


def test_what_was_thinned_is_not_looked_at_again(database: Database) -> None:
    for minute in range(3):
        put(database, LONG_AGO + timedelta(minutes=minute), 0.1)
    assert [database.write(lambda c: thin(c, "drift")) for _ in range(3)] == [3, 0, 0]
