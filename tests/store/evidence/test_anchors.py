from functools import partial

from sqlalchemy import update

from store import registry
from store.database.database import Database
from store.database.schema import versions
from store.evidence.anchors import anchor_of, set_anchor
from store.versions import NewVersion, add_version
from tests.store.version_work import find, promote, roll_back


def add_learnt(database: Database, num: int, *, is_starter: bool = False) -> None:
    """Add and promote a version as `train` makes it, and `num` that rounds learnt from it."""
    for round_id in (None, *range(1, num + 1)):
        with database.read() as connection:
            parent = registry.production(connection)
        new = NewVersion(
            ("ants", "bees"),
            {"weights": f"{parent.number + 1 if parent else 1:064d}"},
            parent=parent.version if parent else None,
            round_id=round_id,
            is_starter=is_starter and round_id is None,
        )
        version = database.write(partial(add_version, new=new, seen=[])).version
        promote(database, version)


def anchor(database: Database, production: str) -> str | None:
    with database.read() as connection:
        version = anchor_of(connection, find(database, production))
    return None if version is None else version.version


def drop_files(database: Database, *names: str) -> None:
    gone = update(versions).where(versions.c.version.in_(names)).values(files={})
    database.write(lambda connection: connection.execute(gone))


def test_the_anchor_is_the_version_that_train_made_until_a_better_one_is_named(database: Database) -> None:
    add_learnt(database, 3)
    assert anchor(database, "v4") == "v1"
    database.write(lambda c: set_anchor(c, find(database, "v3")))
    assert anchor(database, "v4") == "v3"


def test_training_again_makes_a_new_anchor(database: Database) -> None:
    add_learnt(database, 1)
    database.write(lambda c: set_anchor(c, find(database, "v2")))
    add_learnt(database, 1)
    assert (anchor(database, "v4"), anchor(database, "v2")) == ("v3", "v2")


def test_an_anchor_that_was_rolled_back_is_none(database: Database) -> None:
    add_learnt(database, 2)
    database.write(lambda c: set_anchor(c, find(database, "v3")))
    roll_back(database)
    assert anchor(database, "v2") == "v1"


def test_where_its_files_are_gone_the_oldest_version_with_files_stands_in(database: Database) -> None:
    add_learnt(database, 3)
    drop_files(database, "v1", "v2")
    assert anchor(database, "v4") == "v3"
    drop_files(database, "v3", "v4")
    assert anchor(database, "v4") == "v4"


def test_a_starter_and_what_was_learnt_from_it_have_no_anchor(database: Database) -> None:
    add_learnt(database, 1, is_starter=True)
    assert (anchor(database, "v1"), anchor(database, "v2")) == (None, None)


def test_another_lineage_has_an_anchor_of_its_own(database: Database) -> None:
    add_learnt(database, 1)
    new = NewVersion(("cats",), {"weights": "c" * 64}, parent="v2", begins_lineage=True)
    database.write(lambda c: add_version(c, new, []))
    database.write(lambda c: set_anchor(c, find(database, "v2")))
    assert (anchor(database, "v3"), anchor(database, "v2")) == ("v3", "v2")


def test_the_files_of_the_anchor_are_kept(database: Database) -> None:
    add_learnt(database, 5)
    database.write(lambda c: registry.drop_old_versions(c, keep=0))
    assert [not find(database, f"v{number}").is_retired for number in range(1, 7)] == [
        True,
        *[False] * 3,
        True,
        True,
    ]
