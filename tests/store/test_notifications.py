from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from store.database.database import Database, now
from store.database.schema import notifications as table
from store.notifications import (
    News,
    Notification,
    begin_notifying,
    forget_sent,
    next_due,
    note_delivered,
    note_failure,
    notified_since,
    num_undelivered,
    store_news,
)
from tests.store.database.test_query_plans import plans, scans

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def news(key: str, hour: int = 0) -> News:
    return News(key, "round_rejected", f"{key} happened.", NOON + timedelta(hours=hour), {"round": 1})


def due(database: Database) -> Notification | None:
    with database.read() as connection:
        return next_due(connection)


def rows(database: Database) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(table).order_by(table.c.id)))


def test_messages_wait_in_the_order_in_which_things_happened(database: Database) -> None:
    assert database.write(lambda c: store_news(c, [news("late", 2), news("early", 1)])) == 2
    first = due(database)
    assert first is not None
    assert (first.text, first.details, first.num_tries) == ("early happened.", {"round": 1}, 0)
    database.write(lambda c: note_delivered(c, first.id))
    second = due(database)
    assert second is not None
    assert second.text == "late happened."
    assert second.uid != first.uid


def test_the_same_thing_gets_one_message_also_after_it_was_delivered(database: Database) -> None:
    database.write(lambda c: store_news(c, [news("a")]))
    first = due(database)
    assert first is not None
    database.write(lambda c: note_delivered(c, first.id))
    assert database.write(lambda c: store_news(c, [news("a"), news("b")])) == 1
    assert [row.key for row in rows(database)] == ["a", "b"]


def test_a_failed_message_waits_with_its_id_and_others_go_on(database: Database) -> None:
    database.write(lambda c: store_news(c, [news("a", 1), news("b", 2)]))
    first = due(database)
    assert first is not None
    database.write(lambda c: note_failure(c, first.id, "found 500", 60.0))
    second = due(database)
    assert second is not None
    assert second.text == "b happened."
    with database.read() as connection:
        assert num_undelivered(connection) == 1
    database.write(lambda c: c.execute(update(table).values(next_try=now(c))) and None)
    again = due(database)
    assert again is not None
    assert (again.uid, again.num_tries) == (first.uid, 1)


def test_a_message_that_is_given_up_is_not_due_again(database: Database) -> None:
    database.write(lambda c: store_news(c, [news("a")]))
    first = due(database)
    assert first is not None
    database.write(lambda c: note_failure(c, first.id, "found 410", None))
    assert due(database) is None
    [row] = rows(database)
    assert (row.ended is not None, row.error) == (True, "found 410")
    with database.read() as connection:
        assert num_undelivered(connection) == 0


def test_messages_are_sent_of_what_happens_from_the_first_look_on_and_of_a_week_at_most(
    database: Database,
) -> None:
    def since() -> datetime | None:
        with database.read() as connection:
            return notified_since(connection)

    assert since() is None
    database.write(begin_notifying)
    begun = since()
    assert begun is not None
    database.write(begin_notifying)
    assert since() == begun
    past = (begun - timedelta(days=100)).isoformat()
    query = text("UPDATE facts SET value = :value WHERE name = 'notified_since'")
    database.write(lambda c: c.execute(query, {"value": f'"{past}"'}) and None)
    moved = since()
    assert moved is not None
    assert timedelta(days=6, hours=23) < begun - moved < timedelta(days=7, seconds=1)


def test_messages_that_ended_a_month_ago_go_and_those_that_wait_stay(database: Database) -> None:
    database.write(lambda c: store_news(c, [news("old", 1), news("new", 2), news("waits", 3)]))
    for number, days in ((1, 31), (2, 29)):
        ended = datetime.now(UTC) - timedelta(days=days)
        query = update(table).where(table.c.id == number).values(ended=ended)
        database.write(lambda c, query=query: c.execute(query) and None)  # type: ignore[misc]  # of a lambda with a default nothing is inferred
    assert database.write(forget_sent) == 1
    assert [row.key for row in rows(database)] == ["new", "waits"]


@pytest.mark.parametrize("work", [next_due, num_undelivered, forget_sent])
def test_no_look_reads_all_messages(database: Database, work: Any) -> None:
    explained = plans(database, work)
    assert explained
    assert scans(explained) == []
