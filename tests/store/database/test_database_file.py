"""What goes to a file that is no longer there is never acknowledged; the log shrinks again."""

import logging
import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection

from store.database.database import Database
from store.database.database_file import LOG_BYTES
from store.database.facts import write_fact
from store.errors import DatabaseRemovedError


def add(database: Database, name: str, num_bytes: int = 1) -> None:
    database.write(lambda connection: write_fact(connection, name, "x" * num_bytes))


def log_of(database: Database) -> Path:
    return Path(f"{database.url.removeprefix('sqlite:///')}-wal")


def test_a_removed_file_is_written_no_more_until_it_is_back(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "perennial.db"
    add(database, "before")
    file.rename(tmp_path / "aside.db")
    for _ in range(2):
        with pytest.raises(DatabaseRemovedError, match="Put it back"):
            add(database, "lost")
        with pytest.raises(DatabaseRemovedError), database.read():
            pass
    # An empty database in its place would look as if all were well.
    assert not file.exists()
    (tmp_path / "aside.db").rename(file)
    add(database, "after")


def test_a_file_removed_between_the_first_statement_and_the_commit_is_noticed(
    database: Database, tmp_path: Path
) -> None:
    def remove(connection: Connection) -> None:
        write_fact(connection, "lost", 1)
        (tmp_path / "perennial.db").unlink()

    with pytest.raises(DatabaseRemovedError):
        database.write(remove)


def test_another_file_in_its_place_is_not_taken_for_it(database: Database, tmp_path: Path) -> None:
    add(database, "before")
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE facts (name)")
    os.replace(other, tmp_path / "perennial.db")
    with pytest.raises(DatabaseRemovedError):
        add(database, "lost")


def test_a_removed_log_is_noticed(database: Database) -> None:
    add(database, "before")
    log_of(database).unlink()
    with pytest.raises(DatabaseRemovedError, match="-wal was removed"):
        add(database, "lost")


def test_the_log_shrinks_once_a_long_reader_is_gone(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("store.database.database_file.LARGE_LOG_BYTES", LOG_BYTES)
    with database.read() as connection, caplog.at_level(logging.WARNING):
        connection.exec_driver_sql("SELECT count(*) FROM facts").scalar_one()
        for number in range(12):
            add(database, f"large{number}", 1_000_000)
    assert log_of(database).stat().st_size > LOG_BYTES
    assert caplog.text.count("End that program") == 1
    # The first write after it empties the log, the second begins it anew.
    add(database, "small")
    add(database, "smaller")
    assert log_of(database).stat().st_size <= LOG_BYTES
