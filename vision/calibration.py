"""How far a classifier's confidence is from its accuracy."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax


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
