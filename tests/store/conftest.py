"""Fixtures of the store's tests: a migrated SQLite database for each, a champion in it, and a lease."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from store import leases, registry
from store.database.database import Database
from store.versions import NewVersion, add_version


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{shutil.copy(empty_database, tmp_path)}")
    yield opened
    opened.close()


@pytest.fixture
def champion(database: Database) -> str:
    def work(connection: Connection) -> str:
        first = add_version(connection, NewVersion(("ants", "bees"), {"weights": "a" * 64}), [])
        registry.promote(connection, first.version, reason="first", actor="test")
        return first.version

    return database.write(work)


@pytest.fixture
def fencing(database: Database) -> int:
    number = database.write(lambda c: leases.acquire(c, "learner-a", 60))
    assert number is not None
    return number
