from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from store.database.database import Database
from store.database.schema import prediction_tombstones
from store.errors import NaiveTimeError


def test_a_moment_comes_back_as_it_was_stored_and_in_utc(database: Database) -> None:
    moment = datetime(2026, 3, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    row = {"id": "a", "created": moment}
    database.write(lambda connection: connection.execute(insert(prediction_tombstones).values(row)))
    with database.read() as connection:
        stored = connection.execute(select(prediction_tombstones.c.created)).scalar_one()
    assert stored == moment
    assert stored.tzinfo is UTC


def test_a_moment_without_its_zone_is_refused(database: Database) -> None:
    row = {"id": "a", "created": datetime(2026, 3, 1)}
    with pytest.raises((NaiveTimeError, StatementError), match="needs its zone"):
        database.write(lambda connection: connection.execute(insert(prediction_tombstones).values(row)))
