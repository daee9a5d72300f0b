"""Torch on the CPU: convolutions and their batch normalisation fused, channels last."""

import logging
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from vision.engines.engine import Answering
from vision.network import Classifier

_log = logging.getLogger(__name__)


class TorchEngine:
    """Runs a classifier with torch on the CPU."""

    name = "torch"

    def __init__(self, classifier: Classifier) -> None:
        """Take a classifier in evaluation mode; it is copied."""
        self._network = fused(classifier).to(memory_format=torch.channels_last)

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W), float32."""
        with torch.inference_mode():
            logits, embeddings = self._network(images.contiguous(memory_format=torch.channels_last))
        return logits, embeddings


def fused(classifier: Classifier) -> nn.Module:
    """Return a copy that answers logits and embeddings, with batch normalisation folded into convolutions.

    A network that can't be traced is copied as it is.
    """
    # Copied before anything: whoever traces or converts it must not change what was given.
    answering = Answering(deepcopy(classifier)).eval()
    try:
        network: nn.Module = fuse(answering)
    except (torch.fx.proxy.TraceError, TypeError, RuntimeError) as error:
        _log.info("%s is not fused: %s", classifier.backbone_name, error)
        return answering
    return network
