"""Lists a folder that has a folder of images for each class: DIR/CLASS/*, or DIR/train/CLASS/* and so on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vision.decoding import ImageLimits
from vision.errors import (
    ClassNameError,
    LabelError,
    NoImagesError,
    OneClassError,
    UnknownValidationClassError,
)
from vision.labels import clean_label
from vision.sources.files import read_image_file
from vision.sources.folder_files import (
    FolderFiles,
    described,
    files_in,
    folders_in,
    is_image,
    junk_in,
    links_back_in,
)
from vision.sources.listing import (
    NUM_NAMED,
    LabelledImage,
    Split,
    also_left_out,
    refuse_twins,
    shown,
    split_of,
)


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """The listing of a folder: each of its classes is a folder, which may be empty."""

    place: Path
    class_names: tuple[str, ...]
    images: Sequence[LabelledImage]
    passed_over: Sequence[tuple[str, str]]
    notes: Sequence[str] = ()
    refused: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """The class folders of one part: those whose names are one, once they are cleaned, are one class."""

    split: Split | None
    limits: ImageLimits
    folders: Sequence[Path]
    classes: dict[str, list[FolderFiles]]

    @property
    def images(self) -> list[LabelledImage]:
        return [
            LabelledImage(partial(read_image_file, path, self.limits), label, shown(path), self.split)
            for label, groups in self.classes.items()
            for files in groups
            for path in files.images
        ]


def list_image_folder(directory: Path, limits: ImageLimits) -> ImageFolder:
    """List a folder's images by class.

    Args:
        directory: DIR/CLASS/*, or DIR/train/CLASS/*, then also DIR/val/CLASS/* and DIR/test/CLASS/* if they
            exist; the parts may have every name that `split_of` knows. Folders inside a class belong to it.
            What systems and tools make, and names that begin with a dot, are passed over. The folder
            of a part or a class may be a link: to a folder outside, which is noted, not to one that holds it.
        limits: What one image may cost.

    Raises:
        NoImagesError: There are no images in class folders.
        ClassNameError: A folder's name can't be that of a class.
        OneClassError: There is one class folder.
        UnknownValidationClassError: A held-out part has a class that train lacks.
    """
    parts = [_read(split, limits, folders) for split, folders in _parts(directory).items()]
    train, *held_out = parts
    passed_over = _passed_over(directory, parts)
    _check_classes(train, passed_over)
    for part in held_out:
        _check_held_out(part, train)
    images = [image for part in parts for image in part.images]
    return ImageFolder(directory, tuple(train.classes), images, passed_over, _links_outside(directory, parts))


def num_class_folders(directory: Path) -> int:
    """Return how many folders with images a folder holds."""
    return sum(1 for folder in folders_in(directory) if files_in(folder).images)


def _parts(directory: Path) -> dict[Split | None, list[Path]]:
    """Return the folders of each part, train first; a folder without parts is one without a name."""
    parts: dict[Split | None, list[Path]] = {"train": []}
    folders = folders_in(directory)
    for folder in folders:
        if (split := split_of(folder.name)) is not None:
            parts.setdefault(split, []).append(folder)
    if parts["train"]:
        has_classes = any(folders_in(folder) for folder in parts["train"])
        return parts if has_classes or len(parts) > 1 else {None: [directory]}
    if len(parts) > 1 and all(split_of(folder.name) and folders_in(folder) for folder in folders):
        names = ", ".join(folder.name for folder in folders)
        raise NoImagesError(
            f"Expected a folder train in {shown(directory)} beside {names}; found none. Add it, or name the "
            "folder of the training images."
        )
    return {None: [directory]}


def _read(split: Split | None, limits: ImageLimits, folders: Sequence[Path]) -> _Part:
    classes: dict[str, list[FolderFiles]] = {}
    for folder in (inside for each in folders for inside in folders_in(each)):
        try:
            label = clean_label(folder.name)
        except LabelError as error:
            raise ClassNameError(
                f"Expected a folder whose name can be a class's, found '{shown(folder)}'. {error} Rename it."
            ) from error
        classes.setdefault(label, []).append(files_in(folder))
    return _Part(split, limits, folders, dict(sorted(classes.items())))


def _check_classes(train: _Part, passed_over: Sequence[tuple[str, str]]) -> None:
    place = shown(train.folders[0])
    num_images = len(train.images)
    if not num_images:
        loose = sum(map(_num_loose, train.folders))
        raise NoImagesError(
            f"Expected images in one folder for each class under {place}; found {len(train.classes)} folders "
            f"with no images in them and {loose} images outside of any. Move the images to {place}/CLASS/, "
            f"or name a CSV of paths and labels.{also_left_out(passed_over)}"
        )
    if len(train.classes) < 2:
        raise OneClassError(
            f"Expected at least two classes (folders) under {place}; found one, "
            f"{next(iter(train.classes))!r}, with {num_images} images. Add a folder with images of something "
            f"else.{also_left_out(passed_over)}"
        )


def _check_held_out(part: _Part, train: _Part) -> None:
    place, name = shown(part.folders[0]), shown(train.folders[0].name)
    refuse_twins([*train.classes, *part.classes], part.folders[0])
    unknown = sorted(set(part.classes) - set(train.classes))
    if unknown:
        raise UnknownValidationClassError(
            f"Expected the classes of {name}/ in {place}; found {unknown[:NUM_NAMED]} besides. "
            f"Remove them or add them to {name}/."
        )
    if not part.images:
        raise NoImagesError(
            f"Expected images in one folder for each class under {place}; found none. Add some, or remove "
            f"the folder to have a part of {name}/ held out instead."
        )


def _passed_over(directory: Path, parts: Sequence[_Part]) -> list[tuple[str, str]]:
    """Return (name, reason) of the folders and images that belong to no class."""
    roots = [folder for part in parts for folder in part.folders]
    groups = [files for part in parts for each in part.classes.values() for files in each]
    places = list(dict.fromkeys([directory, *roots]))
    junk = [path for place in places for path in junk_in(place)]
    circles = [path for place in places for path in links_back_in(place)]
    names = Counter(path.name for path in [*junk, *(path for files in groups for path in files.junk)])
    others = [] if directory in roots else [path for path in folders_in(directory) if path not in roots]
    loose = {root: num for root in roots if (num := _num_loose(root))}
    return [
        *((shown(path), "a folder that is not used: it is no train, val or test") for path in others),
        *((shown(root), f"{num} images are in no class's folder") for root, num in loose.items()),
        *(
            (name, f"systems and tools make such folders; there are {num}")
            for name, num in sorted(names.items())
        ),
        *((shown(path), "a link to a folder that holds it is not followed") for path in circles),
        *((shown(path), "a link to a folder is not followed") for files in groups for path in files.links),
        *described(path for files in groups for path in files.others),
    ]


def _links_outside(directory: Path, parts: Sequence[_Part]) -> list[str]:
    """Return a sentence for each part's or class's folder that is a link to one outside of the source."""
    root = directory.resolve()
    folders = [folder for part in parts for each in part.folders for folder in (each, *folders_in(each))]
    return [
        f"{shown(folder)} is a link to {shown(folder.resolve())}, outside of the source: its images are used."
        for folder in folders
        if folder != directory and folder.is_symlink() and not folder.resolve().is_relative_to(root)
    ]


def _num_loose(root: Path) -> int:
    return sum(1 for path in root.iterdir() if is_image(path))
