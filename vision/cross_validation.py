"""Answers to every embedding from solutions that have not learnt from it."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from vision.errors import TooFewSamplesError

#: Embeddings (N, D) and class indices (N,).
Embedded = tuple[Tensor, Tensor]

NUM_FOLDS = 5
_SEED = 0


def out_of_fold(embedded: Embedded, answer: Callable[[Embedded, Tensor], Tensor]) -> Tensor:
    """Return logits (…, N, C): each fold is answered by what was learnt from the others.

    The folds hold as many of each class as of any other fold, give or take one, and are always the same.

    Args:
        embedded: All there is.
        answer: From what may be learnt from, and embeddings (M, D), to logits (…, M, C) of the latter.

    Raises:
        TooFewSamplesError: There are fewer than two embeddings.

    Source:
        Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", J. R. Stat. Soc. B, 1974.
    """
    embeddings, labels = embedded
    if len(labels) < 2:
        raise TooFewSamplesError(f"Expected two embeddings at least to cross-validate, got {len(labels)}.")
    order = _dealt(labels)
    asked = [order[first::NUM_FOLDS] for first in range(min(NUM_FOLDS, len(order)))]
    parts = []
    for indices in asked:
        is_learnt = torch.ones(len(labels), dtype=torch.bool)
        is_learnt[indices] = False
        parts.append(answer((embeddings[is_learnt], labels[is_learnt]), embeddings[indices]))
    return torch.cat(parts, dim=-2).index_select(-2, torch.cat(asked).argsort())


def _dealt(labels: Tensor) -> Tensor:
    """Return the indices class by class, each class shuffled."""
    shuffled = np.random.default_rng(_SEED).permutation(len(labels))
    return torch.from_numpy(shuffled[np.argsort(labels.numpy()[shuffled], kind="stable")])
