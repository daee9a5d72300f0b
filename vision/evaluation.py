"""What a classifier answers on a set of images, and the temperature that makes its confidence honest."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from vision.batches import LabelledTensors, cut, load
from vision.errors import TooFewSamplesError
from vision.network import Classifier

_TEMPERATURE_BOUNDS = (0.1, 10.0)


def evaluate_logits(
    classifier: Classifier,
    dataset: LabelledTensors,
    *,
    device: torch.device | str = "cpu",
    batch_size: int = 64,
    on_batch: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return logits (N, C) and embeddings (N, D) of a set, float32 on the CPU, in the set's order.

    The classifier is moved to the device, and its mode is left as it was.

    Args:
        classifier: Whom to ask.
        dataset: What about.
        device: Where.
        batch_size: Images a forward.
        on_batch: Called after each with (batches done, batches in all).

    Raises:
        TooFewSamplesError: The set is empty.
    """
    if len(dataset) == 0:
        raise TooFewSamplesError("Expected images to evaluate on, got none.")
    was_training = classifier.training
    classifier.to(device).eval()
    logits, embeddings = [], []
    with torch.inference_mode():
        batches = cut(range(len(dataset)), batch_size)
        for number, (images, _) in enumerate(load(dataset, batches), start=1):
            batch_logits, batch_embeddings = classifier.classify(images.to(device))
            logits.append(batch_logits.float().cpu())
            embeddings.append(batch_embeddings.float().cpu())
            if on_batch is not None:
                on_batch(number, len(batches))
    classifier.train(was_training)
    # Clones outlive inference mode, so that callers may train on them.
    return torch.cat(logits).clone(), torch.cat(embeddings).clone()


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
