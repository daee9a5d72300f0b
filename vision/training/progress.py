"""The steps of a run of several phases: how many are planned, and how many are made."""

from collections.abc import Callable, Sequence
from typing import Any

from vision.batches import EVALUATION_BATCH, into_batches
from vision.training.strategies import Strategy, fine_tune_settings

OnStep = Callable[[int, int], None]


class RunProgress:
    """Adds up the steps of phases that each count their own from 1, and reports (done, total) of the run.

    What is reported never goes back: neither the steps done nor their share of the total. A phase that ends
    early lowers the total when the next one begins.
    """

    def __init__(self, planned: Sequence[int], on_step: OnStep) -> None:
        """Plan a run.

        Args:
            planned: Steps of each phase, in their order, at most.
            on_step: Called with (steps done, steps at most) of the run.
        """
        self._later_phases = list(planned)
        self._on_step = on_step
        self._num_finished = 0
        self._num_done = 0

    def __call__(self, done: int, total: int) -> None:
        """Note that `done` of `total` steps of a phase are made; the first step begins the next phase."""
        if done <= self._num_done or self._num_done == 0:
            self._num_finished += self._num_done
            self._later_phases = self._later_phases[1:]
        self._num_done = done
        self._on_step(self._num_finished + done, self._num_finished + total + sum(self._later_phases))


def planned_steps(
    strategy: Strategy,
    num_images: tuple[int, int],
    overrides: dict[str, Any],
    *,
    is_pretrained: bool,
    num_members: int = 1,
    num_views: int = 1,
) -> list[int]:
    """Return the steps of each phase, in their order, at most: a phase may stop early.

    Args:
        strategy: What is run.
        num_images: To train and to validate on.
        overrides: Fields of TrainingSettings that the caller fixed.
        is_pretrained: Whether the network starts from pretrained weights.
        num_members: Of the ensemble; the members of a linear probe share its phases.
        num_views: Of each image that the head is solved on.
    """
    embedding = [len(into_batches(range(num * num_views), EVALUATION_BATCH)) for num in num_images]
    if strategy == "linear_probe":
        return embedding
    settings = fine_tune_settings(strategy, overrides, is_pretrained=is_pretrained)
    num_batches = len(into_batches(range(num_images[0]), settings.batch_size, merge_single=True))
    fine_tuning = [num_batches * settings.epochs] * (2 if strategy == "gradual" else 1)
    has_head_start = is_pretrained or strategy != "full"
    return [*(embedding if has_head_start else []), *fine_tuning] * num_members
