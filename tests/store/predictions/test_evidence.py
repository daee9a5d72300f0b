from datetime import UTC, datetime, timedelta

from store.database.database import Database
from store.predictions.evidence import unsampled_images
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def log(database: Database, number: int, image: str) -> None:
    """Log a prediction, `number` minutes after noon."""
    row = LoggedPrediction(
        id=f"{number:032x}",
        sha256=image * 64,
        num_bytes=1000 + number,
        label="ants",
        confidence=0.5,
        version="v1",
        embedding=b"",
        group=None,
        source="ada",
        created=NOON + timedelta(minutes=number),
    )
    database.write(lambda c: log_predictions(c, [row], SplitSettings()))


def newest(database: Database, limit: int) -> list[str]:
    with database.read() as connection:
        return [image.sha256 for image in unsampled_images(connection, limit)]


def test_of_a_log_of_one_picture_only_the_newest_rows_are_read(database: Database) -> None:
    log(database, 0, "b")
    for number in range(1, 11):
        log(database, number, "a")
    assert newest(database, 2) == ["a" * 64]
    assert newest(database, 3) == ["a" * 64, "b" * 64]


def test_logged_images_that_are_samples_are_left_out_and_the_newest_come_first(
    database: Database, champion: str
) -> None:
    for number, image in enumerate("abca"):
        log(database, number, image)
    new = NewSample(sha256="b" * 64, phash=7, origin="direct", source="ada", label="ants")
    database.write(lambda c: add_sample(c, new, ("ants", "bees"), SplitSettings()))
    with database.read() as connection:
        images = unsampled_images(connection, 10)
    assert [(image.sha256, image.num_bytes) for image in images] == [("a" * 64, 1003), ("c" * 64, 1002)]
    assert (images[0].source, images[0].created) == ("ada", NOON + timedelta(minutes=3))
    assert newest(database, 1) == ["a" * 64]
