"""Watches that the file of an SQLite database stays the one that was opened."""

import logging
import os
import time
from pathlib import Path

from sqlalchemy import Connection

from store.errors import DatabaseRemovedError

# A log is written anew from here on, unless a reader still needs its beginning.
LOG_BYTES = 8 * 2**20
# Only a reader that stays for very long makes it grow so large.
LARGE_LOG_BYTES = 256 * 2**20
WARN_SECONDS = 60.0

_LOG_INFO = "perennial_log"

_log = logging.getLogger(__name__)

_Identity = tuple[int, int]


class DatabaseFile:
    """The file of a database, as it was when it was first opened; without a file nothing is watched.

    The system keeps a removed file for those that have it open: all goes well until they end, and then
    whatever they wrote since is lost.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._opened: _Identity | None = None
        self._warn_at = 0.0

    def check(self) -> None:
        """Check that the file is in its place.

        Raises:
            DatabaseRemovedError: It was removed or replaced since it was first opened.
        """
        if self._file is None:
            return
        present = _identity(_stat(self._file))
        if self._opened is None:
            self._opened = present
        elif present != self._opened:
            raise self._removed(self._file)

    def check_written(self, connection: Connection) -> None:
        """Check, after a commit, that it went to the files that others will read.

        Raises:
            DatabaseRemovedError: The file or its write-ahead log was removed or replaced.
        """
        if self._file is None:
            return
        self.check()
        log = self._file.with_name(f"{self._file.name}-wal")
        status = _stat(log)
        # A connection keeps the log that it opened; some file systems allow none.
        known = connection.info.setdefault(_LOG_INFO, _identity(status))
        if known is not None and known != _identity(status):
            raise self._removed(log)
        if status is not None and status.st_size > LARGE_LOG_BYTES and time.monotonic() > self._warn_at:
            self._warn_at = time.monotonic() + WARN_SECONDS
            _log.warning(
                "%s has grown to %d MiB, since some program has been reading the database for very long. "
                "End that program; the log shrinks by itself then.",
                *(log, status.st_size >> 20),
            )

    def _removed(self, file: Path) -> DatabaseRemovedError:
        return DatabaseRemovedError(
            f"Expected the database where it was opened, found that {file.name} was removed or replaced. "
            "Put it back, or restore a backup with `perennial restore` and start the server again."
        )


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except FileNotFoundError:
        return None


def _identity(status: os.stat_result | None) -> _Identity | None:
    return None if status is None else (status.st_dev, status.st_ino)
