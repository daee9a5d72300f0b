"""An image that a round needs is not there any more: it was deleted, or lost."""

from dataclasses import replace
from typing import Any

import pytest

from retrain.journal import Journal
from retrain.learner import child
from retrain.learner.round_process import REPEATED
from retrain.settings import RoundSettings
from store.rounds.log import REPEAT_STEP, recorded_samples
from store.samples.pending import pending_samples
from store.samples.sample import Sample
from store.samples.samples import delete_sample
from store.slices import slice_names, slice_samples
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
    assert (step.step, "were deleted" in step.detail["reason"]) == (REPEAT_STEP, True)


@pytest.mark.parametrize("split", ["train", "validation", "holdout"])
def test_a_round_leaves_out_samples_whose_image_is_lost_and_names_them(
    world: World, brief: RoundSettings, split: str
) -> None:
    world.send(CLASSES, 20)
    lost = _first(world, split)
    world.blobs.delete(lost.sha256)
    journal = Journal(world.database, *world.begin())
    assert child.main(world.state, brief, journal) == 0
    [step] = [step for step in world.steps(journal.round_id) if step.step == "lost_images"]
    assert step.detail == {"sample_ids": [lost.id]}
    with world.database.read() as connection:
        assert lost.id not in [sample_id for sample_id, *_ in recorded_samples(connection, journal.round_id)]


def test_a_lost_golden_image_ends_no_round(world: World, brief: RoundSettings) -> None:
    world.send(CLASSES, 20)
    with world.database.read() as connection:
        [golden, *_] = slice_samples(connection, slice_names(connection, 1)[0])
    world.blobs.delete(golden.sha256)
    assert child.main(world.state, brief, Journal(world.database, *world.begin())) == 0
