import logging
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, insert, select

from retrain.watch.look import count, look
from retrain.watch.rule import LabelCounts, Tally
from store import registry
from store.database.database import Database
from store.database.schema import held_out_images, samples, version_samples
from store.evidence.pools import LabelOf
from store.evidence.questions import answer_with_none, open_questions
from store.evidence.watch_images import AnsweredImage
from store.learning_state import paused
from store.samples.pending import num_pending
from tests.retrain.world import World
from tests.store.log_work import HELD_OUT, label, sha_of
from tests.store.version_work import add, add_line, production, promote, roll_back
from tests.store.watch_work import answer, differ, in_force, last

NAMES = [f"wasp {number}" for number in range(10)]


@pytest.fixture
def database(make_world: Callable[[], World]) -> Database:
    made = make_world()
    add_line(made.database, 2)
    return made.database


def say(
    database: Database, names: Sequence[str], of_class: str, source: str = "ann", *, is_trusted: bool = False
) -> None:
    for name in names:
        label(database, name, of_class, source, is_trusted=is_trusted)


def learn(database: Database, *by: str) -> None:
    """Note that v2 learnt a sample of each of these sources."""
    ids = [label(database, f"bee {n}", "bees", source).sample_id for n, source in enumerate(by)]
    rows = [{"version": "v2", "sample_id": each, "role": "train", "label_revision": None} for each in ids]
    database.write(lambda c: c.execute(insert(version_samples), rows))


def test_what_people_said_is_counted_for_the_answer_that_it_agrees_with() -> None:
    images = [AnsweredImage(name, 0, "ants", "bees") for name in "abcde"]
    labels = {
        "a": LabelOf("bees", is_none=False, source="ann"),
        "b": LabelOf("ants", is_none=False, source="bob"),
        "c": LabelOf("wasps", is_none=False, source="ann"),
        "d": LabelOf(None, is_none=True, source="ann"),
    }
    said = {"ann": LabelCounts(1, 0, 2), "bob": LabelCounts(0, 1)}
    assert count(40, images, labels) == Tally(40, 1, 1, num_open=1, num_neither=2, by_source=said)


def test_what_one_of_three_sources_decides_alone_waits_for_the_others(database: Database) -> None:
    differ(database, NAMES, num_alike=80)
    say(database, NAMES[:8], "bees", "liar")
    say(database, NAMES[8:9], "ants", "bob")
    say(database, NAMES[9:], "bees", "ann")
    look(database)
    assert production(database) == "v2"
    assert "Without the labels of" not in in_force(database).figures["sentence"]

    more = [f"hornet {number}" for number in range(9)]
    differ(database, more, num_alike=80)
    say(database, more, "bees", "liar")
    look(database)

    assert production(database) == "v2"
    assert str(in_force(database).figures["sentence"]).endswith(
        "Without the labels of liar nothing is proven, so these don't decide: have others, or a trusted key, "
        "label some, or roll back by hand."
    )


def test_whoever_labels_first_does_not_take_back_what_others_taught(database: Database) -> None:
    learn(database, "lab", "app", "lab")
    differ(database, NAMES, num_alike=80)
    say(database, NAMES, "bees", "liar")
    look(database)
    assert production(database) == "v2"
    assert "Without the labels of liar nothing is proven" in str(in_force(database).figures["sentence"])


def test_a_look_writes_down_how_the_watch_stands(database: Database) -> None:
    differ(database, NAMES, num_alike=30)
    say(database, NAMES[:3], "bees")
    say(database, NAMES[3:5], "ants")

    look(database)

    figures = in_force(database).figures
    assert (figures["lost"], figures["won"], figures["open"], figures["neither"]) == (3, 2, 5, 0)
    assert figures["evidence"] < 1
    assert figures["sentence"] == (
        "v2 is watched: of 40 images it answered 10 otherwise than v1, of which it lost 3 and won 2; 5 want "
        "a label."
    )


def test_production_that_loses_nine_images_and_wins_none_is_rolled_back(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    differ(database, NAMES[:9], num_alike=80)
    say(database, NAMES[:8], "bees")
    look(database)
    assert production(database) == "v2"

    say(database, NAMES[8:9], "bees")
    look(database)

    assert production(database) == "v1"
    ended = last(database)
    assert ended.state == "rolled_back"
    reason = (
        "v2 was worse than v1: of 89 images it lost 9 and won 0; the evidence is 102, and 100 is enough. "
        "All its labels are of ann."
    )
    with database.read() as connection:
        move = registry.last_move(connection)
        assert paused(connection) is None
    assert (ended.reason, move.reason, move.actor, move.is_roll_back) == (reason, reason, "watch", True)
    assert [record.levelno for record in caplog.records if record.message == reason] == [logging.ERROR]


def test_a_difference_without_a_label_keeps_production(database: Database) -> None:
    differ(database, NAMES, num_alike=80)
    say(database, NAMES[:9], "bees")

    look(database)

    assert production(database) == "v2"


def test_an_answer_that_none_of_the_classes_is_right_is_no_win(database: Database) -> None:
    differ(database, NAMES, num_alike=80)
    say(database, NAMES[:9], "bees")
    with database.read() as connection:
        [question] = open_questions(connection, "ann", 10)
    database.write(lambda c: answer_with_none(c, question.id, "ann"))

    look(database)

    assert production(database) == "v1"


def test_production_that_wins_nine_images_and_loses_none_is_confirmed(database: Database) -> None:
    differ(database, NAMES[:9], num_alike=80)
    say(database, NAMES[:9], "ants")

    look(database)

    assert production(database) == "v2"
    ended = last(database)
    assert ended.state == "confirmed"
    assert ended.reason == "v2 is confirmed: of 89 images it won 9 over v1 and lost 0."


def test_five_thousand_images_leave_production_unconfirmed(database: Database) -> None:
    differ(database, NAMES, num_alike=4990)
    say(database, NAMES[:5], "ants")

    look(database)

    ended = last(database)
    assert ended.state == "unconfirmed"
    assert ended.reason == (
        "v2 stays unconfirmed: 5,000 images did not tell it from v1; it lost 0 and won 5, and 5 had no label."
    )


def test_the_five_largest_sources_of_what_it_learnt_are_named(database: Database) -> None:
    learn(database, *(f"key-{min(n // 2, 5)}" for n in range(14)))
    differ(database, NAMES[:9], num_alike=80)
    say(database, NAMES[:9], "bees", is_trusted=True)

    look(database)

    assert str(last(database).reason).endswith(
        "The labels that v2 had learnt are of: key-5 (4), key-0 (2), key-1 (2), key-2 (2), key-3 (2)."
    )


def test_what_a_watch_looked_at_judges_nothing_after_it_and_what_was_lost_is_learnt(
    database: Database,
) -> None:
    answer(database, [*NAMES[:9], "moth"], HELD_OUT)
    for name in (*NAMES[:9], "moth"):
        label(database, name, "bees" if name != "moth" else "ants", settings=HELD_OUT)
    differ(database, [*NAMES[:9]])
    watch = in_force(database)

    look(database)

    assert production(database) == watch.predecessor
    with database.read() as connection:
        judged = select(held_out_images.c.sha256).where(held_out_images.c.judged_in.is_not(None))
        assert set(connection.execute(judged).scalars()) == {sha_of(name) for name in NAMES[:9]}
        rows = connection.execute(select(samples.c.sha256, samples.c.split))
        splits = {row.sha256: row.split for row in rows}
        assert num_pending(connection) == 10
    assert {splits[sha_of(name)] for name in NAMES[:9]} == {"train"}
    assert splits[sha_of("moth")] == "holdout"


def test_two_roll_backs_in_a_row_pause_learning(database: Database) -> None:
    for number in range(2):
        names = [f"hornet {number} {each}" for each in range(9)]
        differ(database, names, num_alike=80)
        say(database, names, "bees")
        look(database)
        if number == 0:
            with database.read() as connection:
                assert paused(connection) is None
            promote(database, add(database, "v1"))

    with database.read() as connection:
        pause = paused(connection)
    assert pause is not None
    assert pause["by"] == "watch"
    assert pause["reason"].startswith("Two promotions in a row were rolled back. v3 was worse than v1")


def test_a_person_who_moved_production_meanwhile_is_not_overruled(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    differ(database, NAMES[:9], num_alike=80)
    say(database, NAMES[:9], "bees")

    def move_first(*_: object) -> list[int]:
        roll_back(database)
        promote(database, "v2")
        return []

    # Between the read of the counts and the write of the roll-back.
    monkeypatch.setattr("retrain.watch.look.learnable_samples", move_first)
    look(database)

    assert production(database) == "v2"
    assert in_force(database).num_images == 0
    assert "was worse" not in caplog.text


def test_where_the_predecessor_lost_its_files_production_stays_and_the_watch_says_why(
    database: Database,
) -> None:
    differ(database, NAMES[:9], num_alike=80)
    say(database, NAMES[:9], "bees")
    database.write(_drop_files_of_v1)

    look(database)

    assert production(database) == "v2"
    ended = last(database)
    assert ended.state == "unconfirmed"
    assert "v1 can't serve again" in str(ended.reason)


def _drop_files_of_v1(connection: Connection) -> None:
    connection.exec_driver_sql("UPDATE versions SET files = '{}' WHERE version = 'v1'")
