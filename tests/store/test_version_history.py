from sqlalchemy import Connection

from store.database.database import Database
from store.measurements import Measurement, record
from store.version_history import (
    LearntSource,
    first_rounds,
    last_promotions,
    latest_on_slices,
    main_sources,
    parents_in_lineage,
)
from store.versions import NewVersion, add_version
from tests.store.version_work import add, add_line, promote, roll_back


def test_parents_are_those_of_one_lineage_oldest_first(database: Database) -> None:
    line = add_line(database, 2)
    add(database, class_names=("0", "1"))
    beside = add(database, line[0])
    with database.read() as connection:
        assert parents_in_lineage(connection, 1) == {line[0]: None, line[1]: line[0], beside: line[0]}
        assert parents_in_lineage(connection, 7) == {}


def test_a_promotion_is_the_last_move_to_a_version(database: Database) -> None:
    line = add_line(database, 2)
    never = add(database, line[1])
    roll_back(database)
    again = promote(database, line[1])
    with database.read() as connection:
        promotions = last_promotions(connection, [line[0], line[1], never])
    assert promotions.keys() == set(line)
    assert promotions[line[0]].is_roll_back
    assert promotions[line[1]] == again


def test_the_latest_value_on_each_slice_is_that_of_the_metric_and_the_versions(database: Database) -> None:
    def measure(connection: Connection) -> None:
        for version, slice_name, value in (
            ("v1", "golden-1", 0.5),
            ("v1", "golden-1", 0.75),
            ("v2", "golden-1", 0.875),
            ("v1", None, 0.125),
        ):
            record(connection, Measurement("accuracy", value, 100, version=version, slice=slice_name))
        record(connection, Measurement("calibration", 0.0, 100, version="v1", slice="golden-1"))

    database.write(measure)
    with database.read() as connection:
        [latest] = latest_on_slices(connection, "accuracy", ["v1"])
    assert latest == Measurement("accuracy", 0.75, 100, version="v1", slice="golden-1")


def test_a_sample_belongs_to_the_round_that_learnt_it_first(database: Database) -> None:
    def work(connection: Connection) -> None:
        roles: dict[int | None, list[tuple[int, str, int | None]]] = {
            None: [(1, "train", None)],
            4: [(2, "train", None), (3, "validation", None), (1, "replay", None)],
            9: [(5, "train", None), (2, "train", None), (6, "holdout", None), (3, "replay", None)],
        }
        for round_id, members in roles.items():
            new = NewVersion(("ants", "bees"), {"weights.safetensors": "0" * 64}, round_id=round_id)
            add_version(connection, new, members)

    database.write(work)
    with database.read() as connection:
        assert first_rounds(connection) == {2: 4, 3: 4, 5: 9}


def test_who_gave_under_a_tenth_of_what_was_learnt_is_no_main_source() -> None:
    lab, app, kiosk = (
        LearntSource(name, num, False) for name, num in (("lab", 81), ("app", 10), ("kiosk", 9))
    )
    assert main_sources([lab, app, kiosk]) == [lab, app]
    assert main_sources([]) == []
