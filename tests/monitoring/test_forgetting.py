import numpy as np
import pytest
from sqlalchemy import Connection

from monitoring.errors import TooFewRoundsError
from monitoring.forgetting import MAX_VERSIONS, forgetting, forgetting_matrix
from store import measurements, registry, slices
from store.database.database import Database
from store.measurements import Measurement
from store.versions import NewVersion, add_version


def test_forgetting_compares_the_last_round_with_the_best_earlier_one_not_the_first() -> None:
    accuracy = np.array([[0.5, 0.9], [0.8, 0.7], [0.6, 0.95]])
    assert forgetting(accuracy) == pytest.approx([0.2, -0.05])


def test_forgetting_passes_over_what_was_not_measured() -> None:
    nan = float("nan")
    lost = forgetting(np.array([[0.9, nan, nan], [nan, 0.7, nan], [0.8, 0.75, 0.5]]))
    assert lost[:2] == pytest.approx([0.1, -0.05])
    assert np.isnan(lost[2])


def test_forgetting_of_one_round_says_what_to_do() -> None:
    with pytest.raises(TooFewRoundsError, match="one more round"):
        forgetting(np.array([[0.5]]))


def test_matrix_is_empty_before_the_first_version(database: Database) -> None:
    with database.read() as connection:
        matrix = forgetting_matrix(connection, None)
    assert (matrix.versions, matrix.slices, matrix.forgotten) == ((), (), {})


def test_matrix_holds_what_was_measured_and_what_production_lost(filled: Database) -> None:
    with filled.read() as connection:
        matrix = forgetting_matrix(connection, "v3")
    assert matrix.versions == ("v1", "v2", "v3")
    assert matrix.slices == ("golden-1", "round-1", "round-3")
    assert len(matrix.cells) == 8
    assert matrix.forgotten == pytest.approx({"golden-1": 0.025, "round-1": -0.02, "round-3": -0.26})


def test_a_version_beside_the_line_is_shown_but_nothing_is_forgotten_since_it(database: Database) -> None:
    def work(connection: Connection) -> None:
        first = add(connection, None)
        slices.add_slice(connection, "golden-1", 1, None, [])
        beside, promoted = add(connection, first), add(connection, first)
        registry.promote(connection, promoted, reason="better", actor="test")
        for version, value in ((first, 0.5), (beside, 0.9), (promoted, 0.6)):
            measure(connection, version, "golden-1", value)

    database.write(work)
    with database.read() as connection:
        matrix = forgetting_matrix(connection, "v3")
    assert matrix.versions == ("v1", "v2", "v3")
    assert matrix.forgotten == pytest.approx({"golden-1": -0.1})


def test_another_lineage_and_its_slices_are_left_out(database: Database) -> None:
    def work(connection: Connection) -> None:
        old, new = add(connection, None), add(connection, None)
        for lineage, version in ((1, old), (2, new)):
            slices.add_slice(connection, f"golden-{lineage}", lineage, None, [])
            measure(connection, version, f"golden-{lineage}", 0.5)
        registry.promote(connection, new, reason="new classes", actor="test", force=True)

    database.write(work)
    with database.read() as connection:
        matrix = forgetting_matrix(connection, "v2")
    assert (matrix.versions, matrix.slices) == (("v2",), ("golden-2",))


def test_matrix_shows_the_newest_versions_only(database: Database) -> None:
    def work(connection: Connection) -> None:
        slices.add_slice(connection, "golden-1", 1, None, [])
        version = None
        for _ in range(MAX_VERSIONS + 2):
            version = add(connection, version)
            measure(connection, version, "golden-1", 0.5)

    database.write(work)
    with database.read() as connection:
        matrix = forgetting_matrix(connection, "v22")
    assert (matrix.versions[0], matrix.versions[-1]) == ("v3", "v22")
    assert {cell.version for cell in matrix.cells} == set(matrix.versions)


def test_matrix_shows_production_however_many_newer_versions_there_are(database: Database) -> None:
    def work(connection: Connection) -> None:
        slices.add_slice(connection, "golden-1", 1, None, [])
        for parent in (None, *["v1"] * MAX_VERSIONS):
            measure(connection, add(connection, parent), "golden-1", 0.5)

    database.write(work)
    with database.read() as connection:
        matrix = forgetting_matrix(connection, "v1")
    assert matrix.versions == ("v1", *(f"v{number}" for number in range(3, MAX_VERSIONS + 2)))


def add(connection: Connection, parent: str | None) -> str:
    new = NewVersion(("ants", "bees"), {"weights.safetensors": "a" * 64}, parent=parent)
    return add_version(connection, new, []).version


def measure(connection: Connection, version: str, slice: str, value: float) -> None:
    measurements.record(connection, Measurement("accuracy", value, 100, version=version, slice=slice))
