from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

import pytest
from sqlalchemy import Connection, delete, insert, select

from store.database.database import Database, now
from store.database.schema import rounds, samples
from store.errors import FencedError
from store.evidence.slice_history import Merge, fair_draw, history_slice, merge_old_slices
from store.samples.sample import Sample, sample_of, select_samples
from store.slices import add_slice, golden_slice, slice_names, slice_samples
from store.versions import NewVersion, add_version, find_version


def add_samples(
    connection: Connection,
    labels: Sequence[str],
    name: str,
    *,
    split: str = "holdout",
    group: str | None = None,
) -> list[int]:
    rows = []
    for number, label in enumerate(labels):
        digest = sha256(f"{name}-{number}".encode())
        rows.append(
            {
                "sha256": digest.hexdigest(),
                # Random bits: no two are near.
                "phash": int.from_bytes(digest.digest()[:8], signed=True),
                "origin": "direct",
                "split": split,
                "group": group,
                "label": label,
                "state": "accepted",
                "source": "ann",
                "is_seen": True,
                "created": now(connection),
            }
        )
    query = insert(samples).returning(samples.c.id, sort_by_parameter_order=True)
    return list(connection.execute(query, rows).scalars())


def promote_round(connection: Connection, labels: Sequence[str], *, group: str | None = None) -> list[int]:
    """Add a promoted round whose holdout has these labels, and the version that it made."""
    row = {"state": "promoted", "requested_by": "ann", "trigger": "test", "created": now(connection)}
    round_id = connection.execute(insert(rounds).values(row).returning(rounds.c.id)).scalar_one()
    ids = add_samples(connection, labels, f"round-{round_id}", group=group)
    new = NewVersion(("ants", "bees"), {"weights": "a" * 64}, parent=f"v{round_id}", round_id=round_id)
    version = add_version(connection, new, [(sample_id, "holdout", None) for sample_id in ids])
    connection.execute(rounds.update().where(rounds.c.id == round_id).values(candidate=version.version))
    add_slice(connection, f"round-{round_id}", 1, round_id, ids)
    return ids


def start(connection: Connection) -> list[int]:
    add_version(connection, NewVersion(("ants", "bees"), {"weights": "a" * 64}), [])
    golden = add_samples(connection, ["ants", "bees"], "golden", split="golden")
    add_slice(connection, golden_slice(1), 1, None, golden)
    return golden


def merge(database: Database, num_rounds: int, **limits: int) -> Merge | None:
    with database.read() as connection:
        production = find_version(connection, f"v{num_rounds + 1}")
    return merge_old_slices(database, production, **limits)


def members(database: Database, name: str) -> list[Sample]:
    with database.read() as connection:
        return slice_samples(connection, name)


def splits(database: Database, ids: Sequence[int]) -> Counter[str]:
    with database.read() as connection:
        query = select(samples.c.split).where(samples.c.id.in_(ids))
        return Counter(connection.execute(query).scalars())


def test_eight_slices_stay_as_they_are_and_a_ninth_ends_the_oldest(database: Database) -> None:
    def work(connection: Connection, num: int) -> None:
        for _ in range(num):
            promote_round(connection, ["ants", "bees"])

    database.write(start)
    database.write(lambda c: work(c, 8))
    assert merge(database, 8) is None
    database.write(lambda c: work(c, 1))
    done = merge(database, 9)
    assert done is not None
    assert done.ended == ("round-1",)
    with database.read() as connection:
        names = slice_names(connection, 1, "v10")
    # Oldest first: the history stands where its slices stood.
    assert names == ["golden-1", "history-1", *(f"round-{number}" for number in range(2, 10))]
    assert [sample.id for sample in members(database, "history-1")] == list(done.kept)
    assert (len(done.kept), done.returned) == (2, ())
    assert merge(database, 9) is None


def test_the_history_keeps_slices_and_classes_evenly_and_the_rest_returns_to_training(
    database: Database,
) -> None:
    def work(connection: Connection) -> list[int]:
        start(connection)
        ids = promote_round(connection, ["ants"] * 40 + ["bees"] * 4)
        return ids + promote_round(connection, ["ants"] * 10 + ["bees"] * 10)

    ids = database.write(work)
    done = merge(database, 2, num_live=0, num_kept=25)
    assert done is not None
    kept = members(database, "history-1")
    first = set(ids[:44])
    assert Counter((sample.id in first, sample.label) for sample in kept) == {
        (True, "ants"): 7,
        (True, "bees"): 4,
        (False, "ants"): 7,
        (False, "bees"): 7,
    }
    assert splits(database, done.returned) == {"train": 39}
    assert splits(database, done.kept) == {"holdout": 25}


def test_a_second_merge_still_knows_which_slice_an_image_came_from(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        start(connection)
        return promote_round(connection, ["ants"] * 30) + promote_round(connection, ["ants"] * 30)

    ids = database.write(work)
    merge(database, 2, num_live=0, num_kept=20)
    ids += database.write(lambda c: promote_round(c, ["ants"] * 30))
    merge(database, 3, num_live=0, num_kept=18)
    kept = {sample.id for sample in members(database, "history-1")}
    assert [len(kept & set(ids[start : start + 30])) for start in (0, 30, 60)] == [6, 6, 6]


@pytest.mark.parametrize("near", ["golden", "live slice", "group"])
def test_what_is_like_an_image_that_still_judges_does_not_return(database: Database, near: str) -> None:
    def work(connection: Connection) -> tuple[list[int], list[int]]:
        golden = start(connection)
        old = promote_round(connection, ["ants"] * 6, group="burst" if near == "group" else None)
        live = promote_round(connection, ["ants"], group="burst" if near == "group" else None)
        if near != "group":
            judge = golden[0] if near == "golden" else live[0]
            query = select(samples.c.phash).where(samples.c.id == judge)
            phash = connection.execute(query).scalar_one()
            connection.execute(samples.update().where(samples.c.id == old[0]).values(phash=phash ^ 0b1111))
        return old, live

    old, _ = database.write(work)
    done = merge(database, 2, num_live=1, num_kept=2)
    assert done is not None
    if near == "group":
        assert (done.kept, done.returned) == (tuple(old), ())
    else:
        assert old[0] in done.kept
        assert (len(done.kept), len(done.returned)) == (3, 3)


def test_near_duplicates_in_the_history_stay_or_return_together(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        start(connection)
        ids = promote_round(connection, ["ants"] * 8)
        for first, second in zip(ids[::2], ids[1::2], strict=True):
            query = select(samples.c.phash).where(samples.c.id == first)
            phash = connection.execute(query).scalar_one() ^ 1
            connection.execute(samples.update().where(samples.c.id == second).values(phash=phash))
        return ids

    ids = database.write(work)
    done = merge(database, 1, num_live=0, num_kept=1)
    assert done is not None
    assert (len(done.kept), len(done.returned)) == (2, 6)
    assert (ids.index(done.kept[0]) // 2) == (ids.index(done.kept[1]) // 2)


def test_slices_of_a_roll_back_are_left_alone(database: Database) -> None:
    def work(connection: Connection) -> None:
        start(connection)
        for _ in range(3):
            promote_round(connection, ["ants"])

    database.write(work)
    assert merge(database, 1, num_live=1) is None
    done = merge(database, 2, num_live=1)
    assert done is not None
    assert done.ended == ("round-1",)
    with database.read() as connection:
        assert slice_names(connection, 1, "v4") == ["golden-1", "history-1", "round-2", "round-3"]


def test_a_learner_that_lost_its_lease_merges_nothing(database: Database, fencing: int) -> None:
    def work(connection: Connection) -> None:
        start(connection)
        promote_round(connection, ["ants"])

    database.write(work)
    with database.read() as connection:
        production = find_version(connection, "v2")
    with pytest.raises(FencedError):
        merge_old_slices(database, production, fencing=fencing + 1, num_live=0)
    assert len(members(database, "round-1")) == 1


def test_a_sample_that_was_deleted_leaves_the_history(database: Database) -> None:
    def work(connection: Connection) -> None:
        start(connection)
        ids = promote_round(connection, ["ants"] * 3)
        connection.execute(delete(samples).where(samples.c.id == ids[1]))

    database.write(work)
    done = merge(database, 1, num_live=0)
    assert done is not None
    assert len(members(database, history_slice(1))) == 2


def test_a_draw_is_the_same_whatever_the_order(database: Database) -> None:
    ids = database.write(lambda c: add_samples(c, ["ants"] * 20, "draw"))
    with database.read() as connection:
        query = select_samples().where(samples.c.id.in_(ids))
        clusters = [[sample_of(row)] for row in connection.execute(query)]
    strata = dict.fromkeys(ids, "round-1")
    assert fair_draw(clusters, strata, 5) == fair_draw(clusters[::-1], strata, 5)
