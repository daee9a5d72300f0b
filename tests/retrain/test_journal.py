"""A round's record of how far its training is."""

import time

import pytest

from retrain.journal import Journal
from store.errors import FencedError
from store.rounds.training_progress import TrainingProgress, training_progress
from tests.retrain.world import World


def _progress(world: World, round_id: int) -> TrainingProgress | None:
    with world.database.read() as connection:
        return training_progress(connection, round_id)


def test_a_training_reports_how_far_it_is_every_few_seconds(
    small_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = time.monotonic()
    monkeypatch.setattr("retrain.journal.time.monotonic", lambda: moment)
    round_id, fencing = small_world.begin()
    journal = Journal(small_world.database, round_id, fencing)
    journal.enter("training")
    moment += 4
    journal.report(10, 90, 3)
    assert _progress(small_world, round_id) is None
    moment += 6
    journal.report(30, 90, 3)
    assert _progress(small_world, round_id) == TrainingProgress(round_id, 1, 3, 30, 90, seconds_left=20.0)
    moment += 10
    journal.report(31, 90, 3)
    present = _progress(small_world, round_id)
    assert present is not None
    assert (present.epoch, present.num_steps_done) == (2, 31)
    small_world.acquire_lease("learner", seconds=0)
    moment += 10
    with pytest.raises(FencedError):
        journal.report(32, 90, 3)
