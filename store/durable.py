"""Durability of files: flush a file, or a folder's list of names, to the disk itself."""

import os
from pathlib import Path


def sync_file(file: Path) -> None:
    """Return once the file's bytes are on the disk."""
    _sync(file, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Return once the folder's list of names is on the disk: a new file's name is not in its own fsync."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def make_folder(folder: Path) -> None:
    """Make a folder with the missing ones above it, each durably named in the one above it."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
