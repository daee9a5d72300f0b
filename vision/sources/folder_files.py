"""Finds the images and the folders in a folder, and passes over what systems and tools put there."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vision.sources.listing import IMAGE_SUFFIXES, is_junk, shown

# Images of types that we don't read: they are listed as unreadable, while other files are ignored.
_OTHER_SUFFIXES = {".gif", ".bmp", ".tif", ".tiff", ".jp2"}
_JUNK_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """What is in a folder and below, in order.

    Attributes:
        images: Files named like images; links to a file are among them.
        others: All else that is no folder, but for what systems leave and names that begin with a dot.
        links: Links to folders, which are not followed, since they may lead in a circle.
        junk: Folders that a system or a tool made; not those whose name begins with a dot.
    """

    images: list[Path]
    others: list[Path]
    links: list[Path]
    junk: list[Path]


def files_in(folder: Path) -> FolderFiles:
    """Return the images in a folder and below, and what was passed over.

    Raises:
        OSError: A folder can't be read.
    """
    listed = FolderFiles([], [], [], [])
    for place, folders, files in os.walk(folder, onerror=_raise):
        inside = [Path(place, name) for name in sorted(folders)]
        listed.junk.extend(path for path in inside if _is_visible_junk(path.name))
        folders[:] = [path.name for path in inside if not is_junk(path.name)]
        listed.links.extend(path for path in inside if path.is_symlink() and not is_junk(path.name))
        for path in (Path(place, name) for name in files):
            if is_image(path):
                listed.images.append(path)
            elif not path.name.startswith(".") and path.name.casefold() not in _JUNK_FILES:
                listed.others.append(path)
    listed.images.sort()
    listed.others.sort()
    return listed


def described(others: Iterable[Path]) -> list[tuple[str, str]]:
    """Return (name of the first, how many there are and why) of each kind of files that are no images."""
    kinds = dict[str, list[Path]]()
    for path in others:
        kinds.setdefault(_why_no_image(path), []).append(path)
    return [(shown(paths[0]), f"{why}; there are {len(paths)}") for why, paths in sorted(kinds.items())]


def _why_no_image(path: Path) -> str:
    if not path.is_file():
        return "no file, but a pipe, a device or a link to one"
    if not path.suffix:
        return "files whose name has no ending are not read as images"
    return f"files that end in {shown(path.suffix.lower())} are not read as images"


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder by name, and links to folders.

    Those that a system or a tool made are left out, and so are the links of `links_back_in`.
    """
    return sorted(path for path in _inside(folder) if not _leads_back(path))


def links_back_in(folder: Path) -> list[Path]:
    """Return the links in a folder that lead to a folder which holds it: a walk through them has no use."""
    return sorted(path for path in _inside(folder) if _leads_back(path))


def junk_in(folder: Path) -> list[Path]:
    """Return the folders in a folder that a system or a tool made; not those whose name begins with a dot."""
    return [path for path in folder.iterdir() if _is_visible_junk(path.name) and path.is_dir()]


def is_image(path: Path) -> bool:
    """Return whether a path is a file named like an image, or a link to one."""
    if path.suffix.lower() not in IMAGE_SUFFIXES | _OTHER_SUFFIXES or path.name.startswith("."):
        return False
    # A link to nothing is listed as unreadable; a pipe would be waited for without end.
    return path.is_file() or (path.is_symlink() and not path.exists())


def _inside(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and not is_junk(path.name)]


def _leads_back(path: Path) -> bool:
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())


def _is_visible_junk(name: str) -> bool:
    return is_junk(name) and not name.startswith(".")


def _raise(error: OSError) -> None:
    # A folder that isn't there holds nothing.
    if not isinstance(error, FileNotFoundError):
        raise error
