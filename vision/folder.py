"""A folder of images as classes: DIR/CLASS/*, or DIR/train/CLASS/* beside DIR/val/CLASS/*."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vision.decoding import ImageLimits, decode_image
from vision.errors import (
    FolderMissingError,
    ImageError,
    NoImagesError,
    OneClassError,
    SmallClassError,
    UnknownValidationClassError,
    UnreadableFilesError,
)

MIN_IMAGES_PER_CLASS = 10
MAX_UNREADABLE_SHARE = 0.10
_SUFFIXES = {".jpg", ".jpeg", ".jpe", ".png", ".webp"}
# Images too, but of types that we don't take: told as unreadable, where a note or a log is passed over.
_OTHER_SUFFIXES = {".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif", ".jp2"}
_NUM_THREADS = 4
_NUM_NAMED = 5

LabelledPath = tuple[Path, int]


@dataclass(frozen=True, slots=True)
class ImageFolderListing:
    """What a folder holds, in a stable order.

    Attributes:
        class_names: Names of the class folders, sorted.
        train: Readable images with their class's index.
        val: Those of DIR/val, or None where there is no such folder.
        unreadable: Files that were left out, each with its reason.
    """

    class_names: tuple[str, ...]
    train: list[LabelledPath]
    val: list[LabelledPath] | None
    unreadable: list[tuple[Path, str]]


class FolderImages:
    """The image source of a listing: bytes are read when they are asked for."""

    def __init__(self, images: Sequence[LabelledPath]) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        path, label = self._images[index]
        return path.read_bytes(), label


def read_image_folder(
    directory: Path,
    limits: ImageLimits,
    *,
    min_images_per_class: int = MIN_IMAGES_PER_CLASS,
    on_image: Callable[[int, int], None] | None = None,
) -> ImageFolderListing:
    """List a folder's images by class, having decoded each one once.

    Args:
        directory: DIR/CLASS/*, or DIR/train/CLASS/* with, if there is one, DIR/val/CLASS/*. Folders inside a
            class belong to it; names that begin with a dot are passed over.
        limits: What one image may cost.
        min_images_per_class: Readable images that each class must have to be trained on.
        on_image: Called after each image with (images looked at, images in all).

    Raises:
        FolderError: It can't be trained on; the subclass and the message say what was found and needed.
    """
    if not directory.is_dir():
        raise FolderMissingError(
            f"Expected a folder with one folder of images for each class at {directory}; there is none."
        )
    is_split = _is_split(directory)
    root = directory / "train" if is_split else directory
    val_root = directory / "val"
    class_names = _class_names(root)
    found = _images_of(root, class_names)
    held_out = _images_of(val_root, class_names) if is_split and val_root.is_dir() else None
    _check_found(root, class_names, found)
    if held_out is not None:
        _check_validation(val_root, class_names, held_out)
    train, val, unreadable = _readable(found, held_out, limits, on_image)
    _check_readable(directory, len(found) + len(held_out or []), unreadable)
    _check_counts(root, class_names, train, min_images_per_class)
    return ImageFolderListing(class_names, train, val, unreadable)


def _is_split(directory: Path) -> bool:
    train, val = directory / "train", directory / "val"
    return train.is_dir() and (val.is_dir() or len(_class_names(train)) > 0)


def _class_names(root: Path) -> tuple[str, ...]:
    return tuple(
        sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    )


def _images_of(root: Path, class_names: Sequence[str]) -> list[LabelledPath]:
    return [(path, label) for label, name in enumerate(class_names) for path in _image_files(root / name)]


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _SUFFIXES | _OTHER_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _check_found(root: Path, class_names: Sequence[str], found: Sequence[LabelledPath]) -> None:
    if not found:
        loose = sum(1 for path in root.iterdir() if path.suffix.lower() in _SUFFIXES)
        raise NoImagesError(
            f"Expected JPEG, PNG or WebP images in one folder for each class under {root}; found "
            f"{len(class_names)} folders with no images in them and {loose} images outside of any. "
            f"Move the images to {root}/CLASS/."
        )
    if len(class_names) < 2:
        raise OneClassError(
            f"Expected at least two classes (folders) under {root}; found one, {class_names[0]!r}, with "
            f"{len(found)} images. Add a folder with images of something else."
        )


def _check_validation(root: Path, class_names: Sequence[str], held_out: Sequence[LabelledPath]) -> None:
    unknown = sorted(set(_class_names(root)) - set(class_names))
    if unknown:
        raise UnknownValidationClassError(
            f"Expected the classes of train/ in {root}; found {unknown[:_NUM_NAMED]} besides. "
            "Remove them or add them to train/."
        )
    if not held_out:
        raise NoImagesError(
            f"Expected JPEG, PNG or WebP images in one folder for each class under {root}; found none. "
            "Add some, or remove the folder to have a part of train/ held out instead."
        )


def _readable(
    found: Sequence[LabelledPath],
    held_out: Sequence[LabelledPath] | None,
    limits: ImageLimits,
    on_image: Callable[[int, int], None] | None,
) -> tuple[list[LabelledPath], list[LabelledPath] | None, list[tuple[Path, str]]]:
    everything = [*found, *(held_out or [])]
    reasons: list[str | None] = []
    with ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="check-images") as pool:
        for reason in pool.map(lambda image: _reason_against(image[0], limits), everything):
            reasons.append(reason)
            if on_image is not None:
                on_image(len(reasons), len(everything))
    readable = [image for image, reason in zip(everything, reasons, strict=True) if reason is None]
    unreadable = [(image[0], reason) for image, reason in zip(everything, reasons, strict=True) if reason]
    num_train = sum(1 for reason in reasons[: len(found)] if reason is None)
    return readable[:num_train], None if held_out is None else readable[num_train:], unreadable


def _reason_against(path: Path, limits: ImageLimits) -> str | None:
    try:
        decode_image(path.read_bytes(), limits)
    except ImageError as error:
        return str(error)
    except OSError as error:
        return f"The file can't be read ({error.strerror})."
    return None


def _check_readable(directory: Path, num_files: int, unreadable: Sequence[tuple[Path, str]]) -> None:
    if len(unreadable) <= MAX_UNREADABLE_SHARE * num_files:
        return
    named = "\n".join(f"  {path}: {reason}" for path, reason in unreadable[:_NUM_NAMED])
    raise UnreadableFilesError(
        f"Expected at most {MAX_UNREADABLE_SHARE:.0%} unreadable images under {directory}; found "
        f"{len(unreadable)} of {num_files}. Repair or remove them, such as:\n{named}"
    )


def _check_counts(
    root: Path, class_names: Sequence[str], train: Sequence[LabelledPath], min_images_per_class: int
) -> None:
    counts = Counter(label for _, label in train)
    small = [
        f"{name!r} has {counts[label]}"
        for label, name in enumerate(class_names)
        if counts[label] < min_images_per_class
    ]
    if small:
        listed = ", ".join(small[:_NUM_NAMED]) + (", …" if len(small) > _NUM_NAMED else "")
        raise SmallClassError(
            f"Expected at least {min_images_per_class} readable images of each class under {root}; {listed}. "
            "Add images, or remove the class."
        )
