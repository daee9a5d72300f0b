"""Compares the tables of a database with those of this release, without loading what migrates them."""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from store.database.engine import parse_url, read_engine, sqlite_file
from store.database.failures import as_unavailable
from store.errors import NewerDatabaseError, NoDatabaseError, OlderDatabaseError

_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"
_BUSY_SECONDS = 10.0


def newest_revision() -> str:
    """Return the revision of this release's tables, which is that of the last migration's file."""
    return max(file.name[1:5] for file in _MIGRATIONS.glob("r*.py"))


def check_revision(url: str) -> None:
    """Return if the database has this release's tables; make and change nothing.

    Raises:
        NoDatabaseError: There is no database, or it has no tables.
        OlderDatabaseError: An earlier release made the tables.
        NewerDatabaseError: A newer release made the tables.
        DatabaseUrlError: The URL can't be used.
        DatabaseUnavailableError: The database can't be read.
    """
    revision, newest = revision_of(url), newest_revision()
    if revision is None:
        raise NoDatabaseError(f"Expected a database at {parse_url(url)}, found none. Check its address.")
    if revision > newest:
        raise newer(revision, newest)
    if revision < newest:
        raise OlderDatabaseError(
            f"Expected tables of revision {newest}, found {revision}, which an earlier release made. "
            "Stop the servers of that release, then run `perennial migrate`; `up`, `serve` and `learn` "
            "migrate too."
        )


def newer(revision: str, newest: str) -> NewerDatabaseError:
    """Return the error for a database that a newer release migrated."""
    return NewerDatabaseError(
        f"The database is at revision {revision}, which this release doesn't know; it knows up to {newest}. "
        "Install the release that made it, or restore an older backup."
    )


def revision_of(url: str) -> str | None:
    """Return the revision of a database's tables; None if there is no database, or it has none.

    Raises:
        DatabaseUrlError: The URL can't be used.
        DatabaseUnavailableError: The database can't be read.
    """
    file = sqlite_file(parse_url(url))
    # To open a file that is missing would make it.
    if file is not None and not file.exists():
        return None
    engine = read_engine(url, _BUSY_SECONDS)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except DBAPIError as error:
        raise as_unavailable(error) or error from error
    finally:
        engine.dispose()
