"""Cuts labelled tensors into batches, in a given order, and loads them."""

import math
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

#: Images in a forward without learning.
EVALUATION_BATCH = 64
# Pixels of a piece: eight photographs of 224 × 224. Larger pieces need memory and save no time on a CPU.
_PIECE_PIXELS = 8 * 224 * 224


class LabelledTensors(Protocol):
    """A sized set of (tensor, class index); a torch Dataset with a length is one."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __getitem__(self, index: int, /) -> tuple[Tensor, int]:
        """Return the tensor at this index with its class."""


@runtime_checkable
class EpochAware(Protocol):
    """A set whose augmentation depends on the epoch, and not on the order or thread of its reads."""

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch, from 1, the next reads belong to."""


def into_batches(order: Sequence[int], batch_size: int, *, merge_single: bool = False) -> list[list[int]]:
    """Return indices in batches, in the given order.

    Args:
        order: Indices.
        batch_size: At least 1.
        merge_single: Join a last batch of one to the batch before it, because batch normalisation can't train
            on a single image.
    """
    batches = [list(order[start : start + batch_size]) for start in range(0, len(order), batch_size)]
    if merge_single and len(batches) > 1 and len(batches[-1]) == 1:
        last = batches.pop()
        batches[-1] += last
    return batches


def pieces(images: Tensor) -> list[slice]:
    """Return the slices in which a batch (N, C, H, W) goes through a network to save memory."""
    size = max(1, _PIECE_PIXELS // math.prod(images.shape[2:]))
    return [slice(start, start + size) for start in range(0, len(images), size)]


def laid_out(images: Tensor) -> Tensor:
    """Return images with their channels last, which makes convolutions a sixth faster on a CPU."""
    return images.contiguous(memory_format=torch.channels_last) if images.dim() == 4 else images


def in_parts(images: Tensor) -> list[Tensor]:
    """Return a batch (N, C, H, W), on its device, as the parts in which it is evaluated, channels last."""
    if images.device.type != "cpu":
        return [laid_out(images)]
    # In parts of 64 photographs, each takes three times as long as in parts of 8, which fit a CPU's caches.
    return [laid_out(images[part]) for part in pieces(images)]


def load(dataset: LabelledTensors, batches: Sequence[Sequence[int]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield (tensors (N, …), labels (N,)) for each batch of indices, in order."""
    for indices in batches:
        yield _stack([dataset[index] for index in indices])


def _stack(items: Sequence[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    return torch.stack([tensor for tensor, _ in items]), torch.tensor([int(label) for _, label in items])
