"""What champion and candidate answered rightly on the same samples: all that the gate measures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrain.gate.errors import OutcomesError

#: The slice of a champion without a golden set: its labels are the champion's own answers.
AGREEMENT = "agreement"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Right or wrong, for two models on the same samples.

    Attributes:
        champion_right: Shape (n,), whether production answered each sample rightly.
        candidate_right: Shape (n,), the same of the candidate.
        labels: Shape (n,), class indices.
        slice: Where the samples come from: "golden-1", a round's slice, "direct", `AGREEMENT`.
        num_not_finite: Samples for which the candidate gave NaN or infinite logits.

    Raises:
        OutcomesError: The arrays differ in length.
    """

    champion_right: NDArray[np.bool_]
    candidate_right: NDArray[np.bool_]
    labels: NDArray[np.int64]
    slice: str
    num_not_finite: int = 0

    def __post_init__(self) -> None:
        lengths = {len(self.champion_right), len(self.candidate_right), len(self.labels)}
        if len(lengths) > 1:
            raise OutcomesError(
                f"Slice {self.slice!r}: champion, candidate and labels must be of the same samples; got "
                f"{len(self.champion_right)}, {len(self.candidate_right)} and {len(self.labels)} of them."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def num_lost(self) -> int:
        """Negative flips, b: right before, wrong now."""
        return int(np.sum(self.champion_right & ~self.candidate_right))

    @property
    def num_won(self) -> int:
        """Positive flips, c: wrong before, right now."""
        return int(np.sum(~self.champion_right & self.candidate_right))

    @property
    def champion_accuracy(self) -> float | None:
        """A fraction; None of no samples."""
        return float(np.mean(self.champion_right)) if len(self) else None

    @property
    def candidate_accuracy(self) -> float | None:
        """A fraction; None of no samples."""
        return float(np.mean(self.candidate_right)) if len(self) else None

    def of_class(self, label: int) -> "Outcomes":
        """Return the outcomes of one class's samples."""
        is_own = self.labels == label
        return Outcomes(
            self.champion_right[is_own], self.candidate_right[is_own], self.labels[is_own], self.slice
        )


@dataclass(frozen=True, slots=True)
class NewEvidence:
    """What is known of champion and candidate on the new samples' holdout.

    Attributes:
        direct: Audited samples and images sent with their label: drawn whatever production answered.
        volunteered: Labels that users chose to give on predictions; mostly corrections.
        live_accuracy: Production's accuracy on live traffic, audited or calibrated; None if unknown.
        num_audited: Samples that `live_accuracy` was counted on; None if it is read off calibrated
            confidences, whose error the gate does not know.
    """

    direct: Outcomes
    volunteered: Outcomes
    live_accuracy: float | None = None
    num_audited: int | None = None


def no_outcomes(slice: str) -> Outcomes:
    """Return the outcomes of no samples."""
    return Outcomes(np.zeros(0, np.bool_), np.zeros(0, np.bool_), np.zeros(0, np.int64), slice)


def pool(outcomes: Sequence[Outcomes], slice: str) -> Outcomes:
    """Return all outcomes as those of one slice."""
    if not outcomes:
        return no_outcomes(slice)
    return Outcomes(
        np.concatenate([each.champion_right for each in outcomes]),
        np.concatenate([each.candidate_right for each in outcomes]),
        np.concatenate([each.labels for each in outcomes]),
        slice,
        sum(each.num_not_finite for each in outcomes),
    )


def outcomes_from_logits(
    champion: NDArray[np.floating],
    candidate: NDArray[np.floating],
    labels: NDArray[np.integer],
    slice: str,
) -> Outcomes:
    """Return the outcomes of two models' logits, each of shape (n, classes).

    A row with NaN or infinity is a wrong answer; the candidate's are counted, and the gate rejects it.
    """
    finite = np.isfinite(candidate).all(axis=1)
    return Outcomes(
        _right(champion, labels),
        _right(candidate, labels),
        np.asarray(labels, np.int64),
        slice,
        int(np.sum(~finite)),
    )


def _right(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    if len(logits) == 0:
        return np.zeros(0, np.bool_)
    right: NDArray[np.bool_] = np.isfinite(logits).all(axis=1) & (logits.argmax(axis=1) == labels)
    return right


@dataclass(frozen=True, slots=True)
class CalibrationPair:
    """Expected calibration errors of champion and candidate on the same samples, fractions."""

    champion: float
    candidate: float
    num_samples: int

    @property
    def rise(self) -> float:
        """How much worse the candidate's is; NaN where either is."""
        return self.candidate - self.champion
