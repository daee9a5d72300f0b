import pytest

from store.database.database import Database
from store.database.engine import parse_url
from store.errors import DatabaseUrlError


@pytest.mark.parametrize("url", ["", "perennial.db", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_a_url_of_another_kind_is_refused_with_what_is_expected(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match="Expected sqlite:"):
        Database(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_postgresql_url_gets_its_driver(scheme: str) -> None:
    pytest.importorskip("psycopg")
    assert parse_url(f"{scheme}://user@host/name").drivername == "postgresql+psycopg"
