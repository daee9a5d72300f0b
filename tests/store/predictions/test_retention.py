from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, insert, select

from store.database.blob_references import unreferenced
from store.database.database import Database, now
from store.database.schema import prediction_tombstones, questions, samples
from store.database.schema import predictions as predictions_table
from store.errors import PredictionGoneError
from store.evidence.held_out import held_out_since
from store.evidence.questions import TRIAL, ask, num_open, withdraw
from store.predictions import predictions
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction
from store.predictions.retention import Expired, RetentionSettings, expire_predictions
from store.predictions.totals import log_size
from store.samples.splits import SplitSettings
from tests.store.log_work import HELD_OUT, label, sha_of


def prediction(database: Database, days_old: float, image: str) -> LoggedPrediction:
    with database.read() as connection:
        created = now(connection) - timedelta(days=days_old)
    return LoggedPrediction(
        id=new_prediction_id(created),
        sha256=image * 64,
        num_bytes=1000,
        label="ants",
        confidence=0.5,
        version="v1",
        embedding=b"",
        group=None,
        source="ada",
        created=created,
    )


def log(database: Database, *rows: LoggedPrediction, draws: float = 0.0) -> None:
    settings = SplitSettings(audit_fraction=draws)
    database.write(lambda c: predictions.log_predictions(c, rows, settings))


def expire(database: Database, settings: RetentionSettings, batch: int = 1000) -> Expired:
    return database.write(lambda c: expire_predictions(c, settings, batch))


def remaining(database: Database) -> list[LoggedPrediction]:
    with database.read() as connection:
        ids = connection.scalars(select(predictions_table.c.id).order_by(predictions_table.c.id.desc()))
        return [predictions.find_prediction(connection, prediction_id) for prediction_id in ids.all()]


def ids_left(database: Database) -> list[str]:
    return [row.id for row in remaining(database)]


def test_predictions_go_when_they_reach_the_age_limit(database: Database) -> None:
    old, young = prediction(database, 31, "a"), prediction(database, 29, "b")
    log(database, old, young)
    assert expire(database, RetentionSettings()) == Expired(1, [old.sha256])
    assert remaining(database) == [young]


def test_the_longest_age_limit_that_can_be_set_keeps_everything(database: Database) -> None:
    old = prediction(database, 31, "a")
    log(database, old)
    assert expire(database, RetentionSettings(max_days=100 * 365)) == Expired(0, [])
    assert remaining(database) == [old]


def test_an_expired_prediction_is_gone_and_not_unknown(database: Database) -> None:
    old = prediction(database, 31, "a")
    log(database, old)
    expire(database, RetentionSettings())
    with database.read() as connection, pytest.raises(PredictionGoneError, match="expired"):
        predictions.find_prediction(connection, old.id)


def test_an_expired_prediction_stays_gone_when_older_ones_expire_later(database: Database) -> None:
    waiting, plain = prediction(database, 3, "a"), prediction(database, 1, "b")
    log(database, waiting, draws=1.0)
    log(database, plain)
    expire(database, RetentionSettings(max_rows=1))
    expire(database, RetentionSettings(max_rows=0))
    with database.read() as connection, pytest.raises(PredictionGoneError):
        predictions.find_prediction(connection, plain.id)


def test_nothing_goes_while_all_is_within_the_limits(database: Database) -> None:
    log(database, prediction(database, 1, "a"), prediction(database, 0, "b"))
    assert expire(database, RetentionSettings(max_bytes=2000, max_rows=2)) == Expired(0, [])


@pytest.mark.parametrize("limit", [RetentionSettings(max_rows=2), RetentionSettings(max_bytes=2000)])
def test_the_oldest_go_first_when_the_log_is_too_large(database: Database, limit: RetentionSettings) -> None:
    logged = [prediction(database, days_old, image) for days_old, image in ((3, "a"), (2, "b"), (1, "c"))]
    log(database, *logged)
    assert expire(database, limit).num_predictions == 1
    assert remaining(database) == [logged[2], logged[1]]
    assert expire(database, limit).num_predictions == 0


def test_draws_without_a_label_are_the_last_to_go(database: Database) -> None:
    waiting, plain = prediction(database, 3, "a"), prediction(database, 1, "c")
    labelled = replace(prediction(database, 2, "b"), sha256=sha_of("b"))
    log(database, waiting, labelled, draws=1.0)
    log(database, plain)
    label(database, "b")
    expire(database, RetentionSettings(max_rows=2))
    assert ids_left(database) == [plain.id, waiting.id]
    expire(database, RetentionSettings(max_rows=1))
    assert ids_left(database) == [waiting.id]
    expire(database, RetentionSettings(max_rows=0))
    assert ids_left(database) == []


def test_nobody_is_asked_for_a_draw_whose_image_expired(database: Database) -> None:
    old = prediction(database, 31, "a")
    log(database, old, draws=1.0)
    assert expire(database, RetentionSettings()) == Expired(1, [old.sha256])
    with database.read() as connection:
        assert num_open(connection) == 0


def test_the_image_of_a_trials_question_is_kept_past_retention_until_it_is_withdrawn(
    database: Database,
) -> None:
    old = prediction(database, 31, "a")
    database.write(lambda c: predictions.log_predictions(c, [old], HELD_OUT))
    database.write(lambda c: ask(c, [old.sha256], TRIAL))
    assert expire(database, RetentionSettings()) == Expired(1, [])
    with database.read() as connection:
        assert [image.sha256 for image in held_out_since(connection, old.created, None, 5)] == [old.sha256]
        assert num_open(connection) == 1
    database.write(lambda c: withdraw(c, [old.sha256]))
    with database.read() as connection:
        assert held_out_since(connection, old.created, None, 5) == []
        assert unreferenced(connection, [old.sha256]) == [old.sha256]


def test_closed_questions_are_forgotten_after_sixty_days(database: Database) -> None:
    with database.read() as connection:
        moment = now(connection)

    def write(connection: Connection) -> None:
        for number, (days, is_answered, is_withdrawn) in enumerate(
            ((61, True, False), (59, True, False), (61, False, True), (59, False, True), (61, False, False))
        ):
            asked = moment - timedelta(days=days)
            row = {"id": f"{number}", "sha256": f"{number}", "priority": 0, "created": asked}
            row |= {"answered": asked if is_answered else None, "is_withdrawn": is_withdrawn}
            connection.execute(insert(questions).values(row))

    database.write(write)
    expire(database, RetentionSettings())
    with database.read() as connection:
        assert set(connection.scalars(select(questions.c.id))) == {"1", "3", "4"}


def test_a_batch_bounds_what_one_write_takes_out(database: Database) -> None:
    log(database, *(prediction(database, 40, image) for image in "abcde"))
    assert [expire(database, RetentionSettings(), batch=2).num_predictions for _ in range(4)] == [2, 2, 1, 0]


def test_an_image_of_many_predictions_counts_once_and_goes_with_the_last(database: Database) -> None:
    log(database, prediction(database, 31, "a"), prediction(database, 31, "a"))
    log(database, prediction(database, 1, "a"), prediction(database, 1, "b"))
    with database.read() as connection:
        assert (log_size(connection).num_rows, log_size(connection).num_bytes) == (4, 2000)
    assert expire(database, RetentionSettings()) == Expired(2, [])
    with database.read() as connection:
        assert (log_size(connection).num_rows, log_size(connection).num_bytes) == (2, 2000)
    assert sorted(expire(database, RetentionSettings(max_rows=0)).blobs_to_delete) == ["a" * 64, "b" * 64]
    with database.read() as connection:
        assert (log_size(connection).num_rows, log_size(connection).num_bytes) == (0, 0)


def test_an_image_that_became_a_sample_outlives_its_prediction(database: Database) -> None:
    old = prediction(database, 31, "a")
    log(database, old)
    row = {"sha256": old.sha256, "phash": 1, "origin": "direct", "split": "train", "state": "accepted"}
    database.write(
        lambda c: c.execute(insert(samples).values(**row, source="ada", label="ants", created=now(c)))
    )
    assert expire(database, RetentionSettings()) == Expired(1, [])


def test_a_deletion_by_hand_is_subtracted_from_the_size_of_the_log(database: Database) -> None:
    logged = prediction(database, 1, "a")
    log(database, logged)
    database.write(lambda c: predictions.delete_prediction(c, logged.id))
    with database.read() as connection:
        assert (log_size(connection).num_rows, log_size(connection).num_bytes) == (0, 0)


def test_tombstones_go_once_their_time_is_known_to_be_gone(database: Database) -> None:
    deleted, old, young = (
        prediction(database, days, image) for days, image in ((40, "a"), (35, "b"), (1, "c"))
    )
    log(database, deleted, old, young)
    for row in (deleted, young):
        database.write(partial(predictions.delete_prediction, prediction_id=row.id))
    expire(database, RetentionSettings())
    with database.read() as connection:
        assert connection.execute(select(prediction_tombstones.c.id)).scalars().all() == [young.id]
        for row in (deleted, old, young):
            with pytest.raises(PredictionGoneError):
                predictions.find_prediction(connection, row.id)
