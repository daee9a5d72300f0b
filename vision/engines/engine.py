"""The contract of an engine, and the module that it runs."""

from typing import Protocol

from torch import Tensor, nn

from vision.network import Classifier


class Engine(Protocol):
    """Runs one version's network.

    On the CPU calls may overlap, each in its own thread; on CUDA they may not.
    """

    name: str

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W), all float32 on the CPU."""


class Answering(nn.Module):
    """A classifier whose forward gives both logits and embeddings: what engines fuse and export."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W)."""
        return self.classifier.classify(images)
