from collections.abc import Callable
from typing import Any

import pytest
import torch

from vision.network import build_classifier
from vision.training.strategies import Run, Strategy, _head_start, _in_turn, fine_tune_settings
from vision.training.training import Epoch, TrainingResult, snapshot


@pytest.mark.parametrize(("overrides", "kept"), [({}, 1), ({"keeps_best": False}, 2)])
def test_of_several_phases_the_best_epoch_is_kept_or_the_last(overrides: dict[str, Any], kept: int) -> None:
    classifier = build_classifier("resnet18", 2)
    nothing: list[tuple[torch.Tensor, int]] = []
    run = Run(classifier, nothing, nothing, nothing, overrides, "cpu", None, None)

    def phase(bias: float, accuracy: float) -> Callable[[Run], TrainingResult]:
        state = snapshot(classifier)
        state["fc.bias"] = torch.full((2,), bias)
        result = TrainingResult(state, (Epoch(1, 0.1, 0.1, 1.0, accuracy, 1.0),), 1, "good fit")
        return lambda _: result

    result = _in_turn(run, phase(1.0, accuracy=0.9), phase(2.0, accuracy=0.5))
    assert result.best_epoch == kept
    assert classifier.head.bias.tolist() == [float(kept)] * 2


def test_fine_tuning_starts_from_a_head_that_validation_says_nothing_of() -> None:
    torch.manual_seed(0)
    classifier = build_classifier("resnet18", 2)
    training = [(torch.rand(3, 32, 32) + number % 2, number % 2) for number in range(12)]
    shown = training[:6]
    reversed_labels = [(image, 1 - label) for image, label in shown]
    started, kept = list[torch.Tensor](), list[torch.Tensor]()
    for validation in (shown, reversed_labels):
        run = Run(classifier, training, training, validation, {"seed": 0}, "cpu", None, None)
        kept.append(_head_start(run).state["fc.weight"])
        # The penalty, which depends on validation, sets the length; the training images set the direction.
        started.append(torch.nn.functional.normalize(classifier.head.weight.detach().clone(), dim=1))
    assert torch.nn.functional.cosine_similarity(started[0], started[1]).min() > 0.9
    assert torch.nn.functional.cosine_similarity(kept[0], kept[1]).max() < 0.9


@pytest.mark.parametrize("strategy", ["partial", "full", "gradual"])
def test_only_statistics_that_pretraining_gave_are_kept(strategy: Strategy) -> None:
    assert fine_tune_settings(strategy, {}, is_pretrained=True).keeps_statistics
    assert not fine_tune_settings(strategy, {}, is_pretrained=False).keeps_statistics
