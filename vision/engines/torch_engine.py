"""Torch on the CPU: normalisation folded, convolutions packed, channels last, bfloat16 on request."""

import torch
from torch import Tensor

from vision.engines import packing
from vision.engines.engine import Answering
from vision.engines.folding import apply_if_equivalent, folded
from vision.engines.kind import Precision
from vision.network import Classifier

_DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class TorchEngine:
    """Runs a classifier with torch on the CPU.

    Attributes:
        name: "torch", and the precision where it is not float32.
        network: What runs, as it was changed.
    """

    def __init__(self, network: Classifier | Answering, precision: Precision = "float32") -> None:
        """Take over a classifier in evaluation mode, or a folded one; its weights are not changed."""
        self.name = "torch" if precision == "float32" else f"torch in {precision}"
        self._dtype = _DTYPES[precision]
        answering = folded(network) if isinstance(network, Classifier) else network
        self.network = answering.to(self._dtype)
        if packing.is_available(self._dtype):
            apply_if_equivalent(self.network, packing.pack)
        self.network.to(memory_format=torch.channels_last)

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W), float32."""
        with torch.inference_mode():
            inputs = images.to(self._dtype, memory_format=torch.channels_last)
            logits, embeddings = self.network(inputs)
            return logits.float(), embeddings.float()
