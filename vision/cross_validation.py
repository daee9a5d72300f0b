"""Answers to every embedding from solutions that have not learnt from it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vision.errors import TooFewSamplesError

#: Embeddings (N, D) and class indices (N,).
Embedded = tuple[Tensor, Tensor]

NUM_FOLDS = 5
_SEED = 0


@dataclass(frozen=True, slots=True)
class Unseen:
    """Answers to images that were not learnt from when they were asked; validation's come last.

    Attributes:
        logits: (M, C).
        labels: Class indices (M,).
        num_training: How many of the M are training images.
    """

    logits: Tensor
    labels: Tensor
    num_training: int

    def validation(self, num: int) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and class indices (N,) of the first so many validation images."""
        part = slice(self.num_training, self.num_training + num)
        return self.logits[part], self.labels[part]


def out_of_fold(
    embedded: Embedded, answer: Callable[[Embedded, Tensor], Tensor], images: Tensor | None = None
) -> Tensor:
    """Return logits (…, N, C): each fold is answered by what was learnt from the others.

    The folds hold as many of each class as of any other fold, give or take one, and are always the same.

    Args:
        embedded: All there is.
        answer: From what may be learnt from, and embeddings (M, D), to logits (…, M, C) of the latter.
        images: Number (N,) of the image that each embedding is a view of, all views of an image in one fold;
            None where each is of another.

    Raises:
        TooFewSamplesError: There are fewer than two embeddings.

    Source:
        Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", J. R. Stat. Soc. B, 1974.
    """
    embeddings, labels = embedded
    if len(labels) < 2:
        raise TooFewSamplesError(f"Expected two embeddings at least to cross-validate, got {len(labels)}.")
    if images is None:
        images = torch.arange(len(labels))
    parts, asked = [], _folds(labels, images)
    for indices in asked:
        is_learnt = torch.ones(len(labels), dtype=torch.bool)
        is_learnt[indices] = False
        parts.append(answer((embeddings[is_learnt], labels[is_learnt]), embeddings[indices]))
    return torch.cat(parts, dim=-2).index_select(-2, torch.cat(asked).argsort())


def _folds(labels: Tensor, images: Tensor) -> list[Tensor]:
    """Return the indices of each fold."""
    numbers, rows = np.unique(images.numpy(), return_index=True)
    order = _dealt(labels[torch.from_numpy(rows)])
    folds = [numbers[order[first::NUM_FOLDS].numpy()] for first in range(min(NUM_FOLDS, len(order)))]
    return [torch.from_numpy(np.flatnonzero(np.isin(images.numpy(), fold))) for fold in folds]


def _dealt(labels: Tensor) -> Tensor:
    """Return the indices class by class, each class shuffled."""
    shuffled = np.random.default_rng(_SEED).permutation(len(labels))
    return torch.from_numpy(shuffled[np.argsort(labels.numpy()[shuffled], kind="stable")])
