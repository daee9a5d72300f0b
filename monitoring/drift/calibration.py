"""Fits detectors to a reference, and their thresholds to the declared rate of false alarms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.block_length import block_length
from monitoring.drift.detectors.classes import ClassDetector
from monitoring.drift.detectors.confidences import ConfidenceDetector
from monitoring.drift.detectors.detector import Detector, Features
from monitoring.drift.detectors.embeddings import EmbeddingDetector
from monitoring.drift.detectors.within_classes import WithinClassDetector
from monitoring.drift.null_streams import Paths, null_distances
from monitoring.drift.observations import Observations
from monitoring.drift.residuals import fit_residuals
from monitoring.drift.settings import LONGEST, AlarmSettings, Window
from monitoring.drift.thresholds import Tail, fit_tail, rarity_at_rate
from monitoring.drift.whitening import fit_whitening
from monitoring.errors import TooFewEmbeddingsError

# Three times the longest window: the first fills it, alarms are counted in the other two.
_PATH_ROWS = 3 * LONGEST
MIN_REFERENCE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Look:
    """One detector on one window, with the tail of its distance without drift."""

    detector: Detector
    window: Window
    tail: Tail


@dataclass(frozen=True, slots=True)
class Calibration:
    """Detectors that know what is normal.

    Attributes:
        detectors: Those that look.
        normal: Sums of their features over the reference, in the same order.
        num_reference: Rows in it.
        looks: Each detector on each of its windows, in the order of the distances.
        rarity: What one of the looks must reach for an alarm.
        together: Rows that were drawn together: 1 where neighbours in the reference don't depend.
    """

    detectors: tuple[Detector, ...]
    normal: tuple[Features, ...]
    num_reference: int
    looks: tuple[Look, ...]
    rarity: float
    together: int

    def rarities(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how rare distances (..., looks) are without drift: -log of a look's chance."""
        each = [look.tail.rarity(distances[..., place]) for place, look in enumerate(self.looks)]
        return np.stack(each, axis=-1)


def calibrate(
    reference: Observations, num_classes: int, settings: AlarmSettings, rng: np.random.Generator
) -> Calibration:
    """Fit detectors and thresholds to a reference.

    Raises:
        TooFewEmbeddingsError: The reference has fewer than 50 rows.
    """
    if len(reference) < MIN_REFERENCE_ROWS:
        raise TooFewEmbeddingsError(
            f"Expected {MIN_REFERENCE_ROWS} images at least to know what is normal; got {len(reference)}. "
            "Wait for more."
        )
    whitening = fit_whitening(reference.embeddings, settings.num_dimensions)
    whitened = whitening.apply(reference.embeddings)
    residuals = fit_residuals(reference, num_classes, settings.num_dimensions)
    detectors: tuple[Detector, ...] = (
        EmbeddingDetector(whitening, whitened, settings.num_frequencies, rng),
        ClassDetector(num_classes),
        ConfidenceDetector(reference.confidences),
        WithinClassDetector(residuals, reference.labels, num_classes),
    )
    features = [each.features(reference) for each in detectors]
    together = block_length(whitened)
    distances = null_distances(detectors, features, Paths(settings.num_paths, _PATH_ROWS, together), rng)
    places = [(detector, window) for detector in detectors for window in detector.windows]
    looks = tuple(
        Look(detector, window, fit_tail(distances[..., place]))
        for place, (detector, window) in enumerate(places)
    )
    normal = tuple(each.sum(axis=0) for each in features)
    uncalibrated = Calibration(detectors, normal, len(reference), looks, np.inf, together)
    sizes = np.array([look.window.size for look in looks])
    rarity = rarity_at_rate(uncalibrated.rarities(distances), sizes, settings.declared_images)
    return Calibration(detectors, normal, len(reference), looks, rarity, together)
