"""What a round does after a first candidate that did not pass: cause, cure, and a verdict of its own."""

from dataclasses import replace

import pytest

from retrain.gate.settings import GateSettings
from retrain.settings import RoundSettings
from store.rounds.records import Round
from tests.retrain.world import CLASSES, World


def _run(world: World, gate: GateSettings) -> Round:
    world.send(CLASSES, 160)
    settings: RoundSettings = replace(world.settings, min_direct=10, gate=gate)
    return world.run(settings)


def _chain(world: World, round_id: int) -> tuple[str, str, list[str]]:
    [step] = [step for step in world.steps(round_id) if step.step == "cure"]
    return step.detail["cause"], step.detail["cure"], [each.cure for each in world.attempts(round_id)]


def test_what_learnt_too_little_to_prove_anything_is_trained_longer_and_may_pass(world: World) -> None:
    # Nothing passes at the first level.
    ended = _run(world, GateSettings(alpha_first=1e-12))
    assert _chain(world, ended.id) == ("new_not_learnt", "longer", ["fine_tune", "longer"])
    assert ended.state == "promoted", ended.reason
    epochs = [step.detail["epoch"] for step in world.steps(ended.id) if step.step == "epoch"]
    assert epochs == 2 * list(range(1, world.settings.fine_tune.epochs + 1))


@pytest.mark.usefixtures("trained_once")
def test_confidences_that_got_worse_are_fitted_to_old_images_alone(world: World) -> None:
    # None can be true enough.
    ended = _run(world, GateSettings(max_calibration_rise=-2.0, min_calibration=1))
    assert _chain(world, ended.id) == ("confidences", "new_temperature", ["fine_tune", "new_temperature"])
    first, second = (attempt.verdict["checks"] for attempt in world.attempts(ended.id))
    errors = [
        next(check for check in checks if check["name"] == "calibration")["numbers"]["candidate_error"]
        for checks in (first, second)
    ]
    assert errors[1] <= errors[0] + 1e-4
    assert ended.state == "rejected"
    assert "with confidences fitted again" in str(ended.reason)


@pytest.mark.usefixtures("trained_once")
def test_the_reason_tells_both_verdicts_in_their_order(world: World) -> None:
    ended = _run(world, GateSettings(alpha_first=1e-12, alpha_second=1e-12))
    first, second = (attempt.verdict["sentence"] for attempt in world.attempts(ended.id))
    assert ended.reason == f"{first} Then, trained longer: {second}"
