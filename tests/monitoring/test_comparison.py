"""Two versions are compared on the labelled images that both answered."""

from collections.abc import Mapping, Sequence

import pytest
from sqlalchemy import Connection, insert

from monitoring.accuracy import paired_loss_interval
from monitoring.answers.accuracy import Comparison
from monitoring.comparison import compare
from store import slices
from store.database.database import Database, now
from store.database.schema import samples
from store.errors import UnknownVersionError
from store.evidence.answers import NOT_FINITE, Answer, store_answers
from store.versions import NewVersion, add_version

CLASSES = ("ants", "bees", "wasps")


@pytest.fixture
def judged(database: Database) -> Database:
    """Twenty images: v2 wins four of ants and loses one of bees; five of wasps nobody knows."""
    labels = ["ants"] * 10 + ["bees"] * 5 + ["wasps"] * 5
    before = [0] * 6 + [1] * 4 + [1] * 5 + [NOT_FINITE] * 5
    after = [0] * 10 + [0] + [1] * 4 + [0] * 5

    _store(database, CLASSES, labels, {"v1": before, "v2": after})
    return database


def _store(
    database: Database, classes: Sequence[str], labels: Sequence[str], answers: Mapping[str, Sequence[int]]
) -> None:
    """Store golden images with what versions of one line answered on them, as indices of classes."""

    def work(connection: Connection) -> None:
        rows = [
            {
                "sha256": f"{number:064x}", "phash": 0, "origin": "initial", "split": "golden",
                "label": label, "state": "accepted", "source": "train", "created": now(connection),
            }
            for number, label in enumerate(labels)
        ]  # fmt: skip
        ids = connection.execute(insert(samples).returning(samples.c.id), rows).scalars().all()
        parent = None
        for indices in answers.values():
            parent = add_version(connection, NewVersion(tuple(classes), {}, parent=parent), []).version
            given = {f"{number:064x}": Answer(index, 0.9) for number, index in enumerate(indices)}
            store_answers(connection, parent, given)
        slices.add_slice(connection, "golden-1", 1, None, ids)
        # On these no version was asked.
        slices.add_slice(connection, "round-9", 1, None, [])

    database.write(work)


def compared(database: Database, part: str = "", limit: int = 20) -> Comparison:
    with database.read() as connection:
        return compare(connection, "v2", "v1", part, limit)


def test_a_slice_says_what_was_won_and_lost_with_its_interval(judged: Database) -> None:
    (only,) = compared(judged).slices
    assert (only.slice, only.num_images, only.num_won, only.num_lost) == ("golden-1", 20, 4, 1)
    assert (only.accuracy, only.other_accuracy) == (14 / 20, 11 / 20)
    low, high = paired_loss_interval(1, 4, 10, 5)
    assert (only.low, only.high) == (-high, -low)
    assert only.low < 3 / 20 < only.high


def test_classes_that_changed_most_come_first(judged: Database) -> None:
    classes = compared(judged).classes
    assert [(each.label, each.num_won, each.num_lost) for each in classes] == [
        ("ants", 4, 0), ("bees", 0, 1), ("wasps", 0, 0),
    ]  # fmt: skip


def test_classes_are_searched_by_a_part_of_their_name_and_counted_beyond_the_limit(judged: Database) -> None:
    assert [each.label for each in compared(judged, "EE").classes] == ["bees"]
    comparison = compared(judged, limit=1)
    assert ([each.label for each in comparison.classes], comparison.num_classes) == (["ants"], 3)


def test_what_is_answered_for_another_class_is_counted(judged: Database) -> None:
    confusions = [(each.label, each.answered, each.num_images) for each in compared(judged).confusions]
    assert confusions == [("wasps", "ants", 5), ("bees", "ants", 1)]


def test_of_few_classes_the_whole_matrix_is_told_right_answers_included(judged: Database) -> None:
    comparison = compared(judged)
    assert comparison.matrix is not None
    matrix = {(each.label, each.answered): each.num_images for each in comparison.matrix}
    assert sum(matrix.values()) == comparison.slices[0].num_images
    assert sum(num for (label, answered), num in matrix.items() if label == answered) == 14
    assert matrix["wasps", "ants"] == 5


def test_of_many_classes_no_matrix_is_told(database: Database) -> None:
    classes = [f"class {number:02}" for number in range(13)]
    _store(database, classes, classes, {"v1": range(13), "v2": range(13)})
    assert compared(database).matrix is None


def test_what_was_right_before_and_is_wrong_now_is_named(judged: Database) -> None:
    (flip,) = compared(judged).flips
    assert (flip.sample_id, flip.slice, flip.label, flip.answered) == (11, "golden-1", "bees", "ants")


def test_an_unknown_version_is_refused(judged: Database) -> None:
    with judged.read() as connection, pytest.raises(UnknownVersionError):
        compare(connection, "v2", "v7")
