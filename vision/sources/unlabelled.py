"""Lists and checks the pictures without labels in a folder and the folders in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vision.decoding import ImageLimits
from vision.errors import NoImagesError, SourceMissingError
from vision.sources.checking import readable_images
from vision.sources.files import read_image_file
from vision.sources.folder_files import FolderFiles, described, files_in
from vision.sources.listing import LabelledImage, reasons, shown


@dataclass(frozen=True, slots=True)
class UnlabelledImages:
    """The readable pictures of a folder, an `ImageSource` whose class indices mean nothing.

    Attributes:
        images: What can be read.
        unreadable: (name, reason) of each picture that was left out.
        passed_over: (name, reason) of links and other files in the folder.
    """

    images: Sequence[LabelledImage]
    unreadable: Sequence[tuple[str, str]]
    passed_over: Sequence[tuple[str, str]] = ()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        return self.images[index].read(), 0


def list_unlabelled(directory: Path) -> FolderFiles:
    """Return the files in a folder and the folders in it.

    Raises:
        SourceMissingError: There is no such folder.
        NoImagesError: There are no pictures in it.
    """
    if not directory.is_dir():
        raise SourceMissingError(f"Expected a folder of unlabelled pictures at {directory}; there is none.")
    files = files_in(directory)
    if not files.images:
        raise NoImagesError(
            f"Expected JPEG, PNG, WebP or AVIF pictures in {directory} or the folders in it; found "
            f"none{reasons(described(files.others))}"
        )
    return files


def check_unlabelled(
    files: FolderFiles, limits: ImageLimits, *, on_image: Callable[[int, int], None] | None = None
) -> UnlabelledImages:
    """Decode each picture once, and return the readable ones; the others are listed, and are no error.

    Args:
        files: From `list_unlabelled`.
        limits: What one image may cost.
        on_image: Called after each with (pictures looked at, pictures in all).
    """
    # They have no class, because no part of training reads a label from here.
    pictures = [
        LabelledImage(partial(read_image_file, file, limits), "", shown(file)) for file in files.images
    ]
    readable = readable_images(pictures, limits, on_image)
    links = [(shown(path), "a link to a folder is not followed") for path in files.links]
    return UnlabelledImages(readable.images, readable.unreadable, (*links, *described(files.others)))
