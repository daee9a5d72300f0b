"""The temperature that makes a classifier's confidence honest."""

import numpy as np
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from vision.errors import TooFewSamplesError

_TEMPERATURE_BOUNDS = (0.1, 10.0)


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the temperature, from 0.1 to 10, that makes softmax(logits / temperature) best calibrated.

    It minimises the summed negative log-likelihood plus half the squared log temperature, a standard normal
    prior that keeps it finite where every label is right: a perfect small set would ask for certainty.

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
        return float(likelihood) + 0.5 * log_temperature**2

    bounds = tuple(np.log(_TEMPERATURE_BOUNDS))
    # SciPy comes without types.
    best = minimize_scalar(loss, bounds=bounds, method="bounded")  # type: ignore[no-untyped-call]
    return float(np.exp(best.x))
