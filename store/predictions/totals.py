"""Totals of the prediction log: its size, and the time up to which predictions have expired."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from store.database.chunks import chunks
from store.database.facts import read_fact, write_fact
from store.database.schema import predictions

_SIZE_FACT = "predictions_kept"
_EXPIRED_UNTIL_FACT = "predictions_gone_before"
# Built once: building a statement takes longer than running it.
_LOGGED = (
    select(predictions.c.sha256).where(predictions.c.sha256.in_(bindparam("shas", expanding=True))).distinct()
)


@dataclass(frozen=True, slots=True)
class LogSize:
    """Rows in the log, and the bytes of their images; an image of many rows counts once."""

    num_rows: int
    num_bytes: int


def log_size(connection: Connection) -> LogSize:
    """Return the size of the log.

    It is updated with each change: counting ten million rows would take longer than a read may.
    """
    fact = read_fact(connection, _SIZE_FACT) or {"num_rows": 0, "num_bytes": 0}
    return LogSize(fact["num_rows"], fact["num_bytes"])


def change_log_size(connection: Connection, num_rows: int, num_bytes: int) -> None:
    """Add to the size of the log, or subtract from it."""
    size = log_size(connection)
    write_fact(
        connection,
        _SIZE_FACT,
        {"num_rows": size.num_rows + num_rows, "num_bytes": size.num_bytes + num_bytes},
    )


def logged_images(connection: Connection, shas: Collection[str]) -> set[str]:
    """Return those of `shas` that are the image of some prediction in the log."""
    logged: set[str] = set()
    for chunk in chunks(shas):
        logged.update(connection.execute(_LOGGED, {"shas": chunk}).scalars())
    return logged


def expired_until(connection: Connection) -> int:
    """Return the time, in milliseconds since 1970, up to which a prediction not in the log has expired."""
    milliseconds: int | None = read_fact(connection, _EXPIRED_UNTIL_FACT)
    return -1 if milliseconds is None else milliseconds


def raise_expired_until(connection: Connection, milliseconds: int) -> None:
    """Move the time up to which predictions have expired forward; it never goes back."""
    if milliseconds > expired_until(connection):
        write_fact(connection, _EXPIRED_UNTIL_FACT, milliseconds)
