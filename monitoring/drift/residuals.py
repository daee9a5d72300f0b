"""Takes from embeddings what their predicted class explains."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.observations import Observations
from monitoring.drift.whitening import Whitening, fit_whitening

Rows = NDArray[np.float32]

# As many rows at the mean of all as each class is thought to have besides its own: classes with few rows
# are drawn towards it.
_SHRINKAGE = 2.0
_ROWS_A_DIRECTION = 8


@dataclass(frozen=True, slots=True)
class ClassResiduals:
    """What is left of embeddings after the mean of their predicted class.

    Attributes:
        means: Of each class, shape (classes, D).
        whitening: Of what is left in the reference.
        reference: What is left of the reference's rows, each without itself in its class's mean: (N, K).
    """

    means: NDArray[np.float64]
    whitening: Whitening
    reference: Rows

    def apply(self, rows: Observations) -> Rows:
        """Return what is left of new rows, whitened: shape (M, K)."""
        return self.whitening.apply(rows.embeddings - self.means[rows.labels])


def fit_residuals(reference: Observations, num_classes: int, num_directions: int) -> ClassResiduals:
    """Fit class means and the spread around them; fewer directions where the rows are few."""
    counts = np.bincount(reference.labels, minlength=num_classes)
    everything = reference.embeddings.mean(axis=0, dtype=np.float64)
    centred = reference.embeddings - everything
    sums = np.zeros((num_classes, centred.shape[1]))
    np.add.at(sums, reference.labels, centred)
    means = sums / (counts + _SHRINKAGE)[:, None]
    # A row counts in its class's mean, as a new row does not: without it the row lies farther away.
    own = (counts + _SHRINKAGE)[reference.labels, None]
    others = (sums[reference.labels] - centred) / (own - 1)
    left = centred - others
    whitening = fit_whitening(left, min(num_directions, max(1, len(reference) // _ROWS_A_DIRECTION)))
    return ClassResiduals(everything + means, whitening, whitening.apply(left))
