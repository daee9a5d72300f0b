"""Decodes every image of a listing once, and checks whether the listing can be trained on."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from vision.decoding import ImageLimits, decode_image
from vision.errors import ImageError, NoImagesError, OneClassError, SmallClassError, UnreadableImagesError
from vision.sources.listing import (
    NUM_NAMED,
    LabelledImage,
    Listing,
    Split,
    also_left_out,
    reasons,
    refuse_twins,
)

MIN_IMAGES_PER_CLASS = 10
MAX_UNREADABLE_SHARE = 0.10
_NUM_THREADS = 4


@dataclass(frozen=True, slots=True)
class CheckedImages:
    """The readable images of a source, in its order.

    Attributes:
        class_names: All labels, sorted.
        images: What can be read.
        unreadable: (name, reason) of each image that can't be read.
        contradicting: (name, reason) of each picture that comes under several labels.
        passed_over: (name, reason) of folders and files that are no part of the source.
        notes: Sentences on what a person may not know of the source.
    """

    class_names: tuple[str, ...]
    images: list[LabelledImage]
    unreadable: list[tuple[str, str]]
    contradicting: Sequence[tuple[str, str]] = ()
    passed_over: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()

    @property
    def left_out(self) -> tuple[tuple[str, str], ...]:
        """(name, reason) of all that is not among the images."""
        return (*self.passed_over, *self.unreadable, *self.contradicting)

    def of(self, *splits: Split | None) -> list[LabelledImage]:
        """Return the images of these splits."""
        return [image for image in self.images if image.split in splits]


@dataclass(frozen=True, slots=True)
class Readable:
    """Images that can be decoded, in order, and the others.

    Attributes:
        images: What can be decoded.
        digests: SHA-256 of the bytes of each of them.
        unreadable: (name, reason) of each other one.
    """

    images: list[LabelledImage]
    digests: list[bytes]
    unreadable: list[tuple[str, str]]


def check_images(
    listing: Listing,
    limits: ImageLimits,
    *,
    min_images_per_class: int = MIN_IMAGES_PER_CLASS,
    on_image: Callable[[int, int], None] | None = None,
) -> CheckedImages:
    """Decode each image of a listing once, and return the readable ones.

    A picture that comes under several labels is left out, since nobody can say which of them is right.

    Args:
        listing: The images of a source.
        limits: What one image may cost.
        min_images_per_class: Readable training images that each class must have.
        on_image: Called after each image with (images looked at, images in all).

    Raises:
        SourceError: It can't be trained on; the subclass and the message say what was found and needed.
    """
    _check_classes(listing)
    readable = readable_images(listing.images, limits, on_image)
    unreadable = [*listing.refused, *readable.unreadable]
    _check_share(listing, unreadable)
    images, contradicting = _without_contradictions(readable)
    checked = CheckedImages(
        listing.class_names, images, unreadable, contradicting, listing.passed_over, listing.notes
    )
    _check_counts(listing, checked, min_images_per_class)
    return checked


def _check_classes(listing: Listing) -> None:
    left_out = [*listing.refused, *listing.passed_over]
    if not listing.images:
        raise NoImagesError(f"Expected labelled images in {listing.place}; found none{reasons(left_out)}")
    refuse_twins(listing.class_names, listing.place)
    if len(listing.class_names) < 2:
        raise OneClassError(
            f"Expected at least two classes in {listing.place}; found one, {listing.class_names[0]!r}, with "
            f"{len(listing.images)} images. Add images of something else.{also_left_out(left_out)}"
        )


def readable_images(
    images: Sequence[LabelledImage],
    limits: ImageLimits,
    on_image: Callable[[int, int], None] | None = None,
) -> Readable:
    """Decode images, and return those that can be."""
    readable = Readable([], [], [])
    with ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="check-images") as pool:
        results = pool.map(lambda image: _digest_or_reason(image, limits), images)
        for num_done, (image, result) in enumerate(zip(images, results, strict=True), start=1):
            if isinstance(result, bytes):
                readable.images.append(image)
                readable.digests.append(result)
            else:
                readable.unreadable.append((image.name, result))
            if on_image is not None:
                on_image(num_done, len(images))
    return readable


def _digest_or_reason(image: LabelledImage, limits: ImageLimits) -> bytes | str:
    try:
        content = image.read()
        decode_image(content, limits)
    except ImageError as error:
        return str(error)
    except OSError as error:
        return f"The file can't be read ({error.strerror})."
    return hashlib.sha256(content).digest()


def _without_contradictions(readable: Readable) -> tuple[list[LabelledImage], list[tuple[str, str]]]:
    """Return pictures that come with one label, and (name, reason) of those that come with several."""
    names = defaultdict[bytes, dict[str, str]](dict)
    for image, digest in zip(readable.images, readable.digests, strict=True):
        names[digest].setdefault(image.label, image.name)
    agreed, contradicting = list[LabelledImage](), list[tuple[str, str]]()
    for image, digest in zip(readable.images, readable.digests, strict=True):
        others = [name for label, name in names[digest].items() if label != image.label]
        if others:
            contradicting.append((image.name, f"the same picture as {others[0]}, which has another label"))
        else:
            agreed.append(image)
    return agreed, contradicting


def _check_share(listing: Listing, left_out: Sequence[tuple[str, str]]) -> None:
    num_entries = len(listing.images) + len(listing.refused)
    if len(left_out) > MAX_UNREADABLE_SHARE * num_entries:
        raise UnreadableImagesError(
            f"Expected at most {MAX_UNREADABLE_SHARE:.0%} unreadable images in {listing.place}; found "
            f"{len(left_out)} of {num_entries}. Repair or remove them, such as{reasons(left_out)}"
        )


def _check_counts(listing: Listing, checked: CheckedImages, min_images_per_class: int) -> None:
    train = checked.of("train", None)
    if checked.images and not train:
        parts = ", ".join(sorted({str(image.split) for image in checked.images}))
        raise NoImagesError(
            f"Expected images to train on in {listing.place}; found some of {parts} only. Name a source that "
            "holds the training images too."
        )
    counts = Counter(image.label for image in train)
    small = [
        f"{name!r} has {counts[name]}" for name in checked.class_names if counts[name] < min_images_per_class
    ]
    if small:
        listed = ", ".join(small[:NUM_NAMED]) + (", …" if len(small) > NUM_NAMED else "")
        left_out = [*checked.contradicting, *checked.unreadable, *checked.passed_over]
        raise SmallClassError(
            f"Expected at least {min_images_per_class} readable images of each class to train on in "
            f"{listing.place}; {listed}. Add images, or remove the class.{also_left_out(left_out)}"
        )
