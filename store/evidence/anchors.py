"""The anchor of a lineage: the version to which golden accuracy is compared over many rounds."""

from typing import Any

from sqlalchemy import Connection, Row, select

from store.database.facts import read_fact, write_fact
from store.database.schema import versions
from store.versions import Version, ancestry, find_version

_FACT = "anchors"


def anchor_of(connection: Connection, production: Version) -> Version | None:
    """Return the anchor to which versions in production's line are compared.

    It is the last version of the line that `train` made, or a better one after it that `set_anchor` named.
    Where its files are gone, the oldest version after it that has files stands in.

    Args:
        connection: Where to look.
        production: The version in production.

    Returns:
        Production itself where no earlier one has files; None for a starter and what was learnt from it.
    """
    line = _line_since_training(connection, production)
    if line[0].is_starter:
        return None
    named = (read_fact(connection, _FACT) or {}).get(str(production.lineage))
    start = next((index for index, row in enumerate(line) if row.version == named), 0)
    with_files = [row.version for row in line[start:] if row.files]
    return find_version(connection, with_files[0]) if with_files else production


def set_anchor(connection: Connection, version: Version) -> None:
    """Make a version that is better than the anchor on golden images the anchor of its lineage."""
    anchors = read_fact(connection, _FACT) or {}
    write_fact(connection, _FACT, {**anchors, str(version.lineage): version.version})


def _line_since_training(connection: Connection, production: Version) -> list[Row[Any]]:
    """Return production's line from the last version that `train` made, oldest first."""
    query = select(versions.c.version, versions.c.round_id, versions.c.files, versions.c.is_starter).where(
        versions.c.version.in_(ancestry(connection, production.version)),
        versions.c.lineage == production.lineage,
    )
    line: list[Row[Any]] = list(connection.execute(query.order_by(versions.c.number)))
    trained = [index for index, row in enumerate(line) if row.round_id is None]
    return line[trained[-1] if trained else 0 :]
