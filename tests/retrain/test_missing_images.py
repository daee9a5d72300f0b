"""An image that a round needs is not there any more: it was deleted, or lost."""

from dataclasses import replace
from typing import Any

import pytest

from retrain.journal import Journal
from retrain.learner import child
from retrain.learner.round_process import CRASHED, REPEATED
from retrain.settings import RoundSettings
from store.rounds.log import REPEAT_STEP
from store.samples.pending import pending_samples
from store.samples.sample import Sample
from store.samples.samples import delete_sample
from tests.retrain.world import CLASSES, FAST, World


class DeletingJournal(Journal):
    """A user deletes a sample when the training is over."""

    def __init__(self, world: World, round_id: int, fencing: int) -> None:
        super().__init__(world.database, round_id, fencing)
        self._world = world

    def enter_evaluating(self, curves: dict[str, Any]) -> None:
        super().enter_evaluating(curves)
        chosen_on = _first(self._world, "validation")
        self._world.database.write(lambda c: delete_sample(c, chosen_on.id))
        self._world.blobs.delete(chosen_on.sha256)


@pytest.fixture
def brief() -> RoundSettings:
    return replace(FAST, fine_tune=replace(FAST.fine_tune, epochs=1, learning_rate=1e-5))


def _first(world: World, split: str) -> Sample:
    with world.database.read() as connection:
        return next(sample for sample in pending_samples(connection) if sample.split == split)


def test_a_round_whose_sample_is_deleted_meanwhile_begins_anew_and_is_no_crash(
    world: World, brief: RoundSettings
) -> None:
    world.send(CLASSES, 20)
    journal = DeletingJournal(world, *world.begin())
    assert child.main(world.state, brief, journal) == REPEATED
    step = world.steps(journal.round_id)[-1]
    assert (step.step, "deleted while it ran" in step.detail["reason"]) == (REPEAT_STEP, True)


def test_a_round_whose_image_was_lost_crashes(world: World, brief: RoundSettings) -> None:
    world.send(CLASSES, 20)
    world.blobs.delete(_first(world, "train").sha256)
    assert child.main(world.state, brief, Journal(world.database, *world.begin())) == CRASHED
