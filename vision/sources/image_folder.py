"""Lists a folder that has a folder of images for each class: DIR/CLASS/*, or DIR/train/CLASS/* and so on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vision.errors import NoImagesError, OneClassError, UnknownValidationClassError
from vision.sources.listing import IMAGE_SUFFIXES, LabelledImage, Split

# Images of types that we don't accept: they are listed as unreadable, while other files are ignored.
_OTHER_SUFFIXES = {".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif", ".jp2"}
_HELD_OUT: dict[str, Split] = {"val": "val", "validation": "val", "test": "test"}
_NUM_NAMED = 5


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """The listing of a folder: each of its classes is a folder, which may be empty."""

    place: Path
    class_names: tuple[str, ...]
    images: Sequence[LabelledImage]
    refused: Sequence[tuple[str, str]] = ()


def list_image_folder(directory: Path) -> ImageFolder:
    """List a folder's images by class.

    Args:
        directory: DIR/CLASS/*, or DIR/train/CLASS/*, then also DIR/val/CLASS/* (or validation) and
            DIR/test/CLASS/* if they exist. Folders inside a class belong to it; names that begin with a dot
            are ignored.

    Raises:
        NoImagesError: There are no images in class folders.
        OneClassError: There is one class folder.
        UnknownValidationClassError: A held-out part has a class that train lacks.
    """
    is_split = _is_split(directory)
    root = directory / "train" if is_split else directory
    class_names = _class_names(root)
    images = _images_of(root, class_names, "train" if is_split else None)
    _check_classes(root, class_names, images)
    for name, split in _HELD_OUT.items() if is_split else ():
        if (directory / name).is_dir():
            images += _held_out(directory / name, class_names, split)
    return ImageFolder(directory, class_names, images)


def num_class_folders(directory: Path) -> int:
    """Return how many folders with images a folder holds."""
    return sum(1 for name in _class_names(directory) if image_files(directory / name))


def _is_split(directory: Path) -> bool:
    train = directory / "train"
    has_others = any((directory / name).is_dir() for name in _HELD_OUT)
    return train.is_dir() and (has_others or len(_class_names(train)) > 0)


def _class_names(root: Path) -> tuple[str, ...]:
    return tuple(
        sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    )


def _images_of(root: Path, class_names: Sequence[str], split: Split | None) -> list[LabelledImage]:
    return [
        LabelledImage(path.read_bytes, name, str(path), split)
        for name in class_names
        for path in image_files(root / name)
    ]


def image_files(folder: Path) -> list[Path]:
    """Return the images in a folder and below, sorted; names that begin with a dot are ignored."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES | _OTHER_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _check_classes(root: Path, class_names: Sequence[str], images: Sequence[LabelledImage]) -> None:
    if not images:
        loose = sum(1 for path in root.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
        raise NoImagesError(
            f"Expected JPEG, PNG or WebP images in one folder for each class under {root}; found "
            f"{len(class_names)} folders with no images in them and {loose} images outside of any. "
            f"Move the images to {root}/CLASS/, or name a CSV of paths and labels."
        )
    if len(class_names) < 2:
        raise OneClassError(
            f"Expected at least two classes (folders) under {root}; found one, {class_names[0]!r}, with "
            f"{len(images)} images. Add a folder with images of something else."
        )


def _held_out(root: Path, class_names: Sequence[str], split: Split) -> list[LabelledImage]:
    unknown = sorted(set(_class_names(root)) - set(class_names))
    if unknown:
        raise UnknownValidationClassError(
            f"Expected the classes of train/ in {root}; found {unknown[:_NUM_NAMED]} besides. "
            "Remove them or add them to train/."
        )
    images = _images_of(root, class_names, split)
    if not images:
        raise NoImagesError(
            f"Expected JPEG, PNG or WebP images in one folder for each class under {root}; found none. "
            "Add some, or remove the folder to have a part of train/ held out instead."
        )
    return images
