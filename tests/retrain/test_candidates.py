"""A round trains deeper where its first training learnt too little, and takes what is better."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from retrain import candidates
from retrain.blend_choice import BlendSearch
from retrain.candidates import Candidate, deeper
from retrain.settings import FineTuneSettings
from tests.retrain.world import CLASSES, World
from vision.training.training import TrainingResult

_NUM = 100
_MAX_FLIPS = 0.04


def _right(num_new: int, num_old: int) -> Tensor:
    """Return which of 100 new and 100 old images are answered rightly: the first ones of each."""
    return torch.cat([torch.arange(_NUM) < num_new, torch.arange(_NUM) < num_old])


def _candidate(
    learnt: tuple[int, int], champion: tuple[int, int] = (30, 80), name: str = "fine_tune"
) -> Candidate:
    """Return a candidate that answers so many new and old images rightly, whole."""
    is_new = torch.arange(2 * _NUM) < _NUM
    search = BlendSearch((1.0,), lambda _: _right(*learnt), _right(*champion), is_new, _MAX_FLIPS)
    result = TrainingResult({}, (), 1, "good fit")
    return Candidate(name, result, search, search.choose())


def _leaves_unlearnt(candidate: Candidate) -> bool:
    return candidate.search.leaves_new_unlearnt(candidate.chosen)


def test_something_is_left_to_learn_where_new_is_answered_worse_and_the_gain_is_not_sure() -> None:
    # Five of 100 won: .05 ± .022, no three standard errors.
    assert _leaves_unlearnt(_candidate(learnt=(35, 80)))


def test_a_sure_gain_is_enough() -> None:
    # Ten of 100 won: .10 ± .030.
    assert not _leaves_unlearnt(_candidate(learnt=(40, 80)))


def test_nothing_is_left_to_learn_where_new_images_are_like_the_old_ones() -> None:
    # 80 against 72 of 100: eight points, and two standard errors are twelve.
    assert not _leaves_unlearnt(_candidate(learnt=(72, 80), champion=(72, 80)))


@pytest.mark.parametrize("is_new", [True, False])
def test_images_of_one_kind_alone_leave_nothing_to_compare(is_new: bool) -> None:
    right = torch.arange(_NUM) < 30
    search = BlendSearch((1.0,), lambda _: right, right, torch.full((_NUM,), is_new), _MAX_FLIPS)
    assert not search.leaves_new_unlearnt(search.choose())


def test_a_deeper_candidate_is_better_if_it_gains_a_standard_error_more() -> None:
    first = _candidate(learnt=(35, 80))
    # Of 100 new images the deeper one wins 12: ± 3.3.
    assert not _candidate(learnt=(37, 80)).is_better_than(first)
    assert _candidate(learnt=(42, 80)).is_better_than(first)


def test_a_deeper_candidate_that_loses_the_old_is_not_better() -> None:
    first = _candidate(learnt=(35, 80))
    assert not _candidate(learnt=(90, 70)).is_better_than(first)


def test_a_deeper_candidate_that_holds_the_old_is_better_than_one_that_does_not() -> None:
    assert _candidate(learnt=(35, 80)).is_better_than(_candidate(learnt=(90, 70)))


def test_deeper_is_three_times_the_rate_in_twice_the_passes() -> None:
    settings = deeper(FineTuneSettings())
    assert settings.learning_rate == pytest.approx(3e-4)
    assert settings.epochs == 6
    assert deeper(FineTuneSettings(learning_rate=0.5)).learning_rate == 1.0


def test_where_a_gentle_training_learns_nothing_a_deeper_one_is_judged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As far as the usual rounds of these tests go: 1e-3.
    monkeypatch.setattr(candidates, "_DEEPER_RATE", 1000)
    world.send(CLASSES, 160)
    gentle = replace(world.settings.fine_tune, epochs=3, learning_rate=1e-6)
    ended = world.run(replace(world.settings, fine_tune=gentle))
    blends = [step.detail for step in world.steps(ended.id) if step.step == "blend"]
    assert [blend["candidate"] for blend in blends] == ["fine_tune", "deeper"]
    assert ended.state == "promoted", ended.reason
    assert world.attempts(ended.id)[0].cure == "deeper"
    assert ended.curves is not None
    assert len(ended.curves["epochs"]) == 6
