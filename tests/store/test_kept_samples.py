from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from store.database.database import Database
from store.database.schema import labels
from store.evidence.disputes import num_disputes
from store.kept_samples import Arrival, KeptSample, SourceLabel, bring_back, kept_samples, num_samples
from store.samples.label_rules import GivenLabel
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings

BEFORE = datetime(2025, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
# Half of the bits set, as a photograph's hash has.
PHASH = 0x0F0F0F0F0F0F0F0F


def new(sha: str = "a", split: str = "train", **more: Any) -> NewSample:
    values: dict[str, Any] = {"phash": PHASH, "origin": "direct", "source": "ann", "label": "bee", **more}
    return NewSample(sha256=sha * 64, split=split, created=BEFORE, **values)


def source_labels(is_trusted: bool = False, **by_source: str) -> tuple[SourceLabel, ...]:
    return tuple(
        SourceLabel(GivenLabel(source, label, is_trusted), BEFORE) for source, label in by_source.items()
    )


def settlement(source: str, label: str) -> SourceLabel:
    return SourceLabel(GivenLabel(source, label, is_trusted=True, is_settlement=True), BEFORE)


def bring(database: Database, sample: NewSample, labels: tuple[SourceLabel, ...], *known: str) -> Arrival:
    return database.write(
        lambda connection: bring_back(connection, sample, labels, frozenset(known), SplitSettings())
    )


def only(database: Database) -> KeptSample:
    [kept] = kept_samples(database)
    return kept


def test_a_sample_comes_back_with_its_split_time_and_labels(database: Database) -> None:
    arrival = bring(database, new(split="golden", group="g"), source_labels(ann="bee", ben="bee"), "bee")
    assert arrival == Arrival("added")
    kept = only(database)
    assert (kept.sample.split, kept.sample.created, kept.sample.group) == ("golden", BEFORE, "g")
    assert (kept.sample.state, kept.sample.label) == ("accepted", "bee")
    assert kept.labels == source_labels(ann="bee", ben="bee")


def test_bringing_it_again_writes_nothing(database: Database) -> None:
    for status in ("added", "known"):
        assert bring(database, new(), source_labels(ann="bee"), "bee").status == status
    with database.read() as connection:
        assert num_samples(connection) == 1
        assert connection.execute(select(func.count()).select_from(labels)).scalar_one() == 1


def test_a_correction_stands_where_it_was_made(database: Database) -> None:
    def correct(connection: Any) -> None:
        for source, label in (("ann", "ant"), ("ben", "bee"), ("ann", "bee")):
            sample = new(source=source, label=label)
            add_sample(connection, sample, ("ant", "bee"), SplitSettings())

    database.write(correct)
    given = [each.given for each in only(database).labels]
    assert [(each.source, each.label) for each in given] == [("ben", "bee"), ("ann", "bee")]


def test_ours_stays_where_one_source_says_two_things(database: Database) -> None:
    bring(database, new(), source_labels(ann="bee"), "bee")
    arrival = bring(database, new(), source_labels(ann="ant", ben="bee"), "ant", "bee")
    assert arrival == Arrival("labelled", contradicted=("ann",))
    assert only(database).sample.label == "bee"


def test_a_label_that_is_brought_back_can_only_dispute_a_trusted_one(database: Database) -> None:
    bring(database, new(), source_labels(ann="bee", is_trusted=True), "bee")
    for source, is_trusted in (("ben", False), ("eve", True)):
        brought = source_labels(**{source: "ant"}, is_trusted=is_trusted)
        assert bring(database, new(), brought, "ant", "bee").status == "labelled"
        assert (only(database).sample.label, only(database).sample.is_trusted) == ("bee", True)
    with database.read() as connection:
        assert num_disputes(connection) == 1


def test_sources_that_disagree_where_they_come_from_do_so_here(database: Database) -> None:
    bring(database, new(), source_labels(ann="bee", ben="ant"), "ant", "bee")
    assert only(database).sample.state == "conflict"
    with database.read() as connection:
        assert num_disputes(connection) == 1


def test_a_settlement_is_brought_back_with_a_new_sample_only(database: Database) -> None:
    settled = (*source_labels(ann="bee", ben="ant"), settlement("eve", "ant"))
    bring(database, new("a"), settled, "ant", "bee")
    assert only(database).labels == settled
    assert (only(database).sample.label, only(database).sample.is_trusted) == ("ant", True)
    bring(database, new("b", phash=~PHASH), source_labels(cy="bee", is_trusted=True), "bee")
    bring(database, new("b", phash=~PHASH), settled, "ant", "bee")
    assert [each.sample.label for each in kept_samples(database)] == ["ant", "bee"]


def test_trust_that_is_brought_back_is_added_to_the_same_label(database: Database) -> None:
    bring(database, new(), source_labels(ann="bee"), "bee")
    assert bring(database, new(), source_labels(ann="bee", is_trusted=True), "bee").status == "labelled"
    assert only(database).sample.is_trusted
    assert bring(database, new(), source_labels(ann="bee"), "bee").status == "known"
    assert only(database).sample.is_trusted


@pytest.mark.parametrize(
    ("known", "brought", "expected"),
    [
        ("golden", "golden", "golden"),
        ("golden", "holdout", "holdout"),
        ("golden", "train", "holdout"),
        ("holdout", "golden", "golden"),
        ("holdout", "validation", "holdout"),
        ("validation", "train", "validation"),
        ("train", "holdout", "train"),
        ("train", "golden", "train"),
    ],
)
def test_what_is_near_to_something_here_joins_it(
    database: Database, known: str, brought: str, expected: str
) -> None:
    bring(database, new("a", known), source_labels(ann="bee"), "bee")
    arrival = bring(database, new("b", brought, phash=PHASH ^ 0b111), source_labels(ann="bee"), "bee")
    assert arrival.is_moved == (brought != expected)
    assert [each.sample.split for each in kept_samples(database)] == [known, expected]


def test_what_is_far_keeps_its_split(database: Database) -> None:
    bring(database, new("a", "golden"), source_labels(ann="bee"), "bee")
    bring(database, new("b", "train", phash=PHASH ^ 0b11111), source_labels(ann="bee"), "bee")
    assert [each.sample.split for each in kept_samples(database)] == ["golden", "train"]


def test_samples_are_read_page_by_page_in_order(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, sha in enumerate("abcde"):
        sample = new(sha, phash=number)
        bring(database, sample, source_labels(ann="bee", ben="bee"), "bee")
    monkeypatch.setattr("store.kept_samples._NUM_AT_ONCE", 2)
    kept = list(kept_samples(database))
    assert [each.sample.sha256[0] for each in kept] == list("abcde")
    assert {len(each.labels) for each in kept} == {2}
