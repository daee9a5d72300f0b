"""Decides when a round is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from retrain.gate.mcnemar import power
from retrain.gate.settings import GateSettings
from store.samples.pending import PendingCounts

# A round must prove a gain of 10 points half the time, where the two differ on a fifth of the images.
_HOPED_GAIN, _USUAL_DISAGREEMENT, _LEAST_POWER = 0.1, 0.2, 0.5


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """When a round begins by itself.

    Attributes:
        threshold: Pending samples that make a round due, those to judge on among them.
        max_days: A round is due when the oldest pending sample has waited this long, if `min_samples` are
            pending.
        min_samples: See `max_days`.
        max_backoff: The threshold doubles with each round in a row that won nothing, up to this.
        alpha: Level of the gate's test on new images, for a round's first candidate.
        alarm_samples: Pending samples that make a round due once after an alarm; None: alarms start none.
    """

    threshold: int = 500
    max_days: float = 28.0
    min_samples: int = 100
    max_backoff: int = 2000
    alpha: float = GateSettings().alpha_first
    alarm_samples: int | None = None


@dataclass(frozen=True, slots=True)
class EndedRound:
    """A round that is over.

    Attributes:
        state: promoted, rejected, inconclusive, failed or cancelled.
        num_samples: Samples that were pending for it, those to judge on among them.
        ended: When it ended.
    """

    state: str
    num_samples: int
    ended: datetime


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a round would be judged on as new, if it began now.

    Attributes:
        num_images: Fair new images: of the pool, or those that trusted keys sent with their label.
        num_unfair: Held-out samples that judge nothing, since no trusted key sent them and they were never
            predicted.
        num_ignored_trials: Trials in a row that ended with under half of their questions answered.
        num_since_roll_back: Pending samples that came after the last automatic roll-back; None where there
            was none since the last promotion.
        alarm_raised: When the first alarm was raised that has not ended; None where all have.
        has_new_class: An accepted class waits to be learnt: its own images prove it.
    """

    num_images: int
    num_unfair: int = 0
    num_ignored_trials: int = 0
    num_since_roll_back: int | None = None
    alarm_raised: datetime | None = None
    has_new_class: bool = False


@dataclass(frozen=True, slots=True)
class WaitingTrial:
    """A round that waits for labels: how many samples it took, and whether another may take its place."""

    num_samples: int
    may_be_replaced: bool


def due_reason(
    pending: PendingCounts,
    history: Sequence[EndedRound],
    forecast: Forecast,
    trial: WaitingTrial | None,
    now: datetime,
    settings: TriggerSettings,
) -> str | None:
    """Return why a round is due, None where none is.

    A round is due at `threshold` pending samples, or with `min_samples` once the oldest has waited for
    `max_days`. After rounds that were rejected, failed or cancelled it waits for twice as many, then four
    times (500, 1000, 2000), and for that much more than the last one had; after an inconclusive one, for
    `threshold` more. While a round waits for labels, the next is due with `threshold` more than it took, and
    not before three days. After an alarm one is due with `alarm_samples`, once. It is never due with nothing
    to learn from, or where nothing could be proven.

    Args:
        pending: The samples that wait.
        history: Ended rounds, newest first; those before the last promotion don't count.
        forecast: What a round would be judged on.
        trial: The round that waits for labels.
        now: The present, on the clock of the other times.
        settings: The limits.
    """
    if pending.num_samples == pending.num_holdout or _why_unprovable(forecast, settings) is not None:
        return None
    if forecast.num_since_roll_back is not None and forecast.num_since_roll_back < settings.threshold:
        return None
    if trial is not None:
        is_time = trial.may_be_replaced and pending.num_samples >= trial.num_samples + settings.threshold
        return f"{pending.num_samples} new samples, while a round waits for labels" if is_time else None
    unsuccessful = _since_promotion(history)
    needed = samples_needed(unsuccessful, settings)
    if pending.num_samples >= needed:
        return f"{pending.num_samples} new samples, {needed} are enough{_after(unsuccessful)}"
    if _is_due_after_alarm(pending, history, forecast.alarm_raised, settings):
        return f"{pending.num_samples} new samples, {settings.alarm_samples} are enough after an alarm"
    return _waited(pending, unsuccessful, now, settings)


def obstacle(
    pending: PendingCounts,
    history: Sequence[EndedRound],
    forecast: Forecast,
    settings: TriggerSettings,
) -> str | None:
    """Return what the next round waits for, where `threshold` samples alone would not begin it."""
    unsuccessful = _since_promotion(history)
    if pending.num_samples and pending.num_samples == pending.num_holdout:
        return "None of the new samples may be learnt: all of them are set aside to judge on."
    if forecast.num_since_roll_back is not None and forecast.num_since_roll_back < settings.threshold:
        return (
            f"A promotion was rolled back: the next round begins at {settings.threshold:,} samples that came "
            f"after it, of which there are {forecast.num_since_roll_back:,}."
        )
    if pending.num_samples >= settings.threshold and (why := _why_unprovable(forecast, settings)) is not None:
        return why
    if not unsuccessful:
        return None
    last = "one" if len(unsuccessful) == 1 else str(len(unsuccessful))
    needed = samples_needed(unsuccessful, settings)
    return f"The next round begins at {needed:,} new samples, since nothing was won by the last {last}."


def samples_needed(unsuccessful: Sequence[EndedRound], settings: TriggerSettings) -> int:
    """Return how many samples must be pending after these rounds, newest first, that promoted nothing.

    >>> samples_needed([], TriggerSettings())
    500
    """
    if not unsuccessful:
        return settings.threshold
    last = unsuccessful[0]
    if last.state == "inconclusive":
        return last.num_samples + settings.threshold
    failures = [each for each in unsuccessful if each.state != "inconclusive"]
    step = _backed_off(len(failures), settings)
    return max(step, last.num_samples + _backed_off(len(failures) - 1, settings))


def _why_unprovable(forecast: Forecast, settings: TriggerSettings) -> str | None:
    """Return why no round could prove its candidate better, None where one could."""
    if forecast.has_new_class:
        return None
    if forecast.num_ignored_trials >= 2:
        return (
            "The last two rounds that asked for labels got under half of their answers. "
            "The next one begins when open questions are answered."
        )
    if power(_HOPED_GAIN, _USUAL_DISAGREEMENT, forecast.num_images, settings.alpha) >= _LEAST_POWER:
        return None
    remedy = (
        " Have images predicted before they are labelled, or trust the key that sends them with their labels."
        if forecast.num_unfair > forecast.num_images
        else ""
    )
    # In tens: a count that rises with an image would tell that this image is held out.
    tens = forecast.num_images // 10 * 10
    there = f"some {tens:,}" if tens else "under 10"
    return (
        f"The new images to judge on are too few for a proof: there are {there}, and it takes about "
        f"{_fewest_images(settings.alpha):,}. One in five that are predicted is one.{remedy}"
    )


@lru_cache
def _fewest_images(alpha: float) -> int:
    """Return how many images to judge on make a proof likely, in tens."""
    return next(
        num
        for num in range(10, 10_000, 10)
        if power(_HOPED_GAIN, _USUAL_DISAGREEMENT, num, alpha) >= _LEAST_POWER
    )


def _is_due_after_alarm(
    pending: PendingCounts,
    history: Sequence[EndedRound],
    raised: datetime | None,
    settings: TriggerSettings,
) -> bool:
    if raised is None or settings.alarm_samples is None or pending.num_samples < settings.alarm_samples:
        return False
    # One that won nothing would win nothing again with the same samples.
    return all(each.ended < raised for each in history)


def _backed_off(num_failures: int, settings: TriggerSettings) -> int:
    # The cap on the exponent keeps a long history from making a huge number.
    doubled = settings.threshold << min(num_failures, 16)
    return max(settings.threshold, min(doubled, settings.max_backoff))


def _since_promotion(history: Sequence[EndedRound]) -> list[EndedRound]:
    states = [each.state for each in history]
    end = states.index("promoted") if "promoted" in states else len(states)
    return list(history[:end])


def _waited(
    pending: PendingCounts, unsuccessful: Sequence[EndedRound], now: datetime, settings: TriggerSettings
) -> str | None:
    if pending.oldest is None or pending.num_samples < settings.min_samples:
        return None
    # A round has tried the oldest samples, so the waiting begins again when it ends.
    since = max([pending.oldest, *(each.ended for each in unsuccessful)])
    if now - since < timedelta(days=settings.max_days):
        return None
    return (
        f"{pending.num_samples} new samples have waited for {(now - since).days} days{_after(unsuccessful)}"
    )


def _after(unsuccessful: Sequence[EndedRound]) -> str:
    return f" after {len(unsuccessful)} rounds without success" if unsuccessful else ""
