"""Compares champion and candidate on the same held-out samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from retrain.dataset import Item
from retrain.gate.outcomes import AGREEMENT, CalibrationPair, NewEvidence, Outcomes, outcomes_from_logits
from store.slices import GOLDEN_PREFIX
from vision.calibration import expected_calibration_error
from vision.engines.served_model import ServedModel
from vision.evaluation import top5_accuracy
from vision.training.training import TrainingResult

Logits = NDArray[np.float32]
# From a model and n items to logits (n, classes).
Answer = Callable[[ServedModel, Sequence[Item]], Logits]

DIRECT = "direct"
VOLUNTEERED = "volunteered"
#: What `Comparison.accuracy` calls the new holdout.
NEW = "new"


@dataclass(frozen=True, slots=True)
class Part:
    """Held-out items that are measured together: an old slice, or one kind of new samples."""

    slice: str
    items: tuple[Item, ...]

    def labels(self) -> NDArray[np.int64]:
        """Return the class indices, shape (n,)."""
        return np.array([item.label for item in self.items], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class LiveAccuracy:
    """The champion's accuracy on live traffic, and on how many audits it was counted; None where unknown."""

    accuracy: float | None = None
    num_audited: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the gate needs, and what is shown beside it.

    Attributes:
        accuracy: Slice → (champion's, candidate's, number of samples).
        top5: "golden" or `NEW` → top-5 accuracy, (champion's, candidate's); empty up to five classes.
    """

    old: tuple[Outcomes, ...]
    new: NewEvidence
    calibration: CalibrationPair | None
    accuracy: dict[str, tuple[float, float, int]]
    top5: dict[str, tuple[float, float]] = field(default_factory=dict)


class PairedEvaluation:
    """Runs the champion once, and then each candidate of the round, on the same samples.

    Args:
        old: The old slices; one called `AGREEMENT` holds the champion's own answers as labels.
        new: Direct (audits too) and volunteered holdout samples, as parts `DIRECT` and `VOLUNTEERED`.
        champion: The version in production.
        live: What is known of the champion on live traffic.
        answer: Returns the logits of a model for items.
    """

    def __init__(
        self,
        old: Sequence[Part],
        new: tuple[Part, Part],
        champion: ServedModel,
        live: LiveAccuracy,
        answer: Answer,
    ) -> None:
        self._old = tuple(part for part in old if part.items)
        self._new = new
        self._champion = champion
        self._live = live
        self._answer = answer
        self._champion_logits = self._logits(champion)

    def compare(self, candidate: ServedModel) -> Comparison:
        """Return how `candidate` answers compared with the champion."""
        logits = self._logits(candidate)
        old = tuple(self._outcomes(part, logits) for part in self._old)
        direct, volunteered = (self._outcomes(part, logits) for part in self._new)
        by_slice = [(outcomes.slice, [outcomes]) for outcomes in old if outcomes.slice != AGREEMENT]
        return Comparison(
            old=old,
            new=NewEvidence(direct, volunteered, self._live.accuracy, self._live.num_audited),
            calibration=self._calibration(candidate, logits),
            accuracy={
                name: _accuracies(outcomes)
                for name, outcomes in [*by_slice, (NEW, [direct, volunteered])]
                if any(len(each) for each in outcomes)
            },
            top5=self._top5(logits),
        )

    def _top5(self, logits: dict[str, Logits]) -> dict[str, tuple[float, float]]:
        golden = [part for part in self._old if part.slice.startswith("golden")]
        shares: dict[str, tuple[float, float]] = {}
        for name, parts in (("golden", golden), (NEW, self._new)):
            own, other = _top5(parts, self._champion_logits), _top5(parts, logits)
            if own is not None and other is not None:
                shares[name] = own, other
        return shares

    def _logits(self, model: ServedModel) -> dict[str, Logits]:
        return {part.slice: self._answer(model, part.items) for part in (*self._old, *self._new)}

    def _outcomes(self, part: Part, logits: dict[str, Logits]) -> Outcomes:
        champion = self._champion_logits[part.slice]
        return outcomes_from_logits(champion, logits[part.slice], part.labels(), part.slice)

    def _calibration(self, candidate: ServedModel, logits: dict[str, Logits]) -> CalibrationPair | None:
        names = [part.slice for part in self._old if part.slice != AGREEMENT]
        if not names:
            return None
        of_champion, of_candidate = (
            np.concatenate([by_slice[name] for name in names]) for by_slice in (self._champion_logits, logits)
        )
        return compare_calibration(
            (of_champion, self._champion.artifact.temperature),
            (of_candidate, candidate.artifact.temperature),
            np.concatenate([part.labels() for part in self._old if part.slice != AGREEMENT]),
        )


def version_metrics(
    comparison: Comparison, candidate: ServedModel, tuned: TrainingResult
) -> dict[str, object]:
    """Return what is shown with a round's version; accuracies and errors are fractions.

    What `perennial train` measures too has the same name as there.
    """
    golden = [
        (accuracy, num)
        for name, (_, accuracy, num) in comparison.accuracy.items()
        if name.startswith(GOLDEN_PREFIX)
    ]
    num_golden = sum(num for _, num in golden)
    measured: dict[str, object] = {}
    if num_golden:
        measured["golden_accuracy"] = sum(accuracy * num for accuracy, num in golden) / num_golden
        measured["num_golden"] = num_golden
    if NEW in comparison.accuracy:
        _, measured["new_accuracy"], measured["num_new"] = comparison.accuracy[NEW]
    if comparison.calibration is not None:
        measured["calibration_error"] = comparison.calibration.candidate
    measured |= {f"{part}_top5_accuracy": own for part, (_, own) in comparison.top5.items()}
    return measured | {
        "backbone": candidate.artifact.backbone,
        "image_size": candidate.artifact.preprocessing.image_size,
        "temperature": candidate.artifact.temperature,
        "diagnosis": tuned.diagnosis,
        "num_epochs": len(tuned.epochs),
        "num_members": candidate.artifact.num_members,
        **candidate.metrics(),
    }


def _top5(parts: Sequence[Part], logits: dict[str, Logits]) -> float | None:
    own = [part for part in parts if part.items]
    if not own:
        return None
    answers = np.concatenate([logits[part.slice] for part in own])
    labels = np.concatenate([part.labels() for part in own])
    return top5_accuracy(torch.from_numpy(answers), torch.from_numpy(labels))


def _accuracies(outcomes: Sequence[Outcomes]) -> tuple[float, float, int]:
    champion = np.concatenate([each.champion_right for each in outcomes])
    candidate = np.concatenate([each.candidate_right for each in outcomes])
    return float(champion.mean()), float(candidate.mean()), len(champion)


def compare_calibration(
    champion: tuple[NDArray[np.floating], float],
    candidate: tuple[NDArray[np.floating], float],
    labels: NDArray[np.integer],
) -> CalibrationPair:
    """Return both models' errors, each from its logits of shape (n, classes) and its temperature."""
    return CalibrationPair(
        expected_calibration_error(champion[0], labels, champion[1]),
        expected_calibration_error(candidate[0], labels, candidate[1]),
        len(labels),
    )
