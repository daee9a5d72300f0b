import hashlib

import pytest

from store.database.database import Database
from store.errors import UnknownClassError, UnknownDisputeError
from store.evidence.disputes import Dispute, find_dispute, num_disputes, open_disputes, settle
from store.samples.contradictions import disputed_samples
from store.samples.new_samples import NewSample
from store.samples.pending import num_pending
from store.samples.sample import Sample
from store.samples.samples import FeedbackOutcome, add_sample, samples_by_id
from store.samples.splits import SplitSettings
from tests.store.version_work import add as add_version
from tests.store.version_work import promote

CLASSES = ("ants", "bees")


@pytest.fixture(autouse=True)
def version(database: Database) -> None:
    promote(database, add_version(database))


def say(
    database: Database, source: str, label: str, image: str = "x", *, is_trusted: bool = False
) -> FeedbackOutcome:
    digest = hashlib.sha256(image.encode())
    new = NewSample(
        sha256=digest.hexdigest(),
        phash=int.from_bytes(digest.digest()[:8], signed=True),
        origin="direct",
        source=source,
        label=label,
        is_trusted=is_trusted,
        split="train",
    )
    return database.write(lambda connection: add_sample(connection, new, CLASSES, SplitSettings()))


def settled(database: Database, dispute: int, label: str, by: str = "eve") -> Dispute:
    return database.write(lambda connection: settle(connection, dispute, label, by))


def disputes_in(database: Database) -> list[Dispute]:
    with database.read() as connection:
        disputes = open_disputes(connection)
        assert num_disputes(connection) == len(disputes)
    return disputes


def only_sample(database: Database) -> Sample:
    with database.read() as connection:
        (sample,) = samples_by_id(connection, [1])
    return sample


def test_who_contradicts_a_trusted_label_opens_a_dispute_and_changes_nothing(database: Database) -> None:
    say(database, "train", "bees", is_trusted=True)
    before = only_sample(database)
    outcome = say(database, "ben", "ants")
    assert (outcome.status, only_sample(database)) == ("conflict", before)
    (dispute,) = disputes_in(database)
    assert (dispute.sample_id, dispute.sha256, dispute.label) == (before.id, before.sha256, "bees")
    assert (dispute.source, dispute.contradiction, dispute.settled) == ("ben", "ants", None)
    assert [(each.source, each.label, each.is_trusted) for each in dispute.said] == [
        ("train", "bees", True),
        ("ben", "ants", False),
    ]


def test_a_sample_has_one_open_dispute_whoever_joins_it(database: Database) -> None:
    say(database, "train", "bees", is_trusted=True)
    for source in ("ben", "cy", "ben"):
        say(database, source, "ants")
    (dispute,) = disputes_in(database)
    assert [each.source for each in dispute.said] == ["train", "ben", "cy"]


def test_a_dispute_goes_when_nobody_contradicts_any_longer(database: Database) -> None:
    say(database, "train", "bees", is_trusted=True)
    say(database, "ben", "ants")
    say(database, "cy", "ants")
    (dispute,) = disputes_in(database)
    assert say(database, "ben", "bees").status == "corrected"
    assert [(each.id, each.source) for each in disputes_in(database)] == [(dispute.id, "cy")]
    say(database, "cy", "bees")
    assert disputes_in(database) == []
    with pytest.raises(UnknownDisputeError, match=f"found {dispute.id}"):
        settled(database, dispute.id, "bees")


def test_sources_that_nobody_trusts_wait_for_a_person_too(database: Database) -> None:
    say(database, "ann", "bees")
    say(database, "ben", "ants")
    (dispute,) = disputes_in(database)
    assert (dispute.label, only_sample(database).state) == (None, "conflict")
    done = settled(database, dispute.id, "ants")
    assert (done.label, done.settled_by, done.settled_label) == ("ants", "eve", "ants")
    assert done.settled is not None
    assert disputes_in(database) == []
    sample = only_sample(database)
    assert (sample.state, sample.label, sample.is_trusted) == ("accepted", "ants", True)
    with database.read() as connection:
        assert num_pending(connection) == 1


def test_a_trusted_label_settles_what_others_disagreed_on_before(database: Database) -> None:
    say(database, "ann", "bees")
    say(database, "ben", "ants")
    say(database, "eve", "ants", is_trusted=True)
    assert (disputes_in(database), only_sample(database).label) == ([], "ants")


def test_a_settlement_is_final_until_the_next(database: Database) -> None:
    say(database, "train", "bees", is_trusted=True)
    say(database, "ben", "ants")
    (first,) = disputes_in(database)
    settled(database, first.id, "ants")
    assert only_sample(database).label == "ants"
    # Also for the source of the label that was in force, and for who settled it.
    assert say(database, "train", "bees", is_trusted=True).status == "duplicate"
    assert disputes_in(database) == []
    for source in ("eve", "cy"):
        assert say(database, source, "bees", is_trusted=True).status == "conflict"
    (second,) = disputes_in(database)
    assert (second.id > first.id, second.source, only_sample(database).label) == (True, "eve", "ants")
    # A person may think again, by the settled dispute's number as well; that ends the open one.
    settled(database, first.id, "bees", "dan")
    assert (disputes_in(database), only_sample(database).label) == ([], "bees")
    with database.read() as connection:
        assert find_dispute(connection, second.id).settled_by == "dan"


def test_a_settlement_of_no_class_is_refused_and_names_the_nearest(database: Database) -> None:
    say(database, "ann", "bees")
    say(database, "ben", "ants")
    (dispute,) = disputes_in(database)
    with pytest.raises(UnknownClassError, match="found 'bee', which is none; the nearest is 'bees'"):
        settled(database, dispute.id, "bee")
    assert disputes_in(database) == [dispute]


def test_disputes_are_listed_newest_first_page_by_page(database: Database) -> None:
    for image in "abc":
        say(database, "ann", "bees", image)
        say(database, "ben", "ants", image)
    with database.read() as connection:
        page = open_disputes(connection, limit=2)
        assert [each.sample_id for each in page] == [3, 2]
        assert [each.sample_id for each in open_disputes(connection, before=page[-1].id)] == [1]
        assert disputed_samples(connection, [1, 3, 9]) == {1, 3}
