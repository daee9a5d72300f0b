"""Reads the images that an experiment runs on; they are shrunk once and kept in memory."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from transfer.cuts import VALIDATION_FRACTION, cut, cut_three_ways
from transfer.digits import load_scans
from vision.augmentation import Level
from vision.decoding import ImageLimits, decode_image
from vision.sources.checking import check_images
from vision.sources.detection import list_images
from vision.sources.listing import LabelledImage

Pair = tuple[bytes, int]
# Called with (stage, images done, images in all).
OnImage = Callable[[str, int, int], None]

IMAGE_SIZE = 128
DIGITS_IMAGE_SIZE = 64
_NUM_DIGITS = 800
_TEST_FRACTION = 0.5
# So that a crop of half an image's area still has more pixels than the network's input.
_MARGIN = 2
_QUALITY = 95


@dataclass(frozen=True, slots=True)
class LabImages:
    """Images in their parts; no image is in two of them.

    Attributes:
        name: What they are, in words.
        class_names: In the order of the class indices.
        training: To learn from; each seed cuts its validation images from them.
        tests: By name, images on which nothing is chosen; all tests hold the same images, in other forms.
        image_size: Side in pixels of the networks' input.
        augmentation: The random variants that suit them.
        unlabelled: Other images in the form of the last test, for adaptations.
        notes: What a reader must know about them.
    """

    name: str
    class_names: tuple[str, ...]
    training: list[Pair]
    tests: Mapping[str, list[Pair]]
    image_size: int
    augmentation: Level
    unlabelled: list[Pair] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    @property
    def test(self) -> list[Pair]:
        """The images as they are, which nothing was chosen on."""
        return next(iter(self.tests.values()))


def folder_images(
    place: Path, limits: ImageLimits, image_size: int | None, max_images: int, on_image: OnImage
) -> LabImages:
    """Return the images of a source that `perennial train` can read.

    Args:
        place: The source.
        limits: What one image may cost.
        image_size: Side of the networks' input in pixels; None for the default.
        max_images: Images of all parts together, at most.
        on_image: Called after each image.

    Raises:
        SourceError: They can't be trained on.
    """
    checked = check_images(
        list_images(place, limits),
        limits,
        on_image=lambda done, total: on_image("checking", done, total),
    )
    parts = cut_three_ways(checked)
    training, test = [*parts["train"], *parts["validation"]], parts["golden"]
    notes = list(checked.notes)
    if len(training) + len(test) > max_images:
        notes.append(
            f"Of {len(training) + len(test)} images, {max_images} are used, in the same shares of "
            "each class and part."
        )
        share = max_images / (len(training) + len(test))
        training, test = cut(training, share)[1], cut(test, share)[1]
    if checked.unreadable:
        notes.append(f"{len(checked.unreadable)} files could not be read as images and were left out.")
    if checked.contradicting:
        notes.append(f"{len(checked.contradicting)} images come under several classes and were left out.")
    size = image_size or IMAGE_SIZE
    num_images = len(training) + len(test)
    read = _Reader(checked.class_names, limits, _MARGIN * size, num_images, on_image)
    return LabImages(
        name=str(place),
        class_names=checked.class_names,
        training=[read(image) for image in training],
        tests={"test": [read(image) for image in test]},
        image_size=size,
        augmentation="basic",
        notes=tuple(notes),
    )


def digit_images(
    limits: ImageLimits, image_size: int | None, max_images: int, on_image: OnImage
) -> LabImages:
    """Return handwritten digits that come with the installation, where no source is named.

    Args:
        limits: What one image may cost.
        image_size: Side of the networks' input in pixels; None for the default.
        max_images: Images of all parts together, at most.
        on_image: Called after each image.
    """
    scans = load_scans()[: min(_NUM_DIGITS, max_images)]
    images = [LabelledImage(scan.png, scan.label, scan.name) for scan in scans]
    names = tuple(sorted({image.label for image in images}))
    training, test = cut(images, _TEST_FRACTION)
    size = image_size or DIGITS_IMAGE_SIZE
    read = _Reader(names, limits, _MARGIN * size, len(images), on_image)
    return LabImages(
        name="handwritten digits",
        class_names=names,
        training=[read(image) for image in training],
        tests={"test": [read(image) for image in test]},
        image_size=size,
        # A mirrored digit is another digit, or none.
        augmentation="gentle",
        notes=(
            "No folder was named, so these are demonstration images: scans of handwritten digits that come "
            "with scikit-learn, 8 pixels wide. What is true of them may not be true of photographs.",
        ),
    )


def cut_off(pairs: Sequence[Pair], seed: int) -> tuple[list[Pair], list[Pair]]:
    """Return (training, validation), both shuffled; each seed puts other images of a class in validation."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pairs)).tolist()
    validation = set[int]()
    for label in {label for _, label in pairs}:
        own = [index for index in order if pairs[index][1] == label]
        validation.update(own[: max(1, round(VALIDATION_FRACTION * len(own)))])
    training = [pairs[index] for index in order if index not in validation]
    return training, [pairs[index] for index in order if index in validation]


def first_of_each(pairs: Sequence[Pair], num_each: int) -> list[Pair]:
    """Return the first pairs of each class, or all where a class has fewer."""
    first, counts = list[Pair](), dict[int, int]()
    for pair in pairs:
        counts[pair[1]] = counts.get(pair[1], 0) + 1
        if counts[pair[1]] <= num_each:
            first.append(pair)
    return first


def encoded(image: Image.Image, *, is_lossless: bool = False) -> bytes:
    """Return an RGB image as a file: PNG where no pixel may change, else JPEG of high quality."""
    buffer = io.BytesIO()
    if is_lossless:
        image.save(buffer, "PNG", compress_level=1)
    else:
        image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


class _Reader:
    """Reads images one by one, and shrinks those that are larger than an experiment needs."""

    def __init__(
        self, class_names: Sequence[str], limits: ImageLimits, side: int, total: int, on_image: OnImage
    ) -> None:
        self._numbers = {name: number for number, name in enumerate(class_names)}
        self._limits, self._on_image = limits, on_image
        self._side = side
        self._done, self._total = 0, total

    def __call__(self, listed: LabelledImage) -> Pair:
        content = listed.read()
        image = decode_image(content, self._limits)
        factor = self._side / min(image.size)
        if factor < 1:
            size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
            content = encoded(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
        self._done += 1
        self._on_image("shrinking", self._done, self._total)
        return content, self._numbers[listed.label]
