"""A store with a long past: a million predictions, 200 rounds and 1,000 classes."""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Connection, Table, insert

from store import registry, slices, workers
from store.blobs.blob_store import BlobStore
from store.database import schema
from store.database.chunks import chunks
from store.database.database import Database
from store.evidence.answers import Answer, store_answers
from store.predictions.prediction_ids import new_prediction_id
from store.versions import NewVersion, add_version
from store.workers import WorkerBeat

NUM_PREDICTIONS = 1_000_000
NUM_ROUNDS = 200
NUM_CLASSES = 1_000
NUM_GOLDEN = 10_000
CLASSES = tuple(f"species {number:04d}" for number in range(NUM_CLASSES))
_NUM_IMAGES = 500
_NUM_SLICES = 8
_CHUNK = 20_000
_DAYS = 30
_STEPS = ("requested", "preparing", "training", *["epoch"] * 3, "evaluating", "promoted")


def fill(database: Database, blobs: BlobStore, seed: int) -> None:
    """Write the past of thirty days into an empty store; every second round was promoted."""
    rng = np.random.default_rng(seed)
    images = [blobs.put(_picture(rng)) for _ in range(_NUM_IMAGES)]
    now = datetime.now(UTC)
    database.write(lambda connection: _versions(connection, now))
    _insert(database, schema.samples, _samples(images, now))
    database.write(lambda connection: _judge(connection, rng, now))
    _insert(database, schema.predictions, _predictions(rng, images, now))
    _insert(database, schema.prediction_hours, _hours(rng, now))
    database.write(lambda connection: _questions(connection, images, now))


def _picture(rng: np.random.Generator) -> bytes:
    file = io.BytesIO()
    blocks = rng.integers(0, 255, (7, 7, 3), dtype=np.uint8)
    Image.fromarray(blocks).resize((224, 224), Image.Resampling.BICUBIC).save(file, "JPEG", quality=85)
    return file.getvalue()


def _insert(database: Database, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    for number, chunk in enumerate(chunks(rows, _CHUNK)):
        database.write(lambda connection, chunk=chunk: connection.execute(insert(table), chunk) and None)  # type: ignore[misc]
        if number % 10 == 0:
            print(f"{table.name}: {number * _CHUNK} rows", file=sys.stderr, flush=True)


def _versions(connection: Connection, now: datetime) -> None:
    _promote(connection, None)
    slices.add_slice(connection, "golden-1", 1, None, range(1, NUM_GOLDEN + 1))
    production = "v1"
    for number in range(1, NUM_ROUNDS + 1):
        candidate = _promote(connection, production) if number % 2 else None
        _round(connection, number, production, candidate, now)
        production = candidate or production
    first = NUM_ROUNDS - 1 - 2 * (_NUM_SLICES - 1)
    for number in range(first, NUM_ROUNDS, 2):
        slices.add_slice(connection, f"round-{number}", 1, number, [])
    workers.beat(connection, WorkerBeat("worker-1", production, now, None, "cpu"))


def _promote(connection: Connection, parent: str | None) -> str:
    version = add_version(connection, NewVersion(CLASSES, {"weights": "a" * 64}, parent=parent), []).version
    registry.promote(connection, version, reason="Passed the gate.", actor="learner")
    return version


def _round(
    connection: Connection, number: int, production: str, candidate: str | None, now: datetime
) -> None:
    ended = now - timedelta(hours=(NUM_ROUNDS - number) * _DAYS * 24 / NUM_ROUNDS)
    rules = ("golden", "slices", "anchor", "classes", "new", "flips")
    checks = [
        {
            "name": name,
            "passed": True,
            "rule": f"The rule of {name}",
            "figure": "−0.4 points",
            "bound": "−2.0",
        }
        for name in rules
    ]
    epochs = [
        {"epoch": n, "training_loss": 1 / n, "validation_loss": 1 / n, "training_accuracy": 0.8,
         "validation_accuracy": 0.8}
        for n in range(1, 4)
    ]  # fmt: skip
    sentence = "Passed: right on 40 more new images." if candidate else "Rejected: too many old images lost."
    row = {
        "id": number, "state": "promoted" if candidate else "rejected", "requested_by": "scheduler",
        "trigger": "500 new samples", "reason": sentence, "production": production, "candidate": candidate,
        "verdict": {"decision": "passed", "sentence": sentence, "checks": checks},
        "curves": {"epochs": epochs, "best_epoch": 3, "diagnosis": "good fit"},
        "created": ended, "started": ended, "ended": ended,
    }  # fmt: skip
    connection.execute(insert(schema.rounds), row)
    steps = [{"round_id": number, "step": step, "detail": {}, "created": ended} for step in _STEPS]
    connection.execute(insert(schema.round_steps), steps)


def _samples(images: list[str], now: datetime) -> Iterator[dict[str, Any]]:
    for number in range(NUM_GOLDEN):
        yield {
            "sha256": images[number] if number < len(images) else f"{number:064x}", "phash": number,
            "origin": "initial", "split": "golden", "label": CLASSES[number % NUM_CLASSES],
            "state": "accepted", "source": "train", "is_seen": True, "created": now,
        }  # fmt: skip


def _judge(connection: Connection, rng: np.random.Generator, now: datetime) -> None:
    rows = [
        {
            "metric": "accuracy", "version": f"v{version}", "slice": name, "num_samples": 500,
            "value": float(rng.uniform(0.6, 0.9)), "detail": {}, "created": now,
        }
        for version in range(1, NUM_ROUNDS // 2 + 2)
        for name in ("golden-1", f"round-{2 * version - 3}", f"round-{2 * version - 1}")
    ]  # fmt: skip
    rows += [
        {
            "metric": "drift_mmd", "version": f"v{NUM_ROUNDS // 2 + 1}", "slice": None, "value": 0.002,
            "num_samples": 500, "detail": {"null_95": 0.004}, "created": now - timedelta(hours=hour),
        }
        for hour in range(_DAYS * 24)
    ]  # fmt: skip
    connection.execute(insert(schema.measurements), rows)
    shas = (
        connection.execute(schema.samples.select().with_only_columns(schema.samples.c.sha256)).scalars().all()
    )
    for version in (NUM_ROUNDS // 2, NUM_ROUNDS // 2 + 1):
        wrong = rng.random(len(shas)) < 0.1
        answers = {
            sha256: Answer((number + int(wrong[number])) % NUM_CLASSES, 0.9)
            for number, sha256 in enumerate(shas)
        }
        store_answers(connection, f"v{version}", answers)


def _predictions(rng: np.random.Generator, images: list[str], now: datetime) -> Iterator[dict[str, Any]]:
    embedding = bytes(1024)
    for number in range(NUM_PREDICTIONS):
        created = now - timedelta(days=_DAYS) * (1 - number / NUM_PREDICTIONS)
        yield {
            "id": new_prediction_id(created), "sha256": images[number % len(images)], "num_bytes": 6000,
            "label": CLASSES[number * 7 % NUM_CLASSES], "confidence": float(rng.random()),
            "version": f"v{NUM_ROUNDS // 2 + 1}", "embedding": embedding, "is_audit": number % 20 == 0,
            "is_labelled": False, "source": f"camera {number % 7}", "created": created,
        }  # fmt: skip


def _hours(rng: np.random.Generator, now: datetime) -> Iterator[dict[str, Any]]:
    present = now.replace(minute=0, second=0, microsecond=0)
    for back in range(_DAYS * 24):
        for name in CLASSES:
            yield {
                "hour": present - timedelta(hours=back), "version": f"v{NUM_ROUNDS // 2 + 1}", "label": name,
                "num_predictions": 1 + int(rng.integers(3)), "sum_confidence": 1.0,
            }  # fmt: skip


def _questions(connection: Connection, images: list[str], now: datetime) -> None:
    rows = [
        {"id": f"{number:032x}", "sha256": sha256, "priority": 0, "created": now}
        for number, sha256 in enumerate(images)
    ]
    connection.execute(insert(schema.questions), rows)
