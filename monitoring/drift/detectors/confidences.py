"""Compares confidences by their ranks among the reference's."""

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.detectors.detector import Features
from monitoring.drift.observations import Observations
from monitoring.drift.settings import WINDOWS, Window


class ConfidenceDetector:
    """Whether a window's confidences rank higher or lower than the reference's, or spread otherwise.

    Source:
        Lepage, "A Combination of Wilcoxon's and Ansari-Bradley's Statistics", Biometrika 1971; the spread is
        Mood's, which is squared ranks.
    """

    name = "confidences"
    windows: tuple[Window, ...] = WINDOWS

    def __init__(self, reference: NDArray[np.float32]) -> None:
        self._sorted = np.sort(reference)

    def features(self, rows: Observations) -> Features:
        """Return rank and squared rank, each with mean 0 and variance 1: shape (N, 2)."""
        below = np.searchsorted(self._sorted, rows.confidences, "left")
        up_to = np.searchsorted(self._sorted, rows.confidences, "right")
        rank = (below + up_to) / (2 * len(self._sorted)) - 0.5
        return np.stack([rank * np.sqrt(12), (rank**2 - 1 / 12) * np.sqrt(180)], axis=1).astype(np.float32)

    def distance(self, sums: Features, size: int, reference: Features, num_reference: int) -> Features:
        """Return the sum of both squared differences, times the window's size."""
        difference = sums / np.float32(size) - reference / np.float32(num_reference)
        return np.asarray(np.float32(size) * np.einsum("...f,...f->...", difference, difference))
