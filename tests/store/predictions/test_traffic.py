"""Predictions are counted by the hour."""

from dataclasses import replace
from datetime import timedelta

from store.database.database import Database
from store.predictions.traffic import traffic_since
from tests.store.database.test_query_plans import plans, scans
from tests.store.predictions.test_predictions import NOON, log, prediction


def test_an_hour_counts_all_classes_and_versions(database: Database) -> None:
    bees = replace(prediction(1, image="b", label="bees", version="v2"), confidence=0.25)
    log(database, prediction(0), bees, prediction(61, image="c"), prediction(-1, image="d"))
    with database.read() as connection:
        hours = traffic_since(connection, NOON)
    assert [(each.hour, each.num_predictions, each.mean_confidence) for each in hours] == [
        (NOON, 2, 0.5),
        (NOON + timedelta(hours=1), 1, 0.75),
    ]


def test_only_the_hours_asked_for_are_read(database: Database) -> None:
    explained = plans(database, lambda c: traffic_since(c, NOON))
    assert scans(explained) == []
