"""Calibration: the gap between confidence and accuracy, and the temperature that closes it."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from torch import Tensor, nn

from vision.errors import TooFewSamplesError

_TEMPERATURE_BOUNDS = (0.1, 10.0)
# Standard deviation of the prior of a temperature's logarithm. Networks whose epoch was chosen on validation
# have temperatures near 1, while a few dozen images that are all classified right would ask for far less.
_PRIOR_SPREAD = 0.25


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
        temperature: Divides the logits; fitted on validation.
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
    return calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels, num_bins)


def calibration_error(
    confidence: NDArray[np.floating], is_right: NDArray[np.bool_], num_bins: int = 15
) -> float:
    """Return `expected_calibration_error` of answers whose confidences, shape (n,), are known; n > 0."""
    bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    gaps = np.bincount(bins, weights=confidence - is_right, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(confidence))


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the temperature, from 0.1 to 10, that makes softmax(logits / temperature) best calibrated.

    It minimises the summed negative log-likelihood under a normal prior of the log temperature around 0. A
    few dozen images hardly move the result and hundreds overrule the prior, without which a small set that is
    classified perfectly would ask for certainty.

    Args:
        logits: Shape (N, C), of images that were not trained on.
        labels: Shape (N,), class indices.

    Raises:
        TooFewSamplesError: There are no logits.

    Source:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2; the prior is ours.
    """
    if len(logits) == 0:
        raise TooFewSamplesError("Expected logits to fit a temperature on, got none.")
    scores = logits.double()

    def loss(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        likelihood = nn.functional.cross_entropy(scaled, labels, reduction="sum")
        return float(likelihood) + 0.5 * (log_temperature / _PRIOR_SPREAD) ** 2

    bounds = tuple(np.log(_TEMPERATURE_BOUNDS))
    best = minimize_scalar(loss, bounds=bounds, method="bounded")  # type: ignore[no-untyped-call]  # SciPy comes without types
    return float(np.exp(best.x))
