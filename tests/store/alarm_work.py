"""Steps that tests of alarms share, each in one call."""

from collections.abc import Sequence
from typing import Any

from store.alarms import Alarm, AlarmImage, AlarmKind, NewAlarm, raise_alarm, read_alarms
from store.database.database import Database
from store.drift_references import (
    DriftImage,
    DriftReference,
    begin_reference,
    current_reference,
)
from store.predictions.prediction_ids import new_prediction_id
from tests.store.log_work import NOON, far_hash, sha_of


def new_alarm(
    kind: AlarmKind = "looks", names: Sequence[str] = ("night 1", "night 2"), **fields: Any
) -> NewAlarm:
    """Return an alarm over images of some names, each beside one by day."""
    values = {
        "version": "v1", "kind": kind, "detector": "embeddings", "since": NOON,
        "sentence": f"The {kind} moved.", "figures": {"statistic": 0.5, "threshold": 0.25},
        "classes": ["bees", "ants"],
        "images": [
            AlarmImage(sha_of(name), new_prediction_id(NOON), sha_of(f"{name}, by day")) for name in names
        ],
    }  # fmt: skip
    return NewAlarm(**values | fields)


def raised(database: Database, kind: AlarmKind = "looks", **fields: Any) -> Alarm:
    alarm = database.write(lambda c: raise_alarm(c, new_alarm(kind, **fields)))
    assert alarm is not None
    return alarm


def newest(database: Database) -> Alarm:
    with database.read() as connection:
        return read_alarms(connection, 1)[0]


def begun(database: Database, version: str = "v1") -> DriftReference:
    return database.write(lambda c: begin_reference(c, version))


def in_force(database: Database) -> DriftReference:
    with database.read() as connection:
        reference = current_reference(connection)
    assert reference is not None
    return reference


def drift_image(name: str, **fields: Any) -> DriftImage:
    values: dict[str, Any] = {
        "sha256": sha_of(name), "prediction_id": new_prediction_id(NOON), "label": "ants",
        "confidence": 0.75, "embedding": b"\x00\x3c" * 4, "group": None, "source": "ada", "created": NOON,
        "phash": far_hash(name),
    }  # fmt: skip
    return DriftImage(**values | fields)
