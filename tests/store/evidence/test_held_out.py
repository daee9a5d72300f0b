from collections.abc import Sequence
from datetime import timedelta

from scipy.stats import binom  # type: ignore[attr-defined]  # SciPy comes without types
from sqlalchemy import select

from store.database.database import Database
from store.database.schema import held_out_images, samples
from store.evidence.held_out import HeldOutImage, held_out_since, mark_judged, num_held_out
from store.predictions.predictions import delete_prediction
from store.samples.samples import delete_sample
from store.samples.splits import SplitSettings
from tests.store.log_work import (
    HELD_OUT,
    LEARNT,
    NOON,
    far_hash,
    label,
    log,
    log_names,
    predicted,
    set_split,
    sha_of,
)


def held_out(database: Database, limit: int = 1000) -> list[HeldOutImage]:
    with database.read() as connection:
        return held_out_since(connection, NOON, None, limit)


def names_held_out(database: Database, names: Sequence[str]) -> set[str]:
    images = {image.sha256 for image in held_out(database)}
    return {name for name in names if sha_of(name) in images}


def split_of(database: Database, name: str) -> str:
    with database.read() as connection:
        query = select(samples.c.split).where(samples.c.sha256 == sha_of(name))
        return str(connection.execute(query).scalar_one())


def test_an_image_is_held_out_with_its_source_group_and_times(database: Database) -> None:
    log(database, [predicted("x", 0, "ada", "patient 7")])
    log(database, [predicted("x", 5, "ben")])
    (image,) = held_out(database)
    assert (image.sha256, image.source, image.group) == (sha_of("x"), "ada", "patient 7")
    assert (image.first_seen, image.last_seen) == (NOON, NOON + timedelta(minutes=5))
    assert 0 <= image.rank < 2**63


def test_what_is_not_held_out_is_not_held_out_later_under_another_group(database: Database) -> None:
    log_names(database, ["x"], LEARNT)
    log(database, [predicted("x", 1, group="another")], HELD_OUT)
    assert held_out(database) == []


def test_a_sample_keeps_its_split_when_it_is_predicted(database: Database) -> None:
    label(database, "x", settings=LEARNT)
    log_names(database, ["x"], HELD_OUT)
    assert held_out(database) == []
    assert split_of(database, "x") == "train"


def test_a_label_of_a_held_out_image_is_held_out_too_and_of_another_learnt(database: Database) -> None:
    log_names(database, ["held"], HELD_OUT)
    log_names(database, ["learnt"], LEARNT)
    label(database, "held", settings=LEARNT)
    label(database, "learnt", settings=HELD_OUT)
    assert (split_of(database, "held"), split_of(database, "learnt")) == ("holdout", "train")


def test_what_is_near_to_a_learnt_sample_is_learnt_and_judges_no_more(database: Database) -> None:
    log_names(database, ["x"], LEARNT)
    log_names(database, ["near"], HELD_OUT)
    label(database, "x")
    label(database, "near", phash=far_hash("x") ^ 1)
    assert split_of(database, "near") == "train"
    assert names_held_out(database, ["near"]) == set()


def test_pages_follow_each_other_by_the_time_of_the_last_prediction(database: Database) -> None:
    names = [f"{number}" for number in range(7)]
    log(database, (predicted(name, minutes=int(name) // 3) for name in names), HELD_OUT)
    with database.read() as connection:
        pages: list[HeldOutImage] = []
        while page := held_out_since(connection, NOON, pages[-1] if pages else None, 2):
            pages += page
        assert {image.sha256 for image in pages} == {sha_of(name) for name in names}
        assert len(pages) == 7
        recent = held_out_since(connection, NOON + timedelta(minutes=1), None, 10)
        assert {image.sha256 for image in recent} == {sha_of(name) for name in "3456"}
        assert num_held_out(connection, NOON + timedelta(minutes=1), 10) == 4
        assert num_held_out(connection, NOON, 5) == 5


def test_what_judged_a_round_judges_no_other_and_is_learnt_when_labelled(database: Database) -> None:
    log_names(database, ["x", "y"])
    database.write(lambda c: mark_judged(c, [sha_of("x")], 3))
    database.write(lambda c: mark_judged(c, [sha_of("x")], 4))
    assert names_held_out(database, ["x", "y"]) == {"y"}
    label(database, "x", settings=HELD_OUT)
    assert split_of(database, "x") == "validation" or split_of(database, "x") == "train"
    with database.read() as connection:
        judged = connection.execute(select(held_out_images.c.sha256, held_out_images.c.judged_in)).all()
        assert set(judged) == {(sha_of("x"), 3), (sha_of("y"), None)}


def test_a_held_out_image_goes_with_its_last_prediction_unless_it_is_a_sample(database: Database) -> None:
    twice, once, kept = predicted("x", 1), predicted("x", 2), predicted("kept")
    log(database, [twice, once, kept])
    sample_id = label(database, "kept").sample_id
    for row, left in ((twice, {"x", "kept"}), (once, {"kept"}), (kept, {"kept"})):
        database.write(lambda c, row=row: delete_prediction(c, row.id))  # type: ignore[misc]  # of a lambda with a default nothing is inferred
        assert names_held_out(database, ["x", "kept"]) == left
    database.write(lambda c: delete_sample(c, sample_id))
    assert names_held_out(database, ["kept"]) == set()


def test_an_image_whose_sample_left_the_holdout_judges_no_more(database: Database) -> None:
    log_names(database, ["x"])
    label(database, "x")
    assert names_held_out(database, ["x"]) == {"x"}
    set_split(database, "x", "train")
    assert names_held_out(database, ["x"]) == set()


def test_neither_groups_nor_variants_of_an_image_let_a_client_choose_its_split(database: Database) -> None:
    """Each count is right with p = 1 - 1e-6; the secret is another in each run.

    With a split for each group, an image sent in five of them would be held out with p = 1 - 0.8⁵ = 0.67.
    """
    low, high = binom.interval(1 - 1e-6, 200, 0.2)
    variants = [f"variant {number}" for number in range(200)]
    log_names(database, variants, SplitSettings())
    assert low <= len(names_held_out(database, variants)) <= high
    grouped = [f"grouped {number}" for number in range(200)]
    log(database, (predicted(name, group=f"group of {name}") for name in grouped), SplitSettings())
    assert low <= len(names_held_out(database, grouped)) <= high
    tried = [f"tried {number}" for number in range(200)]
    for attempt in range(5):
        rows = [predicted(name, group=f"group {attempt} of {name}") for name in tried]
        log(database, rows, SplitSettings())
    assert low <= len(names_held_out(database, tried)) <= high
