"""The learner's lease: at most one learner writes, and a fencing number proves which."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from store.database import now
from store.errors import FencedError
from store.schema import lease as lease_table

_LEARNER = "learner"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may write a round, until when, and under which number."""

    holder: str
    fencing: int
    expires: datetime


def acquire(connection: Connection, holder: str, seconds: float) -> int | None:
    """Take or renew the lease for `seconds` by the database's clock.

    The number stays the same while one holder renews in time, and grows whenever the lease starts anew,
    for the same holder too: what was begun before the gap may have been judged stale since.

    Returns:
        The fencing number, or None while another holder's lease lasts.
    """
    moment = now(connection)
    expires = moment + timedelta(seconds=seconds)
    found = current_lease(connection)
    if found is None:
        connection.execute(
            insert(lease_table).values(name=_LEARNER, holder=holder, fencing=1, expires=expires)
        )
        return 1
    is_alive = found.expires > moment
    if is_alive and found.holder != holder:
        return None
    fencing = found.fencing if is_alive else found.fencing + 1
    connection.execute(
        update(lease_table)
        .where(lease_table.c.name == _LEARNER)
        .values(holder=holder, fencing=fencing, expires=expires)
    )
    return fencing


def check(connection: Connection, fencing: int) -> None:
    """Return when `fencing` is the number of a lease in force; call it in the write that it guards.

    Raises:
        FencedError: Another learner took over, or the lease ran out: nothing may be written.
    """
    found = current_lease(connection)
    if found is None or found.fencing != fencing:
        number = "none" if found is None else str(found.fencing)
        raise FencedError(
            f"Expected to hold the learner's lease as number {fencing}; the number in force is {number}. "
            "Another learner works now: stop this round."
        )
    if found.expires <= now(connection):
        raise FencedError(
            f"The learner's lease (number {fencing}) ran out at {found.expires.isoformat()}. "
            "Stop this round; acquire the lease again before another."
        )


def release(connection: Connection, holder: str) -> None:
    """End the holder's lease now, so that another learner need not wait; no error where it has none."""
    # The row stays: its number must never be given out again.
    connection.execute(
        update(lease_table)
        .where(lease_table.c.name == _LEARNER, lease_table.c.holder == holder)
        .values(expires=now(connection))
    )


def current_lease(connection: Connection) -> Lease | None:
    """Return the last lease that was given, which may have run out."""
    row = connection.execute(select(lease_table).where(lease_table.c.name == _LEARNER)).one_or_none()
    return None if row is None else Lease(row.holder, row.fencing, row.expires)
