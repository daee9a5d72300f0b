"""Watches: each follows a promotion, until production is confirmed, rolled back or replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from store.database.database import now
from store.database.schema import watch_images
from store.database.schema import watches as watches_table
from store.evidence.questions import withdraw

WatchState = Literal["watching", "confirmed", "unconfirmed", "rolled_back"]

_MAX_REASON = 1000


@dataclass(frozen=True, slots=True)
class Watch:
    """Whether a promoted version is worse than the one before it.

    Attributes:
        id: Its number.
        version: The version that was promoted.
        predecessor: Production before it.
        state: How it stands, or how it ended.
        num_images: Images that both answered, one of each cluster.
        read_until: Up to where the log was read.
        figures: Counts of the last look by name; empty before the first.
        reason: Why it ended; None while it watches.
        begun: When the version was promoted.
        ended: When it ended.
    """

    id: int
    version: str
    predecessor: str
    state: WatchState
    num_images: int
    read_until: datetime
    figures: dict[str, Any]
    reason: str | None
    begun: datetime
    ended: datetime | None


def begin_watch(connection: Connection, version: str, predecessor: str) -> None:
    """Watch a version that became production in this transaction, in its predecessor's place."""
    moment = now(connection)
    connection.execute(
        insert(watches_table).values(
            version=version,
            predecessor=predecessor,
            state="watching",
            num_images=0,
            read_until=moment,
            figures={},
            begun=moment,
        )
    )


def current_watch(connection: Connection) -> Watch | None:
    """Return the watch that has not ended, or None; there is never more than one."""
    query = select(watches_table).where(watches_table.c.ended.is_(None))
    row = connection.execute(query.order_by(watches_table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _watch(row._mapping)


def last_watches(connection: Connection, limit: int = 1) -> list[Watch]:
    """Return the last watches, newest first, the one in force among them."""
    query = select(watches_table).order_by(watches_table.c.id.desc()).limit(limit)
    return [_watch(row._mapping) for row in connection.execute(query)]


def watches_of(connection: Connection, versions: Sequence[str]) -> dict[str, Watch]:
    """Return version → the watch over its last promotion, for those that were ever watched."""
    query = select(watches_table).where(watches_table.c.version.in_(versions)).order_by(watches_table.c.id)
    return {row.version: _watch(row._mapping) for row in connection.execute(query)}


def num_watches_by_state(connection: Connection) -> dict[str, int]:
    """Return state → how many watches are in it, or ended in it; states that none has are missing."""
    query = select(watches_table.c.state, func.count().label("num")).group_by(watches_table.c.state)
    return {row.state: int(row.num) for row in connection.execute(query)}


def note_figures(connection: Connection, watch_id: int, figures: Mapping[str, Any]) -> None:
    """Store what a look at a watch counted."""
    connection.execute(
        update(watches_table).where(watches_table.c.id == watch_id).values(figures=dict(figures))
    )


def end_watch(
    connection: Connection,
    watch_id: int,
    state: WatchState,
    reason: str,
    figures: Mapping[str, Any] | None = None,
) -> None:
    """End a watch: the labels of its images are asked for no longer, and its images are forgotten.

    Args:
        connection: Of a write.
        watch_id: The watch.
        state: How it ends.
        reason: Why, for people; cut after 1,000 characters.
        figures: Counts of the last look; None keeps those that are stored.
    """
    if figures is not None:
        note_figures(connection, watch_id, figures)
    connection.execute(
        update(watches_table)
        .where(watches_table.c.id == watch_id)
        .values(state=state, reason=reason[:_MAX_REASON], ended=now(connection))
    )
    differing = select(watch_images.c.sha256).where(
        watch_images.c.watch_id == watch_id,
        watch_images.c.production_label != watch_images.c.predecessor_label,
    )
    withdraw(connection, connection.execute(differing).scalars().all())
    connection.execute(delete(watch_images).where(watch_images.c.watch_id == watch_id))


def _watch(row: RowMapping) -> Watch:
    return Watch(**{column.name: row[column.name] for column in watches_table.columns})
