from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from monitoring.webhook.news import collect
from store import learning_state, registry
from store.alarms import accept
from store.database.database import Database, now
from store.notifications import News
from tests.monitoring.conftest import NOW
from tests.store.alarm_work import raised
from tests.store.source_work import SENTENCE, name_mallory


def news(database: Database, since: datetime | None = None) -> dict[str, News]:
    """Return what there is to say since a moment, by kind; by default of the last ten days."""
    with database.read() as connection:
        found = collect(connection, since or now(connection) - timedelta(days=10))
    return {each.kind: each for each in found}


def test_a_promotion_is_news_with_its_reason(filled: Database) -> None:
    promoted = news(filled)["promoted"]
    assert promoted.text == "v3 is production, after v2. Round 3 passed the gate."
    assert promoted.happened == NOW - timedelta(days=2)
    assert promoted.details["version"] == "v3"


def test_the_first_version_is_no_news(filled: Database) -> None:
    with filled.read() as connection:
        keys = [each.key for each in collect(connection, NOW - timedelta(days=100))]
    assert "move-1" not in keys
    assert {"move-2", "move-3"} <= set(keys)


def test_what_happened_before_is_no_news(filled: Database) -> None:
    assert news(filled, NOW) == {}


def test_a_roll_back_by_the_watch_says_so(filled: Database) -> None:
    filled.write(lambda c: registry.roll_back(c, reason="It was worse.", actor="watch", pauses=False))
    rolled_back = news(filled)["rolled_back"]
    assert rolled_back.text == "Rolled back from v3 to v2 by the watch. It was worse."
    assert rolled_back.details == {"version": "v2", "before": "v3", "by": "watch", "reason": "It was worse."}


def test_a_rejected_round_is_news_and_counts_those_in_a_row(filled: Database) -> None:
    rejected = news(filled)["round_rejected"]
    assert rejected.text == "Round 2 was rejected. Rejected: class bees (92 → 61 %) lost."
    assert rejected.details["num_in_a_row"] == 1
    query = text("UPDATE rounds SET state = 'rejected', ended = :now, reason = 'No.' WHERE id > 2")
    filled.write(lambda c: c.execute(query, {"now": f"{now(c):%Y-%m-%d %H:%M:%S.%f}"}) and None)
    with filled.read() as connection:
        texts = {each.key: each.text for each in collect(connection, NOW - timedelta(days=10))}
    assert texts["round-4-rejected"] == "Round 4 was rejected, the 3rd in a row. No."
    assert texts["round-3-rejected"] == "Round 3 was rejected, the 2nd in a row. No."


def test_a_failed_round_is_news(filled: Database) -> None:
    filled.write(lambda c: c.execute(text("UPDATE rounds SET state = 'failed' WHERE id = 2")) and None)
    assert news(filled)["round_failed"].details["round"] == 2


def test_a_round_that_waits_is_news_however_long_it_has_waited(filled: Database) -> None:
    for state, awaited in (("awaiting_labels", "labels"), ("awaiting_approval", "your approval")):
        query = text("UPDATE rounds SET state = :state, reason = 'Twelve are missing.' WHERE id = 4")
        filled.write(lambda c, query=query, state=state: c.execute(query, {"state": state}) and None)  # type: ignore[misc]  # of a lambda with a default nothing is inferred
        waiting = news(filled, NOW + timedelta(days=1))[f"round_{state}"]
        assert waiting.text == f"Round 4 waits for {awaited}. Twelve are missing."


def test_a_pause_is_news_once_for_each_time(filled: Database) -> None:
    filled.write(lambda c: learning_state.pause(c, "Holidays.", "ada"))
    first = news(filled)["learning_paused"]
    assert first.text == "Learning is paused by ada. Holidays."
    filled.write(learning_state.resume)
    assert "learning_paused" not in news(filled)
    filled.write(lambda c: learning_state.pause(c, "More holidays.", "ada"))
    assert news(filled)["learning_paused"].key != first.key


def test_an_alarm_is_news_in_its_own_words_while_it_lasts(filled: Database) -> None:
    alarm = raised(filled, version="v3", sentence="Since Tuesday the images are darker.")
    told = news(filled)["alarm"]
    assert told.text == "Since Tuesday the images are darker."
    assert told.details == {"alarm": alarm.id, "kind": "looks", "classes": ["bees", "ants"]}
    assert "alarm" in news(filled, NOW + timedelta(days=1))
    filled.write(lambda c: accept(c, alarm.id, "It is winter.", "ada"))
    assert "alarm" not in news(filled, NOW + timedelta(days=1))


def test_a_round_that_names_a_source_is_news(database: Database) -> None:
    database.write(lambda c: name_mallory(c, ("ants", "bees"), "d" * 64))
    named = news(database)["sources_named"]
    assert named.text == f"Round 1: {SENTENCE}"
    assert named.details == {"round": 1, "sources": ["mallory"]}
    assert "sources_named" not in news(database, datetime.now(UTC) + timedelta(minutes=1))
