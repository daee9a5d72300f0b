"""The demo's images: those learnt first, those that users send after the drift, and unseen ones."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageFilter

from transfer.cuts import PartName, cut
from transfer.digits import IMAGE_SIZE, drifted_png, load_scans
from transfer.errors import TooFewImagesError
from vision.decoding import ImageLimits, decode_image
from vision.sources.checking import check_images
from vision.sources.detection import list_images
from vision.sources.listing import LabelledImage

NUM_FEEDBACK = 660
_NUM_DIGITS_UNSEEN = 287
_MIN_IMAGES = 400
_GOLDEN = 0.2
_VALIDATION = 0.15


@dataclass(frozen=True, slots=True)
class DemoImages:
    """Images by their part in the demo; each image has one part only.

    Attributes:
        class_names: All classes.
        initial: To train on, before anything drifts.
        feedback: Drifted, as users send them with a label.
        unseen_old: For measuring, without drift.
        unseen_new: For measuring, drifted.
        drift: What changed, in words.
        image_size: Of the network's input.
        augmentation: Of the first training.
    """

    class_names: tuple[str, ...]
    initial: tuple[LabelledImage, ...]
    feedback: tuple[LabelledImage, ...]
    unseen_old: tuple[LabelledImage, ...]
    unseen_new: tuple[LabelledImage, ...]
    drift: str
    image_size: int | None
    augmentation: Literal["gentle", "basic"]

    def parts(self) -> dict[PartName, list[LabelledImage]]:
        """Return the initial images cut three ways."""
        rest, golden = cut(self.initial, _GOLDEN)
        train, validation = cut(rest, _VALIDATION)
        return {"train": train, "validation": validation, "golden": golden}


def digit_images() -> DemoImages:
    """Return handwritten digits that drift to a bolder, slanted hand on grey, noisy paper."""
    scans = load_scans()
    rng = np.random.default_rng(0)
    first_unseen = len(scans) - _NUM_DIGITS_UNSEEN
    first_feedback = first_unseen - NUM_FEEDBACK
    clean = [LabelledImage(scan.png, scan.label, scan.name) for scan in scans]
    drifted = [
        LabelledImage(_fixed(drifted_png(scan, rng)), scan.label, f"drifted {scan.name}")
        for scan in scans[first_feedback:]
    ]
    return DemoImages(
        class_names=tuple(sorted({file.label for file in clean})),
        initial=tuple(clean[:first_feedback]),
        feedback=tuple(drifted[:NUM_FEEDBACK]),
        unseen_old=tuple(clean[first_unseen:]),
        unseen_new=tuple(drifted[NUM_FEEDBACK:]),
        drift="a bolder, slanted hand on grey and noisy paper",
        image_size=IMAGE_SIZE,
        augmentation="gentle",
    )


def folder_images(directory: Path, limits: ImageLimits) -> DemoImages:
    """Return a folder's images that drift to night: darker, noisy, blurred.

    Raises:
        SourceError: The folder can't be trained on.
        TooFewImagesError: It holds too few images for all parts.
    """
    checked = check_images(list_images(directory, limits), limits)
    images = checked.images
    if len(images) < _MIN_IMAGES:
        raise TooFewImagesError(
            f"Expected at least {_MIN_IMAGES} images in {directory}, found {len(images)}: the demo trains on "
            "some, sends some as feedback and measures on the others. Add images, or name no folder."
        )
    rng = np.random.default_rng(0)
    files = [images[number] for number in rng.permutation(len(images))]
    num_feedback = min(NUM_FEEDBACK, round(0.4 * len(files)))
    num_unseen = min(500, round(0.15 * len(files)))
    feedback, unseen = files[:num_feedback], files[num_feedback : num_feedback + num_unseen]
    by_night = [
        LabelledImage(_night(file, limits, rng), file.label, file.name) for file in [*feedback, *unseen]
    ]
    return DemoImages(
        class_names=checked.class_names,
        initial=tuple(files[num_feedback + num_unseen :]),
        feedback=tuple(by_night[:num_feedback]),
        unseen_old=tuple(unseen),
        unseen_new=tuple(by_night[num_feedback:]),
        drift="night: darker, noisy, blurred",
        image_size=None,
        augmentation="basic",
    )


def _fixed(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def _night(file: LabelledImage, limits: ImageLimits, rng: np.random.Generator) -> Callable[[], bytes]:
    seed = int(rng.integers(2**31))

    def read() -> bytes:
        drawn = np.random.default_rng(seed)
        image = decode_image(file.read(), limits)
        image.thumbnail((512, 512))
        blurred = image.filter(ImageFilter.GaussianBlur(max(image.size) / 60))
        pixels = np.asarray(blurred, dtype=np.float64) * drawn.uniform(0.25, 0.4)
        noisy = pixels + drawn.normal(0, 12, pixels.shape)
        buffer = io.BytesIO()
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    return read
