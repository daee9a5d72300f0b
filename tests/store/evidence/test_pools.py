from collections.abc import Sequence

import pytest

from store.database.blob_references import unreferenced
from store.database.database import Database
from store.evidence.held_out import held_out_since
from store.evidence.pools import LabelOf, PoolImage, labels_of, read_pool, release_pool, store_pool
from store.evidence.questions import TRIAL, answer_with_none, ask, open_questions
from store.predictions.predictions import delete_prediction
from store.rounds import rounds
from tests.store import round_work
from tests.store.log_work import HELD_OUT, NOON, label, log, log_names, predicted, sha_of


def image(name: str, cluster: int, *, is_judging: bool = True) -> PoolImage:
    answers = ("ants", "bees") if is_judging else (None, None)
    return PoolImage(sha_of(name), cluster, is_judging, "ada", *answers)


def store(database: Database, images: Sequence[PoolImage]) -> int:
    round_id = round_work.request(database)
    database.write(lambda c: store_pool(c, round_id, images))
    return round_id


def test_a_pool_is_read_as_it_was_written_and_replaced_by_a_later_try(database: Database) -> None:
    round_id = store(database, [image("x", 2), image("near x", 2, is_judging=False), image("y", 1)])
    with database.read() as connection:
        assert read_pool(connection, round_id) == [image("y", 1), image("x", 2)]
    database.write(lambda c: store_pool(c, round_id, [image("z", 1)]))
    with database.read() as connection:
        assert read_pool(connection, round_id) == [image("z", 1)]


def test_labels_that_count_are_those_in_force_and_the_answer_none(database: Database) -> None:
    label(database, "agreed", "bees", "ann")
    label(database, "agreed", "bees", "ben")
    label(database, "disputed", "bees", "ann")
    label(database, "disputed", "ants", "ben")
    label(database, "unknown", "wasps", "ann")
    database.write(lambda c: ask(c, [sha_of("none")], TRIAL))
    with database.read() as connection:
        (question,) = open_questions(connection, "cy", 1)
    database.write(lambda c: answer_with_none(c, question.id, "cy"))
    names = ["agreed", "disputed", "unknown", "none", "never seen"]
    with database.read() as connection:
        labels = labels_of(connection, [sha_of(name) for name in names])
    assert labels == {
        sha_of("agreed"): LabelOf("bees", False, "ann"),
        sha_of("none"): LabelOf(None, True, "cy"),
    }


def test_the_images_of_a_released_pool_judge_no_other_round(database: Database) -> None:
    log_names(database, ["x", "near x", "other"], HELD_OUT)
    round_id = store(database, [image("x", 0), image("near x", 0, is_judging=False)])
    database.write(lambda c: release_pool(c, round_id))
    with database.read() as connection:
        left = held_out_since(connection, NOON, None, 10)
    assert [each.sha256 for each in left] == [sha_of("other")]


@pytest.mark.parametrize("is_finished", [False, True])
def test_the_bytes_of_an_unfinished_pool_are_kept(database: Database, is_finished: bool) -> None:
    round_id = store(database, [image("x", 0)])
    if is_finished:
        database.write(lambda c: rounds.cancel(c, round_id, "ann"))
    with database.read() as connection:
        assert unreferenced(connection, [sha_of("x")]) == ([sha_of("x")] if is_finished else [])


def test_a_deleted_image_leaves_the_pool(database: Database) -> None:
    row = predicted("x")
    log(database, [row])
    round_id = store(database, [image("x", 0)])
    database.write(lambda c: ask(c, [row.sha256], TRIAL))
    deleted = database.write(lambda c: delete_prediction(c, row.id))
    assert deleted.blobs_to_delete == [row.sha256]
    with database.read() as connection:
        assert read_pool(connection, round_id) == []
        assert open_questions(connection, "ann", 1) == []
