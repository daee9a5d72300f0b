import pytest
from sqlalchemy import Connection, insert

from monitoring.accuracy import paired_loss_interval
from monitoring.forgetting import MAX_VERSIONS, ForgettingMatrix, forgetting_matrix
from monitoring.golden_overuse import METRIC, is_overused
from store import measurements, registry, slices
from store.database.database import Database, now
from store.database.schema import samples
from store.evidence.answers import Answer, store_answers
from store.measurements import Measurement
from store.versions import NewVersion, add_version


def test_matrix_is_empty_before_the_first_version(database: Database) -> None:
    with database.read() as connection:
        matrix = forgetting_matrix(connection, None)
    assert matrix == ForgettingMatrix()


def test_matrix_holds_what_was_measured_and_what_production_lost(filled: Database) -> None:
    with filled.read() as connection:
        matrix = forgetting_matrix(connection, "v3")
    assert matrix.versions == ("v1", "v2", "v3")
    assert matrix.slices == ("golden-1", "round-1", "round-3")
    assert len(matrix.cells) == 8
    assert forgotten(matrix) == pytest.approx({"golden-1": 0.025, "round-1": -0.02, "round-3": -0.26})


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
    assert forgotten(matrix) == pytest.approx({"golden-1": -0.1})


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


def test_what_was_lost_is_counted_on_the_images_that_both_versions_answered(database: Database) -> None:
    def work(connection: Connection) -> None:
        first = add(connection, None)
        second = add(connection, first)
        images = add_images(connection, 100)
        slices.add_slice(connection, "golden-1", 1, None, list(images))
        shas = list(images.values())
        # Of 90 images that both answered, 20 are lost and 5 won.
        answer(connection, first, {sha256: index < 60 for index, sha256 in enumerate(shas)})
        answer(connection, second, {sha256: 20 <= index < 65 for index, sha256 in enumerate(shas[:90])})
        # Measured on other images too.
        measure(connection, first, "golden-1", 0.60)
        measure(connection, second, "golden-1", 0.55)

    database.write(work)
    with database.read() as connection:
        lost = forgetting_matrix(connection, "v2").lost["golden-1"]
    assert (lost.since, lost.num_images) == ("v1", 90)
    assert lost.accuracy == pytest.approx(15 / 90)
    assert (lost.low, lost.high) == paired_loss_interval(20, 5, 40, 25)
    assert lost.low is not None
    assert lost.low > 0


def test_without_stored_answers_what_was_lost_has_no_interval(filled: Database) -> None:
    with filled.read() as connection:
        lost = forgetting_matrix(connection, "v3").lost["golden-1"]
    assert (lost.since, lost.low, lost.high, lost.num_images) == ("v2", None, None, 0)


def test_classes_are_compared_by_name_whatever_their_order_in_each_version(database: Database) -> None:
    def work(connection: Connection) -> None:
        first = add(connection, None)
        new = NewVersion(("bees", "ants"), {"weights": "a" * 64}, parent=first)
        second = add_version(connection, new, []).version
        images = add_images(connection, 4)
        slices.add_slice(connection, "golden-1", 1, None, list(images))
        for version, index in ((first, 0), (second, 1)):
            store_answers(connection, version, {sha256: Answer(index, 0.9) for sha256 in images.values()})
            measure(connection, version, "golden-1", 1.0)

    database.write(work)
    with database.read() as connection:
        assert forgetting_matrix(connection, "v2").lost["golden-1"].accuracy == 0


def test_golden_is_overused_where_two_rounds_running_differ_from_its_reserve(database: Database) -> None:
    def differ(value: float, golden: str = "golden-1") -> bool:
        measured = Measurement(METRIC, value, 400, slice=golden)
        database.write(lambda c: measurements.record(c, measured))
        with database.read() as connection:
            return is_overused(connection, golden)

    assert not differ(3.5)
    assert not differ(2.9)
    assert not differ(3.0)
    assert differ(4.0)
    # A new golden set begins anew.
    assert not differ(4.0, "golden-1-2")
    assert differ(4.0, "golden-1-2")


def forgotten(matrix: ForgettingMatrix) -> dict[str, float]:
    return {name: lost.accuracy for name, lost in matrix.lost.items()}


def add_images(connection: Connection, num: int) -> dict[int, str]:
    """Add images of ants, and return their digests by id."""
    rows = [
        {
            "sha256": f"{number:064x}",
            "phash": 0,
            "origin": "initial",
            "split": "golden",
            "label": "ants",
            "state": "accepted",
            "source": "train",
            "created": now(connection),
        }
        for number in range(num)
    ]
    query = insert(samples).returning(samples.c.id, samples.c.sha256)
    return {row.id: row.sha256 for row in connection.execute(query, rows)}


def answer(connection: Connection, version: str, is_right: dict[str, bool]) -> None:
    store_answers(
        connection, version, {sha256: Answer(int(not right), 0.9) for sha256, right in is_right.items()}
    )


def add(connection: Connection, parent: str | None) -> str:
    new = NewVersion(("ants", "bees"), {"weights.safetensors": "a" * 64}, parent=parent)
    return add_version(connection, new, []).version


def measure(connection: Connection, version: str, slice: str, value: float) -> None:
    measurements.record(connection, Measurement("accuracy", value, 100, version=version, slice=slice))
