"""SQLAlchemy engines for SQLite and PostgreSQL: their transactions, their locks and their errors."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from store.errors import DatabaseUnavailableError, DatabaseUrlError

# "perennial" as a number: the advisory locks of PostgreSQL are named by one.
WRITE_LOCK = 0x7065_7265_6E6E
MIGRATION_LOCK = WRITE_LOCK + 1

_REMEDIES = {
    sqlite3.SQLITE_FULL: "The disk is full. Free some space, then retry.",
    sqlite3.SQLITE_READONLY: "The database is read-only. Make its file and folder writable, then retry.",
    sqlite3.SQLITE_PERM: "The database may not be opened. Make its file and folder writable, then retry.",
    sqlite3.SQLITE_CANTOPEN: "The database can't be opened. Check that its folder exists, is writable, "
    "and has space, then retry.",
    sqlite3.SQLITE_BUSY: "Another process held the database's lock for too long. Retry in a moment.",
    sqlite3.SQLITE_LOCKED: "Another connection held the database's lock for too long. Retry in a moment.",
    sqlite3.SQLITE_IOERR: "The disk failed to read or write. Check the disk and its free space, then retry.",
    sqlite3.SQLITE_CORRUPT: "The database file is damaged. Restore a backup with `perennial restore`.",
    sqlite3.SQLITE_NOTADB: "The file is no database. Name the right file, or restore a backup.",
}

# The classes of PostgreSQL's error codes that mean "not now", and not "a wrong statement".
_POSTGRES_REMEDIES = {
    "08": "The connection to the database was lost. Check that it runs, then retry.",
    "25006": "The database is read-only. Point the setting at the primary, then retry.",
    "53": "The database is out of disk, memory or connections. Free some, then retry.",
    "55P03": "Another process held the database's lock for too long. Retry in a moment.",
    "57P": "The database is stopping or starting. Retry in a moment.",
    "58": "The database's disk failed. Check it, then retry.",
}


def read_engine(url: str, busy_timeout_seconds: float) -> Engine:
    """Return an engine whose transactions are one snapshot each, and can't write."""
    address = parse_url(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite_engine(address, busy_timeout_seconds, begin="BEGIN", pragmas=("query_only=ON",))
    engine = create_engine(address, pool_size=8, max_overflow=16, pool_pre_ping=True)
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def write_engine(url: str, busy_timeout_seconds: float) -> Engine:
    """Return an engine of one connection whose transactions hold the write lock from their start."""
    address = parse_url(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite_engine(
            address, busy_timeout_seconds, begin="BEGIN IMMEDIATE", pool_size=1, max_overflow=0
        )
    engine = create_engine(address, pool_size=1, max_overflow=0, pool_pre_ping=True)
    milliseconds = round(busy_timeout_seconds * 1000)

    @event.listens_for(engine, "begin")
    def acquire_write_lock(connection: Connection) -> None:
        # One writer at a time, as SQLite has it, so that the same code is right on both.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")

    return engine


def migration_engine(url: str) -> Engine:
    """Return an engine for migrations: like `write_engine`, without its lock on PostgreSQL."""
    address = parse_url(url)
    if address.get_backend_name() == "sqlite":
        return write_engine(url, busy_timeout_seconds=60.0)
    return create_engine(address, pool_size=1, max_overflow=0)


def parse_url(url: str) -> URL:
    """Return the parsed URL, with the driver filled in.

    Raises:
        DatabaseUrlError: It is no URL, or of a database that is neither an SQLite file nor PostgreSQL.
    """
    expected = "Expected sqlite:////folder/perennial.db or postgresql://user@host/name"
    try:
        address = make_url(url)
        backend = address.get_backend_name()
    except (ArgumentError, NoSuchModuleError) as error:
        raise DatabaseUrlError(f"{expected}; this is no database URL. Correct it.") from error
    if backend in ("postgresql", "postgres"):
        return _with_psycopg(address)
    if backend != "sqlite":
        raise DatabaseUrlError(f"{expected}; got a {backend} database. Use one of the two.")
    if address.database in (None, "", ":memory:"):
        raise DatabaseUrlError(f"{expected}; got SQLite in memory, which no other process sees. Name a file.")
    return address


def sqlite_file(address: URL) -> Path | None:
    """Return the file of an SQLite database, None of one in PostgreSQL."""
    return Path(str(address.database)) if address.get_backend_name() == "sqlite" else None


def _with_psycopg(address: URL) -> URL:
    try:
        # Imported here only to raise an error with a remedy if it is missing.
        import psycopg  # noqa: F401  only checked for being importable
    except ImportError as error:
        raise DatabaseUrlError(
            "PostgreSQL needs the psycopg driver, which is missing. Run `pip install perennial[postgres]`."
        ) from error
    return address.set(drivername="postgresql+psycopg")


def _sqlite_engine(
    address: URL, busy_timeout_seconds: float, *, begin: str, pragmas: tuple[str, ...] = (), **pool: int
) -> Engine:
    sizes = pool or {"pool_size": 8, "max_overflow": 16}
    engine = create_engine(address, connect_args={"timeout": busy_timeout_seconds}, **sizes)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        # The driver would begin by itself, deferred and late: that loses to every other writer.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", *pragmas):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def is_in_transaction(connection: Connection) -> bool:
    """Return whether the database still holds the transaction open, whatever SQLAlchemy believes."""
    if connection.closed or connection.invalidated:
        return False
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", True))


def as_unavailable(error: BaseException) -> DatabaseUnavailableError | None:
    """Return the error for the caller where the database itself, and not the statement, failed."""
    if isinstance(error, DatabaseUnavailableError):
        return error
    if not isinstance(error, DBAPIError):
        return None
    original = error.orig
    if isinstance(original, sqlite3.Error):
        # The low byte is the kind; the rest says which file or call it was.
        code = getattr(original, "sqlite_errorcode", None)
        remedy = _REMEDIES.get(code & 0xFF) if code is not None else None
    else:
        remedy = _postgres_remedy(error)
    if remedy is None:
        return None
    return DatabaseUnavailableError(f"The database is unavailable ({original}). {remedy}")


def _postgres_remedy(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        lost = _POSTGRES_REMEDIES["08"]
        return lost if error.connection_invalidated or type(error).__name__ == "OperationalError" else None
    for prefix, remedy in _POSTGRES_REMEDIES.items():
        if state.startswith(prefix):
            return remedy
    return None
