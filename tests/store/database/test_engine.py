from pathlib import Path

import pytest

from store.database.database import Database
from store.database.engine import parse_url, sqlite_file, sqlite_url
from store.errors import DatabaseUrlError


@pytest.mark.parametrize(
    "url",
    [
        "",
        "perennial.db",
        "mysql://host/name",
        "postgresql://host:port/name",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////srv/what?x/perennial.db",
    ],
)
def test_a_url_of_another_kind_is_refused_with_what_is_expected(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match="Expected sqlite:"):
        Database(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_postgresql_url_gets_its_driver(scheme: str) -> None:
    pytest.importorskip("psycopg")
    assert parse_url(f"{scheme}://user@host/name").drivername == "postgresql+psycopg"


@pytest.mark.parametrize("name", ["a%20b", "q?x=y", "#", "a&b+c", "it's é", "file:x?mode=memory"])
def test_the_url_of_a_file_leads_to_that_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    assert sqlite_file(parse_url(sqlite_url(file))) == file
