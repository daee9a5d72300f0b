"""SQLAlchemy engines for SQLite and PostgreSQL: their transactions and their locks."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from store.database.database_file import LOG_BYTES, DatabaseFile
from store.errors import DatabaseUrlError

# "perennial" as a number: the advisory locks of PostgreSQL are named by one.
WRITE_LOCK = 0x7065_7265_6E6E
MIGRATION_LOCK = WRITE_LOCK + 1
LOCK_SECONDS = "lock_seconds"
# How long PostgreSQL's server may not answer at all.
AWAY_SECONDS = 5

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"journal_size_limit={LOG_BYTES}")


def read_engine(url: str, busy_timeout_seconds: float, file: DatabaseFile | None = None) -> Engine:
    """Return an engine whose transactions are one snapshot each, and can't write.

    Args:
        url: The database's.
        busy_timeout_seconds: How long a transaction waits for a lock.
        file: What watches the database's file; by default one of the engine's own.
    """
    address = parse_url(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite_engine(address, file, busy_timeout_seconds, begin="BEGIN", pragmas=("query_only=ON",))
    engine = _postgres_engine(address, pool_size=8, max_overflow=16)
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def write_engine(url: str, busy_timeout_seconds: float, file: DatabaseFile | None = None) -> Engine:
    """Return an engine of one connection whose transactions hold the write lock from their start.

    A transaction waits for the lock as long as its connection's option `lock_seconds` says, if it has one.
    """
    address = parse_url(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite_engine(
            address, file, busy_timeout_seconds, begin="BEGIN IMMEDIATE", pool_size=1, max_overflow=0
        )
    engine = _postgres_engine(address, pool_size=1, max_overflow=0)

    @event.listens_for(engine, "begin")
    def acquire_write_lock(connection: Connection) -> None:
        # One writer at a time, as SQLite has it, so that the same code is right on both.
        seconds = connection.get_execution_options().get(LOCK_SECONDS, busy_timeout_seconds)
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_milliseconds(seconds)}")
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
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise DatabaseUrlError(f"{expected}; this is no database URL. Correct it.") from error
    if backend in ("postgresql", "postgres"):
        return _with_psycopg(address)
    if backend != "sqlite":
        raise DatabaseUrlError(f"{expected}; got a {backend} database. Use one of the two.")
    if address.database in (None, "", ":memory:"):
        raise DatabaseUrlError(f"{expected}; got SQLite in memory, which no other process sees. Name a file.")
    # What follows would be dropped without a word, and the file made beside the one that is meant.
    if "?" in url:
        raise DatabaseUrlError(f"{expected}; got options after a question mark. Write one in a path as %3F.")
    return address


def sqlite_url(file: Path) -> str:
    """Return the URL of an SQLite file, in which the characters that a URL reads otherwise are escaped.

    >>> sqlite_url(Path("/srv/50% ?/perennial.db"))
    'sqlite:////srv/50%25 %3F/perennial.db'
    """
    return URL.create("sqlite", database=str(file)).render_as_string()


def absolute_url(url: str) -> str:
    """Return the URL of an SQLite file with the absolute path; any other text as it is.

    Opening it says what is wrong with it.
    """
    if not url.startswith("sqlite"):
        return url
    try:
        return sqlite_url(Path(str(parse_url(url).database)).absolute())
    except DatabaseUrlError:
        return url


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


def _postgres_engine(address: URL, **pool: int) -> Engine:
    # Without them a server that went without a word is waited for, for many minutes.
    limits = {"connect_timeout": AWAY_SECONDS, "tcp_user_timeout": AWAY_SECONDS * 1000}
    chosen = {name: value for name, value in limits.items() if name not in address.query}
    return create_engine(address, connect_args=chosen, pool_pre_ping=True, **pool)


def _milliseconds(seconds: float) -> int:
    # None at all would be without end for PostgreSQL.
    return max(1, round(seconds * 1000))


def _sqlite_engine(
    address: URL,
    watched: DatabaseFile | None,
    busy_timeout_seconds: float,
    *,
    begin: str,
    pragmas: tuple[str, ...] = (),
    **pool: int,
) -> Engine:
    sizes = pool or {"pool_size": 8, "max_overflow": 16}
    file = watched or DatabaseFile(sqlite_file(address))
    engine = create_engine(address, connect_args={"timeout": busy_timeout_seconds}, **sizes)

    @event.listens_for(engine, "do_connect")
    def refuse_another(*_: Any) -> None:
        # SQLite would make an empty database where there is none.
        file.check()

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _entry: ConnectionPoolEntry) -> None:
        # The driver would begin by itself, deferred and late: that loses to every other writer.
        connection.isolation_level = None
        for pragma in (*_PRAGMAS, *pragmas):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        file.check()
        seconds = connection.get_execution_options().get(LOCK_SECONDS)
        if seconds is not None:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={_milliseconds(seconds)}")
        connection.exec_driver_sql(begin)

    return engine


def is_in_transaction(connection: Connection) -> bool:
    """Return whether the database still holds the transaction open, whatever SQLAlchemy believes."""
    if connection.closed or connection.invalidated:
        return False
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", True))
