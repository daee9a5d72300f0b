"""Pictures that production is asked, with embeddings that are their own colours, and what is normal."""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
from PIL import Image

from monitoring.drift.settings import AlarmSettings
from retrain.alarms.settings import AlarmJobSettings
from store.drift_references import DriftReference, add_images, begin_reference, current_reference
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.samples.splits import SplitSettings
from tests.retrain.world import CLASSES, World, picture

#: Thresholds from few simulations, and few pictures that are normal: a test has seconds. A false alarm comes
#: once in 20,000 pictures.
SETTINGS = AlarmJobSettings(
    detection=AlarmSettings(declared_images=20_000, num_paths=60),
    min_normal=200,
    max_normal=300,
    max_images=400,
)
# Tests ask for the same ones.
_picture = cache(picture)
_NOT_DRAWN = SplitSettings(holdout_fraction=0.0, validation_fraction=0.0, audit_fraction=0.0)


def day(num: int, start: int = 0, classes: Sequence[str] = CLASSES) -> list[tuple[str, bytes]]:
    """Return (label, content) of pictures by day, each like no other."""
    return _pictures(num, start, classes, night=False)


def night(num: int, start: int = 0, classes: Sequence[str] = CLASSES) -> list[tuple[str, bytes]]:
    """Return (label, content) of pictures by night, each like no other."""
    return _pictures(num, 100_000 + start, classes, night=True)


def begin(world: World) -> DriftReference:
    """Begin to collect what is normal for production, an hour ago."""
    reference = world.database.write(lambda c: begin_reference(c, world.production.version))
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    world.database.write(lambda c: add_images(c, reference, [], hour_ago, keep=1))
    return in_force(world)


def serve(
    world: World,
    pictures: Sequence[tuple[str, bytes]],
    *,
    source: str = "app",
    group: str | None = None,
) -> None:
    """Let production answer pictures, a millisecond apart, where the log was read up to."""
    start, version = in_force(world).read_until, world.production.version
    rows = []
    with ThreadPoolExecutor() as threads:
        sha256s = list(threads.map(world.blobs.put, (content for _, content in pictures)))
    for number, (sha256, (label, content)) in enumerate(zip(sha256s, pictures, strict=True)):
        created = start + timedelta(milliseconds=number)
        rows.append(
            LoggedPrediction(
                id=new_prediction_id(created),
                sha256=sha256,
                num_bytes=len(content),
                label=label,
                confidence=0.9,
                version=version,
                embedding=embedding(content),
                group=group,
                source=source,
                created=created,
            )
        )
    world.database.write(lambda c: log_predictions(c, rows, _NOT_DRAWN))


def in_force(world: World) -> DriftReference:
    with world.database.read() as connection:
        reference = current_reference(connection)
    assert reference is not None
    return reference


def embedding(content: bytes) -> bytes:
    """Return the colours of 4 × 4 places of a picture, as a network's features would be stored."""
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB").resize((4, 4), Image.Resampling.BOX))
    return (pixels.reshape(-1) / 255).astype("<f2").tobytes()


def _pictures(num: int, start: int, classes: Sequence[str], *, night: bool) -> list[tuple[str, bytes]]:
    labels = [classes[number % len(classes)] for number in range(start, start + num)]
    return [(label, _picture(label, start + number, night=night)) for number, label in enumerate(labels)]
