"""Tells what an alarm is about: in words, classes and images."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from monitoring.drift.explanation import Explanation
from monitoring.drift.image_statistics import ImageStatistics, differences, in_words, measure
from monitoring.drift.monitor import Signal
from retrain.alarms import wording
from retrain.alarms.references import Normal
from retrain.alarms.settings import AlarmJobSettings
from store.alarms import AlarmImage, NewAlarm
from store.blobs.blob_store import BlobStore
from store.drift_references import DriftImage
from store.errors import BlobMissingError
from vision.decoding import ImageLimits, decode_image
from vision.errors import ImageError

# Fewer don't tell what is clear.
_MIN_IMAGES = 5


@dataclass(frozen=True, slots=True)
class Crossing:
    """That the last images differ from the normal ones, and in what.

    Attributes:
        signal: What noticed.
        explanation: In what they differ; its rows are of `recent` and `normal`.
        normal: The images that are normal.
        recent: The last images up to the one at which it was noticed.
    """

    signal: Signal
    explanation: Explanation
    normal: Sequence[DriftImage]
    recent: Sequence[DriftImage]


def new_alarm(crossing: Crossing, normal: Normal, blobs: BlobStore, settings: AlarmJobSettings) -> NewAlarm:
    """Return the alarm that a crossing raises."""
    explanation, recent, production = crossing.explanation, crossing.recent, normal.production
    classes = [production.class_names[index] for index in explanation.classes]
    since = recent[explanation.since].created
    figures = {"statistic": crossing.signal.statistic, "threshold": crossing.signal.threshold}
    return NewAlarm(
        version=production.version,
        kind=explanation.kind,
        detector=crossing.signal.detector,
        since=since,
        sentence=_sentence(crossing, classes, blobs, settings),
        figures={**figures, **explanation.figures},
        classes=classes,
        images=[
            AlarmImage(recent[row].sha256, recent[row].prediction_id, crossing.normal[nearest].sha256)
            for row, nearest in zip(explanation.witness, explanation.nearest, strict=True)
        ],
    )


def _sentence(
    crossing: Crossing, classes: Sequence[str], blobs: BlobStore, settings: AlarmJobSettings
) -> str:
    since, now = crossing.recent[crossing.explanation.since].created, crossing.recent[-1].created
    moved = crossing.recent[crossing.explanation.since :]
    if crossing.explanation.kind == "class_mix":
        return wording.class_mix(since, now, _shares(crossing.normal, moved, classes))
    return wording.looks(since, now, classes, _words(crossing, blobs, settings))


def _words(crossing: Crossing, blobs: BlobStore, settings: AlarmJobSettings) -> str:
    """Return how the images that made the alarm most differ from normal ones that were answered alike."""
    witnesses = [crossing.recent[row] for row in crossing.explanation.witness]
    labels = {image.label for image in witnesses}
    alike = [image for image in crossing.normal if image.label in labels]
    before, after = (_measured(images, blobs, settings) for images in (alike, witnesses))
    return in_words(differences(before, after)) if min(len(before), len(after)) >= _MIN_IMAGES else ""


def _shares(
    normal: Sequence[DriftImage], moved: Sequence[DriftImage], classes: Sequence[str]
) -> list[tuple[str, float, float]]:
    before, after = (Counter(image.label for image in images) for images in (normal, moved))
    return [(name, before[name] / len(normal), after[name] / len(moved)) for name in classes]


def _measured(
    images: Sequence[DriftImage], blobs: BlobStore, settings: AlarmJobSettings
) -> list[ImageStatistics]:
    """Return the statistics of images evenly drawn from a sequence; those that are gone are left out."""
    num = min(len(images), settings.num_described)
    chosen = [images[int(row)] for row in np.linspace(0, len(images) - 1, num)]
    measured = (_measure(image, blobs, settings.limits) for image in chosen)
    return [each for each in measured if each is not None]


def _measure(image: DriftImage, blobs: BlobStore, limits: ImageLimits) -> ImageStatistics | None:
    try:
        content = blobs.get(image.sha256)
        decoded = decode_image(content, limits)
    except (BlobMissingError, ImageError):
        return None
    try:
        # As it was opened, it tells its own size and quality too.
        with Image.open(BytesIO(content)) as opened:
            return measure(opened)
    except OSError:
        return measure(decoded)
