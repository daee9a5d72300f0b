from typing import Any

import pytest
from sqlalchemy import event

from store import leases, measurements
from store.database.database import Database
from store.errors import FencedError, NotFiniteError
from store.measurements import Measurement


def record(database: Database, value: float, fencing: int | None = None, **where: str) -> None:
    measurement = Measurement(metric="accuracy", value=value, num_samples=100, **where)  # type: ignore[arg-type]  # parametrized
    database.write(lambda c: measurements.record(c, measurement, fencing=fencing))


def test_a_series_is_newest_first_and_narrowed_by_version(database: Database) -> None:
    record(database, 0.5, version="v1", slice="golden-1")
    record(database, 0.6, version="v2", slice="golden-1")
    record(database, 0.7, version="v2", slice="round-1")
    with database.read() as connection:
        assert [m.value for m in measurements.series(connection, "accuracy")] == [0.7, 0.6, 0.5]
        assert [m.value for m in measurements.series(connection, "accuracy", version="v2")] == [0.7, 0.6]
        assert [m.value for m in measurements.series(connection, "accuracy", limit=1)] == [0.7]


def test_the_latest_value_is_the_last_one_recorded(database: Database) -> None:
    record(database, 0.5, version="v1")
    record(database, 0.4, version="v1")
    with database.read() as connection:
        newest = measurements.latest(connection, "accuracy", version="v1")
        assert measurements.latest(connection, "drift_mmd") is None
    assert newest is not None
    assert (newest.value, newest.num_samples) == (0.4, 100)
    assert newest.created is not None


def test_a_series_is_read_in_the_order_of_an_index_and_never_sorted(database: Database) -> None:
    statements: list[tuple[str, Any]] = []
    with database.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *call: statements.append(call[2:4]))
        measurements.series(connection, "drift_mmd")
        measurements.latest(connection, "drift_mmd", version="v1")
        plans = [
            str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
            for statement, parameters in statements.copy()
            if statement.startswith("SELECT")
        ]
    assert len(plans) == 2
    assert not [plan for plan in plans if "USE TEMP B-TREE" in plan]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_finite_number_is_not_recorded(database: Database, value: float) -> None:
    with pytest.raises(NotFiniteError, match="accuracy"):
        record(database, value)


def test_a_learner_without_its_lease_records_nothing(database: Database) -> None:
    database.write(lambda c: leases.acquire(c, "a", 0))
    with pytest.raises(FencedError):
        record(database, 0.5, fencing=1)
    with database.read() as connection:
        assert measurements.latest(connection, "accuracy") is None
