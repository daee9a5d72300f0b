"""Predictions are found by what they say, page by page, and a search reads a bounded number of rows."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from store.database.database import Database
from store.predictions.search import Page, Wanted, search_predictions
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from tests.store.database.test_query_plans import plans, scans
from tests.store.predictions.test_predictions import NOON, log, prediction


def search(database: Database, wanted: Wanted | None = None, **options: Any) -> Page:
    with database.read() as connection:
        return search_predictions(connection, wanted or Wanted(), **{"limit": 10} | options)


def minutes(page: Page) -> list[float]:
    return [(each.created - NOON).total_seconds() / 60 for each in page.predictions]


@pytest.fixture
def logged(database: Database) -> Database:
    """Five predictions, a minute apart: the last two are of bees, by v2."""
    rows = [prediction(number, image=image) for number, image in enumerate("abc")]
    rows += [
        prediction(number, image=image, label="bees", version="v2") for number, image in ((3, "d"), (4, "e"))
    ]
    rows[0] = replace(rows[0], confidence=0.2, source="cam")
    log(database, *rows)
    return database


def test_pages_go_from_the_newest_to_the_oldest_and_then_end(logged: Database) -> None:
    first = search(logged, limit=2)
    second = search(logged, limit=2, before=first.before)
    third = search(logged, limit=2, before=second.before)
    assert [minutes(page) for page in (first, second, third)] == [[4, 3], [2, 1], [0]]
    assert third.before is None


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(label="bees"), [4, 3]),
        (Wanted(version="v1"), [2, 1, 0]),
        (Wanted(source="cam"), [0]),
        (Wanted(min_confidence=0.5), [4, 3, 2, 1]),
        (Wanted(max_confidence=0.5), [0]),
        (Wanted(since=NOON + timedelta(minutes=3)), [4, 3]),
        (Wanted(until=NOON + timedelta(minutes=1)), [0]),
        (Wanted(label="bees", source="cam"), []),
    ],
)
def test_only_what_is_wanted_is_found(logged: Database, wanted: Wanted, expected: list[float]) -> None:
    page = search(logged, wanted)
    assert (minutes(page), page.before) == (expected, None)


def test_an_answer_is_right_or_wrong_by_the_label_that_its_image_has_now(logged: Database) -> None:
    for image, label in (("a", "ants"), ("d", "ants")):
        new = NewSample(image * 64, 1, "direct", "ada", label, split="train")
        logged.write(partial(add_sample, new=new, class_names=("ants", "bees"), settings=SplitSettings()))
    assert minutes(search(logged, Wanted(outcome="right"))) == [0]
    assert minutes(search(logged, Wanted(outcome="wrong"))) == [3]
    assert minutes(search(logged, Wanted(outcome="unlabelled"))) == [4, 2, 1]
    assert [each.true_label for each in search(logged).predictions] == [None, "ants", None, None, "ants"]


def test_a_search_ends_after_a_bounded_number_of_rows_and_goes_on_from_there(logged: Database) -> None:
    wanted = Wanted(source="cam")
    first = search(logged, wanted, max_read=2)
    second = search(logged, wanted, max_read=2, before=first.before)
    third = search(logged, wanted, max_read=2, before=second.before)
    assert [minutes(page) for page in (first, second, third)] == [[], [], [0]]
    assert first.before is not None
    assert third.before is None


def test_a_search_scans_no_table_and_sorts_nothing(logged: Database) -> None:
    wanted = Wanted(label="bees", version="v2", since=NOON, outcome="wrong")
    explained = plans(logged, lambda c: search_predictions(c, wanted, limit=5, before="f" * 32))
    assert scans(explained) == []
    assert not [plan for plan in explained if "TEMP B-TREE" in plan]
    # Without any bound it walks the key, newest first, and stops.
    walked = plans(logged, lambda c: search_predictions(c, Wanted(), limit=5))
    assert not [plan for plan in walked if "TEMP B-TREE" in plan]
