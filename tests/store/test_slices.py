from typing import Any

from sqlalchemy import Connection, insert, update

from store.database.database import Database, now
from store.database.schema import rounds, samples
from store.slices import add_slice, golden_slice, slice_names, slice_samples
from store.versions import NewVersion, add_version


def add_samples(connection: Connection, num: int) -> list[int]:
    created = now(connection)
    rows = [
        {
            "sha256": f"{number:064x}",
            "phash": 0,
            "origin": "direct",
            "split": "holdout",
            "label": "bees",
            "state": "accepted",
            "source": "ann",
            "created": created,
        }
        for number in range(num)
    ]
    query = insert(samples).returning(samples.c.id, sort_by_parameter_order=True)
    return list(connection.execute(query, rows).scalars())


def add_round(connection: Connection, **values: Any) -> int:
    row = {"state": "rejected", "requested_by": "ann", "trigger": "a test", "created": now(connection)}
    inserted = connection.execute(insert(rounds).values({**row, **values}).returning(rounds.c.id))
    return int(inserted.scalar_one())


def add_versions(connection: Connection, *parents: str | None) -> None:
    for parent in parents:
        add_version(
            connection, NewVersion(("ants", "bees"), {"weights.safetensors": "0" * 64}, parent=parent), []
        )


def test_a_slice_gives_back_its_accepted_samples(database: Database) -> None:
    def work(connection: Connection) -> list[int]:
        ids = add_samples(connection, 3)
        add_slice(connection, golden_slice(1), 1, None, ids[:2])
        disputed = update(samples).where(samples.c.id == ids[0])
        connection.execute(disputed.values(state="conflict", label=None))
        return ids

    ids = database.write(work)
    with database.read() as connection:
        assert [sample.id for sample in slice_samples(connection, "golden-1")] == [ids[1]]
        assert slice_samples(connection, "round-9") == []


def test_only_slices_of_the_lineage_that_have_not_retired_are_named(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_slice(connection, golden_slice(1), 1, None, [])
        add_slice(connection, golden_slice(2), 2, None, [])

    database.write(work)
    with database.read() as connection:
        assert slice_names(connection, 1) == ["golden-1"]
        assert slice_names(connection, 2) == ["golden-2"]
        assert slice_names(connection, 3) == []


def test_the_slice_of_a_round_that_was_rolled_back_is_left_out(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_versions(connection, None, "v1", "v2")
        add_slice(connection, golden_slice(1), 1, None, [])
        for candidate in ("v2", "v3"):
            round_id = add_round(connection, state="promoted", candidate=candidate)
            add_slice(connection, f"round-{round_id}", 1, round_id, [])

    database.write(work)
    with database.read() as connection:
        assert slice_names(connection, 1, "v3") == ["golden-1", "round-1", "round-2"]
        assert slice_names(connection, 1, "v2") == ["golden-1", "round-1"]
        assert slice_names(connection, 1, "v1") == ["golden-1"]
