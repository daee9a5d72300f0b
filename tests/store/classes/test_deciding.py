"""Labels that production does not know are listed, accepted, merged and rejected."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from store.classes import deciding
from store.classes.decisions import BY_RULE, Decision, accepted_names
from store.classes.unknown_labels import UnknownLabel, num_waiting, unknown_labels
from store.database.database import Database
from store.errors import KnownClassError, UnknownClassError, UnknownLabelError
from store.samples.new_samples import label_history
from store.samples.pending import num_pending, num_set_aside
from tests.store.class_work import read, send
from tests.store.version_work import add, promote

pytestmark = pytest.mark.usefixtures("champion")


def listed(database: Database) -> dict[str, UnknownLabel]:
    with database.read() as connection:
        return {label.name: label for label in unknown_labels(connection)}


def test_a_label_is_listed_with_its_samples_sources_and_likeness(database: Database) -> None:
    ids = send(database, "beez", 5, predicted="ants")
    label = listed(database)["beez"]
    assert (label.num_samples, label.num_sources, label.num_clusters) == (5, 2, 5)
    assert (label.nearest, label.answered, label.is_due, label.decision) == ("bees", "ants", False, None)
    assert list(label.sample_ids) == ids[::-1]


@pytest.mark.parametrize(
    ("num", "sources", "is_due"),
    [(20, ("ann", "ben"), True), (19, ("ann", "ben"), False), (20, ("ann",), False)],
)
def test_a_label_is_due_with_twenty_samples_of_two_sources(
    database: Database, num: int, sources: tuple[str, ...], is_due: bool
) -> None:
    send(database, "wasps", num, sources=sources)
    assert listed(database)["wasps"].is_due is is_due
    with database.read() as connection:
        assert num_waiting(connection) == int(is_due)


def test_an_accepted_label_is_due_however_few_there_are(database: Database) -> None:
    send(database, "wasps", 3)
    decision = database.write(lambda c: deciding.accept(c, "wasps", "ada"))
    assert (decision.word, decision.decided_by) == ("accepted", "ada")
    label = listed(database)["wasps"]
    assert label.is_due
    assert label.decision == decision
    with database.read() as connection:
        assert num_waiting(connection) == 0


def test_a_label_merged_into_a_class_becomes_pending_and_keeps_what_was_said(database: Database) -> None:
    ids = send(database, "beez", 3, split="train")
    database.write(lambda c: deciding.merge(c, "beez", "bees", "ada"))
    assert {(sample.state, sample.label, sample.is_trusted) for sample in read(database, ids)} == {
        ("accepted", "bees", True)
    }
    assert listed(database) == {}
    with database.read() as connection:
        said = [
            (given.source, given.label, given.is_settlement) for given in label_history(connection, ids[0])
        ]
        assert num_pending(connection) == 3
    assert said == [("ann", "beez", False), ("ada", "bees", True)]


def test_a_label_merged_into_another_new_one_counts_for_that_one(database: Database) -> None:
    send(database, "waspz", 2)
    send(database, "wasps", 3, start=10)
    database.write(lambda c: deciding.merge(c, "waspz", "wasps", "ada"))
    labels = listed(database)
    assert list(labels) == ["wasps"]
    assert (labels["wasps"].num_samples, labels["wasps"].num_sources) == (5, 2)


def test_a_rejected_label_waits_no_longer_and_stays_out(database: Database) -> None:
    ids = send(database, "wasps", 25)
    database.write(lambda c: deciding.reject(c, "wasps", "ada"))
    assert listed(database) == {}
    assert {sample.state for sample in read(database, ids)} == {"quarantined"}
    with database.read() as connection:
        assert num_waiting(connection) == 0
        assert num_set_aside(connection)["quarantined"] == 0
    # What comes later of it does not wait either.
    send(database, "wasps", 1, start=100)
    assert listed(database) == {}


@pytest.mark.parametrize(
    ("decide", "error"),
    [
        (lambda c: deciding.accept(c, "ants", "ada"), KnownClassError),
        (lambda c: deciding.accept(c, "moths", "ada"), UnknownLabelError),
        (lambda c: deciding.reject(c, "moths", "ada"), UnknownLabelError),
        (lambda c: deciding.merge(c, "moths", "ants", "ada"), UnknownLabelError),
        (lambda c: deciding.merge(c, "wasps", "moths", "ada"), UnknownClassError),
        (lambda c: deciding.merge(c, "wasps", "wasps", "ada"), UnknownClassError),
    ],
)
def test_what_can_not_be_decided_is_refused(
    database: Database, decide: Callable[[Connection], Decision], error: type[Exception]
) -> None:
    send(database, "wasps", 1)
    with pytest.raises(error):
        database.write(decide)
    assert listed(database)["wasps"].decision is None


def test_by_rule_what_is_due_is_accepted_but_not_what_a_version_knew_once(database: Database) -> None:
    send(database, "wasps", 20)
    send(database, "cats", 20, start=100)
    send(database, "moths", 19, start=200)
    other = add(database, class_names=("cats", "dogs"))
    promote(database, other, force=True)
    promote(database, "v1", force=True)
    assert database.write(deciding.accept_due) == ["wasps"]
    with database.read() as connection:
        assert accepted_names(connection) == ["wasps"]
    assert listed(database)["wasps"].decision is not None
    assert listed(database)["wasps"].decision.decided_by == BY_RULE  # type: ignore[union-attr]  # it is not None
