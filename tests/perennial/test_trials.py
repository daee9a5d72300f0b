from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from perennial.golden import Judgement
from perennial.trials import Plan, Trials, run_trials, spread
from vision.artifact import Artifact
from vision.engines.serving import ServedModel
from vision.engines.torch_engine import TorchEngine
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for
from vision.strategies import Strategy
from vision.transfer import TransferResult, TransferSettings

ARTIFACT = Artifact("resnet18", ("blue", "red"), preprocessing_for("resnet18", 32), {})
# Validation losses of each strategy: full is the best by far.
LOSSES: dict[str, Sequence[float]] = {
    "linear_probe": (0.9, 1.0, 1.1),
    "partial": (0.8, 0.9, 1.0),
    "gradual": (0.7, 0.9, 0.8),
    "full": (0.1, 0.2, 0.1),
}


def result_of(strategy: Strategy, accuracy: float, losses: Sequence[float], seed: int) -> TransferResult:
    artifact = replace(ARTIFACT, temperature=1.0 + seed)
    return TransferResult(artifact, (), 1, "good fit", strategy, (), accuracy, torch.tensor(losses))


@pytest.fixture
def run() -> Callable[..., tuple[Trials, list[tuple[int, int]], list[str]]]:
    """Run trials whose trainings give known figures; return what came of it and what was told."""

    def ran(
        settings: TransferSettings, accuracies: Sequence[float], num_repeats: int = 1
    ) -> tuple[Trials, list[tuple[int, int]], list[str]]:
        steps: list[tuple[int, int]] = []
        names: list[str] = []

        def train(given: TransferSettings, tell: Callable[[int, int], None]) -> TransferResult:
            for done in range(1, 4):
                tell(done, 3)
            strategy: Any = "linear_probe" if given.strategy == "auto" else given.strategy
            accuracy = accuracies[given.seed - settings.seed]
            return result_of(strategy, accuracy, LOSSES[strategy], given.seed)

        plan = Plan(
            settings, num_repeats, lambda _: 3, lambda done, total: steps.append((done, total)), names.append
        )

        def judge(result: TransferResult) -> Judgement:
            model = ServedModel(result.artifact, TorchEngine(build_classifier("resnet18", 2)))
            return Judgement(model, {}, result.validation_accuracy - 0.1, 0.02, 0.03)

        return run_trials(plan, train, judge), steps, names

    return ran


def test_the_seed_that_is_best_on_validation_is_kept_and_all_are_told(run: Any) -> None:
    trials, steps, names = run(TransferSettings(seed=5), (0.8, 0.95, 0.9), num_repeats=3)
    assert trials.chosen_seed == 6
    assert trials.result.artifact.temperature == 7.0
    assert trials.judgement.accuracy == pytest.approx(0.85)
    assert [repeat.seed for repeat in trials.repeats] == [5, 6, 7]
    assert [repeat.golden_accuracy for repeat in trials.repeats] == pytest.approx([0.7, 0.85, 0.8])
    assert steps == [(done, 9) for done in range(1, 10)]
    assert names == ["seed 5, auto", "seed 6, auto", "seed 7, auto"]


def test_of_equal_seeds_the_first_is_kept(run: Any) -> None:
    trials, *_ = run(TransferSettings(seed=1), (0.9, 0.9), num_repeats=2)
    assert trials.chosen_seed == 1


def test_the_best_strategy_is_found_and_every_one_is_told(run: Any) -> None:
    trials, steps, names = run(TransferSettings(strategy="best"), (0.9,))
    assert trials.result.strategy == "full"
    assert [(tried.strategy, tried.is_chosen) for tried in trials.tried] == [
        ("linear_probe", False),
        ("partial", False),
        ("gradual", False),
        ("full", True),
    ]
    assert trials.tried[0].loss == pytest.approx(1.0)
    assert steps[-1] == (12, 12)
    assert all(before[0] + 1 == after[0] for before, after in pairwise(steps))
    assert names[1] == "seed 0, partial"


def test_one_training_alone_has_no_name_and_no_choice(run: Any) -> None:
    trials, _, names = run(TransferSettings(), (0.9,))
    assert names == []
    assert trials.tried == ()
    assert len(trials.repeats) == 1


def test_the_deviation_is_that_of_a_sample() -> None:
    assert spread([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert spread([1.0]) == (1.0, None)
