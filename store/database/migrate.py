"""Migrates a database to this release's tables."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from store.database.database_copy import copy_sqlite
from store.database.engine import MIGRATION_LOCK, migration_engine, parse_url, sqlite_file
from store.database.failures import as_unavailable
from store.database.revision import newer
from store.durable import make_folder, sync_file, sync_folder

_log = logging.getLogger(__name__)


def migrate(url: str) -> None:
    """Create or upgrade the tables; change nothing if they are up to date.

    Only one process migrates at a time; the others wait and then have nothing to do. An existing SQLite
    file is first copied to `backups/` beside it. The upgrade is one transaction: it happens or it doesn't.

    Raises:
        DatabaseUrlError: The URL can't be used.
        DatabaseUnavailableError: The database can't be opened or written.
        NewerDatabaseError: A newer release made the tables.
    """
    file = sqlite_file(parse_url(url))
    if file is not None:
        make_folder(file.parent)
    engine = migration_engine(url)
    try:
        with _file_lock(file), engine.connect() as connection, _advisory_lock(connection):
            config = _config(connection)
            revision, head = _revisions(connection, config)
            if revision == head:
                return
            if file is not None and revision is not None:
                _copy(file, revision)
            connection.rollback()
            command.upgrade(config, "head")
            connection.commit()
            _log.info("Migrated the database from %s to %s.", revision or "nothing", head)
    except DBAPIError as error:
        raise as_unavailable(error) or error from error
    finally:
        engine.dispose()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revisions(connection: Connection, config: Config) -> tuple[str | None, str | None]:
    """Return the revision that the database is at, and the one that it should be at."""
    scripts = ScriptDirectory.from_config(config)
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        raise newer(revision, str(scripts.get_current_head()))
    return revision, scripts.get_current_head()


@contextmanager
def _file_lock(file: Path | None) -> Iterator[None]:
    if file is None:
        yield
        return
    # The lock ends with its process, so that a killed migration blocks nobody.
    with file.with_name(f"{file.name}.migrate-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _advisory_lock(connection: Connection) -> Iterator[None]:
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(text(f"SELECT pg_advisory_lock({MIGRATION_LOCK})"))
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})"))
        connection.commit()


def _copy(file: Path, revision: str) -> None:
    """Copy a database that may be in use, and its log with it, into `backups/` beside it."""
    folder = file.parent / "backups"
    make_folder(folder)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    copy = folder / f"{file.stem}-before-migration-{revision}-{stamp}.db"
    copy_sqlite(file, copy)
    sync_file(copy)
    sync_folder(folder)
    _log.info("Copied the database to %s before migrating it.", copy)
