import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select

from store.database.database import Database, now
from store.database.schema import samples, version_samples, versions
from store.registry import production, promote, roll_back
from store.samples.new_samples import NewSample
from store.samples.pending import (
    PendingCounts,
    count_pending,
    judged_groups,
    num_pending,
    num_set_aside,
    pending_samples,
    replayable,
)
from store.samples.samples import add_samples, delete_sample
from store.samples.splits import SplitSettings
from store.versions import NewVersion, add_version, ancestry

CLASSES = ("ants", "bees")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SETTINGS = SplitSettings()


def sample(connection: Connection, **values: Any) -> int:
    row = {
        "sha256": f"{random.getrandbits(256):064x}",
        "phash": 0,
        "origin": "direct",
        "split": "train",
        "label": "bees",
        "state": "accepted",
        "source": "ann",
        "created": now(connection),
    }
    inserted = connection.execute(insert(samples).values({**row, **values}).returning(samples.c.id))
    return int(inserted.scalar_one())


def version(
    connection: Connection, parent: str | None, seen: list[int], class_names: tuple[str, ...] = CLASSES
) -> str:
    new = NewVersion(class_names=class_names, files={"weights.safetensors": "0" * 64}, parent=parent)
    return add_version(connection, new, [(sample_id, "train", None) for sample_id in seen]).version


def move(connection: Connection, to: str, *, force: bool = False) -> None:
    promote(connection, to, reason="a test", actor="ann", force=force)


def pending_ids(database: Database) -> list[int]:
    with database.read() as connection:
        return [each.id for each in pending_samples(connection)]


def number_pending(database: Database) -> int:
    with database.read() as connection:
        return num_pending(connection)


def test_all_accepted_feedback_is_pending_whatever_it_is_used_for(database: Database) -> None:
    ids = database.write(lambda c: [sample(c, split=split) for split in ("train", "validation", "holdout")])
    assert pending_ids(database) == ids
    assert number_pending(database) == 3


def test_pending_samples_are_counted_by_what_a_round_does_with_them(database: Database) -> None:
    moments = [NOON, NOON + timedelta(days=1), NOON + timedelta(days=2)]

    def work(connection: Connection) -> None:
        for split, created in zip(("train", "validation", "holdout"), moments, strict=True):
            sample(connection, split=split, created=created)

    with database.read() as connection:
        assert count_pending(connection) == PendingCounts(0, 0, None)
    database.write(work)
    with database.read() as connection:
        assert count_pending(connection) == PendingCounts(3, 1, NOON)


def test_a_group_with_one_sample_to_judge_on_is_judged_on_as_a_whole(database: Database) -> None:
    def work(connection: Connection) -> None:
        for split in ("train", "validation", "holdout"):
            sample(connection, split=split, group="camera 1")
        sample(connection, split="train", group="camera 2")
        sample(connection, split="golden", origin="initial", group="camera 3")
        sample(connection, split="train", group="camera 3")

    database.write(work)
    with database.read() as connection:
        assert judged_groups(connection) == {"camera 1", "camera 3"}
        counts = count_pending(connection)
    assert (counts.num_samples, counts.num_holdout) == (5, 4)


def test_feedback_that_waits_for_a_person_is_counted_by_its_state(database: Database) -> None:
    def work(connection: Connection) -> None:
        for state in ("conflict", "quarantined", "quarantined"):
            sample(connection, state=state, label=None)
        # What an earlier lineage was trained on waits for nobody.
        sample(connection, state="quarantined", label=None, origin="initial")

    with database.read() as connection:
        assert num_set_aside(connection) == {"conflict": 0, "quarantined": 0}
    database.write(work)
    with database.read() as connection:
        assert num_set_aside(connection) == {"conflict": 1, "quarantined": 2}


@pytest.mark.parametrize(
    "values",
    [
        {"origin": "initial"},
        {"split": "golden"},
        {"state": "quarantined", "label": None},
        {"state": "conflict", "label": None},
    ],
)
def test_what_is_no_settled_feedback_is_not_pending(database: Database, values: dict[str, Any]) -> None:
    database.write(lambda connection: sample(connection, **values))
    assert pending_ids(database) == []
    assert number_pending(database) == 0


def test_labels_that_productions_classes_do_not_know_are_not_pending(database: Database) -> None:
    def work(connection: Connection) -> int:
        move(connection, version(connection, None, []))
        sample(connection, label="wasps")
        return sample(connection, label="ants")

    known = database.write(work)
    assert pending_ids(database) == [known]
    assert number_pending(database) == 1


def test_what_production_or_an_ancestor_saw_is_pending_no_more(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        ids = [sample(connection) for _ in range(3)]
        move(connection, version(connection, None, ids[:1]))
        move(connection, version(connection, "v1", ids[1:2]))
        return ids

    ids = database.write(work)
    assert pending_ids(database) == ids[2:]
    with database.read() as connection:
        assert [each.id for each in replayable(connection, CLASSES)] == ids[:2]


def test_what_only_a_rejected_candidate_saw_is_still_pending(database: Database) -> None:
    def work(connection: Connection) -> int:
        move(connection, version(connection, None, []))
        sample_id = sample(connection)
        version(connection, "v1", [sample_id])
        return sample_id

    sample_id = database.write(work)
    assert pending_ids(database) == [sample_id]
    assert number_pending(database) == 1


def test_rolling_back_makes_pending_what_only_the_undone_version_saw(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        both, last = sample(connection), sample(connection)
        move(connection, version(connection, None, [both]))
        move(connection, version(connection, "v1", [both, last]))
        return [both, last]

    both, last = database.write(work)
    assert number_pending(database) == 0
    database.write(lambda connection: roll_back(connection, reason="a test", actor="ann"))
    assert pending_ids(database) == [last]
    with database.read() as connection:
        assert [each.id for each in replayable(connection, CLASSES)] == [both]


def test_replayable_samples_are_of_the_given_split_and_classes(database: Database) -> None:
    def work(connection: Connection) -> dict[str, int]:
        ids = {
            "train": sample(connection, origin="initial"),
            "ants": sample(connection, label="ants"),
            "validation": sample(connection, split="validation"),
            "golden": sample(connection, split="golden", origin="initial"),
            "conflict": sample(connection, state="conflict", label=None),
        }
        move(connection, version(connection, None, list(ids.values())))
        return ids

    ids = database.write(work)
    with database.read() as connection:
        assert [each.id for each in replayable(connection, CLASSES)] == [ids["train"], ids["ants"]]
        assert [each.id for each in replayable(connection, ["ants"])] == [ids["ants"]]
        assert [each.id for each in replayable(connection, CLASSES, "validation")] == [ids["validation"]]


def pending_by_definition(connection: Connection) -> list[int]:
    champion = production(connection)
    line = [] if champion is None else ancestry(connection, champion.version)
    saw = select(version_samples.c.sample_id).where(version_samples.c.version.in_(line))
    query = select(samples.c.id).where(samples.c.state == "accepted", samples.c.id.not_in(saw))
    return list(connection.execute(query.order_by(samples.c.id)).scalars())


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_moves_pending_is_what_no_ancestor_of_production_saw(
    database: Database, seed: int
) -> None:
    rng = random.Random(seed)

    def step(connection: Connection) -> None:
        ids = list(connection.execute(select(samples.c.id)).scalars())
        known = list(connection.execute(select(versions.c.version)).scalars())
        new = version(connection, rng.choice([*known, None]), rng.sample(ids, len(ids) // 2))
        move(connection, rng.choice([new, *known]), force=True)
        sample(connection)
        if ids and rng.random() < 0.2:
            delete_sample(connection, rng.choice(ids))
        expected = pending_by_definition(connection)
        assert [each.id for each in pending_samples(connection)] == expected
        assert num_pending(connection) == len(expected)

    for _ in range(20):
        database.write(step)


def arrival(rng: random.Random) -> NewSample:
    return NewSample(
        sha256=f"{rng.randrange(40):064x}",
        phash=rng.getrandbits(63),
        origin=rng.choice(("direct", "audit", "initial")),
        source=rng.choice(("ann", "ben")),
        label=rng.choice((*CLASSES, "wasps")),
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_number_that_is_kept_is_what_counting_gives(database: Database, seed: int) -> None:
    rng = random.Random(seed)
    database.write(lambda connection: move(connection, version(connection, None, [])))

    def step(connection: Connection) -> None:
        ids = list(connection.execute(select(samples.c.id)).scalars())
        for _ in range(rng.randrange(4)):
            champion = production(connection)
            assert champion is not None
            arrived = [arrival(rng) for _ in range(rng.randrange(1, 5))]
            add_samples(connection, arrived, champion.class_names, SETTINGS)
        if ids and rng.random() < 0.3:
            delete_sample(connection, rng.choice(ids))
        if rng.random() < 0.3:
            classes = rng.choice((CLASSES, ("ants", "wasps")))
            parent = None if classes != CLASSES else "v1"
            move(connection, version(connection, parent, rng.sample(ids, len(ids) // 2), classes), force=True)
        num_listed = len(pending_samples(connection))
        assert num_pending(connection) == num_listed == count_pending(connection).num_samples

    for _ in range(40):
        database.write(step)


def test_feedback_is_counted_without_counting_all_that_is_there(database: Database) -> None:
    def count(connection: Connection) -> list[str]:
        statements: list[str] = []

        def note(*call: Any) -> None:
            statements.append(call[2])

        event.listen(connection, "before_cursor_execute", note)
        add_samples(connection, [arrival(random.Random(1))], CLASSES, SETTINGS)
        num_pending(connection)
        event.remove(connection, "before_cursor_execute", note)
        return [statement for statement in statements if "is_seen IS" in statement]

    # The first feedback finds no stored number yet.
    assert len(database.write(count)) == 1
    assert database.write(count) == []


def add(connection: Connection, label: str, source: str = "ann", sha256: str = "a" * 64) -> int:
    new = NewSample(sha256=sha256, phash=0, origin="direct", source=source, label=label, split="train")
    return add_samples(connection, [new], CLASSES, SETTINGS)[0].sample_id


def learn(connection: Connection, parent: str | None, seen: list[int]) -> None:
    """Have a new production learn samples under the labels that they have."""
    revisions = select(samples.c.id, samples.c.label_revision).where(samples.c.id.in_(seen))
    roles = [(row.id, "train", row.label_revision) for row in connection.execute(revisions)]
    new = NewVersion(class_names=CLASSES, files={"weights.safetensors": "0" * 64}, parent=parent)
    move(connection, add_version(connection, new, roles).version)


def test_a_correction_of_what_was_learnt_is_pending_until_it_is_learnt(database: Database) -> None:
    def work(connection: Connection) -> int:
        sample_id = add(connection, "ants")
        learn(connection, None, [sample_id])
        assert num_pending(connection) == 0
        add(connection, "bees")
        return sample_id

    sample_id = database.write(work)
    assert pending_ids(database) == [sample_id]
    assert number_pending(database) == 1
    with database.read() as connection:
        assert replayable(connection, CLASSES) == []
    database.write(lambda c: learn(c, "v1", [sample_id]))
    assert pending_ids(database) == []
    with database.read() as connection:
        assert [each.label for each in replayable(connection, CLASSES)] == ["bees"]


def test_rolling_back_past_a_learnt_correction_makes_it_pending_again(database: Database) -> None:
    def work(connection: Connection) -> int:
        sample_id = add(connection, "ants")
        learn(connection, None, [sample_id])
        add(connection, "bees")
        learn(connection, "v1", [sample_id])
        roll_back(connection, reason="a test", actor="ann")
        return sample_id

    sample_id = database.write(work)
    assert pending_ids(database) == [sample_id]


def test_a_correction_that_is_taken_back_is_pending_no_more(database: Database) -> None:
    def work(connection: Connection) -> None:
        learn(connection, None, [add(connection, "ants")])
        add(connection, "bees")
        add(connection, "ants")

    database.write(work)
    assert pending_ids(database) == []
    assert number_pending(database) == 0


def test_what_was_corrected_while_a_round_learnt_it_is_pending_after_the_round(database: Database) -> None:
    def work(connection: Connection) -> int:
        move(connection, version(connection, None, []))
        sample_id = add(connection, "ants")
        revision = connection.execute(select(samples.c.label_revision)).scalar_one()
        add(connection, "bees")
        new = NewVersion(class_names=CLASSES, files={"weights.safetensors": "0" * 64}, parent="v1")
        move(connection, add_version(connection, new, [(sample_id, "train", revision)]).version)
        return sample_id

    sample_id = database.write(work)
    assert pending_ids(database) == [sample_id]


def test_a_corrected_holdout_is_no_new_evidence(database: Database) -> None:
    def work(connection: Connection) -> None:
        new = NewSample(
            sha256="a" * 64, phash=0, origin="direct", source="ann", label="ants", split="holdout"
        )
        sample_id = add_samples(connection, [new], CLASSES, SETTINGS)[0].sample_id
        learn(connection, None, [sample_id])
        add(connection, "bees")

    database.write(work)
    assert number_pending(database) == 0
