"""Finds the images and the folders in a folder, and passes over what systems and tools put there."""

import os
from dataclasses import dataclass
from pathlib import Path

from vision.sources.listing import IMAGE_SUFFIXES, is_junk

# Images of types that we don't read: they are listed as unreadable, while other files are ignored.
_OTHER_SUFFIXES = {".gif", ".bmp", ".tif", ".tiff", ".jp2"}


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """What is in a folder and below, in order.

    Attributes:
        images: Files named like images; links to a file are among them.
        links: Links to folders, which are not followed, since they may lead in a circle.
        junk: Folders that a system or a tool made; not those whose name begins with a dot.
    """

    images: list[Path]
    links: list[Path]
    junk: list[Path]


def files_in(folder: Path) -> FolderFiles:
    """Return the images in a folder and below, and what was passed over.

    Raises:
        OSError: A folder can't be read.
    """
    listed = FolderFiles([], [], [])
    for place, folders, files in os.walk(folder, onerror=_raise):
        inside = [Path(place, name) for name in sorted(folders)]
        listed.junk.extend(path for path in inside if _is_visible_junk(path.name))
        folders[:] = [path.name for path in inside if not is_junk(path.name)]
        listed.links.extend(path for path in inside if path.is_symlink() and not is_junk(path.name))
        listed.images.extend(path for name in files if is_image(path := Path(place, name)))
    listed.images.sort()
    return listed


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder by name, without those that a system or a tool made."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_junk(path.name))


def junk_in(folder: Path) -> list[Path]:
    """Return the folders in a folder that a system or a tool made; not those whose name begins with a dot."""
    return [path for path in folder.iterdir() if _is_visible_junk(path.name) and path.is_dir()]


def is_image(path: Path) -> bool:
    """Return whether a path is a file named like an image, or a link to one."""
    if path.suffix.lower() not in IMAGE_SUFFIXES | _OTHER_SUFFIXES or path.name.startswith("."):
        return False
    # A link to nothing is listed as unreadable; a pipe would be waited for without end.
    return path.is_file() or (path.is_symlink() and not path.exists())


def _is_visible_junk(name: str) -> bool:
    return is_junk(name) and not name.startswith(".")


def _raise(error: OSError) -> None:
    # A folder that isn't there holds nothing.
    if not isinstance(error, FileNotFoundError):
        raise error
