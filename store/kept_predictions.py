"""How much the prediction log holds now, and up to when predictions have gone."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from store.chunks import chunks
from store.facts import read_fact, write_fact
from store.schema import predictions

_KEPT = "predictions_kept"
_GONE_BEFORE = "predictions_gone_before"
# Built once: building a statement takes longer than running it.
_LOGGED = (
    select(predictions.c.sha256).where(predictions.c.sha256.in_(bindparam("shas", expanding=True))).distinct()
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows in the log, and the bytes of their images, an image of many rows counted once."""

    num_rows: int
    num_bytes: int


def kept(connection: Connection) -> Kept:
    """Return the size of the log.

    It is counted as it changes: to count ten million rows would take longer than a read may.
    """
    found = read_fact(connection, _KEPT) or {"num_rows": 0, "num_bytes": 0}
    return Kept(found["num_rows"], found["num_bytes"])


def change_kept(connection: Connection, num_rows: int, num_bytes: int) -> None:
    """Add to the size of the log, or take from it."""
    found = kept(connection)
    write_fact(
        connection,
        _KEPT,
        {"num_rows": found.num_rows + num_rows, "num_bytes": found.num_bytes + num_bytes},
    )


def logged_images(connection: Connection, shas: Collection[str]) -> set[str]:
    """Return those of `shas` that are the image of some prediction in the log."""
    found: set[str] = set()
    for chunk in chunks(shas):
        found.update(connection.execute(_LOGGED, {"shas": chunk}).scalars())
    return found


def gone_before(connection: Connection) -> int:
    """Return the time, in milliseconds since 1970, up to which a prediction not in the log has expired."""
    found: int | None = read_fact(connection, _GONE_BEFORE)
    return -1 if found is None else found


def raise_gone_before(connection: Connection, milliseconds: int) -> None:
    """Move that time on; it never goes back."""
    if milliseconds > gone_before(connection):
        write_fact(connection, _GONE_BEFORE, milliseconds)
