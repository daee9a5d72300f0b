"""Compares embeddings: the maximum mean discrepancy of a window from the reference."""

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.detectors.detector import Features
from monitoring.drift.observations import Observations
from monitoring.drift.settings import WINDOWS, Window
from monitoring.drift.whitening import Whitening

_NUM_PAIRS = 2000


class EmbeddingDetector:
    """The distance between mean embeddings under a Gaussian kernel, by random Fourier features.

    Without them a window of W rows would cost W times the reference's rows.

    Source:
        Gretton et al., "A Kernel Two-Sample Test", JMLR 2012, with the bandwidth of its section 8.
        Rahimi and Recht, "Random Features for Large-Scale Kernel Machines", NIPS 2007.
    """

    name = "embeddings"
    windows: tuple[Window, ...] = WINDOWS

    def __init__(
        self,
        whitening: Whitening,
        reference: NDArray[np.float32],
        num_frequencies: int,
        rng: np.random.Generator,
    ) -> None:
        self._whitening = whitening
        shape = (reference.shape[1], num_frequencies)
        self._frequencies = (rng.standard_normal(shape) / _bandwidth(reference, rng)).astype(np.float32)

    def features(self, rows: Observations) -> Features:
        """Return cosines and sines, shape (N, 2 · frequencies); their products are the kernel's values."""
        angles = self._whitening.apply(rows.embeddings) @ self._frequencies
        scale = np.float32(1 / np.sqrt(angles.shape[1]))
        return np.concatenate([np.cos(angles), np.sin(angles)], axis=1) * scale

    def distance(self, sums: Features, size: int, reference: Features, num_reference: int) -> Features:
        """Return the MMD² of each window, biased: its expectation without drift is part of the threshold."""
        difference = sums / np.float32(size) - reference / np.float32(num_reference)
        return np.asarray(np.einsum("...f,...f->...", difference, difference))


def _bandwidth(rows: NDArray[np.float32], rng: np.random.Generator) -> float:
    """Return the median distance of pairs of rows."""
    left, right = rng.integers(len(rows), size=(2, _NUM_PAIRS))
    distances = np.linalg.norm(rows[left] - rows[right], axis=1)
    return max(float(np.median(distances)), 1e-6)
