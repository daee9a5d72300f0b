"""Writes files and folders durably: it returns when they are on the disk itself."""

import errno
import os
import secrets
from pathlib import Path

# The errors of a system whose disk, or this user's share of it, is full.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_file(file: Path, content: bytes, *, is_flushed: bool = True, mode: int = 0o666) -> None:
    """Write a file atomically: its name appears with all of its bytes; `sync_folder` makes the name durable.

    A kill can leave `NAME#NUMBER` beside it, with a part of the bytes. If it isn't flushed, a machine that
    fails can leave the name without the bytes. `mode`, less the process's umask, says who may read it.
    """
    partial = file.with_name(f"{file.name}#{secrets.randbits(64)}")
    try:
        # No buffer is needed: all bytes are in memory already.
        with open(
            partial, "xb", buffering=0, opener=lambda path, flags: os.open(path, flags, mode)
        ) as opened:
            rest = memoryview(content)
            while rest:
                rest = rest[opened.write(rest) :]
            if is_flushed:
                os.fsync(opened.fileno())
        os.replace(partial, file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def sync_file(file: Path) -> None:
    """Return once the file's bytes are on the disk."""
    _sync(file, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Return once the folder's list of names is on the disk: a file's own fsync does not cover its name."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def make_folder(folder: Path) -> None:
    """Make a folder with the missing ones above it, for their owner alone, durably named each."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        sync_folder(path.parent)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
