"""The unbiased maximum mean discrepancy between two sets of embeddings, with its null scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.errors import EmbeddingMismatchError, TooFewEmbeddingsError

Embeddings = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """An MMD² beside what chance alone gives.

    `value` can be slightly negative, since the estimate is unbiased. `null_95` is the 95 % quantile of
    the same statistic after the rows were shuffled between the sides. `bandwidth` is the kernel's σ.
    """

    value: float
    null_95: float
    bandwidth: float


def discrepancy(
    reference: Embeddings, window: Embeddings, rng: np.random.Generator, num_permutations: int = 200
) -> Discrepancy:
    """Return the unbiased MMD² between two sets of embeddings, and its null scale from permutations.

    The kernel is exp(-d² / 2σ²), with σ the median distance between all rows of both sets. The value is
    about 0 for two samples of one distribution, and goes towards 2 for far ones. Memory and time grow
    with (M + N)².

    Args:
        reference: Shape (M, D), M at least 2.
        window: Shape (N, D), N at least 2.
        rng: Of the permutations.
        num_permutations: How many the null scale comes from.

    Raises:
        TooFewEmbeddingsError: A side has fewer than two rows.
        EmbeddingMismatchError: The widths differ, or a value is not finite.

    Source:
        Gretton et al., "A Kernel Two-Sample Test", JMLR 2012: lemma 6, and section 8 for the bandwidth.

    >>> near, far = np.array([[0.0], [1.0]]), np.array([[10.0], [11.0]])
    >>> discrepancy(near, far, np.random.default_rng(0)).value > 0.5
    True
    """
    kernel, bandwidth = _kernel(reference, window)
    is_reference = np.zeros((num_permutations + 1, len(kernel)))
    is_reference[:, : len(reference)] = 1
    is_reference[1:] = rng.permuted(is_reference[1:], axis=1)
    values = _statistic(kernel, is_reference)
    return Discrepancy(float(values[0]), float(np.quantile(values[1:], 0.95)), bandwidth)


def _kernel(reference: Embeddings, window: Embeddings) -> tuple[NDArray[np.float64], float]:
    """Return the kernel over all rows, with a zero diagonal, and its bandwidth."""
    _check(reference, window)
    rows = np.concatenate([reference, window]).astype(np.float64)
    # Centred first: the expansion below loses digits when the rows lie far from the origin.
    rows -= rows.mean(axis=0)
    norms = np.einsum("ij,ij->i", rows, rows)
    squared = np.maximum(norms[:, None] + norms[None, :] - 2 * rows @ rows.T, 0)
    distances = squared[np.triu_indices(len(rows), k=1)]
    # Mostly equal rows (a black camera) have a median of 0: then it is that of the rows that differ.
    positive = distances[distances > 1e-12 * max(float(norms.max()), 1e-300)]
    median = float(np.median(distances))
    scale = median if median > 0 or not len(positive) else float(np.median(positive))
    kernel = np.exp(-squared / (2 * scale)) if scale > 0 else np.ones_like(squared)
    np.fill_diagonal(kernel, 0)
    return kernel, float(np.sqrt(scale))


def _statistic(kernel: NDArray[np.float64], is_reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the MMD² for each row of 0/1 memberships; the kernel's diagonal must be zero."""
    num_reference = float(is_reference[0].sum())
    num_window = kernel.shape[0] - num_reference
    products = is_reference @ kernel
    within_reference = np.einsum("ij,ij->i", products, is_reference)
    across = products.sum(axis=1) - within_reference
    within_window = kernel.sum() - within_reference - 2 * across
    return np.asarray(
        within_reference / (num_reference * (num_reference - 1))
        + within_window / (num_window * (num_window - 1))
        - 2 * across / (num_reference * num_window)
    )


def _check(reference: Embeddings, window: Embeddings) -> None:
    if min(len(reference), len(window)) < 2:
        raise TooFewEmbeddingsError(
            f"MMD² needs two embeddings on each side; got {len(reference)} and {len(window)}. Wait for more."
        )
    if reference.ndim != 2 or window.ndim != 2 or reference.shape[1] != window.shape[1]:
        raise EmbeddingMismatchError(
            f"Expected embeddings of one width; got shapes {reference.shape} and {window.shape}. "
            "Compare embeddings of one version only."
        )
    if not (np.isfinite(reference).all() and np.isfinite(window).all()):
        raise EmbeddingMismatchError(
            "Expected finite embeddings; found NaN or infinity. Roll back: the network is broken."
        )
