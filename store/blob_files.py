"""One blob as a file: put, flushed, deleted, and what kills leave beside it."""

import os
import re
from datetime import datetime
from pathlib import Path

from store.durable import sync_file, sync_folder, write_file

_ASIDE = ".deleted"
# What stands beside blobs when a put or a deletion was killed.
_LEFTOVER = re.compile(rf"[0-9a-f]{{64}}(#\d+|{re.escape(_ASIDE)})")


def put_file(file: Path, content: bytes, *, is_flushed: bool) -> None:
    """Write a file, or make it young again where it is there; it is durable only if it is flushed."""
    if not _renew(file, content, is_flushed=is_flushed):
        write_file(file, content, is_flushed=is_flushed)
    if is_flushed:
        # Also where it was there: the put that wrote it may not have come so far yet.
        sync_folder(file.parent)


def flush_file(file: Path) -> None:
    """Return once a file and its name are on the disk."""
    sync_file(file)
    sync_folder(file.parent)


def size_of(file: Path) -> int | None:
    """Return a file's size in bytes; None where it isn't there."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def delete_file(file: Path, unless_newer_than: datetime | None) -> bool:
    """Delete a file, or put it back and return False where it turns out to be newer.

    Where its age counts it is moved aside before that is read: a put that comes in between finds it gone
    and writes it anew, and one that came before has made it young.
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
    # What was to go must not come back after a crash.
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
    """Make a file young again; return False where it isn't there, or the disk damaged it."""
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
        # A put has just given it its name.
        return False
