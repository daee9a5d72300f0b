from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete

from store.database.database import Database
from store.database.schema import predictions
from store.predictions.evidence import answered_by, mean_confidence, unsampled_images
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def log(database: Database, number: int, image: str, version: str = "v1", confidence: float = 0.5) -> str:
    """Log a prediction, `number` minutes after noon, and return its id."""
    row = LoggedPrediction(
        id=f"{number:032x}",
        sha256=image * 64,
        num_bytes=1000 + number,
        label="ants",
        confidence=confidence,
        version=version,
        embedding=b"",
        is_audit=False,
        group=None,
        source="ada",
        created=NOON + timedelta(minutes=number),
    )
    database.write(lambda c: log_predictions(c, [row]))
    return row.id


def test_the_mean_confidence_is_that_of_one_version(database: Database) -> None:
    for number, (version, confidence) in enumerate((("v1", 0.5), ("v1", 0.75), ("v2", 1.0))):
        log(database, number, "a", version, confidence)
    with database.read() as connection:
        assert mean_confidence(connection, "v1") == pytest.approx(0.625)
        assert mean_confidence(connection, "v3") is None


def test_the_mean_confidence_is_known_without_reading_the_log(database: Database) -> None:
    log(database, 1, "a", confidence=0.25)
    database.write(lambda c: c.execute(delete(predictions)) and None)
    with database.read() as connection:
        assert mean_confidence(connection, "v1") == 0.25


def test_of_a_log_of_one_picture_only_the_newest_rows_are_read(database: Database) -> None:
    log(database, 0, "b")
    for number in range(1, 11):
        log(database, number, "a")
    with database.read() as connection:
        assert list(unsampled_images(connection, 2)) == ["a" * 64]
        assert list(unsampled_images(connection, 3)) == ["a" * 64, "b" * 64]


def test_of_many_predictions_those_that_a_version_answered_are_returned(database: Database) -> None:
    first, second = log(database, 1, "a", "v1"), log(database, 2, "b", "v2")
    with database.read() as connection:
        assert answered_by(connection, "v1", [first, second, *("f" * 32 for _ in range(600))]) == [first]
        assert answered_by(connection, "v1", []) == []


def test_logged_images_that_are_samples_are_left_out_and_the_newest_come_first(
    database: Database, champion: str
) -> None:
    for number, image in enumerate("abca"):
        log(database, number, image)
    new = NewSample(sha256="b" * 64, phash=7, origin="direct", source="ada", label="ants")
    database.write(lambda c: add_sample(c, new, ("ants", "bees"), SplitSettings()))
    with database.read() as connection:
        assert list(unsampled_images(connection, 10).items()) == [("a" * 64, 1003), ("c" * 64, 1002)]
        assert list(unsampled_images(connection, 1)) == ["a" * 64]
