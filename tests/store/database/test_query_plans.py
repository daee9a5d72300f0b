"""The statements of every prediction and every feedback find their rows by an index."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, event

from store.alarms import unended_alarms
from store.database.blob_references import kept_images
from store.database.database import Database
from store.drift_references import DriftReference, normal_images, num_normal, read_log
from store.evidence.disputes import num_disputes, open_disputes, settle
from store.evidence.held_out import HeldOutImage, held_out_since, num_held_out
from store.evidence.pools import PoolImage, labels_of, release_pool, store_pool
from store.evidence.questions import answered_share, num_open, open_questions, withdraw
from store.forgotten_images import forget_questions
from store.predictions import predictions
from store.predictions.predictions import LoggedPrediction
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from tests.store.predictions.test_predictions import NOON, prediction
from tests.store.round_work import request

CLASSES = ("ants", "bees")
REFERENCE = DriftReference(1, "v1", NOON, NOON, 0, NOON)
PAGE = HeldOutImage("a", 1, "ann", None, NOON, NOON)


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
    logged = prediction()
    database.write(lambda c: predictions.log_predictions(c, [logged], SplitSettings()))

    def work(connection: Connection) -> None:
        predictions.find_prediction(connection, logged.id)
        add_sample(connection, new_sample(logged), CLASSES, SplitSettings())

    explained = plans(database, work)
    assert len(explained) > 5
    assert scans(explained) == []


HELD_OUT = SplitSettings(holdout_fraction=1.0, audit_fraction=1.0)


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (lambda c: held_out_since(c, NOON, None, 1000), "ix_held_out_images_last_seen"),
        (lambda c: held_out_since(c, NOON, PAGE, 1000), "ix_held_out_images_last_seen"),
        (lambda c: num_held_out(c, NOON, 1000), "ix_held_out_images_last_seen"),
        (lambda c: open_questions(c, "ann", 24), "ix_questions_answered"),
        (num_open, "ix_questions_answered"),
        (lambda c: answered_share(c, NOON), "ix_questions_answered"),
        (lambda c: forget_questions(c, NOON), "ix_questions_answered"),
        (lambda c: labels_of(c, ["a", "b"]), "samples"),
        (lambda c: withdraw(c, ["a", "b"]), "questions"),
        (lambda c: release_pool(c, 1), "held_out_images"),
        (lambda c: read_log(c, REFERENCE, 200), "ix_predictions_version_created"),
        (lambda c: normal_images(c, 1), "ix_drift_images_reference_id"),
        (lambda c: num_normal(c, 1), "ix_drift_images_reference_id"),
        (unended_alarms, "ix_alarms_ended"),
        (lambda c: kept_images(c, ["a", "b"]), "ix_alarm_images_nearest_sha256"),
    ],
)
def test_evidence_is_read_by_its_indices(
    database: Database, work: Callable[[Connection], Any], index: str
) -> None:
    """Ten million logged predictions have two million held-out images, and half a million draws."""
    logged, round_id = prediction(), request(database)
    database.write(lambda c: predictions.log_predictions(c, [logged], HELD_OUT))
    pool = [PoolImage(logged.sha256, 0, True, "ada", "ants", "bees")]
    database.write(lambda c: store_pool(c, round_id, pool))
    explained = plans(database, work)
    assert any(index in plan for plan in explained)
    # What is called so is a part of the statement itself, of a bounded number of rows.
    parts = ("SCAN anon", "SCAN (subquery")
    assert [plan for plan in scans(explained) if not any(part in plan for part in parts)] == []
    assert [plan for plan in explained if "ix_predictions_audit" in plan] == []
    # Only what has one time is sorted.
    assert [plan for plan in explained if plan.endswith("USE TEMP B-TREE FOR ORDER BY")] == []


def test_contradicting_a_label_and_listing_and_settling_it_scan_no_table(database: Database) -> None:
    first = replace(new_sample(), source="train", is_trusted=True)
    database.write(lambda c: add_sample(c, first, CLASSES, SplitSettings()))
    contradicting = replace(new_sample(), label="bees")

    def work(connection: Connection) -> None:
        add_sample(connection, contradicting, CLASSES, SplitSettings())
        assert num_disputes(connection) == 1
        [dispute] = open_disputes(connection, before=100)
        settle(connection, dispute.id, "bees", "eve")

    explained = plans(database, work)
    assert any(" disputes" in plan for plan in explained)
    assert scans(explained) == []


def test_logging_predictions_scans_no_table(database: Database) -> None:
    rows = [prediction(minutes=number, image="abc"[number]) for number in range(3)]
    explained = plans(database, lambda c: predictions.log_predictions(c, rows, SplitSettings()))
    assert len(explained) > 1
    assert scans(explained) == []
