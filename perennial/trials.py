"""Trains as often as seeds and strategies were asked for, and says which result to serve."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import mean, stdev

from perennial.golden import Judgement
from vision.progress import Tell, WholeRun
from vision.strategies import Strategy
from vision.strategy_choice import cheapest_within_one_error, strategies_to_try
from vision.transfer import TransferResult, TransferSettings

#: Trains once: settings and who is told (steps done, steps at most) in, the result out.
Train = Callable[[TransferSettings, Tell], TransferResult]

BEST = "best"


@dataclass(frozen=True, slots=True)
class Tried:
    """What one strategy did on validation; losses are means in nats, accuracies fractions."""

    strategy: Strategy
    loss: float
    accuracy: float
    seconds: float
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Repeat:
    """What the training with one seed gave; accuracies are fractions."""

    seed: int
    strategy: Strategy
    validation_accuracy: float
    validation_loss: float
    golden_accuracy: float


@dataclass(frozen=True, slots=True)
class Trials:
    """The result to serve, with what it was chosen among.

    Attributes:
        result: Of the seed with the best validation accuracy; of equals, with the lowest validation loss.
        judgement: Its own.
        tried: Its seed's strategies, where the best was asked for.
        repeats: One for each seed.
        chosen_seed: The result's.
    """

    result: TransferResult
    judgement: Judgement
    tried: tuple[Tried, ...]
    repeats: tuple[Repeat, ...]
    chosen_seed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train.

    Attributes:
        settings: Of the first seed; the strategy may be "best".
        num_repeats: Seeds, counted up from the settings' own.
        num_steps: Steps of one training, at most.
        tell: Hears (steps done, steps at most) of the whole.
        on_run: Hears what is trained next, where that is more than one training.
    """

    settings: TransferSettings
    num_repeats: int
    num_steps: Callable[[TransferSettings], int]
    tell: Tell
    on_run: Callable[[str], None]

    def seeds(self) -> list[list[TransferSettings]]:
        """Return the settings of each training, seed by seed."""
        is_choice = self.settings.strategy == BEST
        strategies = strategies_to_try(self.settings.weights) if is_choice else (self.settings.strategy,)
        return [
            [replace(self.settings, seed=self.settings.seed + number, strategy=name) for name in strategies]
            for number in range(self.num_repeats)
        ]


def run_trials(plan: Plan, train: Train, judge: Callable[[TransferResult], Judgement]) -> Trials:
    """Train all that is planned; of each seed one strategy is judged, and of all seeds one result is kept."""
    seeds = plan.seeds()
    whole = WholeRun([plan.num_steps(each) for seed in seeds for each in seed], plan.tell)
    kept: Trials | None = None
    repeats: list[Repeat] = []
    for seed in seeds:
        result, tried = _chosen(seed, train, whole, plan)
        judgement = judge(result)
        repeats.append(_repeat(seed[0].seed, result, judgement))
        if kept is None or _rank(repeats[-1]) > _rank(kept.repeats[0]):
            kept = Trials(result, judgement, tried, (repeats[-1],), seed[0].seed)
    if kept is None:
        raise ValueError(f"Expected one seed at least, got {plan.num_repeats}.")
    return replace(kept, repeats=tuple(repeats))


def spread(values: list[float]) -> tuple[float, float | None]:
    """Return the mean and the sample standard deviation, which one value alone does not have."""
    return mean(values), stdev(values) if len(values) > 1 else None


def _chosen(
    settings: list[TransferSettings], train: Train, whole: Tell, plan: Plan
) -> tuple[TransferResult, tuple[Tried, ...]]:
    """Train by each strategy, and return the one to keep, with the figures of all where there are several."""
    results: dict[Strategy, TransferResult] = {}
    seconds: dict[Strategy, float] = {}
    for each in settings:
        if plan.num_repeats > 1 or len(settings) > 1:
            plan.on_run(f"seed {each.seed}, {each.strategy.replace('_', ' ')}")
        begun = time.monotonic()
        result = train(each, whole)
        results[result.strategy] = result
        seconds[result.strategy] = time.monotonic() - begun
    if plan.settings.strategy != BEST:
        return result, ()
    chosen = cheapest_within_one_error({name: found.validation_losses for name, found in results.items()})
    return results[chosen], tuple(
        Tried(
            strategy=name,
            loss=float(found.validation_losses.mean()),
            accuracy=found.validation_accuracy,
            seconds=seconds[name],
            is_chosen=name == chosen,
        )
        for name, found in results.items()
    )


def _repeat(seed: int, result: TransferResult, judgement: Judgement) -> Repeat:
    return Repeat(
        seed=seed,
        strategy=result.strategy,
        validation_accuracy=result.validation_accuracy,
        validation_loss=float(result.validation_losses.mean()),
        golden_accuracy=judgement.accuracy,
    )


def _rank(repeat: Repeat) -> tuple[float, float]:
    return repeat.validation_accuracy, -repeat.validation_loss
