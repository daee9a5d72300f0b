"""Drift, a first signal without an alarm: production's last embeddings against its reference."""

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
from safetensors.numpy import load
from sqlalchemy import Connection

from monitoring.errors import NoReferenceError
from monitoring.mmd import Discrepancy, Embeddings, discrepancy
from store import measurements, registry
from store.database.database import Database
from store.measurements import Measurement
from store.predictions import predictions
from store.versions import BlobReader, Version

logger = logging.getLogger(__name__)

METRIC = "drift_mmd"
REFERENCE_FILE = "reference.safetensors"
#: Between two looks of the learner at whether there is something new to measure.
LOOK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """How much is compared.

    Attributes:
        num_window: The last predictions of the production version that make the window, at most.
        min_window: Fewer logged predictions than this are not measured yet.
        num_reference: Reference rows, at most; more are drawn down to this. The cost grows with
            (num_reference + num_window)²: 1,500 rows take about half a second on one core.
        num_permutations: How many shuffles the null scale comes from.
        seed: Of the draws, so that the same window gives the same value.
    """

    num_window: int = 500
    min_window: int = 50
    num_reference: int = 1000
    num_permutations: int = 200
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """The last logged embeddings of one version: shape (N, D), newest first."""

    version: Version
    embeddings: Embeddings
    first: datetime
    last: datetime


def measure_drift(database: Database, blobs: BlobReader, settings: DriftSettings) -> Measurement | None:
    """Record how far production's last window lies from its reference, or None where nothing is new.

    Reads, computes and writes in three steps, so that no transaction lasts as long as the arithmetic.

    Args:
        database: Where predictions are logged and the measurement goes.
        blobs: Where the version's reference lies.
        settings: How much is compared.

    Raises:
        NoReferenceError: The production version's artifact has no reference.
        EmbeddingMismatchError: The logged embeddings are of another width than the reference.
    """
    with database.read() as connection:
        window = read_window(connection, settings)
    if window is None:
        return None
    rng = np.random.default_rng(settings.seed)
    reference = subsample(read_reference(blobs, window.version), settings.num_reference, rng)
    drift = discrepancy(reference, window.embeddings, rng, settings.num_permutations)
    measurement = _measurement(window, drift, len(reference))
    database.write(partial(measurements.record, measurement=measurement))
    logger.info(
        "drift measured version=%s mmd=%.4f null_95=%.4f num_samples=%d",
        window.version.version,
        drift.value,
        drift.null_95,
        measurement.num_samples,
    )
    return measurement


def read_window(connection: Connection, settings: DriftSettings) -> Window | None:
    """Return production's last embeddings.

    None where there is no version, too few predictions, or none since the last measurement.
    """
    version = registry.production(connection)
    if version is None:
        return None
    rows = predictions.recent_embeddings(connection, version.version, settings.num_window)
    if len(rows) < settings.min_window:
        return None
    times = [created for created, _ in rows]
    earlier = measurements.latest(connection, METRIC, version=version.version)
    if earlier is not None and earlier.detail.get("last") == max(times).isoformat():
        return None
    embeddings = np.stack([np.frombuffer(content, dtype="<f2") for _, content in rows])
    return Window(version, embeddings, min(times), max(times))


def read_reference(blobs: BlobReader, version: Version) -> Embeddings:
    """Return the embeddings that the version's artifact carries: shape (M, D).

    Raises:
        NoReferenceError: There is no such file, or it holds none.
    """
    sha256 = version.files.get(REFERENCE_FILE)
    arrays = list(load(blobs.get(sha256)).values()) if sha256 else []
    if not arrays or not len(arrays[0]):
        raise NoReferenceError(
            f"Expected {REFERENCE_FILE} with embeddings in version {version.version}; found none. "
            "Drift can be measured after the next round or `perennial train`."
        )
    return np.asarray(arrays[0])


def subsample(rows: Embeddings, limit: int, rng: np.random.Generator) -> Embeddings:
    """Return the rows, or `limit` of them drawn without replacement.

    >>> len(subsample(np.zeros((10, 2)), 4, np.random.default_rng(0)))
    4
    """
    return rows if len(rows) <= limit else rows[rng.choice(len(rows), limit, replace=False)]


def _measurement(window: Window, drift: Discrepancy, num_reference: int) -> Measurement:
    return Measurement(
        metric=METRIC,
        version=window.version.version,
        slice=None,
        round_id=None,
        value=drift.value,
        num_samples=len(window.embeddings),
        detail={
            "null_95": drift.null_95,
            "bandwidth": drift.bandwidth,
            "num_reference": num_reference,
            "first": window.first.isoformat(),
            "last": window.last.isoformat(),
        },
    )
