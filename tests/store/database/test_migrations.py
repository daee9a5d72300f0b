import json
import multiprocessing
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select

from store.database.database import Database
from store.database.engine import migration_engine
from store.database.facts import read_fact, write_fact
from store.database.migrate import _config, migrate
from store.database.schema import labels, metadata
from store.errors import DatabaseUnavailableError, NewerDatabaseError
from store.evidence.disputes import open_disputes
from store.evidence.held_out import held_out_since
from store.predictions.predictions import find_prediction
from store.samples.label_rules import GivenLabel, LabelState, resolve_labels
from store.samples.near_duplicates import near_split
from store.samples.samples import samples_by_id
from store.samples.splits import SplitSettings, splitter

HEAD = "0007"
CLASSES = ("ants", "bees")


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


def test_labels_in_force_stay_so_and_those_that_a_key_took_away_from_train_come_back(file: Path) -> None:
    # Sample → what each source said in turn, and the label in force of the release before.
    told = {
        1: ([("train", "bees")], "bees"),
        2: ([("train", "bees"), ("ben", "ants")], None),
        3: ([("ben", "ants"), ("train", "bees")], None),
        4: ([("ben", "ants"), ("cy", "bees")], None),
        5: ([("ben", "bees"), ("ben", "ants")], "ants"),
        6: ([("local", "bees"), ("local", "ants")], "ants"),
        7: ([("train", "bees"), ("local", "ants")], None),
        8: ([("ben", "moths")], None),
    }
    engine = migration_engine(url_of(file))
    with engine.connect() as connection:
        command.upgrade(_config(connection), "0003")
        _tell(connection, told)
        connection.commit()
    engine.dispose()
    migrate(url_of(file))
    database = Database(url_of(file))
    with database.read() as connection:
        rows = samples_by_id(connection, told)
        disputes = {each.sample_id: (each.source, each.contradiction) for each in open_disputes(connection)}
        behind = {row.id: row.label for row in connection.execute(select(labels.c.id, labels.c.label))}
        assert read_fact(connection, "num_pending_labels") is None
    for row in rows:
        history = [
            GivenLabel(source, label, source != "ben" and source != "cy") for source, label in told[row.id][0]
        ]
        assert LabelState(row.state, row.label, row.is_trusted) == resolve_labels(history, CLASSES)  # type: ignore[arg-type]  # a column of text
        assert row.label == behind.get(row.label_revision or 0)
        if told[row.id][1] is not None:
            assert row.label == told[row.id][1]
    assert [row.label for row in rows] == ["bees", "bees", "bees", None, "ants", "ants", "bees", None]
    assert disputes == {2: ("ben", "ants"), 4: ("cy", "bees"), 7: ("local", "ants")}
    database.close()


def _tell(connection: Connection, told: dict[int, tuple[list[tuple[str, str]], str | None]]) -> None:
    """Write samples as the release before wrote them."""
    moment = "2026-01-01 00:00:00"
    classes = json.dumps(list(CLASSES))
    connection.exec_driver_sql(
        "INSERT INTO versions (version, number, lineage, created, class_names, files, metrics, is_starter,"
        f" num_deleted_samples) VALUES ('v1', 1, 1, '{moment}', '{classes}', '{{}}', '{{}}', 0, 0)"
    )
    connection.exec_driver_sql("INSERT INTO alias (name, version) VALUES ('production', 'v1')")
    connection.exec_driver_sql("INSERT INTO facts (name, value) VALUES ('num_pending_labels', '7')")
    for number, (said, in_force) in told.items():
        state = "quarantined" if said[0][1] == "moths" else "conflict" if in_force is None else "accepted"
        connection.exec_driver_sql(
            "INSERT INTO samples (id, sha256, phash, origin, split, state, label, source, is_seen, created)"
            " VALUES (?, ?, ?, 'initial', 'golden', ?, ?, ?, 0, ?)",
            (number, f"{number}", number, state, in_force, said[0][0], moment),
        )
        for source, label in said:
            connection.exec_driver_sql(
                "INSERT INTO labels (sample_id, label, source, created) VALUES (?, ?, ?, ?)",
                (number, label, source, moment),
            )
    connection.exec_driver_sql(
        "UPDATE samples SET label_revision = (SELECT MAX(id) FROM labels WHERE sample_id = samples.id"
        " AND label = samples.label)"
    )


def test_what_was_logged_is_held_out_by_the_hash_unless_it_has_a_split(file: Path) -> None:
    created = "'2026-01-01 00:00:00'"
    logged = [(f"{number:064x}", f"'group {number}'" if number % 2 else "NULL") for number in range(100)]
    engine = migration_engine(url_of(file))
    with engine.connect() as connection:
        command.upgrade(_config(connection), "0003")
        for number, (sha256, group) in enumerate(logged):
            connection.exec_driver_sql(
                "INSERT INTO predictions (id, sha256, num_bytes, label, confidence, version, embedding,"
                ' "group", is_audit, is_labelled, source, created)'
                f" VALUES ('{number}', '{sha256}', 9, 'b', 0.5, 'v1', x'00', {group}, 0, 0, 'ann', {created})"
            )
        for number, split in enumerate(("train", "holdout", "holdout")):
            connection.exec_driver_sql(
                "INSERT INTO samples (id, sha256, phash, origin, split, state, source, is_seen, created)"
                f" VALUES ({number}, '{logged[number][0]}', 1, 'direct', '{split}', 'accepted', 'ann', 1,"
                f" {created})"
            )
        connection.exec_driver_sql(
            f"INSERT INTO slices (name, lineage, is_retired, created) VALUES ('round-1', 1, 0, {created})"
        )
        connection.exec_driver_sql("INSERT INTO slice_samples (slice, sample_id) VALUES ('round-1', 2)")
        connection.commit()
    engine.dispose()
    migrate(url_of(file))
    database = Database(url_of(file))
    with database.read() as connection:
        split_by = splitter(connection, SplitSettings())
        images = held_out_since(connection, datetime(2026, 1, 1, tzinfo=UTC), None, 200)
    database.close()
    keys = {
        f"{n:064x}": split_by.key(f"{n:064x}", "ann", f"group {n}" if n % 2 else None) for n in range(100)
    }
    drawn = {sha256 for sha256, key in keys.items() if split_by.split_of(key) == "holdout"}
    with_a_split = {logged[number][0] for number in range(3)}
    assert {image.sha256 for image in images} == drawn - with_a_split | {logged[1][0]}
    assert all(image.rank == split_by.rank(image.sha256) for image in images)


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
