"""A round writes down all that makes it again."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from retrain.journal import Journal
from retrain.round import run_round
from store.rounds import progress
from tests.retrain.world import CLASSES, World


def test_a_round_stores_its_settings_versions_and_samples(world: World) -> None:
    world.send(CLASSES, 20)
    brief = replace(world.settings, fine_tune=replace(world.settings.fine_tune, epochs=1, seed=7))
    ended = world.run(brief)
    [recipe] = [step.detail for step in world.steps(ended.id) if step.step == "recipe"]
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["fine_tune"]["seed"] == 7
    assert recipe["fine_tune"]["epochs"] == 1
    assert recipe["gate"]["alpha_first"] == brief.gate.alpha_first
    assert recipe["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert recipe["training_precision"] == "float32"


class CrashingJournal(Journal):
    """The machine stops when the training is over."""

    def enter_evaluating(self, curves: dict[str, Any]) -> None:
        raise RuntimeError("the machine stopped")


def test_a_round_that_is_repeated_draws_and_learns_the_same(world: World) -> None:
    world.send(CLASSES, 40)
    brief = replace(world.settings, fine_tune=replace(world.settings.fine_tune, epochs=1))
    round_id, fencing = world.begin()
    with pytest.raises(RuntimeError):
        run_round(world.state, brief, CrashingJournal(world.database, round_id, fencing))
    world.database.write(partial(progress.begin, round_id=round_id, fencing=fencing))
    world.go_on(round_id, fencing, brief)
    first, again = (step.detail["training_loss"] for step in world.steps(round_id) if step.step == "epoch")
    assert first == again
