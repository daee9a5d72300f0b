"""What a quarantine does to everything that reads samples, and that a release undoes it."""

import hashlib
from datetime import datetime

import pytest

from store import slices
from store.database.database import Database
from store.errors import SourceNotQuarantinedError, UnknownSourceError
from store.evidence import questions
from store.evidence.disputes import open_disputes, settle
from store.evidence.pools import labels_of
from store.samples.new_samples import NewSample
from store.samples.pending import count_new, num_pending, num_pending_since, pending_samples, replayable
from store.samples.samples import FeedbackOutcome, add_sample, find_sample
from store.samples.splits import SplitSettings
from store.sources import (
    label_sources,
    learnt_from_quarantined,
    quarantine,
    read_sources,
    release,
    versions_that_learnt,
)
from store.versions import NewVersion, add_version
from tests.store.version_work import add as add_first_version
from tests.store.version_work import promote

CLASSES = ("ants", "bees")


@pytest.fixture(autouse=True)
def version(database: Database) -> str:
    name = add_first_version(database)
    promote(database, name)
    return name


def digest_of(image: str) -> str:
    return hashlib.sha256(image.encode()).hexdigest()


def say(
    database: Database,
    source: str,
    label: str,
    image: str,
    *,
    split: str = "train",
    is_trusted: bool = False,
    origin: str = "direct",
) -> FeedbackOutcome:
    phash = int.from_bytes(hashlib.sha256(image.encode()).digest()[:8], signed=True)
    new = NewSample(digest_of(image), phash, origin, source, label, is_trusted, split=split)
    return database.write(lambda connection: add_sample(connection, new, CLASSES, SplitSettings()))


def pending(database: Database) -> list[tuple[int, str | None]]:
    with database.read() as connection:
        found = [(sample.id, sample.label) for sample in pending_samples(connection)]
        assert num_pending(connection) == len(found)
        assert sum(each.num for each in count_new(connection)) == len(found)
        assert num_pending_since(connection, datetime.fromisoformat("2020-01-01T00:00:00+00:00")) == len(
            found
        )
    return found


def put_away(database: Database, name: str = "mallory") -> int:
    return database.write(lambda connection: quarantine(connection, name, "flips labels", "eve"))


def bring_back(database: Database, name: str = "mallory") -> int:
    return database.write(lambda connection: release(connection, name))


def learn(database: Database, parent: str, sample_ids: list[int]) -> str:
    """Promote a version that learnt samples under the labels that they have."""
    with database.read() as connection:
        seen = [(each, "train", find_sample(connection, each).label_revision) for each in sample_ids]
    new = NewVersion(CLASSES, {"weights": "b" * 64}, parent=parent)
    name = database.write(lambda connection: add_version(connection, new, seen).version)
    promote(database, name)
    return name


def test_its_samples_leave_what_is_pending_and_come_back(database: Database) -> None:
    mine, other = say(database, "mallory", "ants", "x"), say(database, "ann", "bees", "y")
    assert put_away(database) == 1
    assert pending(database) == [(other.sample_id, "bees")]
    assert bring_back(database) == 1
    assert pending(database) == [(mine.sample_id, "ants"), (other.sample_id, "bees")]


def test_a_sample_that_another_source_labelled_alike_keeps_that_label(database: Database) -> None:
    shared = say(database, "ann", "ants", "x")
    say(database, "mallory", "ants", "x")
    put_away(database)
    assert pending(database) == [(shared.sample_id, "ants")]


def test_a_revision_in_force_is_never_that_of_a_quarantined_source(database: Database) -> None:
    shared = say(database, "ann", "ants", "x")
    say(database, "ben", "bees", "x")
    put_away(database, "ben")
    say(database, "mallory", "ants", "x")
    put_away(database)
    with database.read() as connection:
        sample = find_sample(connection, shared.sample_id)
        assert sample.label_revision is not None
        assert label_sources(connection, [sample.label_revision]) == {sample.label_revision: "ann"}


def test_a_conflict_that_only_it_made_is_over_until_it_is_released(database: Database) -> None:
    shared = say(database, "ann", "ants", "x")
    assert say(database, "mallory", "bees", "x").status == "conflict"
    put_away(database)
    assert pending(database) == [(shared.sample_id, "ants")]
    with database.read() as connection:
        assert open_disputes(connection) == []
    bring_back(database)
    assert pending(database) == []
    with database.read() as connection:
        assert [each.source for each in open_disputes(connection)] == ["mallory"]


def test_what_a_person_settled_stays_settled(database: Database) -> None:
    shared = say(database, "ann", "ants", "x")
    say(database, "mallory", "bees", "x")
    with database.read() as connection:
        [dispute] = open_disputes(connection)
    database.write(lambda connection: settle(connection, dispute.id, "bees", "mallory"))
    put_away(database)
    assert pending(database) == [(shared.sample_id, "bees")]


def test_its_trusted_labels_leave_too(database: Database) -> None:
    say(database, "mallory", "ants", "x", is_trusted=True)
    put_away(database)
    assert pending(database) == []


def test_its_samples_leave_replay_and_are_no_news_when_they_come_back(
    database: Database, version: str
) -> None:
    mine = say(database, "mallory", "ants", "x")
    learn(database, version, [mine.sample_id])
    put_away(database)
    with database.read() as connection:
        assert replayable(connection, CLASSES) == []
    bring_back(database)
    with database.read() as connection:
        assert [each.id for each in replayable(connection, CLASSES)] == [mine.sample_id]
    assert pending(database) == []


def test_another_label_that_comes_into_force_is_yet_to_be_learnt(database: Database, version: str) -> None:
    mine = say(database, "mallory", "ants", "x", is_trusted=True)
    say(database, "ann", "bees", "x")
    learn(database, version, [mine.sample_id])
    put_away(database)
    assert pending(database) == [(mine.sample_id, "bees")]
    bring_back(database)
    assert pending(database) == []


def test_its_samples_leave_slices_and_pools_and_the_golden_set_stays(database: Database) -> None:
    golden = say(database, "train", "ants", "g", split="golden", is_trusted=True, origin="initial")
    mine = say(database, "mallory", "ants", "x", split="holdout")
    other = say(database, "ann", "ants", "y", split="holdout")
    members = [golden.sample_id, mine.sample_id, other.sample_id]
    database.write(lambda connection: slices.add_slice(connection, "round-1", 1, None, members))
    put_away(database)
    with database.read() as connection:
        left = [sample.id for sample in slices.slice_samples(connection, "round-1")]
        assert left == [golden.sample_id, other.sample_id]
        assert set(labels_of(connection, [digest_of("x"), digest_of("y")])) == {digest_of("y")}


def test_what_it_sends_meanwhile_is_kept_and_does_not_count(database: Database) -> None:
    say(database, "mallory", "ants", "x")
    put_away(database)
    assert say(database, "mallory", "bees", "y").status == "quarantined"
    assert say(database, "ann", "ants", "z").status == "accepted"
    assert say(database, "mallory", "bees", "z").status == "quarantined"
    assert [label for _, label in pending(database)] == ["ants"]
    bring_back(database)
    # Of z two labels differ now.
    assert [label for _, label in pending(database)] == ["ants", "bees"]


def test_its_answers_in_the_queue_are_asked_for_again(database: Database) -> None:
    images = [digest_of("x"), digest_of("y")]
    database.write(lambda connection: questions.ask(connection, images, questions.TRIAL))
    say(database, "mallory", "ants", "x", split="holdout")
    with database.read() as connection:
        [other] = questions.open_questions(connection, "mallory", 9)
    database.write(lambda connection: questions.answer_with_none(connection, other.id, "mallory"))
    put_away(database)
    with database.read() as connection:
        assert questions.num_open(connection) == 2
    # What it answers now is left to others.
    database.write(lambda connection: questions.answer_with_none(connection, other.id, "mallory"))
    say(database, "mallory", "bees", "x", split="holdout")
    with database.read() as connection:
        assert questions.num_open(connection) == 2
    bring_back(database)
    with database.read() as connection:
        assert questions.num_open(connection) == 1


def test_versions_that_learnt_from_it_and_their_descendants_are_marked(
    database: Database, version: str
) -> None:
    mine, other = say(database, "mallory", "ants", "x"), say(database, "ann", "bees", "y")
    second = learn(database, version, [mine.sample_id])
    third = learn(database, second, [other.sample_id])
    with database.read() as connection:
        assert versions_that_learnt(connection, "mallory") == [second, third]
        assert versions_that_learnt(connection, "ann") == [third]
        assert learnt_from_quarantined(connection) == {}
    put_away(database)
    with database.read() as connection:
        assert learnt_from_quarantined(connection) == {second: ["mallory"], third: ["mallory"]}


def test_sources_are_listed_with_what_they_gave(database: Database) -> None:
    say(database, "train", "ants", "g", split="golden", is_trusted=True, origin="initial")
    for image in ("x", "y", "z"):
        say(database, "ann", "ants", image)
    say(database, "mallory", "bees", "x")
    put_away(database)
    with database.read() as connection:
        ann, mallory = read_sources(connection)
    assert (ann.name, ann.num_samples, ann.num_in_force, ann.quarantine) == ("ann", 3, 3, None)
    assert (mallory.name, mallory.num_samples, mallory.num_in_force) == ("mallory", 1, 0)
    assert mallory.quarantine is not None
    assert (mallory.quarantine.by, mallory.quarantine.reason) == ("eve", "flips labels")


def test_a_second_quarantine_changes_nothing(database: Database) -> None:
    say(database, "mallory", "ants", "x")
    assert [put_away(database), put_away(database)] == [1, 0]


@pytest.mark.parametrize("name", ["nobody", "train"])
def test_who_gave_no_feedback_cannot_be_quarantined(database: Database, name: str) -> None:
    say(database, "train", "ants", "g", split="golden", is_trusted=True, origin="initial")
    with pytest.raises(UnknownSourceError, match=name):
        put_away(database, name)


def test_only_a_quarantined_source_can_be_released(database: Database) -> None:
    say(database, "ann", "ants", "x")
    with pytest.raises(SourceNotQuarantinedError, match="Quarantined: none"):
        bring_back(database, "ann")
