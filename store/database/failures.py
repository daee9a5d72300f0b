"""What an error of SQLite or PostgreSQL means for the caller: the database can't be used now, and why."""

import logging
import sqlite3

from sqlalchemy.exc import DBAPIError

from store.errors import (
    DatabaseAwayError,
    DatabaseDamagedError,
    DatabaseFullError,
    DatabaseLockedError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
)

_log = logging.getLogger(__name__)

# The error, what was found, and what to do.
_Meaning = tuple[type[DatabaseUnavailableError], str, str]

_FULL: _Meaning = (DatabaseFullError, "its disk full", "Free some space, then retry.")
_LOCKED: _Meaning = (
    DatabaseLockedError,
    "another process that held its lock for too long",
    "Retry in a moment.",
)
_AWAY: _Meaning = (DatabaseAwayError, "that it can't be reached", "Check that it runs, then retry.")
_READ_ONLY: _Meaning = (
    DatabaseReadOnlyError,
    "it read-only",
    "Make its file and folder writable, then retry.",
)
_FAILED_DISK: _Meaning = (
    DatabaseUnavailableError,
    "that its disk failed to read or write",
    "Check the disk and its free space, then retry.",
)

# The low byte of an SQLite error is its kind; the rest says which file or call it was.
_SQLITE: dict[int, _Meaning] = {
    sqlite3.SQLITE_FULL: _FULL,
    # The file that processes share could not grow.
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: (
        DatabaseAwayError,
        "that its file can't be opened",
        "Check that its folder exists, is writable, and has space, then retry.",
    ),
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_IOERR: _FAILED_DISK,
    sqlite3.SQLITE_CORRUPT: (
        DatabaseDamagedError,
        "its file damaged",
        "Restore a backup with `perennial restore`.",
    ),
    sqlite3.SQLITE_NOTADB: (
        DatabaseDamagedError,
        "a file that is no database",
        "Name the right file, or restore a backup with `perennial restore`.",
    ),
}

# The classes of PostgreSQL's error codes that mean "not now", and not "a wrong statement".
_POSTGRES: dict[str, _Meaning] = {
    "08": _AWAY,
    "25006": (
        DatabaseReadOnlyError,
        "it read-only",
        "Point the setting at the primary, then retry.",
    ),
    "53100": _FULL,
    "53": (
        DatabaseUnavailableError,
        "it out of memory or connections",
        "Free some, or allow more connections, then retry.",
    ),
    "55P03": _LOCKED,
    "57P": (DatabaseAwayError, "that it is stopping or starting", "Retry in a moment."),
    "58": _FAILED_DISK,
}


def as_unavailable(error: BaseException) -> DatabaseUnavailableError | None:
    """Return the error for the caller where the database itself, and not the statement, failed.

    Its message says what to do; what the database said is in the log, since it may name hosts and users.
    """
    if isinstance(error, DatabaseUnavailableError):
        return error
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        meaning = _meaning_in_sqlite(original)
    else:
        meaning = _meaning_in_postgres(error) if isinstance(error, DBAPIError) else None
    if meaning is None:
        return None
    # A command prints one line, and no warning beside it.
    _log.info("the database can't be used: %s", original)
    cls, found, remedy = meaning
    unavailable = cls(f"Expected to use the database, found {found}. {remedy}")
    unavailable.__cause__ = error
    return unavailable


def _meaning_in_sqlite(error: sqlite3.Error) -> _Meaning | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else _SQLITE.get(code) or _SQLITE.get(code & 0xFF)


def _meaning_in_postgres(error: DBAPIError) -> _Meaning | None:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        is_lost = error.connection_invalidated or type(error).__name__ == "OperationalError"
        return _AWAY if is_lost else None
    return next((meaning for prefix, meaning in _POSTGRES.items() if state.startswith(prefix)), None)
