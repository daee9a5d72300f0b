"""Faults of what the server stores in: a full disk, a lock, a database or a bucket that is away."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SECONDS = 12.0


@contextmanager
def full_disk(home: Path) -> Iterator[None]:
    """Fill the disk of the home, to the last byte."""
    filler = home / "filler"
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            for size in (2**20, 2**12, 1):
                with suppress(OSError):
                    while shutil.disk_usage(home).free:
                        file.write(bytes(size))
        yield
    finally:
        filler.unlink(missing_ok=True)


@contextmanager
def locked_database(home: Path) -> Iterator[None]:
    """Hold the database's write lock."""
    connection = sqlite3.connect(home / "perennial.db", isolation_level=None, timeout=30)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextmanager
def moved_database(home: Path) -> Iterator[None]:
    """Take the database out of its place."""
    file = home / "perennial.db"
    file.rename(home / "aside.db")
    try:
        yield
    finally:
        (home / "aside.db").rename(file)


@contextmanager
def moved_images(home: Path) -> Iterator[None]:
    """Put a file in the place of the folder of images."""
    folder = home / "blobs"
    folder.rename(home / "aside")
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        (home / "aside").rename(folder)


def stay() -> None:
    """Let a fault last longer than any request may wait for a lock."""
    time.sleep(SECONDS)
