"""Trains once for each seed and strategy that were asked for, and chooses the result to serve."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import mean, stdev

from transfer.golden_evaluation import GoldenEvaluation
from vision.training.strategies import Strategy
from vision.training.strategy_choice import (
    ENOUGH_ACCURACY,
    cheapest_within_one_error,
    strategies_in_turn,
    strategies_to_try,
)
from vision.transfer import TransferResult
from vision.transfer_settings import TransferSettings

#: Trains once with these settings.
Train = Callable[[TransferSettings], TransferResult]

AUTO, BEST = "auto", "best"


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """What one strategy reached on validation; losses are means in nats, accuracies fractions."""

    strategy: Strategy
    loss: float
    accuracy: float
    seconds: float
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What the training with one seed gave; accuracies are fractions."""

    seed: int
    strategy: Strategy
    validation_accuracy: float
    validation_loss: float
    golden_accuracy: float


@dataclass(frozen=True, slots=True)
class TrainingRuns:
    """The result to serve, with the figures of all results that it was chosen among.

    Attributes:
        result: Of the seed with the best validation accuracy; of equals, with the lowest validation loss.
        evaluation: Of that result.
        by_strategy: The chosen seed's strategies; empty unless several were compared.
        by_seed: One for each seed.
        chosen_seed: The result's.
    """

    result: TransferResult
    evaluation: GoldenEvaluation
    by_strategy: tuple[StrategyResult, ...]
    by_seed: tuple[SeedResult, ...]
    chosen_seed: int


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Which trainings to run.

    Attributes:
        settings: Of the first seed; the strategy may be "best", which compares all, or "auto", which goes on
            to the second only where the first is not enough.
        num_seeds: Seeds, counted up from the settings' own.
        samples_per_class: Images to learn from.
    """

    settings: TransferSettings
    num_seeds: int
    samples_per_class: int

    def trainings(self) -> list[list[TransferSettings]]:
        """Return the settings of each training, seed by seed; not all of "auto" need be run."""
        strategies = possible_strategies(self.settings, self.samples_per_class)
        return [
            [replace(self.settings, seed=self.settings.seed + number, strategy=name) for name in strategies]
            for number in range(self.num_seeds)
        ]


def possible_strategies(settings: TransferSettings, samples_per_class: int) -> tuple[str, ...]:
    """Return the strategies among which these settings choose, in the order in which they are tried."""
    if settings.strategy == BEST:
        return strategies_to_try(settings.weights)
    if settings.strategy == AUTO:
        return strategies_in_turn(samples_per_class, settings.weights)
    return (settings.strategy,)


def run_trainings(
    plan: TrainingPlan,
    train: Train,
    evaluate: Callable[[TransferResult], GoldenEvaluation],
    on_run: Callable[[str], None],
) -> TrainingRuns:
    """Run all trainings of a plan; evaluate one result of each seed, and keep one of them.

    Args:
        plan: Which trainings.
        train: Runs one training.
        evaluate: Evaluates the result of a seed's chosen strategy.
        on_run: Called with the name of each training, where there are several.
    """
    kept: TrainingRuns | None = None
    by_seed: list[SeedResult] = []
    for trainings in plan.trainings():
        is_in_turn = plan.settings.strategy == AUTO
        is_named = plan.num_seeds > 1 or len(trainings) > 1
        result, by_strategy = _train_seed(trainings, is_in_turn, train, on_run if is_named else _unnamed)
        evaluation = evaluate(result)
        seed = trainings[0].seed
        by_seed.append(_seed_result(seed, result, evaluation))
        if kept is None or _rank(by_seed[-1]) > _rank(kept.by_seed[0]):
            kept = TrainingRuns(result, evaluation, by_strategy, (by_seed[-1],), seed)
    if kept is None:
        raise ValueError(f"Expected one seed at least, got {plan.num_seeds}.")
    return replace(kept, by_seed=tuple(by_seed))


def spread(values: list[float]) -> tuple[float, float | None]:
    """Return the mean and the sample standard deviation, which one value alone does not have."""
    return mean(values), stdev(values) if len(values) > 1 else None


def _train_seed(
    trainings: list[TransferSettings], is_in_turn: bool, train: Train, on_run: Callable[[str], None]
) -> tuple[TransferResult, tuple[StrategyResult, ...]]:
    """Train by each strategy, or in turn until one is enough; return the result to keep with all figures."""
    results: dict[Strategy, TransferResult] = {}
    seconds: dict[Strategy, float] = {}
    for settings in trainings:
        on_run(f"seed {settings.seed}, {settings.strategy.replace('_', ' ')}")
        begun = time.monotonic()
        result = train(settings)
        results[result.strategy] = result
        seconds[result.strategy] = time.monotonic() - begun
        if is_in_turn and result.validation_accuracy >= ENOUGH_ACCURACY:
            break
    if len(results) == 1:
        return result, ()
    chosen = cheapest_within_one_error({name: each.validation_losses for name, each in results.items()})
    return results[chosen], tuple(
        StrategyResult(
            strategy=name,
            loss=float(each.validation_losses.mean()),
            accuracy=each.validation_accuracy,
            seconds=seconds[name],
            is_chosen=name == chosen,
        )
        for name, each in results.items()
    )


def _unnamed(name: str) -> None:
    """Tell nobody: one training alone needs no name."""


def _seed_result(seed: int, result: TransferResult, evaluation: GoldenEvaluation) -> SeedResult:
    return SeedResult(
        seed=seed,
        strategy=result.strategy,
        validation_accuracy=result.validation_accuracy,
        validation_loss=float(result.validation_losses.mean()),
        golden_accuracy=evaluation.accuracy,
    )


def _rank(result: SeedResult) -> tuple[float, float]:
    return result.validation_accuracy, -result.validation_loss
