"""Reduces embeddings to few directions, each with variance one in the reference."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Whitening:
    """Directions in which the reference varies most, scaled.

    Attributes:
        mean: Of the rows it was fitted on, shape (D,).
        directions: Shape (D, K); the reference's rows have variance one along each.
    """

    mean: Rows
    directions: Rows

    def apply(self, rows: NDArray[np.floating]) -> Rows:
        """Return rows (N, D) in K directions, shape (N, K)."""
        return np.asarray((rows - self.mean) @ self.directions, dtype=np.float32)


def fit_whitening(rows: NDArray[np.floating], num_directions: int) -> Whitening:
    """Fit principal components, as many as asked for, or as the rows vary in.

    Args:
        rows: Shape (N, D).
        num_directions: At most.
    """
    wide = rows.astype(np.float64)
    mean = wide.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(wide.T).reshape(wide.shape[1], wide.shape[1]))
    values, vectors = values[::-1][:num_directions], vectors[:, ::-1][:, :num_directions]
    # Directions in which nothing varies would be divided by nought.
    varies = values > 1e-9 * max(float(values[0]), 1e-30)
    scaled = vectors[:, varies] / np.sqrt(values[varies])
    return Whitening(mean.astype(np.float32), scaled.astype(np.float32))
