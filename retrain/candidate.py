"""The candidate of a round: made from production's weights, and blended with them on validation."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from retrain.blend_choice import Blend, BlendSearch, is_sure
from retrain.cures import Kind
from retrain.dataset import Item
from retrain.fine_tune import fine_tune
from retrain.head import solve_head, why_no_head
from retrain.journal import Journal
from retrain.models import RoundModels, StateDict
from retrain.round_inputs import RoundInputs
from retrain.round_items import RoundItems
from retrain.settings import RoundSettings
from store.versions import Version
from vision.engines.served_form import spread_evenly
from vision.network import Classifier
from vision.training.training import Epoch, TrainingResult

# Curves are looked at; nothing is chosen by them.
_MAX_CURVE_IMAGES = 100
# A head may turn twice as many old validation answers wrong as the gate lets pass. Production was chosen on
# these images, so that what differs seems to lose; and a head that the gate refuses costs no training.
_HEAD_FLIPS = 2.0
# What learnt too little is trained on at three times its rate: it is not held back by what it would forget.
_LONGER = 3.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was made, and how much of it is taken.

    Attributes:
        kind: Whether only the head was solved, or all layers were trained.
        tuned: The training's outcome.
        search: The blends of it with production.
        share: How much of it is taken; the rest is production's.
        weights: The blend with that share.
    """

    kind: Kind
    tuned: TrainingResult
    search: BlendSearch
    share: float
    weights: StateDict

    @property
    def blend(self) -> Blend:
        """What it did on validation."""
        return self.search.at(self.share)

    @property
    def holds_old(self) -> bool:
        """Whether few enough old answers turn wrong on validation."""
        return self.search.holds(self.blend)


class CandidateTraining:
    """Trains the candidate of one round.

    Args:
        settings: How to train, and what a blend may lose.
        journal: Where it writes what it does.
        inputs: What the round started from.
        models: Runs the champion and what is trained.
        items: What to learn from, and what to choose on.
        rest: Called between pieces of the training.
    """

    def __init__(
        self,
        settings: RoundSettings,
        journal: Journal,
        inputs: RoundInputs,
        models: RoundModels,
        items: RoundItems,
        rest: Callable[[], None] | None = None,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._inputs = inputs
        self._models = models
        self._items = items
        self._rest = rest
        self._labels = torch.tensor([item.label for item in items.validation])

    def candidate(self) -> Candidate:
        """Return the candidate for the gate: the cheapest that is as good as any.

        On pretrained layers that is the head alone, where validation is sure of its gain on new images. Else,
        and where the layers were trained on our own images, all layers are trained too, and the one that
        gains more is taken.

        Raises:
            RoundCancelledError: A person asked for the round to stop.
            TrainingDivergedError: The loss became infinite or undefined.
        """
        head = self._head()
        if head is not None and self._settings.candidates == "head":
            return self._taken(head, f"The head alone gains {_gain(head)}. Nothing else is tried.")
        if head is not None and self._is_enough(head):
            return self._taken(head, f"The head alone gains {_gain(head)}, which is sure.")
        full = self._full()
        if head is None:
            return full
        if head.holds_old and head.blend.gain_new >= full.blend.gain_new:
            return self._taken(head, f"The head alone gains {_gain(head)}, all layers {_gain(full)}.")
        return self._taken(full, f"All layers gain {_gain(full)}, the head alone {_gain(head)}.")

    def more(self, before: Candidate) -> Candidate:
        """Return a candidate that learns more: all layers after the head, or those for longer.

        What is trained longer goes on from the first candidate, at a rate that is higher.

        Raises:
            RoundCancelledError: A person asked for the round to stop.
            TrainingDivergedError: The loss became infinite or undefined.
        """
        if before.kind == "head":
            return self._full()
        rate = _LONGER * self._settings.fine_tune.learning_rate
        network = self._models.network(before.tuned.state)
        return self._blended_full(self._train(network, learning_rate=rate))

    def smaller(self, before: Candidate) -> Candidate:
        """Return less of a candidate: closer to production, and sure of its gain on validation."""
        share = before.search.smaller_share(before.share)
        return replace(before, share=share, weights=self._models.blended(before.tuned.state, share))

    def _is_enough(self, head: Candidate) -> bool:
        is_pretrained = strategy_of(self._inputs.champion) == "linear_probe"
        return is_pretrained and head.holds_old and is_sure(head.blend)

    def _head(self) -> Candidate | None:
        if self._settings.candidates == "full":
            return None
        why_not = why_no_head(self._models, self._items, is_adapted=bool(self._inputs.target_images))
        if why_not is not None:
            self._journal.note("candidate", taken="full", why=why_not)
            return None

        def on_batch(num_done: int, num_batches: int) -> None:
            self._journal.poll_cancellation()
            self._journal.report(num_done, num_batches, 1)
            if self._rest is not None:
                self._rest()

        weight = self._settings.fine_tune.distillation_weight
        solved = solve_head(self._models, self._items, weight, on_batch)
        if not torch.isfinite(solved.solution.weight).all():
            self._journal.note("candidate", taken="full", why="The head came out without numbers.")
            return None
        num_classes = len(self._models.champion.artifact.class_names)
        before = solved.right_before(self._items.num_new_validation, num_classes)
        search = self._search(solved.right, before, _HEAD_FLIPS * self._settings.gate.max_negative_flips)
        return self._chosen("head", solved.result, search)

    def _full(self) -> Candidate:
        return self._blended_full(self._train(self._models.student(self._inputs.target_images)))

    def _blended_full(self, tuned: TrainingResult) -> Candidate:
        search = self._search(
            lambda share: self._right(self._models.blended(tuned.state, share)),
            self._champion_right(),
            self._settings.gate.max_negative_flips,
        )
        return self._chosen("full", tuned, search)

    def _chosen(self, kind: Kind, tuned: TrainingResult, search: BlendSearch) -> Candidate:
        share = search.choose().weight
        self._journal.note(
            "blend", candidate=kind, weight=share, tried=[asdict(blend) for blend in search.tried]
        )
        return Candidate(kind, tuned, search, share, self._models.blended(tuned.state, share))

    def _taken(self, candidate: Candidate, why: str) -> Candidate:
        self._journal.note("candidate", taken=candidate.kind, why=why)
        return candidate

    def _train(self, student: Classifier, **changes: Any) -> TrainingResult:
        models, items = self._models, self._items
        settings = replace(
            self._settings.fine_tune,
            seed=self._settings.fine_tune.seed + self._journal.round_id,
            precision=models.training_precision(),
            **changes,
        )
        training = models.images(
            items.training,
            settings.augmentation,
            settings.seed,
            simulates_shift="augmentation" in self._settings.adaptations,
        )

        def on_batch(num_done: int, num_steps: int) -> None:
            self._journal.poll_cancellation()
            self._journal.report(num_done, num_steps, settings.epochs)

        return fine_tune(
            models.champion.artifact,
            student,
            training,
            items.num_new,
            models.images(self._curve_items()),
            settings,
            on_epoch=self._on_epoch,
            on_batch=on_batch,
            on_piece=self._rest,
        )

    def _curve_items(self) -> list[Item]:
        validation, num_new = self._items.validation, self._items.num_new_validation
        groups = [(index < num_new, item.label) for index, item in enumerate(validation)]
        return [validation[index] for index in spread_evenly(groups, _MAX_CURVE_IMAGES)]

    def _on_epoch(self, epoch: Epoch) -> None:
        self._journal.note("epoch", **asdict(epoch))
        self._journal.stop_if_cancelled()

    def _search(
        self, right_at: Callable[[float], Tensor], champion_right: Tensor, max_flips: float
    ) -> BlendSearch:
        """Return the search for how far to go from the champion's weights towards a candidate's."""
        return BlendSearch(
            self._settings.blends,
            right_at,
            champion_right=champion_right,
            is_new=torch.arange(len(self._labels)) < self._items.num_new_validation,
            max_flips=max_flips,
        )

    def _champion_right(self) -> Tensor:
        logits = self._models.champion_in_float32(self._items.validation)
        return logits.argmax(dim=1).eq(self._labels)

    def _right(self, weights: StateDict) -> Tensor:
        """Return whether weights answer each validation image rightly, shape (n,)."""
        self._journal.stop_if_cancelled()
        return self._models.answer_in_float32(weights, self._items.validation).argmax(dim=1).eq(self._labels)


def strategy_of(version: Version) -> str:
    """Return how the layers below a version's head were trained, as `perennial train` names it."""
    return str(version.metrics.get("strategy", "full"))


def _gain(candidate: Candidate) -> str:
    """Return the gain on new validation images with its standard error, in points."""
    blend = candidate.blend
    return f"{100 * blend.gain_new:.1f} ± {100 * blend.error_new:.1f} points"
