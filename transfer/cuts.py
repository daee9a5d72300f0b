"""Cuts labelled images into train, validation and golden, the same way at every call."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vision.sources.checking import CheckedImages
from vision.sources.listing import LabelledImage

#: The three parts into which labelled images are cut.
PartName = Literal["train", "validation", "golden"]
GOLDEN_FRACTION = 0.2
VALIDATION_FRACTION = 0.15


def cut(images: Sequence[LabelledImage], fraction: float) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Return (rest, part): the part holds a fraction of each class."""
    rest, part = [], []
    for label in sorted({image.label for image in images}):
        ranked = sorted((image for image in images if image.label == label), key=_rank)
        num_in_part = max(1, round(len(ranked) * fraction))
        part += ranked[:num_in_part]
        rest += ranked[num_in_part:]
    return rest, part


def cut_three_ways(checked: CheckedImages) -> dict[PartName, list[LabelledImage]]:
    """Return a source's images as train, validation and golden; each image is in one of them.

    The source's test part is golden, and its val part is validation. Without a test part, val is golden. A
    part that the source lacks is cut from train.
    """
    rest, val, test = checked.of("train", None), checked.of("val"), checked.of("test")
    golden = test or val
    if not golden:
        rest, golden = cut(rest, GOLDEN_FRACTION)
    if test and val:
        return {"train": rest, "validation": val, "golden": golden}
    train, validation = cut(rest, VALIDATION_FRACTION)
    return {"train": train, "validation": validation, "golden": golden}


def _rank(image: LabelledImage) -> str:
    return hashlib.sha256(Path(image.name).name.encode()).hexdigest()
