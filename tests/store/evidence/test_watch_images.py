from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, insert, select

from store.database.database import Database
from store.database.schema import predictions, slice_samples, slices, version_samples
from store.evidence.questions import WATCH, open_questions
from store.evidence.watch_images import (
    AnsweredImage,
    add_images,
    answered_groups,
    answered_images,
    learn_samples,
    looked_at,
    read_log,
    unlearnt_samples,
)
from store.predictions.predictions import delete_prediction
from tests.store.database.test_query_plans import plans, scans
from tests.store.log_work import DRAWN, LEARNT, label, log, set_split, sha_of
from tests.store.version_work import add_line
from tests.store.watch_work import answer, answered, differ, differing, image, in_force, page


@pytest.fixture(autouse=True)
def _watched(database: Database) -> None:
    add_line(database, 2)


def test_each_image_is_read_once_with_productions_first_answer(database: Database) -> None:
    watch = in_force(database)
    log(
        database, [answered(watch, "wasp", 1), answered(watch, "moth", 2), answered(watch, "wasp", 3)], LEARNT
    )

    read = page(database)

    assert [answer.sha256 for answer in read.answers] == [sha_of("wasp"), sha_of("moth")]
    assert read.answers[0].created == watch.begun + timedelta(seconds=1)
    assert read.is_last
    assert read.read_until > watch.begun + timedelta(seconds=3)


def test_only_what_production_answered_after_its_promotion_is_read(database: Database) -> None:
    watch = in_force(database)
    by_the_one_before = replace(answered(watch, "wasp", 1), version="v1")
    log(database, [by_the_one_before, answered(watch, "moth", -60)], LEARNT)

    assert page(database).answers == ()


def test_images_that_were_looked_at_are_not_read_again(database: Database) -> None:
    answer(database, ["wasp", "moth"])
    differ(database, ["wasp"])

    assert [answer.sha256 for answer in page(database).answers] == [sha_of("moth")]


def test_images_that_production_was_made_from_are_left_out(database: Database) -> None:
    seen = label(database, "wasp").sample_id
    database.write(
        lambda c: c.execute(insert(version_samples).values(version="v2", sample_id=seen, role="train"))
    )
    answer(database, ["wasp", "moth"])

    assert [answer.sha256 for answer in page(database).answers] == [sha_of("moth")]


def test_later_only_draws_are_read_labelled_or_not_in_their_order(database: Database) -> None:
    label(database, "moth")
    answer(database, ["ant"])
    answer(database, ["wasp", "moth", "gnat"], DRAWN, start=10)

    read = page(database, only_draws=True)
    assert [answer.sha256 for answer in read.answers] == [sha_of(name) for name in ("wasp", "moth", "gnat")]
    assert [answer.sha256 for answer in page(database, only_draws=True, limit=2).answers] == [
        sha_of(name) for name in ("wasp", "moth")
    ]


def test_pages_go_on_where_the_last_one_ended(database: Database) -> None:
    names = [f"fly {number}" for number in range(5)]
    answer(database, names)
    seen: list[str] = []

    for _ in range(3):
        watch, read = in_force(database), page(database, limit=2)
        seen += [answer.sha256 for answer in read.answers]
        images = [AnsweredImage(answer.sha256, 0, "ants", "ants") for answer in read.answers]
        database.write(partial(add_images, watch=watch, images=images, read_until=read.read_until))

    # The last of a full page is read again with its moment, and known by then: two, one and one.
    assert seen == [sha_of(name) for name in names[:4]]


def test_a_batch_of_one_moment_that_is_longer_than_a_page_does_not_hold_up_the_log(
    database: Database,
) -> None:
    watch = in_force(database)
    log(database, [answered(watch, f"fly {number}", 0) for number in range(5)], LEARNT)

    assert page(database, limit=2).read_until > watch.read_until


def test_labels_are_asked_for_where_the_answers_differ(database: Database) -> None:
    watch = in_force(database)
    images = [image("wasp", "bees"), image("moth", "ants")]

    database.write(lambda c: add_images(c, watch, images, watch.begun))

    assert differing(database, watch) == {(sha_of("wasp"), "ants", "bees")}
    with database.read() as connection:
        [question] = open_questions(connection, "ada", 10)
    assert (question.sha256, question.priority) == (sha_of("wasp"), WATCH)
    assert in_force(database).num_images == 2


def test_images_without_a_vote_are_looked_at_and_not_counted(database: Database) -> None:
    watch = in_force(database)
    answer(database, ["wasp", "moth"])

    database.write(lambda c: add_images(c, watch, [image("wasp", "ants")], watch.begun, [sha_of("moth")]))

    with database.read() as connection:
        assert answered_images(connection, watch.id) == [image("wasp", "ants")]
        assert sorted(looked_at(connection, watch.id)) == sorted([sha_of("wasp"), sha_of("moth")])
        assert open_questions(connection, "ada", 10) == []
    assert in_force(database).num_images == 1
    assert page(database).answers == ()


def test_the_groups_that_have_a_vote_are_remembered(database: Database) -> None:
    watch = in_force(database)
    rows = [replace(answered(watch, name, n), group=name) for n, name in enumerate(("wasp", "moth", "gnat"))]
    log(database, rows, LEARNT)
    database.write(lambda c: add_images(c, watch, [image("wasp", "ants")], watch.begun, [sha_of("moth")]))

    with database.read() as connection:
        assert answered_groups(connection, watch.id) == {("ada", "wasp")}


def test_held_out_samples_may_be_learnt_unless_a_slice_has_them(database: Database) -> None:
    ids = {}
    for name, split in (("wasp", "holdout"), ("moth", "validation"), ("gnat", "golden"), ("ant", "holdout")):
        ids[name] = label(database, name).sample_id
        set_split(database, name, split)

    def put_into_slice(connection: Connection) -> None:
        row = {"name": "round-1", "lineage": 1, "is_retired": False, "created": in_force(database).begun}
        connection.execute(insert(slices).values(**row))
        connection.execute(insert(slice_samples).values(slice="round-1", sample_id=ids["ant"]))

    database.write(put_into_slice)

    with database.read() as connection:
        found = unlearnt_samples(connection, [sha_of(name) for name in ids])
    assert found == {ids["wasp"]: "holdout", ids["moth"]: "validation"}
    database.write(lambda c: learn_samples(c, found))
    with database.read() as connection:
        assert unlearnt_samples(connection, [sha_of(name) for name in ids]) == {}


def test_a_deleted_image_leaves_its_watch(database: Database) -> None:
    answer(database, ["wasp"])
    differ(database, ["wasp", "moth"])
    watch = in_force(database)
    with database.read() as connection:
        [prediction_id] = connection.execute(select(predictions.c.id)).scalars()

    database.write(lambda c: delete_prediction(c, prediction_id))

    assert differing(database, watch) == {(sha_of("moth"), "ants", "bees")}


@pytest.mark.parametrize("only_draws", [False, True])
def test_reading_the_log_scans_no_table(database: Database, only_draws: bool) -> None:
    answer(database, ["wasp", "moth"], DRAWN)
    watch = in_force(database)

    explained = plans(database, lambda c: read_log(c, watch, only_draws=only_draws, limit=100))

    assert scans(explained) == []
    of_the_log = [plan for plan in explained if "SEARCH predictions" in plan]
    wanted = "ix_predictions_audit" if only_draws else "ix_predictions_version_created"
    assert of_the_log
    assert all(wanted in plan for plan in of_the_log)
    assert not any("TEMP B-TREE" in plan for plan in explained)
