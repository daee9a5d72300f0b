"""What a model answered on images: a class and a confidence each, with which every comparison is made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from store.evidence.answers import NOT_FINITE, Answer

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Answers:
    """A model's answers on n images.

    Attributes:
        label_index: Shape (n,), class indices, or `NOT_FINITE` where the answer is no number.
        confidence: Shape (n,), calibrated, in [0, 1].
    """

    label_index: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.label_index)

    def is_right(self, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return, shape (n,), whether each answer is the label."""
        right: NDArray[np.bool_] = self.label_index == labels
        return right

    @property
    def num_not_finite(self) -> int:
        """How many answers are no numbers."""
        return int(np.sum(self.label_index == NOT_FINITE))

    def by_image(self, sha256s: Iterable[str]) -> dict[str, Answer]:
        """Return SHA-256 → answer; the images are given in the order of the answers."""
        rows = zip(sha256s, self.label_index.tolist(), self.confidence.tolist(), strict=True)
        return {sha256: Answer(index, confidence) for sha256, index, confidence in rows}


def answers_from_logits(logits: NDArray[np.floating], temperature: float) -> Answers:
    """Return the answers that a version gives, from its logits (n, classes) and its temperature."""
    is_finite = np.isfinite(logits).all(axis=1)
    scaled = np.where(is_finite[:, None], logits, 0.0).astype(np.float64) / temperature
    confidence = softmax(scaled, axis=1).max(axis=1, initial=0.0)
    label_index = np.where(is_finite, scaled.argmax(axis=1), NOT_FINITE)
    return Answers(label_index.astype(np.int64), np.where(is_finite, confidence, 0.0))


def answers_to(sha256s: Iterable[str], known: Mapping[str, Answer]) -> Answers:
    """Return the answers on images, from all that are known."""
    rows = [known[sha256] for sha256 in sha256s]
    return Answers(
        np.array([row.label_index for row in rows], dtype=np.int64),
        np.array([row.confidence for row in rows], dtype=np.float64),
    )
