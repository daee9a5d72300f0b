from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch

from transfer.golden_evaluation import GoldenEvaluation
from transfer.training_runs import TrainingPlan, TrainingRuns, run_trainings, spread
from vision.artifact import Artifact
from vision.engines.served_model import ServedModel
from vision.engines.torch_engine import TorchEngine
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for
from vision.training.strategies import Strategy, check_strategy
from vision.training.strategy_choice import BY_COST
from vision.transfer import TransferResult
from vision.transfer_settings import TransferSettings

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


@dataclass
class Recorded:
    """What a plan came to, and the names of its trainings."""

    runs: TrainingRuns
    names: list[str]


def run_plan(
    settings: TransferSettings, accuracies: Sequence[float], samples_per_class: int = 50
) -> Recorded:
    """Run as many seeds as there are accuracies, with trainings that give known figures."""
    names: list[str] = []

    def train(given: TransferSettings) -> TransferResult:
        strategy = check_strategy(given.strategy)
        accuracy = accuracies[given.seed - settings.seed]
        return result_of(strategy, accuracy, LOSSES[strategy], given.seed)

    def evaluate(result: TransferResult) -> GoldenEvaluation:
        model = ServedModel(result.artifact, TorchEngine(build_classifier("resnet18", 2)))
        return GoldenEvaluation(model, {}, {}, result.validation_accuracy - 0.1, 0.02, 0.03)

    plan = TrainingPlan(settings, len(accuracies), samples_per_class)
    return Recorded(run_trainings(plan, train, evaluate, names.append), names)


def test_the_seed_that_is_best_on_validation_is_kept_and_all_are_reported() -> None:
    recorded = run_plan(TransferSettings(seed=5), (0.8, 0.95, 0.9))
    runs = recorded.runs
    assert runs.chosen_seed == 6
    assert runs.result.artifact.temperature == 7.0
    assert runs.evaluation.accuracy == pytest.approx(0.85)
    assert [result.seed for result in runs.by_seed] == [5, 6, 7]
    assert [result.golden_accuracy for result in runs.by_seed] == pytest.approx([0.7, 0.85, 0.8])
    assert recorded.names == [f"seed {seed}, linear probe" for seed in (5, 6, 7)]


def test_of_equal_seeds_the_first_is_kept() -> None:
    assert run_plan(TransferSettings(seed=1), (0.9, 0.9)).runs.chosen_seed == 1


def test_the_best_strategy_is_kept_and_every_one_is_reported() -> None:
    recorded = run_plan(TransferSettings(strategy="best"), (0.9,))
    runs = recorded.runs
    assert runs.result.strategy == "full"
    assert [(result.strategy, result.is_chosen) for result in runs.by_strategy] == [
        ("linear_probe", False),
        ("partial", False),
        ("gradual", False),
        ("full", True),
    ]
    assert runs.by_strategy[0].loss == pytest.approx(1.0)
    assert recorded.names[1] == "seed 0, partial"


def test_a_plan_has_a_training_for_each_seed_and_strategy() -> None:
    plan = TrainingPlan(TransferSettings(seed=3, strategy="best"), num_seeds=2, samples_per_class=50)
    trainings = plan.trainings()
    assert [[each.strategy for each in seed] for seed in trainings] == [list(BY_COST)] * 2
    assert [{each.seed for each in seed} for seed in trainings] == [{3}, {4}]


def test_auto_stops_where_extraction_is_enough() -> None:
    recorded = run_plan(TransferSettings(), (0.9,), samples_per_class=104)
    assert recorded.runs.result.strategy == "linear_probe"
    assert recorded.names == ["seed 0, linear probe"]
    assert recorded.runs.by_strategy == ()


@pytest.mark.parametrize(
    ("losses", "kept"), [((0.2, 0.1, 0.1), "partial"), ((1.0, 0.9, 1.1), "linear_probe")]
)
def test_auto_goes_on_where_extraction_is_not_enough_and_keeps_what_validation_prefers(
    losses: Sequence[float], kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOSSES, "partial", losses)
    recorded = run_plan(TransferSettings(), (0.8,), samples_per_class=104)
    assert recorded.runs.result.strategy == kept
    assert [result.strategy for result in recorded.runs.by_strategy] == ["linear_probe", "partial"]


def test_one_training_alone_has_no_name_and_no_choice() -> None:
    recorded = run_plan(TransferSettings(), (0.9,))
    assert recorded.names == []
    assert recorded.runs.by_strategy == ()
    assert len(recorded.runs.by_seed) == 1


def test_the_deviation_is_that_of_a_sample() -> None:
    assert spread([1.0, 2.0, 3.0]) == (2.0, 1.0)
    assert spread([1.0]) == (1.0, None)
