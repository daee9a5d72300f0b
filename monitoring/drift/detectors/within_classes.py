"""Compares embeddings within each predicted class: one class that looks otherwise."""

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.detectors.detector import Features
from monitoring.drift.observations import Observations
from monitoring.drift.residuals import ClassResiduals
from monitoring.drift.settings import WINDOWS, Window

#: Classes with fewer rows in the reference are not looked at on their own.
MIN_REFERENCE_ROWS = 20
# With fewer rows of a window in a class, nothing is said of it.
_MIN_WINDOW_ROWS = 5


class WithinClassDetector:
    """The largest of the classes' distances between mean embeddings, each scaled by what chance gives.

    A class with few images moves the mean of all of them little, and its own mean much.

    Source:
        Hotelling, "The Generalization of Student's Ratio", Annals of Mathematical Statistics 1931, with one
        covariance for all classes; the maximum over parts is a scan statistic.
    """

    name = "within_classes"
    windows: tuple[Window, ...] = WINDOWS[1:]

    def __init__(self, residuals: ClassResiduals, labels: NDArray[np.int64], num_classes: int) -> None:
        counts = np.bincount(labels, minlength=num_classes)
        self.classes = np.flatnonzero(counts >= MIN_REFERENCE_ROWS)
        self._place = np.full(num_classes, -1)
        self._place[self.classes] = np.arange(len(self.classes))
        self._residuals = residuals
        self._width = residuals.whitening.directions.shape[1] + 1

    def features(self, rows: Observations) -> Features:
        """Return a part for each class that is looked at: the embedding and a 1 in that of its own."""
        place = self._place[rows.labels]
        features = np.zeros((len(rows), max(len(self.classes), 1), self._width), dtype=np.float32)
        wanted = np.flatnonzero(place >= 0)
        features[wanted, place[wanted], :-1] = self._residuals.apply(rows.rows(wanted))
        features[wanted, place[wanted], -1] = 1
        return features.reshape(len(rows), -1)

    def distance(self, sums: Features, size: int, reference: Features, num_reference: int) -> Features:
        """Return the largest class's distance in standard deviations of what chance gives."""
        return np.asarray(self.by_class(sums, reference).max(axis=-1))

    def by_class(self, sums: Features, reference: Features) -> Features:
        """Return each class's distance, shape (..., classes that are looked at)."""
        window, normal = (each.reshape(*each.shape[:-1], -1, self._width) for each in (sums, reference))
        counts, normal_counts = window[..., -1], normal[..., -1]
        difference = window[..., :-1] / np.maximum(counts, 1)[..., None]
        difference = difference - normal[..., :-1] / np.maximum(normal_counts, 1)[..., None]
        squared = np.einsum("...d,...d->...", difference, difference)
        weight = counts * normal_counts / np.maximum(counts + normal_counts, 1)
        width = np.float32(max(self._width - 1, 1))
        scaled = (weight * squared - width) / np.sqrt(2 * width)
        return np.where(counts >= _MIN_WINDOW_ROWS, scaled, np.float32(-1e3))
