"""Copies a database to one file, and restores it from that file."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, func, inspect, select
from sqlalchemy.pool import NullPool

from store.database.blob_references import evidence_images, version_blobs
from store.database.engine import parse_url, read_engine, sqlite_file, sqlite_url
from store.database.failures import as_unavailable
from store.database.schema import alias_moves, labels, predictions, rounds, samples, versions
from store.durable import make_folder, sync_file, sync_folder
from store.errors import BackupToolError, DatabaseDamagedError, DatabaseUnavailableError

_BUSY_SECONDS = 10.0
_COUNTED = (samples, labels, predictions, versions, rounds, alias_moves)


@dataclass(frozen=True, slots=True)
class DatabaseCopy:
    """A database as of one moment, with the blobs that its rows name."""

    file: Path
    counts: dict[str, int]
    blob_names: set[str]


def copy_database(url: str, folder: Path) -> DatabaseCopy:
    """Copy a database that is in use to a file in `folder`.

    Raises:
        BackupToolError: PostgreSQL's pg_dump is missing or failed.
        DatabaseUnavailableError: There is no such database, it can't be read, or the disk is full.
        DatabaseDamagedError: The database is damaged.
    """
    address = parse_url(url)
    source = sqlite_file(address)
    if source is None:
        return _copy_postgres(url, address, folder / "perennial.pgdump")
    if not source.is_file():
        raise DatabaseUnavailableError(f"Expected a database in {source}, found none. Check PERENNIAL_HOME.")
    file = folder / "perennial.db"
    copy_sqlite(source, file)
    damage = damage_of(file)
    if damage is not None:
        raise DatabaseDamagedError(
            f"Expected a sound database in {source}, found a damaged one ({damage}). Nothing was backed up. "
            f"Restore an earlier backup, or save what can be read: sqlite3 {source} .recover"
        )
    engine = create_engine(sqlite_url(file), poolclass=NullPool)
    with engine.connect() as connection:
        return DatabaseCopy(file, _counts(connection), _blob_names(connection))


def copy_sqlite(source_file: Path, target_file: Path) -> None:
    """Copy an SQLite database that may be in use, its log included, to one new file without a log.

    Raises:
        DatabaseUnavailableError: It can't be read, or the disk is full.
    """
    try:
        with (
            closing(sqlite3.connect(source_file, timeout=_BUSY_SECONDS)) as source,
            closing(sqlite3.connect(target_file)) as target,
        ):
            # All pages in one step: in many steps, each write of the server would start the copy anew.
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE").close()
    except sqlite3.Error as error:
        raise as_unavailable(error) or error from error


def damage_of(file: Path) -> str | None:
    """Return what is wrong with an SQLite file that nobody uses; None if it is sound."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (first,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if first == "ok" else str(first)


def restore_database(file: Path, url: str) -> None:
    """Restore the copy in `file` into the empty database at `url`.

    Raises:
        BackupToolError: pg_restore is missing or failed.
    """
    address = parse_url(url)
    target = sqlite_file(address)
    if target is not None:
        _restore_sqlite(file, target)
    else:
        _run_tool("pg_restore", address, ["--no-owner", "--exit-on-error", "--single-transaction", str(file)])


def refuse_other_kind(file: Path, url: str) -> None:
    """Raise unless the copy in `file` is of the same kind of database as `url`.

    Raises:
        BackupToolError: It is of the other kind.
    """
    kind = parse_url(url).get_backend_name()
    if (kind == "sqlite") != (file.suffix == ".db"):
        raise BackupToolError(
            f"Expected a backup of the same kind of database as {kind}, found {file.name}. "
            "Restore it into the kind of database that it came from."
        )


def is_empty(url: str) -> bool:
    """Return whether there is no database at `url`, or one without tables."""
    address = parse_url(url)
    file = sqlite_file(address)
    if file is not None:
        return not file.exists() or file.stat().st_size == 0
    engine = create_engine(address, poolclass=NullPool)
    return not inspect(engine).get_table_names()


def _restore_sqlite(file: Path, target: Path) -> None:
    make_folder(target.parent)
    partial = target.with_name(target.name + ".partial")
    shutil.copyfile(file, partial)
    sync_file(partial)
    # SQLite would replay the log of an earlier database into this one.
    for suffix in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    os.replace(partial, target)
    sync_folder(target.parent)


def _copy_postgres(url: str, address: URL, file: Path) -> DatabaseCopy:
    engine: Engine = read_engine(url, _BUSY_SECONDS)
    try:
        with engine.connect() as connection:
            # pg_dump reads the same snapshot as this transaction.
            snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            _run_tool("pg_dump", address, ["--format=custom", f"--snapshot={snapshot}", f"--file={file}"])
            return DatabaseCopy(file, _counts(connection), _blob_names(connection))
    finally:
        engine.dispose()


def _run_tool(tool: str, address: URL, arguments: Iterable[str]) -> None:
    program = shutil.which(tool)
    if program is None:
        raise BackupToolError(
            f"A PostgreSQL database is copied with {tool}, which is not installed here. Install the "
            "PostgreSQL client of the server's version, then retry."
        )
    plain = address.set(drivername="postgresql", password=None)
    environment = dict(os.environ)
    if address.password is not None:
        environment["PGPASSWORD"] = str(address.password)
    completed = subprocess.run(
        [program, f"--dbname={plain.render_as_string(hide_password=False)}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode != 0:
        raise BackupToolError(
            f"{tool} failed with status {completed.returncode}: {completed.stderr.strip()[-1000:]}. "
            f"Check that it is of the server's version, then retry."
        )


def _counts(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in _COUNTED
    }


def _blob_names(connection: Connection) -> set[str]:
    names = version_blobs(connection) | evidence_images(connection)
    for column in (samples.c.sha256, predictions.c.sha256):
        names.update(connection.execute(select(column).distinct()).scalars())
    return names
