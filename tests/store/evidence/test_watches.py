from sqlalchemy import Connection

from store import registry
from store.database.database import Database
from store.evidence.questions import find_question, open_questions
from store.evidence.watch_images import looked_at
from store.evidence.watches import (
    current_watch,
    end_watch,
    last_watches,
    note_figures,
    num_watches_by_state,
    watches_of,
)
from store.learning_state import paused
from store.versions import NewVersion, add_version
from tests.store.version_work import add, add_line, promote, roll_back
from tests.store.watch_work import differ, in_force, last


def test_a_promotion_begins_a_watch_over_it_against_production_until_then(database: Database) -> None:
    add_line(database, 2)

    watch = in_force(database)
    assert (watch.version, watch.predecessor, watch.state, watch.num_images) == ("v2", "v1", "watching", 0)
    assert watch.read_until == watch.begun


def test_the_first_version_is_not_watched(database: Database) -> None:
    add_line(database, 1)

    with database.read() as connection:
        assert last_watches(connection) == []


def test_a_version_with_other_classes_is_not_watched(database: Database) -> None:
    add_line(database, 1)
    promote(database, add(database, class_names=("cats", "dogs")), force=True)

    with database.read() as connection:
        assert current_watch(connection) is None


def test_a_starter_is_not_what_a_first_training_is_compared_with(database: Database) -> None:
    def train(connection: Connection) -> None:
        starter = add_version(connection, NewVersion(("ants",), {"w": "a" * 64}, is_starter=True), [])
        registry.promote(connection, starter.version, reason="first start", actor="starter")
        new = NewVersion(("ants",), {"w": "b" * 64}, parent=starter.version, begins_lineage=True)
        trained = add_version(connection, new, [])
        registry.promote(connection, trained.version, reason="trained", actor="train", force=True)

    database.write(train)

    with database.read() as connection:
        assert current_watch(connection) is None


def test_the_next_promotion_ends_a_watch_and_begins_its_own(database: Database) -> None:
    add_line(database, 3)

    with database.read() as connection:
        second, first = last_watches(connection, 5)
    assert (second.version, second.state) == ("v3", "watching")
    assert (first.version, first.state) == ("v2", "unconfirmed")
    assert first.reason == "v2 stays unconfirmed: v3 became production before its watch ended."


def test_a_persons_roll_back_ends_the_watch_and_begins_none(database: Database) -> None:
    add_line(database, 2)
    roll_back(database)

    with database.read() as connection:
        assert current_watch(connection) is None
        assert paused(connection) is not None
    assert last(database).state == "unconfirmed"


def test_a_roll_back_by_a_watch_does_not_pause_learning(database: Database) -> None:
    add_line(database, 2)
    database.write(lambda c: registry.roll_back(c, reason="worse", actor="watch", pauses=False))

    with database.read() as connection:
        assert paused(connection) is None


def test_what_is_production_already_keeps_its_watch(database: Database) -> None:
    add_line(database, 2)
    watch = in_force(database)
    promote(database, "v2")

    assert in_force(database) == watch


def test_an_ended_watch_asks_for_no_more_labels(database: Database) -> None:
    add_line(database, 2)
    differ(database, ["wasp"])
    with database.read() as connection:
        [question] = open_questions(connection, "ada", 10)
    watch = in_force(database)

    database.write(lambda c: end_watch(c, watch.id, "confirmed", "v2 is confirmed.", {"lost": 1}))

    with database.read() as connection:
        assert open_questions(connection, "ada", 10) == []
        assert find_question(connection, question.id).is_withdrawn
    ended = last(database)
    assert (ended.state, ended.reason, ended.figures) == ("confirmed", "v2 is confirmed.", {"lost": 1})
    assert ended.ended is not None


def test_an_ended_watch_keeps_its_counts_and_none_of_its_images(database: Database) -> None:
    add_line(database, 2)
    differ(database, ["wasp"], num_alike=4)
    watch = in_force(database)

    database.write(lambda c: end_watch(c, watch.id, "unconfirmed", "enough"))

    assert last(database).num_images == 5
    with database.read() as connection:
        assert looked_at(connection, watch.id) == []


def test_figures_of_a_look_are_kept(database: Database) -> None:
    add_line(database, 2)
    database.write(lambda c: note_figures(c, in_force_id(c), {"lost": 3}))

    assert in_force(database).figures == {"lost": 3}


def test_each_version_has_the_watch_over_its_last_promotion(database: Database) -> None:
    add_line(database, 2)
    promote(database, "v1")
    promote(database, "v2")

    with database.read() as connection:
        watches = watches_of(connection, ["v1", "v2"])
        assert num_watches_by_state(connection) == {"unconfirmed": 2, "watching": 1}
    assert {version: watch.state for version, watch in watches.items()} == {
        "v1": "unconfirmed",
        "v2": "watching",
    }


def in_force_id(connection: Connection) -> int:
    watch = current_watch(connection)
    assert watch is not None
    return watch.id
