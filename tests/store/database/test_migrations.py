import multiprocessing
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from store.database.database import Database
from store.database.engine import migration_engine
from store.database.facts import read_fact, write_fact
from store.database.migrate import _config, migrate
from store.database.schema import metadata
from store.errors import DatabaseUnavailableError, NewerDatabaseError
from store.predictions.predictions import find_prediction
from store.samples.near_duplicates import near_split

HEAD = "0003"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "perennial.db"


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


def copies_of(file: Path) -> list[Path]:
    return sorted((file.parent / "backups").glob("*.db"))


def set_revision(file: Path, revision: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()


def test_the_migrations_make_exactly_the_tables_of_the_schema(file: Path) -> None:
    migrate(url_of(file))
    database = Database(url_of(file))
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
        migrated = {
            table: {column["name"]: (repr(column["type"]), column["nullable"]) for column in columns}
            for (_, table), columns in inspect(connection).get_multi_columns().items()
        }
    database.close()
    created = Database(url_of(file.with_name("made.db")))
    created.write(metadata.create_all)
    with created.read() as connection:
        expected = {
            table: {column["name"]: (repr(column["type"]), column["nullable"]) for column in columns}
            for (_, table), columns in inspect(connection).get_multi_columns().items()
        }
    created.close()
    assert {name: columns for name, columns in migrated.items() if name != "alembic_version"} == expected


def test_what_was_near_before_the_hash_parts_is_near_after_them(file: Path) -> None:
    alike, far = 0x6A5C_96A3_3C5A_A59C, 0x0F0F_0F0F_0F0F_0F0F
    engine = migration_engine(url_of(file))
    with engine.connect() as connection:
        command.upgrade(_config(connection), "0001")
        connection.exec_driver_sql(
            "INSERT INTO samples (id, sha256, phash, origin, split, state, source, is_seen, created)"
            f" VALUES (7, 'aa', {alike}, 'direct', 'golden', 'accepted', 'ann', 1, '2026-01-01 00:00:00')"
        )
        connection.exec_driver_sql("INSERT INTO sample_bands (sample_id, band, bits) VALUES (7, 0, 1)")
        connection.commit()
    engine.dispose()
    migrate(url_of(file))
    assert len(copies_of(file)) == 1
    database = Database(url_of(file))
    with database.read() as connection:
        assert near_split(connection, alike ^ 0b1111, 4) == "golden"
        assert near_split(connection, far, 4) is None
        assert "sample_bands" not in inspect(connection).get_table_names()
    database.close()


def test_predictions_lose_their_hash_and_nothing_else(file: Path) -> None:
    engine = migration_engine(url_of(file))
    with engine.connect() as connection:
        command.upgrade(_config(connection), "0002")
        connection.exec_driver_sql(
            "INSERT INTO predictions (id, sha256, phash, num_bytes, label, confidence, version, embedding,"
            " is_audit, is_labelled, source, created)"
            " VALUES ('p', 'aa', 5, 9, 'bees', 0.5, 'v1', x'003c', 1, 0, 'ann', '2026-01-01 00:00:00')"
        )
        connection.commit()
    engine.dispose()
    migrate(url_of(file))
    database = Database(url_of(file))
    with database.read() as connection:
        row = find_prediction(connection, "p")
        indices = {index["name"] for index in inspect(connection).get_indexes("predictions")}
    database.close()
    assert (row.sha256, row.label, row.embedding, row.is_audit) == ("aa", "bees", b"\x00\x3c", True)
    assert indices == {str(index.name) for index in metadata.tables["predictions"].indexes}


def test_migrating_again_changes_nothing_and_copies_nothing(file: Path) -> None:
    migrate(url_of(file))
    before = file.read_bytes()
    migrate(url_of(file))
    assert file.read_bytes() == before
    assert copies_of(file) == []


def test_an_existing_file_is_copied_with_its_log_before_it_is_migrated(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(url_of(file))
    database = Database(url_of(file))
    database.write(lambda connection: write_fact(connection, "kept", "in the log ahead"))
    # The database as the next release would find it: its revision is not that release's head.
    monkeypatch.setattr("store.database.migrate._revisions", lambda connection, config: (HEAD, "9999"))
    migrate(url_of(file))
    database.close()
    (copy,) = copies_of(file)
    opened = Database(url_of(copy))
    with opened.read() as connection:
        assert read_fact(connection, "kept") == "in the log ahead"
    opened.close()


def test_a_newer_database_is_refused_untouched(file: Path) -> None:
    migrate(url_of(file))
    set_revision(file, "9999")
    before = file.read_bytes()
    with pytest.raises(NewerDatabaseError, match="9999"):
        migrate(url_of(file))
    assert file.read_bytes() == before


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_at_the_end(*_: object) -> None:
        raise sqlite3.OperationalError("killed")

    monkeypatch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", fail_at_the_end)
    with pytest.raises(sqlite3.OperationalError):
        migrate(url_of(file))
    monkeypatch.undo()
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
    migrate(url_of(file))


def test_processes_that_start_together_migrate_once(file: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    starters = [spawn.Process(target=migrate, args=(url_of(file),)) for _ in range(2)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join(120)
    assert [starter.exitcode for starter in starters] == [0, 0]
    assert copies_of(file) == []


def test_a_file_that_is_no_database_is_reported_and_kept(file: Path) -> None:
    file.write_bytes(b"a text that somebody put where the database should be" * 100)
    with pytest.raises(DatabaseUnavailableError, match="no database"):
        migrate(url_of(file))
    assert file.read_bytes().startswith(b"a text")
