"""Compares how often each class is predicted: a likelihood ratio."""

import numpy as np
from scipy.special import xlogy

from monitoring.drift.detectors.detector import Features
from monitoring.drift.observations import Observations
from monitoring.drift.settings import WINDOWS, Window

# Of a row in all classes together, as if it had been seen in the reference.
_SMOOTHING = 5.0


class ClassDetector:
    """The likelihood ratio of a window's shares of classes against the reference's.

    Source:
        Wilks, "The Large-Sample Distribution of the Likelihood Ratio", Annals of Mathematical Statistics
        1938; the reference's shares are smoothed, so that a class it never saw has a share.
    """

    name = "classes"
    windows: tuple[Window, ...] = WINDOWS

    def __init__(self, num_classes: int) -> None:
        self._num_classes = num_classes

    def features(self, rows: Observations) -> Features:
        """Return one row for each, 1 at its class: shape (N, classes)."""
        return np.eye(self._num_classes, dtype=np.float32)[rows.labels]

    def distance(self, sums: Features, size: int, reference: Features, num_reference: int) -> Features:
        """Return twice the log-likelihood ratio of each window."""
        smoothed = reference + np.float32(_SMOOTHING / self._num_classes)
        expected = smoothed * np.float32(size / (num_reference + _SMOOTHING))
        return np.asarray(2 * xlogy(sums, sums / expected).sum(axis=-1))
