"""Messages to the webhook: each is stored before it is sent, and stays until it is delivered or given up."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from store.database.database import now
from store.database.facts import read_fact, write_fact
from store.database.schema import notifications as table

# From when on messages are sent: the moment at which a webhook was first looked after.
_SINCE = "notified_since"
_MAX_AGE = timedelta(days=7)
# Longer than the above: what is still looked at must be known as sent.
_KEPT = timedelta(days=30)
_MAX_TEXT = 2000
_MAX_ERROR = 200


@dataclass(frozen=True, slots=True)
class News:
    """Something that somebody should know of.

    Attributes:
        key: Names it: the same key is sent once.
        kind: What it is, such as "round_rejected".
        text: What happened, for people; cut after 2,000 characters.
        happened: When.
        details: The same for programs.
    """

    key: str
    kind: str
    text: str
    happened: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notification:
    """A stored message that waits.

    Attributes:
        id: Its number, in the order in which messages are sent.
        uid: What a receiver knows it by.
        num_tries: How often it was sent in vain.
        created: When it was stored.
    """

    id: int
    uid: str
    kind: str
    text: str
    details: dict[str, Any]
    happened: datetime
    created: datetime
    num_tries: int


def notified_since(connection: Connection) -> datetime | None:
    """Return from when on messages are sent, a week ago at most; None before `begin_notifying`."""
    since = read_fact(connection, _SINCE)
    return None if since is None else max(datetime.fromisoformat(since), now(connection) - _MAX_AGE)


def begin_notifying(connection: Connection) -> None:
    """Note that messages are sent from now on; what is looked after already goes on."""
    if read_fact(connection, _SINCE) is None:
        write_fact(connection, _SINCE, now(connection).isoformat())


def without_message(connection: Connection, news: Sequence[News]) -> list[News]:
    """Return what no message was stored of yet."""
    query = select(table.c.key).where(table.c.key.in_([each.key for each in news]))
    known = set(connection.execute(query).scalars())
    return [each for each in news if each.key not in known]


def store_news(connection: Connection, news: Sequence[News]) -> int:
    """Store a message of each that has none yet, in the order in which they happened; return how many."""
    moment = now(connection)
    rows = [
        {
            "key": each.key,
            "uid": uuid.uuid4().hex,
            "kind": each.kind,
            "text": each.text[:_MAX_TEXT],
            "details": dict(each.details),
            "happened": each.happened,
            "created": moment,
            "num_tries": 0,
            "next_try": moment,
        }
        for each in sorted(without_message(connection, news), key=lambda each: each.happened)
    ]
    if rows:
        connection.execute(insert(table), rows)
    return len(rows)


def next_due(connection: Connection) -> Notification | None:
    """Return the message that has waited longest of those that may be sent now, or None."""
    query = select(*(table.c[name] for name in Notification.__dataclass_fields__))
    query = query.where(table.c.ended.is_(None), table.c.next_try <= now(connection))
    row = connection.execute(query.order_by(table.c.id).limit(1)).one_or_none()
    return None if row is None else Notification(**row._mapping)


def note_delivered(connection: Connection, notification_id: int) -> None:
    """End a message that was delivered."""
    values = {"ended": now(connection), "num_tries": table.c.num_tries + 1, "error": None}
    connection.execute(update(table).where(table.c.id == notification_id).values(**values))


def note_failure(
    connection: Connection, notification_id: int, error: str, wait_seconds: float | None
) -> None:
    """Note that a message was sent in vain.

    Args:
        connection: Of a write.
        notification_id: Which one.
        error: Why, without addresses; cut after 200 characters.
        wait_seconds: Until it is sent again; None gives it up.
    """
    moment = now(connection)
    values: dict[str, Any] = {"num_tries": table.c.num_tries + 1, "error": error[:_MAX_ERROR]}
    if wait_seconds is None:
        values["ended"] = moment
    else:
        values["next_try"] = moment + timedelta(seconds=wait_seconds)
    connection.execute(update(table).where(table.c.id == notification_id).values(**values))


def num_undelivered(connection: Connection) -> int:
    """Return how many messages wait after they were sent in vain."""
    query = select(func.count()).where(table.c.ended.is_(None), table.c.num_tries > 0)
    return int(connection.execute(query).scalar_one())


def forget_sent(connection: Connection) -> int:
    """Drop messages that ended a month ago; return how many."""
    query = delete(table).where(table.c.ended < now(connection) - _KEPT)
    return connection.execute(query).rowcount
