"""Cross-validates: every embedding is answered by a solution that has not learnt from it."""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold
from torch import Tensor

from vision.errors import TooFewSamplesError

#: Embeddings (N, D) and class indices (N,).
Embedded = tuple[Tensor, Tensor]

NUM_FOLDS = 5
_SEED = 0


def out_of_fold(
    embedded: Embedded, answer: Callable[[Embedded, Tensor], Tensor], images: Tensor | None = None
) -> Tensor:
    """Return logits (…, N, C): each fold is answered by a solution that was learnt from the other folds.

    All folds hold the same number of each class, give or take one. The folds are always the same.

    Args:
        embedded: All embeddings with their classes.
        answer: Learns from its first argument and returns logits (…, M, C) of embeddings (M, D), its second.
        images: Number (N,) of the image that each embedding is a view of; all views of an image are in one
            fold. None if each embedding is of another image.

    Raises:
        TooFewSamplesError: No class has two images.

    Source:
        Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", J. R. Stat. Soc. B, 1974.
    """
    embeddings, labels = embedded
    if images is None:
        images = torch.arange(len(labels))
    parts, held_out = [], []
    for is_held_out in _folds(labels, images):
        parts.append(answer((embeddings[~is_held_out], labels[~is_held_out]), embeddings[is_held_out]))
        held_out.append(is_held_out.nonzero().flatten())
    return torch.cat(parts, dim=-2).index_select(-2, torch.cat(held_out).argsort())


def _folds(labels: Tensor, images: Tensor) -> list[Tensor]:
    """Return a mask (N,) for each fold."""
    numbers, rows = np.unique(images.numpy(), return_index=True)
    classes = labels.numpy()[rows]
    num_folds = min(NUM_FOLDS, max(np.bincount(classes), default=0))
    if num_folds < 2:
        raise TooFewSamplesError("Expected two images at least of some class to cross-validate, found none.")
    with warnings.catch_warnings():
        # A class of fewer images than folds is in some of them only.
        warnings.simplefilter("ignore", UserWarning)
        splitter = StratifiedKFold(num_folds, shuffle=True, random_state=_SEED)  # type: ignore[no-untyped-call]  # scikit-learn comes without types
        folds = list(splitter.split(rows, classes))  # type: ignore[no-untyped-call]  # scikit-learn comes without types
    return [torch.from_numpy(np.isin(images.numpy(), numbers[fold])) for _, fold in folds]
