"""Puts, flushes and deletes one blob as a file, and clears what kills leave beside it."""

import os
import re
from datetime import datetime
from pathlib import Path

from store.durable import sync_file, sync_folder, write_file

_ASIDE = ".deleted"
# What stands beside blobs when a put or a deletion was killed.
_LEFTOVER = re.compile(rf"[0-9a-f]{{64}}(#\d+|{re.escape(_ASIDE)})")


def put_file(file: Path, content: bytes, *, is_flushed: bool) -> None:
    """Write a file, or make it young again if it exists; it is durable only if it is flushed."""
    if not _renew(file, content, is_flushed=is_flushed):
        write_file(file, content, is_flushed=is_flushed)
    if is_flushed:
        # Also if it existed: the put that wrote it may not have synced the folder yet.
        sync_folder(file.parent)


def flush_file(file: Path) -> None:
    """Return once a file and its name are on the disk."""
    sync_file(file)
    sync_folder(file.parent)


def size_of(file: Path) -> int | None:
    """Return a file's size in bytes; None if it doesn't exist."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def delete_file(file: Path, unless_newer_than: datetime | None) -> bool:
    """Delete a file, or keep it and return False if it is newer than `unless_newer_than`.

    The file is moved aside before its age is read. A put that comes in between finds no file and writes it
    anew; a put that came before has made it young.
    """
    if unless_newer_than is None:
        file.unlink()
    else:
        aside = file.with_name(f"{file.name}{_ASIDE}")
        file.rename(aside)
        if aside.stat().st_mtime > unless_newer_than.timestamp():
            aside.rename(file)
            return False
        aside.unlink()
    # The deleted file must not come back after a crash.
    sync_folder(file.parent)
    return True


def clear_leftovers(folder: Path, before: datetime) -> int:
    """Delete what killed puts and deletions left beside the blobs before a moment; return how many."""
    num_cleared = 0
    for file in folder.glob("*/*"):
        if _LEFTOVER.fullmatch(file.name) and _is_older(file, before):
            file.unlink(missing_ok=True)
            num_cleared += 1
    return num_cleared


def _renew(file: Path, content: bytes, *, is_flushed: bool) -> bool:
    """Make a file young again; return False if it doesn't exist, or the disk damaged it."""
    try:
        if file.read_bytes() != content:
            return False
        os.utime(file)
        if is_flushed:
            sync_file(file)
    except FileNotFoundError:
        return False
    return True


def _is_older(file: Path, than: datetime) -> bool:
    try:
        return file.stat().st_mtime < than.timestamp()
    except FileNotFoundError:
        # A put has just renamed it to the blob's name.
        return False
