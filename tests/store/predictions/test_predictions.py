from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, insert, select

from store.database.database import Database, now
from store.database.schema import prediction_hours, samples
from store.errors import PredictionGoneError, UnknownPredictionError
from store.predictions import predictions
from store.predictions.prediction_ids import milliseconds_of, new_prediction_id
from store.predictions.predictions import LoggedPrediction
from store.samples.splits import SplitSettings
from store.versions import NewVersion, add_version

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NO_DRAWS = SplitSettings(audit_fraction=0.0)


def prediction(
    minutes: float = 0,
    image: str = "a",
    label: str = "ants",
    version: str = "v1",
) -> LoggedPrediction:
    created = NOON + timedelta(minutes=minutes)
    return LoggedPrediction(
        id=new_prediction_id(created),
        sha256=image * 64,
        num_bytes=1000,
        label=label,
        confidence=0.75,
        version=version,
        embedding=b"\x00\x3c" * 4,
        group="camera 3",
        source="ada",
        created=created,
    )


def log(database: Database, *rows: LoggedPrediction, settings: SplitSettings = NO_DRAWS) -> None:
    database.write(lambda c: predictions.log_predictions(c, rows, settings))


def test_an_id_is_a_uuid_of_version_7_that_carries_its_time() -> None:
    new_id = new_prediction_id(NOON)
    assert (len(new_id), new_id[12], new_id[16] in "89ab") == (32, "7", True)
    assert milliseconds_of(new_id) == int(NOON.timestamp() * 1000)


def test_ids_of_one_moment_differ_and_later_ones_sort_behind() -> None:
    same = {new_prediction_id(NOON) for _ in range(1000)}
    assert len(same) == 1000
    assert max(same) < new_prediction_id(NOON + timedelta(milliseconds=1))


@pytest.mark.parametrize("name", ["", "nonsense", "0" * 32, "019B76DA80007ABC8DEF0123456789AB"])
def test_what_is_no_id_of_ours_carries_no_time(name: str) -> None:
    assert milliseconds_of(name) is None


def test_a_logged_prediction_is_read_as_it_was_written(database: Database) -> None:
    logged = prediction()
    log(database, logged)
    with database.read() as connection:
        assert predictions.find_prediction(connection, logged.id) == logged


def test_an_id_that_nobody_was_given_is_unknown(database: Database) -> None:
    log(database, prediction())
    for name in (new_prediction_id(NOON), "nonsense"):
        with database.read() as connection, pytest.raises(UnknownPredictionError, match="image"):
            predictions.find_prediction(connection, name)


def test_a_deleted_prediction_is_gone_and_not_unknown(database: Database) -> None:
    logged = prediction()
    log(database, logged)
    deleted = database.write(lambda c: predictions.delete_prediction(c, logged.id))
    assert (deleted.sample_id, deleted.versions, deleted.blobs_to_delete) == (None, [], [logged.sha256])
    with database.read() as connection, pytest.raises(PredictionGoneError, match="image"):
        predictions.find_prediction(connection, logged.id)
    with pytest.raises(PredictionGoneError):
        database.write(lambda c: predictions.delete_prediction(c, logged.id))


def test_an_image_that_another_prediction_needs_stays(database: Database) -> None:
    first, second = prediction(0), prediction(1)
    log(database, first, second)
    assert database.write(lambda c: predictions.delete_prediction(c, first.id)).blobs_to_delete == []
    last = database.write(lambda c: predictions.delete_prediction(c, second.id))
    assert last.blobs_to_delete == [first.sha256]


def test_deleting_a_prediction_keeps_the_sample_that_came_from_it(database: Database) -> None:
    logged = prediction()
    log(database, logged)

    def add_sample_and_version(connection: Connection) -> int:
        row = {"sha256": logged.sha256, "phash": 1, "origin": "audit", "split": "train", "label": "ants"}
        row |= {"state": "accepted", "source": "ada", "created": now(connection), "prediction_id": logged.id}
        sample_id = connection.execute(insert(samples).values(**row).returning(samples.c.id)).scalar_one()
        new = NewVersion(("ants",), {"weights": "f" * 64})
        add_version(connection, new, [(sample_id, "train", None)])
        add_version(connection, replace(new, parent="v1"), [])
        return int(sample_id)

    sample_id = database.write(add_sample_and_version)
    deleted = database.write(lambda c: predictions.delete_prediction(c, logged.id))
    assert (deleted.sample_id, deleted.versions, deleted.blobs_to_delete) == (sample_id, ["v1", "v2"], [])


def test_whether_a_prediction_is_a_draw_is_decided_by_the_log(database: Database) -> None:
    drawn, other = prediction(0), replace(prediction(1, "b"), is_audit=True)
    log(database, drawn, settings=SplitSettings(audit_fraction=1.0))
    log(database, other)
    with database.read() as connection:
        assert predictions.find_prediction(connection, drawn.id).is_audit
        assert not predictions.find_prediction(connection, other.id).is_audit


def test_the_newest_prediction_of_an_image_is_found(database: Database) -> None:
    first, last, other = prediction(0), prediction(1), prediction(2, "b")
    log(database, last, first, other)
    with database.read() as connection:
        assert predictions.newest_prediction(connection, first.sha256) == last
        assert predictions.newest_prediction(connection, "c" * 64) is None


def test_the_last_embeddings_are_those_of_one_version(database: Database) -> None:
    logged = [prediction(0), prediction(1), prediction(2), prediction(3, version="v2")]
    log(database, *logged)
    with database.read() as connection:
        recent = predictions.recent_embeddings(connection, "v1", 2)
    assert recent == [(logged[2].created, logged[2].embedding), (logged[1].created, logged[1].embedding)]


def test_roll_ups_count_by_hour_version_and_label_and_outlive_predictions(database: Database) -> None:
    logged = [prediction(0), prediction(59), prediction(1, label="bees"), prediction(60)]
    log(database, *logged[:2])
    log(database, *logged[2:])
    for row in logged:
        database.write(partial(predictions.delete_prediction, prediction_id=row.id))
    with database.read() as connection:
        counts = {tuple(row) for row in connection.execute(select(prediction_hours))}
        assert predictions.num_predictions_since(connection, NOON - timedelta(seconds=1)) == 4
        assert predictions.num_predictions_since(connection, NOON) == 1
        assert predictions.num_predictions_since(connection, NOON + timedelta(hours=1)) == 0
    assert counts == {
        (NOON + timedelta(hours=1), "v1", "ants", 1, 0.75),
        (NOON, "v1", "ants", 2, 1.5),
        (NOON, "v1", "bees", 1, 0.75),
    }
