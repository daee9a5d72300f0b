"""Turns pages of the log into distinct images: repeats and bursts of one thing count once."""

import logging
from collections.abc import Sequence

import numpy as np

from monitoring.drift.observations import Observations
from monitoring.drift.stream import Row, distinct
from store.blobs.blob_store import BlobStore
from store.drift_references import DriftImage, LoggedImage
from store.errors import BlobMissingError
from vision.decoding import ImageLimits, decode_grey
from vision.errors import ImageError
from vision.perceptual_hash import perceptual_hash

log = logging.getLogger(__name__)


def distinct_images(
    logged: Sequence[LoggedImage], known: Sequence[DriftImage], blobs: BlobStore, limits: ImageLimits
) -> list[DriftImage]:
    """Return those of the images that count, in their order.

    An image does not count where its bytes are known, where it shows nearly the same as a known one, or
    where one of its group is known; nor where it can't be read, or its embedding is no number.

    Args:
        logged: New ones, in the order of the log.
        known: Those before, among which they are compared with each other too.
        blobs: Where their bytes are.
        limits: What one image may cost.
    """
    seen = {image.sha256 for image in known}
    groups = {(image.source, image.group) for image in known if image.group is not None}
    new: list[DriftImage] = []
    for image in logged:
        # Known ones are left out before they are decoded, which takes longer than all the rest.
        if image.sha256 in seen or (image.source, image.group) in groups:
            continue
        seen.add(image.sha256)
        hashed = _hashed(image, blobs, limits)
        if hashed is not None:
            new.append(hashed)
    kept = distinct([_row(image) for image in (*known, *new)])
    return [new[index - len(known)] for index in kept if index >= len(known)]


def observations(images: Sequence[DriftImage], class_names: Sequence[str]) -> Observations:
    """Return images as detectors take them; their labels must be classes."""
    index_of = {name: index for index, name in enumerate(class_names)}
    return Observations(
        embeddings=np.array([_embedding(image) for image in images], dtype=np.float32),
        labels=np.array([index_of[image.label] for image in images], dtype=np.int64),
        confidences=np.array([image.confidence for image in images], dtype=np.float32),
    )


def _embedding(image: LoggedImage) -> np.ndarray:
    return np.frombuffer(image.embedding, dtype="<f2")


def _hashed(image: LoggedImage, blobs: BlobStore, limits: ImageLimits) -> DriftImage | None:
    if not np.isfinite(_embedding(image)).all():
        return None
    try:
        phash = perceptual_hash(decode_grey(blobs.get(image.sha256), limits))
    except (BlobMissingError, ImageError) as error:
        log.info("an image is not compared with what is normal: %s", error)
        return None
    fields = {name: getattr(image, name) for name in LoggedImage.__dataclass_fields__}
    return DriftImage(**fields, phash=phash)


def _row(image: DriftImage) -> Row:
    # Clients of two sources may give one name to two groups.
    group = None if image.group is None else f"{image.source}\0{image.group}"
    return Row(sha256=image.sha256, phash=image.phash, group=group, source=image.source)
