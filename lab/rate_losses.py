"""Describes what the losses of trainings say about their learning rates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lab.outcomes import ArmRuns
from lab.seeds import interval_of, mean_of
from lab.sentences import listed
from vision.training.training import Epoch

# A last loss this many times the lowest has risen again; a loss that falls by this share is still falling.
RISE = 1.1
FALL = 0.05
_SMALLEST_LOSS = 1e-6


@dataclass(frozen=True, slots=True)
class RateLosses:
    """The losses of one learning rate, in nats, one entry for each training whose losses are all numbers.

    Attributes:
        rate: As people write it.
        num_trainings: Number of all trainings.
        seeds: Of the trainings in the lists.
        last_training: Training loss at the end.
        last_validation: Validation loss at the end.
        lowest_validation: Lowest validation loss of any epoch.
        last_fall: Share by which the training loss fell in the last epoch; empty after one epoch.
    """

    rate: str
    num_trainings: int
    seeds: tuple[int, ...]
    last_training: tuple[float, ...]
    last_validation: tuple[float, ...]
    lowest_validation: tuple[float, ...]
    last_fall: tuple[float, ...]

    @property
    def num_diverged(self) -> int:
        """Number of trainings whose loss became infinite or undefined."""
        return self.num_trainings - len(self.seeds)


def losses_of(runs: ArmRuns) -> RateLosses:
    """Return the losses of the trainings with one learning rate."""
    sound = [outcome for outcome in runs.finished if _is_sound(outcome.epochs[-1].validation_loss)]
    curves = [outcome.epochs for outcome in sound]
    return RateLosses(
        rate=runs.name,
        num_trainings=len(runs.outcomes),
        seeds=tuple(outcome.seed for outcome in sound),
        last_training=tuple(curve[-1].training_loss for curve in curves),
        last_validation=tuple(curve[-1].validation_loss for curve in curves),
        lowest_validation=tuple(
            min(epoch.validation_loss for epoch in curve if _is_sound(epoch.validation_loss))
            for curve in curves
        ),
        last_fall=tuple(last_fall_of(curve) for curve in curves if len(curve) > 1),
    )


def last_fall_of(curve: Sequence[Epoch]) -> float:
    """Return the share by which the training loss fell in the last of two epochs or more."""
    return 1 - curve[-1].training_loss / max(curve[-2].training_loss, _SMALLEST_LOSS)


def describe_rates(rates: Sequence[RateLosses], num_epochs: int) -> tuple[str, ...]:
    """Return sentences that compare each rate with the one whose validation loss is lowest at the end.

    Args:
        rates: Their losses, from the smallest rate to the largest.
        num_epochs: Of every training.
    """
    sound = [losses for losses in rates if losses.num_diverged == 0]
    if not sound:
        return (f"The loss became infinite or undefined at every rate: {_diverged(rates)}.",)
    best = min(sound, key=lambda losses: mean_of(losses.last_validation))
    place = rates.index(best)
    return (
        f"After {num_epochs} epochs the validation loss is lowest at a rate of {best.rate}: "
        f"{mean_of(best.last_validation):.3f} nats on average.",
        *(_describe_smaller(losses, best, num_epochs) for losses in rates[:place]),
        *(_describe_larger(losses, best) for losses in rates[place + 1 :]),
        *_describe_edge(place, len(rates)),
    )


def _describe_smaller(losses: RateLosses, best: RateLosses, num_epochs: int) -> str:
    if losses.num_diverged:
        return f"{losses.rate} is unstable here: {_diverged([losses])}."
    if not _is_clearly_above(losses, best):
        return f"{losses.rate} {_not_clear(losses, best, 'small')}"
    fall = mean_of(losses.last_fall)
    sentence = f"{losses.rate} is too small: {_ended(losses, best)}"
    if fall > FALL:
        return (
            f"{sentence}, while its training loss still fell by {100 * fall:.0f} % in the last epoch: "
            f"{num_epochs} epochs are too few at that rate."
        )
    return f"{sentence}, and its training loss hardly moves ({100 * fall:.0f} % less in the last epoch)."


def _describe_larger(losses: RateLosses, best: RateLosses) -> str:
    if losses.num_diverged:
        return f"{losses.rate} is too large: {_diverged([losses])}."
    if not _is_clearly_above(losses, best):
        return f"{losses.rate} {_not_clear(losses, best, 'large')}"
    sentence = f"{losses.rate} is too large: {_ended(losses, best)}"
    last, lowest = mean_of(losses.last_validation), mean_of(losses.lowest_validation)
    if last > RISE * lowest:
        return f"{sentence}, after it had been as low as {lowest:.3f}: it rises again or oscillates."
    return f"{sentence}, which is the lowest of all its epochs: its steps are too long to get lower."


def _is_clearly_above(losses: RateLosses, best: RateLosses) -> bool:
    # By ratios, since a loss of 2 spreads more than one of 0.1.
    logs = [
        math.log(max(loss, _SMALLEST_LOSS) / max(other, _SMALLEST_LOSS))
        for loss, other in _pairs(losses, best)
    ]
    interval = interval_of(logs)
    return interval is not None and interval.low > 0


def _pairs(losses: RateLosses, best: RateLosses) -> list[tuple[float, float]]:
    others = dict(zip(best.seeds, best.last_validation, strict=True))
    own = zip(losses.seeds, losses.last_validation, strict=True)
    return [(loss, others[seed]) for seed, loss in own if seed in others]


def _ended(losses: RateLosses, best: RateLosses) -> str:
    return (
        f"its validation loss ended at {mean_of(losses.last_validation):.3f} nats, clearly above "
        f"{mean_of(best.last_validation):.3f}"
    )


def _not_clear(losses: RateLosses, best: RateLosses, size: str) -> str:
    ended = f"its validation loss ended at {mean_of(losses.last_validation):.3f} nats"
    if len(_pairs(losses, best)) < 2:
        return f"may be too {size}: {ended}, but one training of each can't show more than chance."
    return f"is not clearly too {size}: {ended}, which is within the spread of that at {best.rate}."


def _diverged(rates: Sequence[RateLosses]) -> str:
    counts = [f"{losses.num_diverged} of {losses.num_trainings} trainings" for losses in rates]
    if len(rates) == 1:
        return f"the loss became infinite or undefined in {counts[0]}"
    return listed([f"{count} at {losses.rate}" for count, losses in zip(counts, rates, strict=True)])


def _describe_edge(place: int, num_rates: int) -> tuple[str, ...]:
    if place == 0:
        return ("That is the smallest rate tried: a smaller one may be better.",)
    if place == num_rates - 1:
        return ("That is the largest rate tried: a larger one may be better.",)
    return ()


def _is_sound(loss: float) -> bool:
    return math.isfinite(loss)
