"""The learner's lease: at most one learner writes, and its fencing number proves which."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from store.database.database import now
from store.database.schema import lease as lease_table
from store.errors import FencedError

_LEARNER = "learner"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may write a round, until when, and under which number."""

    holder: str
    fencing: int
    expires: datetime


def acquire(connection: Connection, holder: str, seconds: float) -> int | None:
    """Acquire or renew the lease for `seconds` by the database's clock.

    The number stays the same while one holder renews in time. It grows whenever the lease starts anew, for
    the same holder too: another learner may have taken over the work that was begun before the gap.

    Returns:
        The fencing number, or None while another holder's lease lasts.
    """
    moment = now(connection)
    expires = moment + timedelta(seconds=seconds)
    lease = current_lease(connection)
    if lease is None:
        connection.execute(
            insert(lease_table).values(name=_LEARNER, holder=holder, fencing=1, expires=expires)
        )
        return 1
    is_alive = lease.expires > moment
    if is_alive and lease.holder != holder:
        return None
    fencing = lease.fencing if is_alive else lease.fencing + 1
    connection.execute(
        update(lease_table)
        .where(lease_table.c.name == _LEARNER)
        .values(holder=holder, fencing=fencing, expires=expires)
    )
    return fencing


def check(connection: Connection, fencing: int) -> None:
    """Raise unless `fencing` is the number of a lease in force; call it in the write that it guards.

    Raises:
        FencedError: Another learner took over, or the lease ran out: nothing may be written.
    """
    lease = current_lease(connection)
    if lease is None or lease.fencing != fencing:
        number = "none" if lease is None else str(lease.fencing)
        raise FencedError(
            f"Expected to hold the learner's lease as number {fencing}; the number in force is {number}. "
            "Another learner works now: stop this round."
        )
    if lease.expires <= now(connection):
        raise FencedError(
            f"The learner's lease (number {fencing}) ran out at {lease.expires.isoformat()}. "
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
