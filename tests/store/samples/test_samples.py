import hashlib
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from store.database.database import Database
from store.database.facts import write_fact
from store.database.schema import disputes, labels, phash_parts, samples, slice_samples, slices
from store.errors import UnknownSampleError
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.samples.new_samples import NewSample
from store.samples.pending import num_pending
from store.samples.sample import Sample
from store.samples.samples import FeedbackOutcome, add_sample, delete_sample, samples_by_id
from store.samples.splits import SplitSettings, Splitter
from store.versions import NewVersion, add_version, find_version

CLASSES = ("ants", "bees")
SETTINGS = SplitSettings()
SPLITTER = Splitter(bytes(32), SETTINGS)
# Hashes that are far from each other; half of their bits are set, drawn from a SHA-256.
_NUMBERS = count()


@pytest.fixture(autouse=True)
def secret(database: Database) -> None:
    """The splits of these tests are those of `SPLITTER`."""
    database.write(lambda c: write_fact(c, "split_secret", SPLITTER.secret.hex()))


def sha_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def far_hash() -> int:
    digest = hashlib.sha256(str(next(_NUMBERS)).encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def flip(phash: int, num_bits: int) -> int:
    return phash ^ ((1 << num_bits) - 1)


def new(name: str, label: str = "bees", source: str = "ann", **more: Any) -> NewSample:
    values = {"phash": far_hash(), "origin": "direct", **more}
    return NewSample(sha256=sha_of(name), source=source, label=label, **values)


def add(database: Database, sample: NewSample, class_names: tuple[str, ...] = CLASSES) -> FeedbackOutcome:
    return database.write(lambda connection: add_sample(connection, sample, class_names, SETTINGS))


def stored(database: Database, sample_id: int) -> Sample:
    with database.read() as connection:
        (sample,) = samples_by_id(connection, [sample_id])
    return sample


def pending_in(database: Database) -> int:
    with database.read() as connection:
        return num_pending(connection)


def name_of_split(split: str) -> str:
    return next(f"image {n}" for n in count() if SPLITTER.split_of(sha_of(f"image {n}")) == split)


def group_of_split(split: str) -> str:
    groups = (f"group {n}" for n in count())
    return next(group for group in groups if SPLITTER.split_of(SPLITTER.key("", "ann", group)) == split)


def test_a_new_sample_is_accepted_with_its_label_and_counted(database: Database) -> None:
    outcome = add(database, new(name_of_split("train")))
    assert (outcome.status, pending_in(database)) == ("accepted", 1)
    sample = stored(database, outcome.sample_id)
    assert (sample.label, sample.state, sample.split, sample.source) == ("bees", "accepted", "train", "ann")
    assert sample.label_revision is not None


def test_a_validation_sample_is_counted_as_every_other(database: Database) -> None:
    outcome = add(database, new(name_of_split("validation")))
    assert pending_in(database) == 1
    assert stored(database, outcome.sample_id).split == "validation"


def test_a_holdout_sample_is_counted_as_every_other(database: Database) -> None:
    outcome = add(database, new(name_of_split("holdout")))
    assert pending_in(database) == 1
    assert stored(database, outcome.sample_id).split == "holdout"


def test_the_same_label_again_is_a_duplicate_and_writes_no_row(database: Database) -> None:
    first = add(database, new("x"))
    num_before = pending_in(database)
    again = add(database, new("x"))
    assert (again.status, again.sample_id) == ("duplicate", first.sample_id)
    assert pending_in(database) == num_before
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(samples)).scalar_one() == 1
        assert connection.execute(select(func.count()).select_from(labels)).scalar_one() == 1


def test_a_correction_appends_a_label_and_changes_the_revision_but_never_the_split(
    database: Database,
) -> None:
    first = add(database, new("x"))
    before = stored(database, first.sample_id)
    corrected = add(database, new("x", label="ants"))
    after = stored(database, first.sample_id)
    assert corrected.status == "corrected"
    assert (after.label, after.split) == ("ants", before.split)
    assert after.label_revision != before.label_revision
    with database.read() as connection:
        names = connection.execute(select(labels.c.label).order_by(labels.c.id)).scalars()
        assert list(names) == ["bees", "ants"]


def test_two_sources_that_differ_are_a_conflict_until_they_agree(database: Database) -> None:
    name = name_of_split("train")
    sample_id = add(database, new(name, "bees", "ann")).sample_id
    conflict = add(database, new(name, "ants", "ben"))
    assert (conflict.status, pending_in(database)) == ("conflict", 0)
    assert (stored(database, sample_id).state, stored(database, sample_id).label) == ("conflict", None)
    assert add(database, new(name, "ants", "cy")).status == "conflict"
    assert add(database, new(name, "ants", "cy")).status == "duplicate"
    settled = add(database, new(name, "ants", "ann"))
    assert (settled.status, pending_in(database)) == ("corrected", 1)
    assert stored(database, sample_id).label == "ants"


def test_a_second_source_that_agrees_changes_nothing(database: Database) -> None:
    first = add(database, new("x", "bees", "ann"))
    revision = stored(database, first.sample_id).label_revision
    assert add(database, new("x", "bees", "ben")).status == "duplicate"
    assert stored(database, first.sample_id).label_revision == revision
    # It counts as a source, though: now one source alone can't change the label.
    assert add(database, new("x", "ants", "ann")).status == "conflict"


def test_a_label_that_nobody_knows_is_kept_apart_and_names_the_nearest_class(database: Database) -> None:
    name = name_of_split("train")
    outcome = add(database, new(name, "bee"))
    assert (outcome.status, outcome.nearest_class, pending_in(database)) == ("quarantined", "bees", 0)
    assert (stored(database, outcome.sample_id).state, stored(database, outcome.sample_id).label) == (
        "quarantined",
        None,
    )
    again = add(database, new(name, "bee"))
    assert (again.status, again.nearest_class, pending_in(database)) == ("quarantined", "bees", 0)


def test_a_quarantined_sample_is_released_by_its_sources_right_label(database: Database) -> None:
    name = name_of_split("train")
    add(database, new(name, "bee"))
    outcome = add(database, new(name, "bees"))
    assert (outcome.status, pending_in(database)) == ("corrected", 1)
    assert stored(database, outcome.sample_id).state == "accepted"


def test_a_label_that_nobody_knows_does_not_undo_the_label_of_another_source(database: Database) -> None:
    name = name_of_split("train")
    sample_id = add(database, new(name, "bees", "ann")).sample_id
    outcome = add(database, new(name, "bee", "ben"))
    assert (outcome.status, outcome.nearest_class, pending_in(database)) == ("quarantined", "bees", 1)
    sample = stored(database, sample_id)
    assert (sample.state, sample.label) == ("accepted", "bees")


def test_a_label_that_nobody_knows_takes_no_known_one_away(database: Database) -> None:
    name = name_of_split("train")
    sample_id = add(database, new(name, "bees")).sample_id
    for label in ("beess", "beess", "moths"):
        outcome = add(database, new(name, label))
        assert (outcome.status, pending_in(database)) == ("quarantined", 1)
        assert (stored(database, sample_id).state, stored(database, sample_id).label) == ("accepted", "bees")
    assert add(database, new(name, "bees")).status == "duplicate"
    assert add(database, new(name, "ants")).status == "corrected"
    assert stored(database, sample_id).label == "ants"


def test_a_label_that_became_a_class_is_accepted_when_it_is_sent_again(database: Database) -> None:
    sample_id = add(database, new("x", "wasps")).sample_id
    assert add(database, new("x", "wasps"), ("wasps", "bees")).status == "corrected"
    assert stored(database, sample_id).label == "wasps"


@pytest.mark.parametrize("is_trusted", [False, True])
def test_feedback_on_an_initial_sample_changes_neither_its_label_nor_its_split(
    database: Database, is_trusted: bool
) -> None:
    for split in ("train", "validation", "golden"):
        initial = new(split, "bees", "train", is_trusted=True, origin="initial", split=split)
        sample_id = add(database, initial).sample_id
        before = stored(database, sample_id)
        outcome = add(database, new(split, "ants", "ann", is_trusted=is_trusted))
        assert (outcome.sample_id, outcome.status) == (sample_id, "conflict")
        assert stored(database, sample_id) == before
        assert (before.state, before.label, before.split, before.is_trusted) == (
            "accepted",
            "bees",
            split,
            True,
        )


def test_a_trusted_label_takes_the_place_of_untrusted_ones(database: Database) -> None:
    sample_id = add(database, new("x", "bees", "ann")).sample_id
    add(database, new("x", "ants", "ben"))
    assert not stored(database, sample_id).is_trusted
    assert add(database, new("x", "ants", "eve", is_trusted=True)).status == "corrected"
    sample = stored(database, sample_id)
    assert (sample.state, sample.label, sample.is_trusted) == ("accepted", "ants", True)


def test_a_trusted_source_that_agrees_makes_the_label_trusted_by_its_own_row(database: Database) -> None:
    sample_id = add(database, new("x", "bees", "ann")).sample_id
    assert add(database, new("x", "bees", "eve", is_trusted=True)).status == "duplicate"
    sample = stored(database, sample_id)
    with database.read() as connection:
        row = connection.execute(select(labels).where(labels.c.id == sample.label_revision)).one()
    assert (sample.is_trusted, row.source, row.is_trusted) == (True, "eve", True)


def test_a_key_that_becomes_trusted_gives_its_label_again(database: Database) -> None:
    sample_id = add(database, new("x", "bees", "ann")).sample_id
    assert add(database, new("x", "bees", "ann", is_trusted=True)).status == "duplicate"
    assert stored(database, sample_id).is_trusted
    assert add(database, new("x", "ants", "ben")).status == "conflict"
    assert stored(database, sample_id).label == "bees"


@pytest.mark.parametrize(
    ("known", "inherited"),
    [("golden", "holdout"), ("holdout", "holdout"), ("validation", "validation"), ("train", "train")],
)
def test_a_near_duplicate_inherits_the_split(database: Database, known: str, inherited: str) -> None:
    phash = far_hash()
    add(database, new("known", phash=phash, origin="initial", split=known))
    # Ten of them, which their own content would put into different splits.
    splits = {
        stored(database, add(database, new(f"near {n}", phash=flip(phash, 4))).sample_id).split
        for n in range(10)
    }
    assert splits == {inherited}


def test_of_near_duplicates_that_are_held_out_twenty_are_kept_and_the_others_not_counted(
    database: Database,
) -> None:
    phash = far_hash()
    splits = []
    add(database, new("known", phash=phash, origin="initial", split="golden"))
    for number in range(22):
        outcome = add(database, new(f"near {number}", phash=flip(phash, number % 5)))
        splits.append(stored(database, outcome.sample_id).split)
    assert splits == ["holdout"] * 20 + ["surplus"] * 2
    assert pending_in(database) == 20


def test_a_picture_five_bits_away_is_cut_by_its_own_content(database: Database) -> None:
    phash = far_hash()
    add(database, new("known", phash=phash, origin="initial", split="golden"))
    name = name_of_split("train")
    outcome = add(database, new(name, phash=flip(phash, 5)))
    assert stored(database, outcome.sample_id).split == "train"


def test_a_group_shares_the_split_of_its_first_sample(database: Database) -> None:
    for split in ("train", "validation", "holdout"):
        group = group_of_split(split)
        splits = {
            stored(database, add(database, new(f"{group}{n}", group=group)).sample_id).split
            for n in range(10)
        }
        assert splits == {split}


def test_a_group_stays_together_whoever_labels_a_later_image_of_it(database: Database) -> None:
    first = add(database, new("first", group=group_of_split("train")))
    others = {
        stored(database, add(database, new(f"{n}", "bees", f"source {n}", group=group)).sample_id).split
        for n in range(10)
        for group in [stored(database, first.sample_id).group]
    }
    assert others == {"train"}


def test_a_near_duplicate_of_a_golden_sample_is_kept_from_learning_whatever_its_group(
    database: Database,
) -> None:
    phash = far_hash()
    add(database, new("golden", phash=phash, origin="initial", split="golden"))
    group = group_of_split("train")
    add(database, new("first", group=group))
    near = add(database, new("near", phash=phash, group=group))
    assert stored(database, near.sample_id).split == "holdout"


def test_samples_are_read_by_id_and_the_missing_are_left_out(database: Database) -> None:
    ids = [add(database, new(f"{n}")).sample_id for n in range(3)]
    with database.read() as connection:
        known = samples_by_id(connection, [ids[2], ids[0], 999, ids[0]])
    assert [sample.id for sample in known] == [ids[0], ids[2]]
    assert known[0].created.tzinfo is not None


def test_deleting_a_sample_takes_its_rows_and_names_its_bytes(database: Database) -> None:
    sample_id = add(database, new("x")).sample_id
    add(database, new("x", "ants", "ben"))
    deletion = database.write(lambda connection: delete_sample(connection, sample_id))
    assert (deletion.sample_id, deletion.versions) == (sample_id, [])
    assert deletion.blobs_to_delete == [sha_of("x")]
    with database.read() as connection:
        for table in (samples, labels, phash_parts, disputes):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_a_deleted_samples_number_is_never_given_again(database: Database) -> None:
    first = add(database, new("x")).sample_id
    database.write(lambda connection: delete_sample(connection, first))
    assert add(database, new("y")).sample_id > first


def test_bytes_that_a_prediction_still_names_stay(database: Database) -> None:
    outcome = add(database, new("x"))
    created = stored(database, outcome.sample_id).created
    logged = LoggedPrediction(
        id=new_prediction_id(created),
        sha256=sha_of("x"),
        num_bytes=1,
        label="bees",
        confidence=0.5,
        version="v1",
        embedding=b"\0\0",
        group=None,
        source="ann",
        created=created,
    )
    database.write(lambda connection: log_predictions(connection, [logged], SplitSettings()))
    deletion = database.write(lambda connection: delete_sample(connection, outcome.sample_id))
    assert deletion.blobs_to_delete == []


def test_deleting_a_sample_marks_the_versions_that_saw_it_and_their_descendants(database: Database) -> None:
    seen = add(database, new("x")).sample_id

    def add_versions(connection: Any) -> None:
        # v1 saw it, v2 and v3 descend from v1; v4 began anew.
        for parent, saw in ((None, [seen]), ("v1", []), ("v2", []), (None, [])):
            files = {"weights.safetensors": "0" * 64}
            new_version = NewVersion(class_names=CLASSES, files=files, parent=parent)
            add_version(connection, new_version, [(sample_id, "train", None) for sample_id in saw])
        row = {"name": "round-1", "lineage": 1, "created": find_version(connection, "v1").created}
        connection.execute(insert(slices).values(row))
        connection.execute(insert(slice_samples).values(slice="round-1", sample_id=seen))

    database.write(add_versions)
    deletion = database.write(lambda connection: delete_sample(connection, seen))
    assert deletion.versions == ["v1", "v2", "v3"]
    with database.read() as connection:
        num_deleted = [find_version(connection, f"v{n}").num_deleted_samples for n in (1, 2, 3, 4)]
        assert num_deleted == [1, 1, 1, 0]
        assert connection.execute(select(func.count()).select_from(slice_samples)).scalar_one() == 0


def test_deleting_an_unknown_sample_is_refused(database: Database) -> None:
    with pytest.raises(UnknownSampleError, match="found 7"):
        database.write(lambda connection: delete_sample(connection, 7))
