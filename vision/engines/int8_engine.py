"""Torch on the CPU in 8-bit integers."""

import torch
from torch import Tensor

from vision.engines.engine import Answering


class Int8Engine:
    """Runs a network that was quantized (`vision/engines/quantizing.py`)."""

    name = "torch in int8"

    def __init__(self, network: Answering) -> None:
        self._network = network

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W), float32."""
        with torch.inference_mode():
            logits, embeddings = self._network(images)
            return logits, embeddings
