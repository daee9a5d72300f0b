from sqlalchemy import Connection, update

from store.database.database import Database
from store.database.schema import samples
from store.evidence.returning import return_to_training, returnable
from tests.store.database.test_query_plans import plans
from tests.store.evidence.test_slice_history import add_samples, splits


def resemble(connection: Connection, first: int, second: int, bits: int = 1) -> None:
    """Make a sample a near-duplicate of another."""
    phash = connection.execute(samples.select().where(samples.c.id == first)).one().phash
    connection.execute(update(samples).where(samples.c.id == second).values(phash=phash ^ bits))


def ids_of(database: Database, ending: list[int]) -> list[list[int]]:
    with database.read() as connection:
        return [[sample.id for sample in cluster] for cluster in returnable(connection, set(ending))]


def test_clusters_of_ending_samples_alone_are_returnable(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        ids = add_samples(connection, ["ants"] * 6, "all")
        resemble(connection, ids[0], ids[1])
        return ids

    ids = database.write(work)
    assert ids_of(database, ids[:4]) == [ids[:2], [ids[2]], [ids[3]]]
    assert ids_of(database, []) == []


def test_a_cluster_that_reaches_a_sample_that_stays_is_kept_as_a_whole(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        ids = add_samples(connection, ["ants", "ants", "bees", "ants"], "all")
        # Of the first two, the second is near to the third, which stays; its label is another.
        resemble(connection, ids[0], ids[1], 0b1111)
        resemble(connection, ids[1], ids[2], 0b11110000)
        return ids

    ids = database.write(work)
    assert ids_of(database, [ids[0], ids[1], ids[3]]) == [[ids[3]]]


def test_a_group_of_which_one_stays_is_kept_as_a_whole(database: Database) -> None:
    ids = database.write(lambda c: add_samples(c, ["ants"] * 3, "burst", group="burst"))
    assert ids_of(database, ids[:2]) == []
    assert ids_of(database, ids) == [ids]


def test_learnt_samples_neither_return_nor_keep_others(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        ids = add_samples(connection, ["ants"], "held") + add_samples(
            connection, ["ants"], "own", split="train"
        )
        resemble(connection, ids[0], ids[1])
        return ids

    ids = database.write(work)
    assert ids_of(database, ids) == [ids[:1]]
    database.write(lambda c: return_to_training(c, ids))
    assert splits(database, ids) == {"train": 2}


def test_the_judging_samples_are_found_by_an_index(database: Database) -> None:
    explained = plans(database, lambda c: returnable(c, {1, 2}))
    assert [plan for plan in explained if ": SCAN " in plan] == []
