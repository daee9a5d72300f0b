"""The candidate of a round: trained from production's weights, and blended with them on validation."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from retrain.blend_choice import BlendSearch
from retrain.dataset import Item
from retrain.fine_tune import fine_tune
from retrain.journal import Journal
from retrain.models import RoundModels, StateDict
from retrain.round_inputs import RoundInputs
from retrain.round_items import RoundItems
from retrain.settings import RoundSettings
from vision.engines.served_form import spread_evenly
from vision.network import Classifier
from vision.training.training import Epoch, TrainingResult

# Curves are looked at; nothing is chosen by them.
_MAX_CURVE_IMAGES = 100
# What learnt too little is trained on at three times its rate: it is not held back by what it would forget.
_LONGER = 3.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was trained, and how much of it is taken.

    Attributes:
        tuned: The training's outcome.
        search: The blends of it with production.
        share: How much of it is taken; the rest is production's.
        weights: The blend with that share.
    """

    tuned: TrainingResult
    search: BlendSearch
    share: float
    weights: StateDict


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
        """Return the candidate for the gate.

        Raises:
            RoundCancelledError: A person asked for the round to stop.
            TrainingDivergedError: The loss became infinite or undefined.
        """
        return self._chosen(self._train(self._models.student(self._inputs.target_images)))

    def longer(self, before: Candidate) -> Candidate:
        """Return the candidate trained on, at a rate that is higher.

        Raises:
            RoundCancelledError: A person asked for the round to stop.
            TrainingDivergedError: The loss became infinite or undefined.
        """
        rate = _LONGER * self._settings.fine_tune.learning_rate
        return self._chosen(self._train(self._models.network(before.tuned.state), learning_rate=rate))

    def smaller(self, before: Candidate) -> Candidate:
        """Return less of a candidate: closer to production, and sure of its gain on validation."""
        share = before.search.smaller_share(before.share)
        return replace(before, share=share, weights=self._models.blended(before.tuned.state, share))

    def _chosen(self, tuned: TrainingResult) -> Candidate:
        search = self._blend_search(tuned.state)
        share = search.choose().weight
        self._journal.note("blend", weight=share, tried=[asdict(blend) for blend in search.tried])
        return Candidate(tuned, search, share, self._models.blended(tuned.state, share))

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

    def _blend_search(self, tuned: StateDict) -> BlendSearch:
        """Return the search for how far to go from the champion's weights towards the tuned ones."""
        num_new = self._items.num_new_validation
        return BlendSearch(
            self._settings.blends,
            lambda share: self._right(self._models.blended(tuned, share)),
            champion_right=self._champion_right(),
            is_new=torch.arange(len(self._labels)) < num_new,
            max_flips=self._settings.gate.max_negative_flips,
        )

    def _champion_right(self) -> Tensor:
        logits = self._models.champion_in_float32(self._items.validation)
        return logits.argmax(dim=1).eq(self._labels)

    def _right(self, weights: StateDict) -> Tensor:
        """Return whether weights answer each validation image rightly, shape (n,)."""
        self._journal.stop_if_cancelled()
        return self._models.answer_in_float32(weights, self._items.validation).argmax(dim=1).eq(self._labels)
