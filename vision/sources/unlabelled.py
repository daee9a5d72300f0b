"""Lists and checks the pictures without labels in a folder and the folders in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision.decoding import ImageLimits
from vision.errors import NoImagesError, SourceMissingError
from vision.sources.checking import readable_images
from vision.sources.folder_files import files_in
from vision.sources.listing import LabelledImage, shown


@dataclass(frozen=True, slots=True)
class UnlabelledImages:
    """The readable pictures of a folder, an `ImageSource` whose class indices mean nothing.

    Attributes:
        images: What can be read.
        unreadable: (name, reason) of each picture that was left out.
    """

    images: Sequence[LabelledImage]
    unreadable: Sequence[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        return self.images[index].read(), 0


def list_unlabelled(directory: Path) -> list[Path]:
    """Return the files named like images in a folder and the folders in it, sorted.

    Raises:
        SourceMissingError: There is no such folder.
        NoImagesError: There are no pictures in it.
    """
    if not directory.is_dir():
        raise SourceMissingError(f"Expected a folder of unlabelled pictures at {directory}; there is none.")
    files = files_in(directory).images
    if not files:
        raise NoImagesError(
            f"Expected JPEG, PNG, WebP or AVIF pictures in {directory} or the folders in it; found none."
        )
    return files


def check_unlabelled(
    files: Sequence[Path], limits: ImageLimits, *, on_image: Callable[[int, int], None] | None = None
) -> UnlabelledImages:
    """Decode each picture once, and return the readable ones; the others are listed, and are no error.

    Args:
        files: From `list_unlabelled`.
        limits: What one image may cost.
        on_image: Called after each with (pictures looked at, pictures in all).
    """
    # They have no class, because no part of training reads a label from here.
    pictures = [LabelledImage(file.read_bytes, "", shown(file)) for file in files]
    readable = readable_images(pictures, limits, on_image)
    return UnlabelledImages(readable.images, readable.unreadable)
