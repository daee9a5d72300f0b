"""A lineage with other classes changes samples and slices."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, insert, select

from store.database.database import Database, now
from store.database.schema import labels, samples, slices
from store.errors import (
    AcrossLineagesError,
)
from store.evidence.disputes import open_disputes
from tests.store.version_work import add, add_line, production, promote, roll_back


def test_going_to_other_classes_needs_force_in_both_directions(database: Database) -> None:
    add_line(database, 1)
    other = add(database, class_names=("cats", "dogs"))
    with pytest.raises(AcrossLineagesError, match="classes"):
        promote(database, other)
    promote(database, other, force=True)
    with pytest.raises(AcrossLineagesError):
        roll_back(database)
    roll_back(database, force=True)
    assert production(database) == "v1"


def add_labelled(database: Database, label: str, by: Sequence[tuple[str, str]], state: str) -> int:
    def work(connection: Connection) -> int:
        row = {
            "sha256": f"{label}-{by}".ljust(64, "x")[:64],
            "phash": 1,
            "origin": "direct",
            "split": "train",
            "label": label if state == "accepted" else None,
            "state": state,
            "source": "ada",
            "created": now(connection),
        }
        sample_id = connection.execute(insert(samples).values(**row).returning(samples.c.id)).scalar_one()
        for source, name in by:
            values = {"label": name, "source": source, "is_trusted": source == "train"}
            connection.execute(insert(labels).values(sample_id=sample_id, created=now(connection), **values))
        return int(sample_id)

    return database.write(work)


def test_a_new_lineage_sets_samples_of_other_classes_aside_and_the_old_one_takes_them_back(
    database: Database,
) -> None:
    add_line(database, 1)
    ants = add_labelled(database, "ants", [("ada", "ants")], "accepted")
    cats = add_labelled(database, "cats", [("ada", "dogs"), ("ada", "cats")], "quarantined")
    disputed = add_labelled(database, "dogs", [("ada", "dogs"), ("bob", "cats")], "quarantined")
    trusted = add_labelled(database, "bees", [("train", "bees"), ("bob", "ants")], "accepted")
    other = add(database, class_names=("cats", "dogs"))

    def states() -> dict[int, tuple[str, str | None]]:
        with database.read() as connection:
            rows = connection.execute(select(samples.c.id, samples.c.state, samples.c.label))
            return {row.id: (row.state, row.label) for row in rows}

    def disputes() -> list[tuple[int, str]]:
        with database.read() as connection:
            return [(each.sample_id, each.source) for each in open_disputes(connection)]

    promote(database, other, force=True)
    assert states() == {
        ants: ("quarantined", None),
        cats: ("accepted", "cats"),
        disputed: ("conflict", None),
        trusted: ("quarantined", None),
    }
    assert disputes() == [(disputed, "bob")]
    roll_back(database, force=True)
    assert states() == {
        ants: ("accepted", "ants"),
        cats: ("quarantined", None),
        disputed: ("quarantined", None),
        trusted: ("accepted", "bees"),
    }
    assert disputes() == [(trusted, "bob")]


def test_a_new_lineage_retires_the_slices_of_the_old_one(database: Database) -> None:
    add_line(database, 1)
    other = add(database, class_names=("cats", "dogs"))
    database.write(
        lambda c: c.execute(
            insert(slices),
            [{"name": f"golden-{n}", "lineage": n, "is_retired": False, "created": now(c)} for n in (1, 2)],
        )
    )
    promote(database, other, force=True)
    with database.read() as connection:
        kept = connection.execute(select(slices.c.name).where(slices.c.is_retired.is_(False))).scalars()
        assert list(kept) == ["golden-2"]
