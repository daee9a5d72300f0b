"""A store with a plausible past."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, Table, insert

from store import leases, workers
from store.database import schema
from store.database.database import Database
from store.predictions.prediction_ids import new_prediction_id
from store.workers import WorkerBeat

CLASSES = ["ants", "bees", "wasps <b>not bold</b>"]
WIDTH = 16
CURVES = {
    "epochs": [
        {
            "epoch": number, "training_loss": 0.9 / number, "validation_loss": 0.8 / number + 0.1 * number,
            "training_accuracy": 1 - 0.3 / number, "validation_accuracy": 0.78, "seconds": 5.0,
        }
        for number in range(1, 4)
    ],
    "best_epoch": 3,
    "diagnosis": "overfitting",
}  # fmt: skip
NOW = datetime.now(UTC)
# The newest one of the past.
FIRST_PREDICTION = new_prediction_id(NOW)


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{shutil.copy(empty_database, tmp_path)}")
    yield opened
    opened.close()


@pytest.fixture
def filled(database: Database) -> Database:
    """A database in which two rounds were promoted, one was rejected and one is training."""
    fill(database)
    return database


def fill(database: Database) -> None:
    database.write(_fill)


def _fill(connection: Connection) -> None:
    story = Story(connection)
    story.version(1, None, None, days=20, metrics={"validation_accuracy": 0.931, "curves": CURVES})
    story.round(1, "promoted", 12, "v1", "v2", verdict(sentence="Passed: new photographs 41.2 → 63.8 %."))
    story.version(2, "v1", 1, days=12, metrics={"validation_accuracy": 0.934})
    story.round(2, "rejected", 7, "v2", None, verdict("rejected", "Rejected: class bees (92 → 61 %) lost."))
    story.round(3, "promoted", 2, "v2", "v3", verdict(sentence="Passed: new photographs 52.9 → 79.3 %."))
    story.version(3, "v2", 3, days=2, metrics={"validation_accuracy": 0.941})
    story.production("v3")
    story.round(4, "training", 0, "v3", None, None)
    story.accuracies()
    story.drift()
    story.pending(320)
    story.questions(5)
    for number, device in enumerate(("cuda:0 (NVIDIA H100)", "cuda:0 (NVIDIA H100)")):
        beat = WorkerBeat(f"worker-{number}-5f2c9a", "v3", NOW - timedelta(days=2), None, device)
        workers.beat(connection, beat)
    leases.acquire(connection, "learner-1", 60)


@dataclass(frozen=True, slots=True)
class Story:
    """Writes rows with times of the past, which the store's own functions never do."""

    connection: Connection

    def add(self, table: Table, **values: Any) -> None:
        self.connection.execute(insert(table).values(**values))

    def version(
        self, number: int, parent: str | None, round_id: int | None, *, days: int, metrics: dict[str, Any]
    ) -> None:
        created = NOW - timedelta(days=days)
        self.add(
            schema.versions, version=f"v{number}", number=number, lineage=1, parent=parent, round_id=round_id,
            created=created, class_names=CLASSES, files={"weights.safetensors": "a" * 64}, metrics=metrics,
            margin=0.025, is_starter=False, num_deleted_samples=int(number == 2),
        )  # fmt: skip
        name = "golden-1" if round_id is None else f"round-{round_id}"
        self.add(schema.slices, name=name, lineage=1, round_id=round_id, is_retired=False, created=created)
        reason = "perennial train" if parent is None else f"Round {round_id} passed the gate."
        self.add(
            schema.alias_moves, name="production", from_version=parent, to_version=f"v{number}",
            reason=reason, actor="learner", is_roll_back=False, created=created,
        )  # fmt: skip

    def production(self, version: str) -> None:
        self.add(schema.alias, name="production", version=version)

    def round(
        self, number: int, state: str, days: float, production: str, candidate: str | None, judged: Any
    ) -> None:
        started = NOW - timedelta(days=days, minutes=6)
        ended = None if judged is None else started + timedelta(minutes=5)
        self.add(
            schema.rounds, id=number, state=state, requested_by="scheduler", trigger="500 new samples",
            reason=judged and judged["sentence"], production=production, candidate=candidate, num_tries=1,
            verdict=judged, curves=judged and CURVES, cancel_requested=False, created=started,
            started=started,
            ended=ended,
        )  # fmt: skip
        steps = ("preparing", "training", "epoch")
        for minute, step in enumerate(steps):
            detail = {"epoch": 1, "epochs": 3, "training_loss": 0.4123} if step == "epoch" else {}
            moment = started + timedelta(minutes=minute)
            self.add(schema.round_steps, round_id=number, step=step, detail=detail, created=moment)
        if judged:
            for attempt, cure in enumerate(("fine_tune", "half_blend"), start=1):
                self.add(
                    schema.round_attempts, round_id=number, attempt=attempt, cure=cure, verdict=judged,
                    created=started,
                )  # fmt: skip

    def accuracies(self) -> None:
        table = {
            "golden-1": {"v1": 0.93, "v2": 0.935, "v3": 0.91},
            "round-1": {"v1": 0.41, "v2": 0.64, "v3": 0.66},
            "round-3": {"v2": 0.53, "v3": 0.79},
        }
        for name, row in table.items():
            for version, value in row.items():
                self.measure("accuracy", value, version=version, slice=name, num_samples=200)

    def drift(self) -> None:
        rng = np.random.default_rng(0)
        for hour in range(48):
            version = "v2" if hour < 20 else "v3"
            value = 0.002 + 0.0006 * rng.standard_normal() + max(0, hour - 30) * 0.0011
            created = NOW - timedelta(hours=48 - hour)
            detail = {"null_95": 0.0041 + 0.0002 * rng.standard_normal(), "first": None, "last": None}
            self.measure("drift_mmd", value, version=version, detail=detail, created=created)

    def measure(self, metric: str, value: float, **fields: Any) -> None:
        defaults: dict[str, Any] = {"num_samples": 500, "detail": {}, "created": NOW}
        self.add(schema.measurements, metric=metric, value=value, **defaults | fields)

    def pending(self, num_samples: int) -> None:
        rows = [
            {
                "sha256": f"{number:064x}", "phash": number, "origin": "volunteered", "split": "train",
                "label": "bees", "state": "accepted", "source": "field-app", "created": NOW,
            }
            for number in range(num_samples)
        ]  # fmt: skip
        self.connection.execute(insert(schema.samples), rows)

    def questions(self, num: int) -> None:
        for number in range(num):
            created = NOW - timedelta(minutes=number)
            name = new_prediction_id(created) if number else FIRST_PREDICTION
            self.add(
                schema.predictions, id=name, sha256=f"{number:064x}",
                num_bytes=100, label="bees", confidence=0.71, version="v3", embedding=bytes(2 * WIDTH),
                is_audit=True, is_labelled=False, source="anonymous", created=created,
            )  # fmt: skip
            self.add(
                schema.questions, id=f"{number:032x}", sha256=f"{number:064x}", priority=0, created=created,
            )  # fmt: skip
        hour = NOW.replace(minute=0, second=0, microsecond=0)
        self.add(
            schema.prediction_hours,
            hour=hour,
            version="v3",
            label="bees",
            num_predictions=12,
            sum_confidence=9.0,
        )


def add_draw(connection: Connection, number: int, origin: str, version: str, label: str) -> None:
    """Add a prediction of bees whose image was labelled; `origin` says whether it was drawn by lot."""
    name, digest = new_prediction_id(NOW), f"{number:064x}"
    story = Story(connection)
    story.add(
        schema.predictions, id=name, sha256=digest, num_bytes=100, label="bees", confidence=0.71,
        version=version, embedding=bytes(2 * WIDTH), is_audit=origin == "audit", is_labelled=True,
        source="cam", created=NOW,
    )  # fmt: skip
    story.add(
        schema.samples, sha256=digest, phash=number, origin=origin, split="train", label=label,
        state="accepted", source="ann", created=NOW, prediction_id=name, predicted_label="bees",
    )  # fmt: skip


def verdict(decision: str = "passed", sentence: str = "Passed.") -> dict[str, Any]:
    is_passed = decision == "passed"
    old = {
        "num_samples": 600, "champion_accuracy": 0.93, "candidate_accuracy": 0.91, "num_lost": 20,
        "num_won": 8, "lower_bound": -0.021, "upper_bound": 0.004, "margin": 0.025, "is_agreement": 0,
    }  # fmt: skip
    new = {"method": "direct", "num_samples": 140, "difference": 0.264, "p": 4.5e-6, "power": 0.81}
    return {
        "decision": decision,
        "sentence": sentence,
        "checks": [
            {"name": "old", "passed": is_passed, "numbers": old},
            {"name": "classes", "passed": is_passed, "numbers": {"num_lost": int(not is_passed)}},
            {"name": "flips", "passed": True, "numbers": {"negative_flips": 0.031, "limit": 0.05}},
            {"name": "new", "passed": True if is_passed else None, "numbers": new},
        ],
        "lost_classes": [] if is_passed else ["bees"],
        "lost_slices": [],
        "labels_needed": None,
        "power": 0.81,
    }
