"""How far a model's confidence is from its accuracy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax


@dataclass(frozen=True, slots=True)
class CalibrationPair:
    """Expected calibration errors of champion and candidate on the same samples, fractions."""

    champion: float
    candidate: float
    num_samples: int

    @property
    def rise(self) -> float:
        """How much worse the candidate's is; NaN where either is."""
        return self.candidate - self.champion


def expected_calibration_error(
    logits: NDArray[np.floating],
    labels: NDArray[np.integer],
    temperature: float = 1.0,
    num_bins: int = 15,
) -> float:
    """Return the mean gap between confidence and accuracy over equally wide bins of confidence.

    Args:
        logits: Shape (n, classes), n > 0, before the softmax.
        labels: Shape (n,), class indices.
        temperature: What logits are divided by, fitted on validation.
        num_bins: Bins of (0, 1], each weighted by its share of the samples.

    Returns:
        A fraction in [0, 1]; NaN where a logit is NaN.

    Source:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    if not np.isfinite(scaled).all():
        return float("nan")
    probabilities = softmax(scaled, axis=1)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(labels))


def compare_calibration(
    champion: tuple[NDArray[np.floating], float],
    candidate: tuple[NDArray[np.floating], float],
    labels: NDArray[np.integer],
) -> CalibrationPair:
    """Return both models' errors, each from its logits of shape (n, classes) and its temperature."""
    return CalibrationPair(
        expected_calibration_error(champion[0], labels, champion[1]),
        expected_calibration_error(candidate[0], labels, candidate[1]),
        len(labels),
    )
