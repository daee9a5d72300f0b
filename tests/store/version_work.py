"""Steps that tests of versions share, each in one call."""

from collections.abc import Sequence

from store import registry
from store.database.database import Database
from store.versions import NewVersion, Version, add_version, find_version


def add(
    database: Database,
    parent: str | None = None,
    class_names: Sequence[str] = ("ants", "bees"),
    weights: str | None = None,
) -> str:
    new = NewVersion(tuple(class_names), {"weights.safetensors": weights or "0" * 64}, parent=parent)
    return database.write(lambda c: add_version(c, new, [])).version


def add_line(database: Database, num: int) -> list[str]:
    """Add and promote `num` versions; each is a child of the one before and has weights of its own."""
    line: list[str] = []
    for number in range(num):
        line.append(add(database, line[-1] if line else None, weights=f"{number:064d}"))
        promote(database, line[-1])
    return line


def promote(database: Database, version: str, *, force: bool = False) -> registry.Move:
    return database.write(lambda c: registry.promote(c, version, reason="better", actor="test", force=force))


def roll_back(database: Database, to: str | None = None, *, force: bool = False) -> registry.Move:
    return database.write(lambda c: registry.roll_back(c, reason="worse", actor="ada", to=to, force=force))


def production(database: Database) -> str | None:
    with database.read() as connection:
        champion = registry.production(connection)
    return None if champion is None else champion.version


def find(database: Database, version: str) -> Version:
    with database.read() as connection:
        return find_version(connection, version)
