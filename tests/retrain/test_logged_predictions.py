import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from retrain.logged_predictions import live_accuracy, logged_images
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.samples.pending import pending_samples
from store.versions import NewVersion, add_version, find_version


def _answered(world: Any, version: str, number: int, content: bytes | None = None) -> str:
    """Log a prediction of a version that says "red", and return its number."""
    row = LoggedPrediction(
        id=f"{version}-{number}",
        sha256=f"{number:064x}" if content is None else world.blobs.put(content),
        num_bytes=1 if content is None else len(content),
        label="red",
        confidence=0.8,
        version=version,
        embedding=b"",
        is_audit=True,
        group=None,
        source="tests",
        created=datetime.now(UTC),
    )
    world.database.write(lambda c: log_predictions(c, [row]))
    return row.id


def test_audits_of_another_versions_answers_do_not_count(small_world: Any, picture: Any) -> None:
    new = NewVersion(class_names=("blue", "red"), files=small_world.production.files, parent="v1")
    small_world.database.write(lambda c: add_version(c, new, []))
    # v1 was right once in three, v2 twice in three.
    for number in range(18):
        version = "v2" if number % 2 else "v1"
        is_right = (number // 2) % 3 < (2 if version == "v2" else 1)
        small_world.add(
            "red" if is_right else "blue",
            picture("red" if is_right else "blue", 500 + number),
            origin="audit",
            prediction_id=_answered(small_world, version, number),
            predicted_label="red",
        )
    with small_world.database.read() as connection:
        pending = pending_samples(connection)
        counted = live_accuracy(connection, find_version(connection, "v2"), pending, min_audits=5)
        unknown = live_accuracy(connection, find_version(connection, "v2"), pending, min_audits=10)
    assert counted.accuracy == pytest.approx(6 / 9)
    assert counted.num_audited == 9
    # Too few of its own: its confidences stand in.
    assert unknown.accuracy == pytest.approx(0.8)
    assert unknown.num_audited is None


def test_logged_images_that_the_store_lost_are_left_out(small_world: Any, picture: Any) -> None:
    contents = [picture("red", 600 + number) for number in range(20)]
    for number, content in enumerate(contents):
        _answered(small_world, "v1", number, content)
    shas = [hashlib.sha256(content).hexdigest() for content in contents]
    for sha256 in shas[:5]:
        small_world.blobs.delete(sha256)
    rehearsed, held_out = logged_images(small_world.state, limit=100)
    assert sorted(rehearsed + held_out) == sorted(shas[5:])
