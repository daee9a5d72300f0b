"""How good production was over time."""

from functools import partial

from sqlalchemy import insert

from monitoring.accuracy_history import accuracy_history, live_accuracy
from monitoring.answers.accuracy import Share
from store.database.database import Database
from store.database.schema import alias_moves
from tests.monitoring.conftest import NOW, add_draw


def accuracy_of(share: Share | None) -> float | None:
    return None if share is None else share.accuracy


def test_each_move_has_old_accuracy_and_that_on_new_images_before_and_after(filled: Database) -> None:
    with filled.read() as connection:
        moves = accuracy_history(connection).moves
    told = [(m.version, *map(accuracy_of, (m.old, m.new_before, m.new))) for m in moves]
    assert told == [
        ("v1", 0.93, None, None),
        ("v2", 0.935, 0.41, 0.64),
        ("v3", 0.91, 0.53, 0.79),
    ]
    assert moves[0].from_version is None
    assert moves[2].old is not None
    assert moves[2].old.low < 0.91 < moves[2].old.high


def test_a_roll_back_is_judged_on_old_images_alone(filled: Database) -> None:
    back = {
        "name": "production", "from_version": "v3", "to_version": "v2", "reason": "worse", "actor": "ada",
        "is_roll_back": True, "created": NOW,
    }  # fmt: skip
    filled.write(lambda c: c.execute(insert(alias_moves).values(back)))
    with filled.read() as connection:
        last = accuracy_history(connection, limit=1).moves
    assert [(m.version, m.is_roll_back, accuracy_of(m.old), m.new) for m in last] == [
        ("v2", True, 0.935, None)
    ]


def test_before_the_first_version_there_is_nothing(database: Database) -> None:
    with database.read() as connection:
        assert accuracy_history(connection).moves == []


def test_live_accuracy_is_of_labelled_fair_draws_of_production_with_its_interval(filled: Database) -> None:
    for number, (origin, version, label) in enumerate(
        [("audit", "v3", "bees")] * 8
        + [("audit", "v3", "ants")] * 2
        + [("volunteered", "v3", "ants"), ("audit", "v2", "ants")],
        start=1000,
    ):
        filled.write(partial(add_draw, number=number, origin=origin, version=version, label=label))
    with filled.read() as connection:
        live = accuracy_history(connection).live
        newest = live_accuracy(connection, 4)
    assert live is not None
    assert (live.accuracy, live.num_images) == (0.8, 10)
    assert (round(live.low, 3), round(live.high, 3)) == (0.490, 0.943)
    # Of the last four samples two are fair draws of production's, both of them mistakes.
    assert newest is not None
    assert (newest.accuracy, newest.num_images) == (0.0, 2)


def test_without_labelled_draws_there_is_no_live_accuracy(filled: Database) -> None:
    with filled.read() as connection:
        assert live_accuracy(connection) is None


def test_an_empty_store_has_no_live_accuracy(database: Database) -> None:
    with database.read() as connection:
        assert live_accuracy(connection) is None
