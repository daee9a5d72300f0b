"""Decodes every image of a listing once, and checks whether the listing can be trained on."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from vision.decoding import ImageLimits, decode_image
from vision.errors import ImageError, NoImagesError, OneClassError, SmallClassError, UnreadableImagesError
from vision.sources.listing import LabelledImage, Listing, Split

MIN_IMAGES_PER_CLASS = 10
MAX_UNREADABLE_SHARE = 0.10
NUM_NAMED = 5
_NUM_THREADS = 4


@dataclass(frozen=True, slots=True)
class CheckedImages:
    """The readable images of a source, in its order.

    Attributes:
        class_names: All labels, sorted.
        images: What can be read.
        unreadable: (name, reason) of each image that was left out.
    """

    class_names: tuple[str, ...]
    images: list[LabelledImage]
    unreadable: list[tuple[str, str]]

    def of(self, *splits: Split | None) -> list[LabelledImage]:
        """Return the images of these splits."""
        return [image for image in self.images if image.split in splits]


def check_images(
    listing: Listing,
    limits: ImageLimits,
    *,
    min_images_per_class: int = MIN_IMAGES_PER_CLASS,
    on_image: Callable[[int, int], None] | None = None,
) -> CheckedImages:
    """Decode each image of a listing once, and return the readable ones.

    Args:
        listing: The images of a source.
        limits: What one image may cost.
        min_images_per_class: Readable training images that each class must have.
        on_image: Called after each image with (images looked at, images in all).

    Raises:
        SourceError: It can't be trained on; the subclass and the message say what was found and needed.
    """
    _check_classes(listing)
    images, unreadable = readable_images(listing.images, limits, on_image)
    left_out = [*listing.refused, *unreadable]
    _check_share(listing, left_out)
    checked = CheckedImages(listing.class_names, images, left_out)
    _check_counts(listing, checked, min_images_per_class)
    return checked


def _check_classes(listing: Listing) -> None:
    if not listing.images:
        raise NoImagesError(
            f"Expected labelled images in {listing.place}; found none{_reasons(listing.refused)}"
        )
    if len(listing.class_names) < 2:
        raise OneClassError(
            f"Expected at least two classes in {listing.place}; found one, {listing.class_names[0]!r}, with "
            f"{len(listing.images)} images. Add images of something else."
        )


def readable_images(
    images: Sequence[LabelledImage],
    limits: ImageLimits,
    on_image: Callable[[int, int], None] | None = None,
) -> tuple[list[LabelledImage], list[tuple[str, str]]]:
    """Return the images that can be decoded, and (name, reason) of the others, each in order."""
    readable, unreadable = list[LabelledImage](), list[tuple[str, str]]()
    with ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="check-images") as pool:
        reasons = pool.map(lambda image: _reason_against(image, limits), images)
        for num_done, (image, reason) in enumerate(zip(images, reasons, strict=True), start=1):
            if reason is None:
                readable.append(image)
            else:
                unreadable.append((image.name, reason))
            if on_image is not None:
                on_image(num_done, len(images))
    return readable, unreadable


def _reason_against(image: LabelledImage, limits: ImageLimits) -> str | None:
    try:
        decode_image(image.read(), limits)
    except ImageError as error:
        return str(error)
    except OSError as error:
        return f"The file can't be read ({error.strerror})."
    return None


def _check_share(listing: Listing, left_out: Sequence[tuple[str, str]]) -> None:
    num_entries = len(listing.images) + len(listing.refused)
    if len(left_out) > MAX_UNREADABLE_SHARE * num_entries:
        raise UnreadableImagesError(
            f"Expected at most {MAX_UNREADABLE_SHARE:.0%} unreadable images in {listing.place}; found "
            f"{len(left_out)} of {num_entries}. Repair or remove them, such as{_reasons(left_out)}"
        )


def _check_counts(listing: Listing, checked: CheckedImages, min_images_per_class: int) -> None:
    train = checked.of("train", None)
    if not train:
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
        raise SmallClassError(
            f"Expected at least {min_images_per_class} readable images of each class to train on in "
            f"{listing.place}; {listed}. Add images, or remove the class."
        )


def _reasons(left_out: Sequence[tuple[str, str]]) -> str:
    if not left_out:
        return "."
    return ":" + "".join(f"\n  {name}: {reason}" for name, reason in left_out[:NUM_NAMED])
