"""Reads, decodes and prepares encoded images with their class, one by one."""

from typing import Protocol

from torch import Tensor

from vision.augmentation import Variation
from vision.batches import LabelledTensors
from vision.decoding import ImageLimits, decode_image


class ImageSource(Protocol):
    """A sized set of (encoded image, class index), read lazily; a list of pairs is one."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, index: int, /) -> tuple[bytes, int]:
        """Return the bytes at this index with their class."""


class PreparedImages:
    """The tensors of an image source. Each epoch has other variants; the same epoch has the same ones."""

    def __init__(self, source: ImageSource, augmentation: Variation, limits: ImageLimits) -> None:
        self._source = source
        self._augmentation = augmentation
        self._limits = limits
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        content, label = self._source[index]
        return self._augmentation(decode_image(content, self._limits), (self._epoch, index)), label

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next reads belong to."""
        self._epoch = epoch


class LabelRecorder:
    """Records the labels while a set is read in order, so that no image is read twice for its label."""

    def __init__(self, images: LabelledTensors) -> None:
        self._images = images
        self.labels: list[int] = []

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        tensor, label = self._images[index]
        self.labels.append(label)
        return tensor, label
