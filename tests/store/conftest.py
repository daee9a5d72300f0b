"""What the store's tests share: a migrated SQLite database in a folder of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Database, migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'perennial.db'}"
    migrate(url)
    opened = Database(url)
    yield opened
    opened.close()
