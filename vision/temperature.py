"""The temperature that makes a classifier's confidence honest."""

import numpy as np
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from vision.errors import TooFewSamplesError

_TEMPERATURE_BOUNDS = (0.1, 10.0)
# Standard deviation of a temperature's logarithm before any image is seen. Networks whose epoch was chosen
# on validation have temperatures near 1, and a few dozen images that are all right would ask for far less.
_PRIOR_SPREAD = 0.25


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the temperature, from 0.1 to 10, that makes softmax(logits / temperature) best calibrated.

    It minimises the summed negative log-likelihood under a normal prior of the log temperature around 0,
    which a few dozen images hardly move and hundreds overrule: a perfect small set would ask for certainty.

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
    # SciPy comes without types.
    best = minimize_scalar(loss, bounds=bounds, method="bounded")  # type: ignore[no-untyped-call]  # SciPy comes without types
    return float(np.exp(best.x))
