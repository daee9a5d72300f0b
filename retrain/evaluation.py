"""Champion and candidate before the same held-out samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrain.calibration import compare_calibration
from retrain.dataset import Item
from retrain.gate import AGREEMENT, CalibrationPair, NewEvidence, Outcomes, outcomes_from_logits
from vision.engines.serving import ServedModel

Logits = NDArray[np.float32]
# From a model and n items to logits (n, classes).
Answer = Callable[[ServedModel, Sequence[Item]], Logits]

DIRECT = "direct"
VOLUNTEERED = "volunteered"
#: What `Comparison.accuracy` calls the new holdout.
NEW = "new"


@dataclass(frozen=True, slots=True)
class Part:
    """Held-out items judged together: an old slice, or one kind of new samples."""

    slice: str
    items: tuple[Item, ...]

    def labels(self) -> NDArray[np.int64]:
        """Return the class indices, shape (n,)."""
        return np.array([item.label for item in self.items], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class LiveAccuracy:
    """The champion's accuracy on live traffic, and the audits it was counted on; None where unknown."""

    accuracy: float | None = None
    num_audited: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the gate needs, and `accuracy`: slice → (champion's, candidate's, number of samples)."""

    old: tuple[Outcomes, ...]
    new: NewEvidence
    calibration: CalibrationPair | None
    accuracy: dict[str, tuple[float, float, int]]


class Examination:
    """Asks the champion once, and then each candidate of the round, about the same samples.

    Args:
        old: The old slices; one called `AGREEMENT` holds the champion's own answers as labels.
        new: Direct (audits too) and volunteered holdout samples, as parts `DIRECT` and `VOLUNTEERED`.
        champion: Who defends.
        live: What is known of the champion on live traffic.
        answer: Asks one of the two.
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
        self._champion_logits = self._ask(champion)

    def compare(self, candidate: ServedModel) -> Comparison:
        """Ask `candidate` and set its answers beside the champion's."""
        logits = self._ask(candidate)
        old = tuple(self._outcomes(part, logits) for part in self._old)
        direct, volunteered = (self._outcomes(part, logits) for part in self._new)
        measured = [(outcomes.slice, [outcomes]) for outcomes in old if outcomes.slice != AGREEMENT]
        return Comparison(
            old=old,
            new=NewEvidence(direct, volunteered, self._live.accuracy, self._live.num_audited),
            calibration=self._calibration(candidate, logits),
            accuracy={
                name: _accuracies(outcomes)
                for name, outcomes in [*measured, (NEW, [direct, volunteered])]
                if any(len(each) for each in outcomes)
            },
        )

    def _ask(self, model: ServedModel) -> dict[str, Logits]:
        return {part.slice: self._answer(model, part.items) for part in (*self._old, *self._new)}

    def _outcomes(self, part: Part, logits: dict[str, Logits]) -> Outcomes:
        champion = self._champion_logits[part.slice]
        return outcomes_from_logits(champion, logits[part.slice], part.labels(), part.slice)

    def _calibration(self, candidate: ServedModel, logits: dict[str, Logits]) -> CalibrationPair | None:
        names = [part.slice for part in self._old if part.slice != AGREEMENT]
        if not names:
            return None
        champion, own = (
            np.concatenate([found[name] for name in names]) for found in (self._champion_logits, logits)
        )
        return compare_calibration(
            (champion, self._champion.artifact.temperature),
            (own, candidate.artifact.temperature),
            np.concatenate([part.labels() for part in self._old if part.slice != AGREEMENT]),
        )


def _accuracies(outcomes: Sequence[Outcomes]) -> tuple[float, float, int]:
    champion = np.concatenate([each.champion_right for each in outcomes])
    candidate = np.concatenate([each.candidate_right for each in outcomes])
    return float(champion.mean()), float(candidate.mean()), len(champion)
