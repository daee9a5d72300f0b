"""Makes a home with a long past: a million predictions, two hundred rounds and a thousand classes."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import torch
from PIL import Image
from sqlalchemy import Connection, Table, insert

from benchmarks.dashboard.logged import Sizes, fill_log
from store.blobs.blob_store import BlobStore
from store.database import schema
from store.database.database import Database
from vision.artifact import Artifact, to_files
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for

NOW = datetime.now(UTC).replace(microsecond=0)
NUM_PICTURES = 24
_NUM_LIVE_SLICES = 8
_NUM_EPOCHS = 3


def fill(database: Database, blobs: BlobStore, sizes: Sizes, seed: int = 0) -> None:
    """Fill an empty store; the first version's files serve as every version's."""
    files = _files(blobs, sizes)
    pictures = [blobs.put(_picture(seed, number)) for number in range(NUM_PICTURES)]

    def write(work: Callable[[Connection], None]) -> None:
        database.write(work)

    write(lambda c: _versions(c, sizes, files))
    fill_log(database, sizes, pictures, NOW)
    write(lambda c: _rounds(c, sizes))
    write(lambda c: _slices(c, sizes))
    write(lambda c: _measurements(c, sizes, seed))
    write(lambda c: _alarms(c, sizes, pictures))


def _files(blobs: BlobStore, sizes: Sizes) -> dict[str, str]:
    torch.manual_seed(0)
    classifier = build_classifier("resnet18", sizes.num_classes, "none")
    preprocessing = preprocessing_for("resnet18", 32)
    artifact = Artifact("resnet18", tuple(sizes.class_names), preprocessing, classifier.state_dict())
    return {name: blobs.put(content) for name, content in to_files(artifact).items()}


def _picture(seed: int, number: int) -> bytes:
    blocks = np.random.default_rng([seed, number]).integers(0, 256, (12, 16, 3))
    pixels = blocks.repeat(40, axis=0).repeat(40, axis=1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _add(connection: Connection, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    connection.execute(insert(table), list(rows))


def _promoted(sizes: Sizes) -> range:
    """Return the numbers of the rounds that were promoted: round 1 made v2, round 3 made v3."""
    return range(1, 2 * sizes.num_versions - 1, 2)


def _moment(sizes: Sizes, round_id: int) -> datetime:
    return NOW - timedelta(days=sizes.num_rounds - round_id + 1)


def _version_of(round_id: int) -> str:
    """Return what was production after a round."""
    return f"v{1 + (round_id + 1) // 2}"


def _versions(connection: Connection, sizes: Sizes, files: dict[str, str]) -> None:
    def version(number: int) -> dict[str, Any]:
        round_id = 2 * number - 3 if number > 1 else None
        created = _moment(sizes, round_id or 0)
        metrics = {"served_precision": "float32", "validation_accuracy": 0.9, "curves": _curves()}
        return {
            "version": f"v{number}", "number": number, "lineage": 1, "round_id": round_id,
            "parent": f"v{number - 1}" if number > 1 else None, "created": created,
            "class_names": sizes.class_names, "files": files, "metrics": metrics, "margin": 0.025,
            "is_starter": False, "num_deleted_samples": 0,
        }  # fmt: skip

    def move(number: int) -> dict[str, Any]:
        return {
            "name": "production", "from_version": f"v{number - 1}" if number > 1 else None,
            "to_version": f"v{number}", "reason": "Passed: 41.2 → 63.8 % of the new images.",
            "actor": "learner", "is_roll_back": False,
            "created": _moment(sizes, max(0, 2 * number - 3)),
        }  # fmt: skip

    numbers = range(1, sizes.num_versions + 1)
    _add(connection, schema.versions, map(version, numbers))
    _add(connection, schema.alias_moves, map(move, numbers))
    last = f"v{sizes.num_versions}"
    connection.execute(insert(schema.alias).values(name="production", version=last))


def _rounds(connection: Connection, sizes: Sizes) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for number in range(1, sizes.num_rounds + 1):
            is_promoted = number in _promoted(sizes)
            started = _moment(sizes, number)
            verdict = _verdict(is_promoted, sizes)
            yield {
                "id": number, "state": "promoted" if is_promoted else "rejected",
                "requested_by": "scheduler", "trigger": "500 new samples, 500 are enough",
                "reason": verdict["sentence"], "production": _version_of(number - 1),
                "candidate": _version_of(number) if is_promoted else None, "num_tries": 1,
                "verdict": verdict, "curves": _curves(), "cancel_requested": False, "created": started,
                "started": started, "ended": started + timedelta(minutes=20),
            }  # fmt: skip

    def steps() -> Iterator[dict[str, Any]]:
        for number in range(1, sizes.num_rounds + 1):
            for minute, step in enumerate(("preparing", "training", "epoch", "epoch", "epoch", "evaluating")):
                created = _moment(sizes, number) + timedelta(minutes=minute)
                yield {"round_id": number, "step": step, "detail": {"epoch": minute}, "created": created}

    _add(connection, schema.rounds, rows())
    _add(connection, schema.round_steps, steps())
    _add(connection, schema.watches, (_watch(sizes, number) for number in _promoted(sizes)))


def _watch(sizes: Sizes, round_id: int) -> dict[str, Any]:
    begun = _moment(sizes, round_id)
    return {
        "version": _version_of(round_id), "predecessor": _version_of(round_id - 1), "state": "confirmed",
        "num_images": 1200, "read_until": begun,
        "figures": {"lost": 4, "won": 31, "open": 2, "evidence": 0.1},
        "reason": "It is no worse than the one before.", "begun": begun, "ended": begun + timedelta(hours=20),
    }  # fmt: skip


def _slices(connection: Connection, sizes: Sizes) -> None:
    """Add the golden set and a slice a promoted round, of samples in the order of their numbers."""
    promoted = list(_promoted(sizes))
    live = set(promoted[-_NUM_LIVE_SLICES:])

    def row(name: str, round_id: int | None) -> dict[str, Any]:
        created = _moment(sizes, round_id or 0)
        is_retired = round_id is not None and round_id not in live
        return {
            "name": name,
            "lineage": 1,
            "round_id": round_id,
            "is_retired": is_retired,
            "created": created,
        }

    def members() -> Iterator[dict[str, Any]]:
        for number in range(sizes.num_golden):
            yield {"slice": "golden-1", "sample_id": 1 + number}
        for position, round_id in enumerate(promoted):
            first = 1 + sizes.num_golden + position * sizes.num_new
            for sample_id in range(first, first + sizes.num_new):
                yield {"slice": f"round-{round_id}", "sample_id": sample_id}

    _add(connection, schema.slices, iter([row("golden-1", None)]))
    _add(connection, schema.slices, (row(f"round-{number}", number) for number in promoted))
    _add(connection, schema.slice_samples, members())
    # What the last versions answered on all of them: right on nine of ten.
    connection.exec_driver_sql(
        """
        INSERT INTO held_out_answers (version, sha256, label_index, confidence)
        SELECT versions.version, samples.sha256,
            (samples.id * 7919 + (abs(random()) % 10 = 0)) % ?, 0.8
        FROM versions JOIN slice_samples JOIN slices ON slices.name = slice_samples.slice
        JOIN samples ON samples.id = slice_samples.sample_id
        WHERE versions.number > ? AND NOT slices.is_retired
        """,
        (sizes.num_classes, sizes.num_versions - 20),
    )


def _measurements(connection: Connection, sizes: Sizes, seed: int) -> None:
    rng = np.random.default_rng(seed)
    promoted = list(_promoted(sizes))

    def row(metric: str, value: float, created: datetime, **fields: Any) -> dict[str, Any]:
        empty: dict[str, Any] = {
            "version": None,
            "slice": None,
            "round_id": None,
            "detail": {},
            "num_samples": 200,
        }
        return {**empty, "metric": metric, "value": value, "created": created, **fields}

    def accuracies() -> Iterator[dict[str, Any]]:
        for number in range(1, sizes.num_versions + 1):
            known = [f"round-{each}" for each in promoted[max(0, number - 1 - _NUM_LIVE_SLICES) : number]]
            created = _moment(sizes, max(0, 2 * number - 3))
            for name in ("golden-1", *known):
                value = float(rng.uniform(0.85, 0.95))
                yield row("accuracy", value, created, version=f"v{number}", slice=name)

    def drift() -> Iterator[dict[str, Any]]:
        for hour in range(24 * 30):
            version = f"v{max(1, sizes.num_versions - (24 * 30 - 1 - hour) // 48)}"
            value, created = float(rng.normal(0.002, 0.001)), NOW - timedelta(hours=24 * 30 - hour)
            detail = {"null_95": 0.004, "first": None, "last": None}
            yield row("drift_mmd", value, created, version=version, detail=detail)

    _add(connection, schema.measurements, accuracies())
    _add(connection, schema.measurements, drift())


def _alarms(connection: Connection, sizes: Sizes, pictures: list[str]) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for number in range(1, sizes.num_alarms + 1):
            raised = NOW - timedelta(days=sizes.num_alarms - number)
            is_open = number == sizes.num_alarms
            yield {
                "id": number, "version": f"v{sizes.num_versions}", "kind": "looks", "detector": "embeddings",
                "state": "open" if is_open else "ended", "raised": raised, "since": raised,
                "ended": None if is_open else raised + timedelta(hours=5),
                "sentence": "The images look otherwise: darker by 38 %.", "figures": {"statistic": 0.4},
                "classes": sizes.class_names[:3],
            }  # fmt: skip

    def images() -> Iterator[dict[str, Any]]:
        for number in range(1, sizes.num_alarms + 1):
            for position, sha256 in enumerate(pictures[:20]):
                yield {
                    "alarm_id": number, "position": position, "sha256": sha256,
                    "prediction_id": f"{number:032x}", "nearest_sha256": pictures[-1],
                }  # fmt: skip

    _add(connection, schema.alarms, rows())
    _add(connection, schema.alarm_images, images())


def _curves() -> dict[str, Any]:
    epochs = [
        {
            "epoch": epoch, "training_loss": 0.9 / epoch, "validation_loss": 0.8 / epoch,
            "training_accuracy": 0.8, "validation_accuracy": 0.78, "seconds": 60.0,
        }
        for epoch in range(1, _NUM_EPOCHS + 1)
    ]  # fmt: skip
    return {"epochs": epochs, "best_epoch": _NUM_EPOCHS, "diagnosis": "good_fit"}


def _verdict(is_promoted: bool, sizes: Sizes) -> dict[str, Any]:
    old = {
        "num_samples": sizes.num_golden, "champion_accuracy": 0.93, "candidate_accuracy": 0.928,
        "num_lost": 20, "num_won": 16, "lower_bound": -0.01, "upper_bound": 0.004, "margin": 0.025,
        "is_agreement": 0,
    }  # fmt: skip
    new = {"method": "direct", "num_samples": sizes.num_new, "difference": 0.2, "p": 4e-6, "power": 0.8}
    lost = [] if is_promoted else sizes.class_names[:5]
    return {
        "decision": "passed" if is_promoted else "rejected",
        "sentence": "Passed: new images 41.2 → 63.8 %." if is_promoted else "Rejected: five classes lost.",
        "checks": [
            {"name": "old", "passed": True, "numbers": old},
            {"name": "classes", "passed": is_promoted, "numbers": {"num_lost": len(lost)}},
            {"name": "flips", "passed": True, "numbers": {"negative_flips": 0.031, "limit": 0.05}},
            {"name": "new", "passed": is_promoted or None, "numbers": new},
        ],
        "lost_classes": lost,
        "lost_slices": [],
        "labels_needed": None,
        "power": 0.81,
    }
