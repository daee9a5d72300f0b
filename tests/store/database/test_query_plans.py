"""The statements of every prediction and every feedback find their rows by an index."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, event

from store.database.database import Database
from store.predictions import predictions
from store.predictions.predictions import LoggedPrediction
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from tests.store.predictions.test_predictions import prediction

CLASSES = ("ants", "bees")


def plans(database: Database, work: Callable[[Connection], Any]) -> list[str]:
    """Return the plan of each statement of some work that reads rows, as SQLite explains it."""

    def explained(connection: Connection) -> list[str]:
        statements: list[tuple[str, Any]] = []

        def note(*call: Any) -> None:
            _, _, statement, parameters, _, is_many = call
            if not is_many and statement.startswith(("SELECT", "UPDATE", "DELETE")):
                statements.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        work(connection)
        event.remove(connection, "before_cursor_execute", note)
        return [
            f"{statement}: {row[-1]}"
            for statement, parameters in statements
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]

    return database.write(explained)


def scans(explained: list[str]) -> list[str]:
    return [plan for plan in explained if ": SCAN " in plan and not plan.endswith("SCAN CONSTANT ROW")]


def new_sample(logged: LoggedPrediction | None = None) -> NewSample:
    return NewSample(
        sha256="d" * 64,
        phash=0x0F0F0F0F0F0F0F0F,
        origin="direct" if logged is None else "volunteered",
        source="ada",
        label="ants",
        group="camera 3",
        prediction_id=None if logged is None else logged.id,
    )


def test_feedback_with_its_image_scans_no_table(database: Database) -> None:
    explained = plans(database, lambda c: add_sample(c, new_sample(), CLASSES, SplitSettings()))
    assert len(explained) > 3
    assert scans(explained) == []
    # They find the rows by their numbers, not by one of the indices that many rows share.
    changed = [plan for plan in explained if plan.startswith("UPDATE samples") and ": SEARCH samples" in plan]
    assert changed
    assert all("INTEGER PRIMARY KEY" in plan for plan in changed)


def test_feedback_on_a_prediction_scans_no_table(database: Database) -> None:
    logged = replace(prediction(), is_audit=True)
    database.write(lambda c: predictions.log_predictions(c, [logged]))

    def work(connection: Connection) -> None:
        predictions.find_prediction(connection, logged.id)
        add_sample(connection, new_sample(logged), CLASSES, SplitSettings())

    explained = plans(database, work)
    assert len(explained) > 5
    assert scans(explained) == []


def test_logging_predictions_scans_no_table(database: Database) -> None:
    rows = [prediction(minutes=number, image="abc"[number], is_audit=True) for number in range(3)]
    explained = plans(database, lambda c: predictions.log_predictions(c, rows))
    assert len(explained) > 1
    assert scans(explained) == []
