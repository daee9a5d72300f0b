"""Runs a classifier on a set of images and returns its answers."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vision.batches import EVALUATION_BATCH, LabelledTensors, in_parts, into_batches, load
from vision.errors import TooFewSamplesError
from vision.network import Classifier

#: Classes among which the right one must be, for top-5 accuracy.
NUM_TOP = 5
# From images (N, …) to logits (N, C) and embeddings (N, D).
Forward = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Answers to images that the answering network had not learnt from; validation images come last.

    Attributes:
        logits: (M, C).
        labels: Class indices (M,).
        num_training: How many of the M are training images.
    """

    logits: Tensor
    labels: Tensor
    num_training: int

    def logits_of(self, num_training: int, num_validation: int) -> Tensor:
        """Return logits (N, C) of the first so many training images, then of so many validation images."""
        return torch.cat([self.logits[:num_training], self.validation(num_validation)[0]])

    def validation(self, num: int) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and class indices (N,) of the first so many validation images."""
        part = slice(self.num_training, self.num_training + num)
        return self.logits[part], self.labels[part]


def top5_accuracy(logits: Tensor, labels: Tensor) -> float | None:
    """Return the share of images whose class is among the five that the classifier finds likeliest.

    Args:
        logits: (N, C).
        labels: Class indices (N,).

    Returns:
        In [0, 1]; None without images, and with five classes or fewer, where it would always be 1.
    """
    if logits.shape[1] <= NUM_TOP or len(labels) == 0:
        return None
    top = logits.topk(NUM_TOP, dim=1).indices
    return float((top == labels.unsqueeze(1)).any(dim=1).double().mean())


def evaluate_logits(
    classifier: Classifier,
    dataset: LabelledTensors,
    *,
    device: torch.device | str = "cpu",
    batch_size: int = EVALUATION_BATCH,
    on_batch: Callable[[int, int], None] | None = None,
    forward: Forward | None = None,
) -> tuple[Tensor, Tensor]:
    """Return logits (N, C) and embeddings (N, D) of a set, float32 on the CPU, in the set's order.

    The classifier is moved to the device, and its mode is left as it was.

    Args:
        classifier: The network to run.
        dataset: The images.
        device: Where the network runs.
        batch_size: Images that are loaded at once; on the CPU they go through the network in pieces.
        on_batch: Called after each with (batches done, batches in all).
        forward: A method of the classifier to call in place of `classify`.

    Raises:
        TooFewSamplesError: The set is empty.
    """
    was_training = classifier.training
    classifier.to(device).eval()
    try:
        return evaluate(
            forward or classifier.classify, dataset, device=device, batch_size=batch_size, on_batch=on_batch
        )
    finally:
        classifier.train(was_training)


def evaluate(
    forward: Forward,
    dataset: LabelledTensors,
    *,
    device: torch.device | str = "cpu",
    batch_size: int = EVALUATION_BATCH,
    on_batch: Callable[[int, int], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Do as `evaluate_logits`, with anything that returns logits and embeddings on the device."""
    if len(dataset) == 0:
        raise TooFewSamplesError("Expected images to evaluate on, got none.")
    logits, embeddings = [], []
    with torch.inference_mode():
        batches = into_batches(range(len(dataset)), batch_size)
        for number, (images, _) in enumerate(load(dataset, batches), start=1):
            for part in in_parts(images.to(device)):
                part_logits, part_embeddings = forward(part)
                logits.append(part_logits.float().cpu())
                embeddings.append(part_embeddings.float().cpu())
            if on_batch is not None:
                on_batch(number, len(batches))
    # Clones outlive inference mode, so that callers may train on them.
    return torch.cat(logits).clone(), torch.cat(embeddings).clone()
