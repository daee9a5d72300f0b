"""Images like a given one are found by their embeddings, among a bounded number of predictions."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from monitoring.answers.predictions import SimilarImages
from monitoring.similar_images import similar_images
from store.database.database import Database
from store.errors import PredictionGoneError, UnknownPredictionError
from store.predictions.predictions import LoggedPrediction, delete_prediction
from tests.store.database.test_query_plans import plans, scans
from tests.store.log_work import LEARNT, log, predicted


def seen(name: str, minutes: float, embedding: Sequence[float], version: str = "v1") -> LoggedPrediction:
    """An image as a version sees it."""
    content = np.array(embedding, dtype="<f2").tobytes()
    return replace(predicted(name, minutes), embedding=content, version=version)


def like(database: Database, row: LoggedPrediction, **options: int) -> SimilarImages:
    with database.read() as connection:
        return similar_images(connection, row.id, **options)


@pytest.fixture
def rows(database: Database) -> list[LoggedPrediction]:
    """The first is like the third, then like the second; to v2 it was the same as the last."""
    made = [
        seen("asked", 0, [1, 0]),
        seen("far", 1, [0, 1]),
        seen("near", 2, [3, 0.1]),
        seen("other version", 3, [1, 0], version="v2"),
    ]
    log(database, made, LEARNT)
    return made


def test_the_most_alike_come_first_and_only_those_of_the_same_version(
    database: Database, rows: list[LoggedPrediction]
) -> None:
    found = like(database, rows[0])
    assert [each.id for each in found.predictions] == [rows[2].id, rows[1].id]
    assert found.predictions[0].similarity == pytest.approx(0.9994, abs=1e-3)
    assert (found.version, found.num_compared) == ("v1", 2)


def test_an_image_counts_once_as_it_was_predicted_last(
    database: Database, rows: list[LoggedPrediction]
) -> None:
    again = [seen("near", 4, [3, 0.1]), seen("asked", 5, [1, 0])]
    log(database, again, LEARNT)
    found = like(database, rows[0])
    assert [each.id for each in found.predictions] == [again[0].id, rows[1].id]


def test_only_the_last_predictions_are_compared_however_many_there_are(
    database: Database, rows: list[LoggedPrediction]
) -> None:
    assert [each.id for each in like(database, rows[0], max_compared=1).predictions] == [rows[2].id]
    assert [each.id for each in like(database, rows[0], limit=1).predictions] == [rows[2].id]
    explained = plans(database, lambda c: similar_images(c, rows[0].id))
    assert any("ix_predictions_version_created" in plan for plan in explained)
    assert scans(explained) == []


def test_an_embedding_that_is_no_number_is_like_nothing(
    database: Database, rows: list[LoggedPrediction]
) -> None:
    broken = seen("broken", 4, [float("nan"), 1])
    log(database, [broken], LEARNT)
    assert like(database, rows[0]).predictions[-1].id == broken.id


def test_an_image_alone_is_like_none(database: Database, rows: list[LoggedPrediction]) -> None:
    assert like(database, rows[3]) == SimilarImages(version="v2", num_compared=0, predictions=[])


def test_a_prediction_that_went_or_never_was_is_told_apart(
    database: Database, rows: list[LoggedPrediction]
) -> None:
    database.write(lambda connection: delete_prediction(connection, rows[0].id))
    with pytest.raises(PredictionGoneError):
        like(database, rows[0])
    with pytest.raises(UnknownPredictionError):
        like(database, predicted("never"))
