"""What a round is to learn of accepted classes, and what is held out of it."""

import pytest
from sqlalchemy import insert, update

from store.classes import deciding
from store.classes.learning import hold_out, num_to_hold_out, samples_to_learn
from store.database.database import Database, now
from store.database.schema import labels, samples
from store.samples.sample import Sample
from tests.store.class_work import read, send
from tests.store.version_work import add, promote, roll_back

pytestmark = pytest.mark.usefixtures("champion")


def accept(database: Database, name: str = "wasps") -> None:
    database.write(lambda c: deciding.accept(c, name, "ada"))


def to_learn(database: Database, name: str = "wasps") -> list[Sample]:
    with database.read() as connection:
        return samples_to_learn(connection).get(name, [])


def num_held_out(database: Database) -> int:
    return sum(sample.split == "holdout" for sample in to_learn(database))


def test_samples_of_an_accepted_class_have_its_label_and_revision(database: Database) -> None:
    ids = send(database, "wasps", 3)
    assert to_learn(database) == []
    accept(database)
    found = to_learn(database)
    assert [sample.id for sample in found] == ids
    assert {sample.label for sample in found} == {"wasps"}
    assert all(sample.label_revision is not None for sample in found)
    # They stay in quarantine until a version knows the class.
    assert {sample.state for sample in read(database, ids)} == {"quarantined"}


@pytest.mark.parametrize(("num", "expected"), [(10, 5), (24, 12), (40, 20), (100, 20)])
def test_one_in_two_is_held_out_until_twenty_are(database: Database, num: int, expected: int) -> None:
    send(database, "wasps", num, split="train")
    accept(database)
    database.write(hold_out)
    assert num_held_out(database) == expected
    # Nothing more is taken the next time.
    assert database.write(hold_out) == {"wasps": 0}


def test_what_its_hash_holds_out_already_counts(database: Database) -> None:
    send(database, "wasps", 30, split="train")
    held_out = send(database, "wasps", 10, start=50, split="holdout")
    accept(database)
    assert database.write(hold_out) == {"wasps": 10}
    assert {sample.split for sample in read(database, held_out)} == {"holdout"}


def test_near_duplicates_are_held_out_together_and_count_once(database: Database) -> None:
    ids = send(database, "wasps", 12, split="train")
    phash = read(database, ids)[0].phash
    database.write(
        lambda c: c.execute(update(samples).where(samples.c.id.in_(ids[:7])).values(phash=phash)) and None
    )
    accept(database)
    assert num_to_hold_out(to_learn(database)) == 3
    database.write(hold_out)
    splits = {sample.split for sample in read(database, ids[:7])}
    assert len(splits) == 1


def test_a_group_that_reaches_into_other_classes_is_not_held_out(database: Database) -> None:
    ids = send(database, "wasps", 4, split="train")
    others = send(database, "ants", 1, start=50, split="train")
    database.write(
        lambda c: (
            c.execute(update(samples).where(samples.c.id.in_([*ids[:2], *others])).values(group="one burst"))
            and None
        )
    )
    accept(database)
    database.write(hold_out)
    assert {sample.split for sample in read(database, [*ids[:2], *others])} == {"train"}
    # Half of four, from those that are alone.
    assert {sample.split for sample in read(database, ids[2:])} == {"holdout"}


def test_samples_on_which_sources_disagree_are_left_out(database: Database) -> None:
    ids = send(database, "wasps", 2)
    send(database, "moths", 1, start=50)
    database.write(
        lambda c: (
            c.execute(insert(labels).values(sample_id=ids[0], label="moths", source="eve", created=now(c)))
            and None
        )
    )
    accept(database)
    accept(database, "moths")
    assert [sample.id for sample in to_learn(database)] == ids[1:]


def test_a_version_that_knows_the_class_takes_its_samples_in_and_a_roll_back_returns_them(
    database: Database,
) -> None:
    ids = send(database, "wasps", 3, split="train")
    bees = send(database, "bees", 1, start=50, split="train")
    accept(database)
    grown = add(database, "v1", ("ants", "bees", "wasps"))
    promote(database, grown)
    assert {(sample.state, sample.label) for sample in read(database, ids)} == {("accepted", "wasps")}
    assert to_learn(database) == []
    roll_back(database)
    assert {(sample.state, sample.label) for sample in read(database, ids)} == {("quarantined", None)}
    assert [sample.id for sample in to_learn(database)] == ids
    assert read(database, bees)[0].label == "bees"
