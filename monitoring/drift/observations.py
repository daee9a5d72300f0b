"""What is known of a stream of distinct images, as arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.errors import EmbeddingMismatchError

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Observations:
    """What one version says of distinct images, oldest first.

    Attributes:
        embeddings: Shape (N, D), finite.
        labels: Shape (N,), the predicted class indices.
        confidences: Shape (N,), the predicted class's probabilities, in [0, 1].

    Raises:
        EmbeddingMismatchError: The lengths differ, or a value is not finite.
    """

    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]
    confidences: NDArray[np.float32]

    def __post_init__(self) -> None:
        lengths = {len(self.embeddings), len(self.labels), len(self.confidences)}
        if len(lengths) != 1 or self.embeddings.ndim != 2:
            raise EmbeddingMismatchError(
                "Expected embeddings (N, D), N labels and N confidences; got shapes "
                f"{self.embeddings.shape}, {self.labels.shape} and {self.confidences.shape}."
            )
        if not (np.isfinite(self.embeddings).all() and np.isfinite(self.confidences).all()):
            raise EmbeddingMismatchError(
                "Expected finite embeddings and confidences; found NaN or infinity. "
                "Roll back: the network is broken."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, wanted: Indices | slice | int) -> "Observations":
        """Return the wanted rows, in the order in which they are asked for; an int gives one row."""
        if isinstance(wanted, int):
            wanted = np.array([wanted])
        return Observations(self.embeddings[wanted], self.labels[wanted], self.confidences[wanted])

    def followed_by(self, later: "Observations") -> "Observations":
        """Return these rows and then the later ones.

        Raises:
            EmbeddingMismatchError: The embeddings' widths differ.
        """
        if self.embeddings.shape[1] != later.embeddings.shape[1]:
            raise EmbeddingMismatchError(
                f"Expected embeddings of {self.embeddings.shape[1]} values; got {later.embeddings.shape[1]}. "
                "Compare embeddings of one version only."
            )
        return Observations(
            np.concatenate([self.embeddings, later.embeddings]),
            np.concatenate([self.labels, later.labels]),
            np.concatenate([self.confidences, later.confidences]),
        )
