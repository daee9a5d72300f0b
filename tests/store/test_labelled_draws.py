import pytest
from sqlalchemy import update

from store.database.database import Database
from store.database.schema import samples
from store.labelled_draws import DrawPage, labelled_draws
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from tests.store.log_work import CLASSES, LEARNT, far_hash, log, predicted, sha_of

pytestmark = pytest.mark.usefixtures("champion")


def answered(database: Database, name: str, of_class: str, origin: str = "audit") -> int:
    """Label what was predicted as ants; return the sample's number."""
    logged = predicted(name)
    log(database, [logged], LEARNT)
    new = NewSample(
        sha256=sha_of(name),
        phash=far_hash(name),
        origin=origin,
        source="ann",
        label=of_class,
        prediction_id=logged.id,
        predicted_label=logged.label,
    )
    sample_id = database.write(lambda c: add_sample(c, new, CLASSES, LEARNT)).sample_id
    assert sample_id is not None
    return sample_id


def page(database: Database, after: int = 0, version: str = "v1") -> DrawPage:
    with database.read() as connection:
        return labelled_draws(connection, version, after)


def test_draws_come_with_answer_and_label_in_the_order_of_their_labels(database: Database) -> None:
    for name, of_class in (("a", "ants"), ("b", "bees")):
        answered(database, name, of_class)
    assert [(draw.sha256, draw.predicted, draw.label) for draw in page(database).draws] == [
        (sha_of("a"), "ants", "ants"),
        (sha_of("b"), "ants", "bees"),
    ]


def test_only_fair_accepted_labels_of_the_versions_own_answers_count(database: Database) -> None:
    answered(database, "chosen by its sender", "bees", origin="volunteered")
    disputed = answered(database, "disputed", "bees")
    database.write(
        lambda c: c.execute(update(samples).where(samples.c.id == disputed).values(state="conflict")) and None
    )
    answered(database, "fair", "bees")
    assert [draw.sha256 for draw in page(database).draws] == [sha_of("fair")]
    assert page(database, version="v2").draws == []


def test_a_page_begins_after_the_one_before(database: Database) -> None:
    answered(database, "a", "ants")
    first = page(database)
    assert first.is_last
    answered(database, "b", "ants")
    assert [draw.sha256 for draw in page(database, first.after).draws] == [sha_of("b")]
    assert page(database, page(database).after).draws == []
