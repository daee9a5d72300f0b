import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save
from sqlalchemy import Connection

from monitoring.drift.measurement import DriftSettings, measure_drift
from monitoring.drift.schedule import NextMeasurement, next_measurement
from monitoring.errors import EmbeddingMismatchError, NoReferenceError
from store import measurements, registry
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.measurements import Measurement
from store.predictions import predictions
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction
from store.samples.splits import SplitSettings
from store.versions import NewVersion, add_version

SETTINGS = DriftSettings(num_window=60, min_window=20, num_reference=100, num_permutations=100)
WIDTH = 8
START = datetime(2026, 1, 1, tzinfo=UTC)
Rows = NDArray[np.floating]
Log = Callable[..., None]


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def log(database: Database) -> Log:
    """Log embeddings as answers of a version, a second apart from `minute` on."""

    def write(rows: Rows, version: str = "v1", minute: int = 0) -> None:
        logged = [
            LoggedPrediction(
                id=new_prediction_id(created), sha256=f"{number:064x}", num_bytes=9,
                label="ants", confidence=0.5, version=version, embedding=row.astype("<f2").tobytes(),
                group=None, source="test", created=created,
            )
            for number, row in enumerate(rows)
            for created in [START + timedelta(minutes=minute, seconds=number)]
        ]  # fmt: skip
        database.write(lambda c: predictions.log_predictions(c, logged, SplitSettings()))

    return write


def put_in_production(database: Database, blobs: BlobStore, reference: Rows | None) -> None:
    files = {"weights.safetensors": "a" * 64}
    if reference is not None:
        files["reference.safetensors"] = blobs.put(save({"reference": reference.astype(np.float16)}))

    def work(connection: Connection) -> None:
        version = add_version(connection, NewVersion(("ants", "bees"), files), []).version
        registry.promote(connection, version, reason="first", actor="test")

    database.write(work)


def series(database: Database) -> list[Measurement]:
    with database.read() as connection:
        return measurements.series(connection, "drift_mmd")


def test_a_shifted_window_is_recorded_over_its_null(
    database: Database, blobs: BlobStore, rng: np.random.Generator, log: Log
) -> None:
    put_in_production(database, blobs, rng.standard_normal((150, WIDTH)))
    log(rng.standard_normal((70, WIDTH)) + 1)
    measure_drift(database, blobs, SETTINGS)
    [measurement] = series(database)
    assert measurement.version == "v1"
    assert measurement.num_samples == 60
    assert measurement.value > measurement.detail["null_95"] > 0
    assert measurement.detail["num_reference"] == 100
    # The window is the newest sixty.
    assert measurement.detail["first"] == (START + timedelta(seconds=10)).isoformat()
    assert measurement.detail["last"] == (START + timedelta(seconds=69)).isoformat()


def test_a_window_like_the_reference_stays_under_twice_its_null(
    database: Database, blobs: BlobStore, rng: np.random.Generator, log: Log
) -> None:
    put_in_production(database, blobs, rng.standard_normal((150, WIDTH)))
    log(rng.standard_normal((60, WIDTH)))
    measurement = measure_drift(database, blobs, SETTINGS)
    assert measurement is not None
    assert measurement.value < 2 * measurement.detail["null_95"]


def test_nothing_is_measured_before_the_first_version(database: Database, blobs: BlobStore) -> None:
    assert measure_drift(database, blobs, SETTINGS) is None


def test_nothing_is_measured_on_too_few_predictions(
    database: Database, blobs: BlobStore, rng: np.random.Generator, log: Log
) -> None:
    put_in_production(database, blobs, rng.standard_normal((150, WIDTH)))
    log(rng.standard_normal((19, WIDTH)))
    assert measure_drift(database, blobs, SETTINGS) is None
    assert series(database) == []


def test_predictions_of_another_version_are_not_looked_at(
    database: Database, blobs: BlobStore, rng: np.random.Generator, log: Log
) -> None:
    put_in_production(database, blobs, rng.standard_normal((150, WIDTH)))
    log(rng.standard_normal((30, WIDTH)), version="v0")
    assert measure_drift(database, blobs, SETTINGS) is None


def test_the_same_window_is_measured_once_and_a_new_one_again(
    database: Database, blobs: BlobStore, rng: np.random.Generator, log: Log
) -> None:
    put_in_production(database, blobs, rng.standard_normal((150, WIDTH)))
    log(rng.standard_normal((30, WIDTH)))
    assert measure_drift(database, blobs, SETTINGS) is not None
    assert measure_drift(database, blobs, SETTINGS) is None
    log(rng.standard_normal((1, WIDTH)), minute=5)
    assert measure_drift(database, blobs, SETTINGS) is not None
    assert len(series(database)) == 2


def test_the_next_measurement_waits_for_so_many_predictions_then_comes_within_a_minute(
    database: Database, blobs: BlobStore, log: Log, rng: np.random.Generator
) -> None:
    def coming() -> NextMeasurement:
        with database.read() as connection:
            return next_measurement(connection, "v1", SETTINGS)

    put_in_production(database, blobs, rng.normal(size=(100, WIDTH)))
    log(rng.normal(size=(15, WIDTH)))
    log(rng.normal(size=(40, WIDTH)), version="v2")
    assert coming() == NextMeasurement(None, 5)
    log(rng.normal(size=(10, WIDTH)), minute=1)
    assert coming() == NextMeasurement(START + timedelta(minutes=2, seconds=4), 0)
    measure_drift(database, blobs, SETTINGS)
    assert coming() == NextMeasurement(None, 1)
    log(rng.normal(size=(2, WIDTH)), minute=7)
    assert coming() == NextMeasurement(START + timedelta(minutes=8), 0)


def test_a_version_without_reference_is_an_error(
    database: Database, blobs: BlobStore, rng: np.random.Generator, log: Log
) -> None:
    put_in_production(database, blobs, None)
    log(rng.standard_normal((30, WIDTH)))
    with pytest.raises(NoReferenceError, match="version v1"):
        measure_drift(database, blobs, SETTINGS)


def test_embeddings_of_another_width_are_refused_and_not_recorded(
    database: Database, blobs: BlobStore, rng: np.random.Generator, log: Log
) -> None:
    put_in_production(database, blobs, rng.standard_normal((150, WIDTH)))
    log(rng.standard_normal((30, WIDTH + 1)))
    with pytest.raises(EmbeddingMismatchError):
        measure_drift(database, blobs, SETTINGS)
    assert series(database) == []


def test_drift_and_what_the_learner_shows_import_no_torch() -> None:
    code = "import sys, monitoring.drift.measurement, monitoring.summary; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
