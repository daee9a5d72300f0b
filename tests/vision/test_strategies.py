from collections.abc import Callable
from typing import Any

import pytest
import torch

from vision.network import build_classifier
from vision.strategies import Run, Strategy, _in_turn, fine_tune_settings
from vision.training import Epoch, TrainingResult, snapshot


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


@pytest.mark.parametrize("strategy", ["partial", "full", "gradual"])
def test_only_statistics_that_pretraining_gave_are_kept(strategy: Strategy) -> None:
    assert fine_tune_settings(strategy, {}, is_pretrained=True).keeps_statistics
    assert not fine_tune_settings(strategy, {}, is_pretrained=False).keeps_statistics
