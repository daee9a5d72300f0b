"""What a classifier answers on a set of images."""

from collections.abc import Callable

import torch
from torch import Tensor

from vision.batches import EVALUATION_BATCH, LabelledTensors, cut, laid_out, load, pieces
from vision.errors import TooFewSamplesError
from vision.network import Classifier


def evaluate_logits(
    classifier: Classifier,
    dataset: LabelledTensors,
    *,
    device: torch.device | str = "cpu",
    batch_size: int = EVALUATION_BATCH,
    on_batch: Callable[[int, int], None] | None = None,
    ask: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return logits (N, C) and embeddings (N, D) of a set, float32 on the CPU, in the set's order.

    The classifier is moved to the device, and its mode is left as it was.

    Args:
        classifier: Whom to ask.
        dataset: What about.
        device: Where.
        batch_size: Images that are loaded at once; on the CPU they go through the network in pieces.
        on_batch: Called after each with (batches done, batches in all).
        ask: A method of the classifier to ask in place of `classify`.

    Raises:
        TooFewSamplesError: The set is empty.
    """
    if len(dataset) == 0:
        raise TooFewSamplesError("Expected images to evaluate on, got none.")
    was_training = classifier.training
    classifier.to(device).eval()
    ask = ask or classifier.classify
    logits, embeddings = [], []
    with torch.inference_mode():
        batches = cut(range(len(dataset)), batch_size)
        for number, (images, _) in enumerate(load(dataset, batches), start=1):
            for part in _parts(images, torch.device(device)):
                part_logits, part_embeddings = ask(laid_out(images[part].to(device)))
                logits.append(part_logits.float().cpu())
                embeddings.append(part_embeddings.float().cpu())
            if on_batch is not None:
                on_batch(number, len(batches))
    classifier.train(was_training)
    # Clones outlive inference mode, so that callers may train on them.
    return torch.cat(logits).clone(), torch.cat(embeddings).clone()


def _parts(images: Tensor, device: torch.device) -> list[slice]:
    # On a CPU each of 64 photographs at once takes three times as long as of 8: they don't fit its caches.
    return pieces(images) if device.type == "cpu" else [slice(None)]
