"""What comes of comparing two models' answers on the same old images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from retrain.answers import answers_to
from retrain.evidence.old_images import Part
from retrain.gate.outcomes import AGREEMENT, CalibrationPair, OldEvidence, Outcomes
from store.evidence.answers import Answer
from vision.calibration import calibration_error


@dataclass(frozen=True, slots=True)
class OldComparison:
    """How a candidate answers the old images, compared with the champion and the anchor.

    Attributes:
        evidence: For the gate.
        calibration: Both models' errors on golden and slices; None without such images.
        accuracy: Slice → (champion's, candidate's, number of images).
        answers: The candidate's, on golden images, the reserve's too, and on slices, by SHA-256.
        overuse: In standard errors: how much better the change is on the judging part of golden than on its
            reserve; None where there is no reserve.
    """

    evidence: OldEvidence
    calibration: CalibrationPair | None
    accuracy: dict[str, tuple[float, float, int]]
    answers: Mapping[str, Answer]
    overuse: float | None


def compared(part: Part, champion: Mapping[str, Answer], candidate: Mapping[str, Answer]) -> Outcomes:
    """Return the outcomes of two models' answers on a part."""
    asked = answers_to((item.sha256 for item in part.items), candidate)
    return Outcomes(
        right(part, champion),
        asked.is_right(part.labels()),
        part.labels(),
        part.slice,
        asked.num_not_finite,
    )


def compared_to_own(part: Part, candidate: Mapping[str, Answer]) -> Outcomes:
    """Return the outcomes on images whose labels are the champion's own answers."""
    asked = answers_to((item.sha256 for item in part.items), candidate)
    labels = part.labels()
    return Outcomes(
        np.ones(len(part), np.bool_), asked.is_right(labels), labels, AGREEMENT, asked.num_not_finite
    )


def right(part: Part, answers: Mapping[str, Answer]) -> NDArray[np.bool_]:
    """Return, shape (n,), whether a model answers each image of a part rightly."""
    return answers_to((item.sha256 for item in part.items), answers).is_right(part.labels())


def num_taken(
    parts: Sequence[Part], champion: Mapping[str, Answer], candidate: Mapping[str, Answer], num_classes: int
) -> int:
    """Return how many images the champion answers rightly and the candidate with a class it does not know.

    Args:
        parts: The images, each in one of them.
        champion: Its answers.
        candidate: Its answers.
        num_classes: The champion's classes; those of the candidate that it does not know stand after them.
    """
    items = [item for part in parts for item in part.items]
    return sum(
        champion[item.sha256].label_index == item.label and candidate[item.sha256].label_index >= num_classes
        for item in items
    )


def compare_calibration(
    parts: Sequence[Part], champion: Mapping[str, Answer], candidate: Mapping[str, Answer]
) -> CalibrationPair | None:
    """Return both models' calibration errors on all images of the parts; None without images."""
    sha256s = [item.sha256 for part in parts for item in part.items]
    if not sha256s:
        return None
    labels = np.concatenate([part.labels() for part in parts])

    def error(answers: Mapping[str, Answer]) -> float:
        known = answers_to(sha256s, answers)
        return calibration_error(known.confidence, known.is_right(labels))

    return CalibrationPair(error(champion), error(candidate), len(labels))


def accuracies(outcomes: Outcomes) -> tuple[float, float, int]:
    """Return the champion's accuracy, the candidate's, and on how many images; there must be some."""
    return float(outcomes.champion_right.mean()), float(outcomes.candidate_right.mean()), len(outcomes)


def overuse(judging: Outcomes, reserve: Outcomes) -> float:
    """Return by how many standard errors the paired change is better on judging images than on the reserve.

    Where verdicts chose candidates that suit the judging images, the change there is better. Without chance
    in either part, 0.
    """
    change, variance = zip(_change(judging), _change(reserve), strict=True)
    error = sqrt(sum(variance))
    return (change[0] - change[1]) / error if error else 0.0


def _change(outcomes: Outcomes) -> tuple[float, float]:
    """Return the mean change of right answers from champion to candidate, and the variance of that mean."""
    changes = outcomes.candidate_right.astype(np.float64) - outcomes.champion_right
    return float(changes.mean()), float(changes.var() / len(changes))
