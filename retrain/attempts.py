"""Has the candidates of a round judged, one after the other, on the same images."""

from dataclasses import dataclass

from retrain.evidence.comparison import OldComparison
from retrain.evidence.new_classes import compare_new_classes
from retrain.evidence.new_evaluation import NewComparison, NewEvaluation
from retrain.evidence.new_images import read_new_images
from retrain.evidence.old_evaluation import OldEvaluation
from retrain.gate.gate import judge
from retrain.gate.new_classes import NewClassEvidence
from retrain.gate.old_evidence import margin_for
from retrain.gate.verdict import Verdict
from retrain.journal import Journal
from retrain.models import RoundModels, StateDict
from retrain.round_inputs import RoundInputs
from retrain.round_items import RoundItems
from retrain.settings import RoundSettings
from store.state import State
from vision.engines.served_model import ServedModel


@dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate with its verdict, and what that stands on."""

    number: int
    cure: str
    candidate: ServedModel
    verdict: Verdict
    old: OldComparison
    new: NewComparison


class Judging:
    """The gate of one round: it reads what candidates are judged on, and what the champion answers there.

    Args:
        state: Where images and answers are.
        settings: How strict the gate is, and how many images it takes.
        journal: Where verdicts are written.
        inputs: What the round started from.
        models: Runs champion and candidates.
        items: What candidates are calibrated on, and the old images.
    """

    def __init__(
        self,
        state: State,
        settings: RoundSettings,
        journal: Journal,
        inputs: RoundInputs,
        models: RoundModels,
        items: RoundItems,
    ) -> None:
        self._settings = settings.gate
        self._journal = journal
        self._champion = inputs.champion
        self._inputs = inputs
        self._models = models
        self._items = items
        images = read_new_images(state, inputs.samples, models.limits, settings.min_direct)
        self._old = OldEvaluation(state, models, items.old, settings.gate, journal.fencing)
        self._new = NewEvaluation(models, images, journal.stop_if_cancelled)

    def attempt(self, weights: StateDict, cure: str, before: Attempt | None = None) -> Attempt:
        """Make a candidate of weights as it would be served, judge it, and write its verdict down.

        Args:
            weights: Its network's.
            cure: How they were made.
            before: The round's first attempt, where this is the second.

        Raises:
            RoundCancelledError: A person asked for the round to stop.
        """
        self._journal.stop_if_cancelled()
        candidate = self._finished(weights, fits_old_alone=cure == "new_temperature")
        number = 1 if before is None else before.number + 1
        names = self._champion.class_names
        lost_before = [] if before is None else [names.index(name) for name in before.verdict.lost_classes]
        old, new = self._old.compare(candidate, lost_before), self._new.compare(candidate)
        margin = self._champion.margin
        verdict = judge(
            old.evidence,
            new.evidence,
            alpha=self._settings.alpha_new(number),
            margin=margin_for(max(len(old.evidence.all_old), 1)) if margin is None else margin,
            calibration=old.calibration,
            class_names=names,
            settings=self._settings,
            new_classes=self._compare_new_classes(old, candidate),
        )
        self._journal.attempt(number, cure, verdict)
        if before is None:
            self._old.record_overuse(old, self._journal.round_id)
        return Attempt(number, cure, candidate, verdict, old, new)

    def _compare_new_classes(self, old: OldComparison, candidate: ServedModel) -> NewClassEvidence | None:
        inputs = self._inputs
        return compare_new_classes(self._models, inputs.samples, inputs.accepted_by, old.evidence, candidate)

    def _finished(self, weights: StateDict, *, fits_old_alone: bool) -> ServedModel:
        items = self._items
        old_validation = items.validation[items.num_new_validation :]
        is_old_alone = fits_old_alone and bool(old_validation)
        candidate = self._models.finished(
            weights,
            old_validation if is_old_alone else items.validation,
            0 if is_old_alone else items.num_new_validation,
            keeps_temperature=items.is_self_labelled,
        )
        self._journal.note("served_form", **candidate.metrics())
        return candidate
