"""Decides when a round is due."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.samples.pending import PendingCounts


@dataclass(frozen=True, slots=True)
class TriggerSettings:
    """When a round begins by itself.

    Attributes:
        threshold: Pending samples that make a round due, those to judge on among them.
        max_days: A round is due when the oldest pending sample has waited this long, if `min_samples` are
            pending.
        min_samples: See `max_days`.
        max_backoff: The threshold doubles with each round in a row that won nothing, up to this.
        holdout_growth: After an inconclusive round the new holdout must grow by this factor.
    """

    threshold: int = 500
    max_days: float = 28.0
    min_samples: int = 100
    max_backoff: int = 2000
    holdout_growth: float = 1.5


@dataclass(frozen=True, slots=True)
class EndedRound:
    """A round that is over.

    Attributes:
        state: promoted, rejected, inconclusive, failed or cancelled.
        num_samples: Samples that were pending for it, those to judge on among them.
        num_holdout: New holdout samples that it was judged on.
        ended: When it ended.
    """

    state: str
    num_samples: int
    num_holdout: int
    ended: datetime


def due_reason(
    pending: PendingCounts,
    history: Sequence[EndedRound],
    now: datetime,
    settings: TriggerSettings,
) -> str | None:
    """Return why a round is due, None where none is.

    A round is due at `threshold` pending samples, or with `min_samples` once the oldest has waited for
    `max_days`. After rounds that were rejected, failed or cancelled it waits for twice as many, then
    four times (500, 1000, 2000), and for that much more than the last one had. After an inconclusive
    round it is due only with a larger holdout, and `min_samples` in all: the same samples would give the same
    answer, and each verdict on them makes the next one stricter. With nothing to learn from it is never due.

    Args:
        pending: The samples that wait.
        history: Ended rounds, newest first; those before the last promotion don't count.
        now: The present, on the clock of the other times.
        settings: The limits.
    """
    if pending.num_samples == pending.num_holdout:
        return None
    since_promotion = _since_promotion(history)
    if since_promotion and since_promotion[0].state == "inconclusive":
        return _grown(pending, since_promotion[0], settings)
    failures = [each for each in since_promotion if each.state != "inconclusive"]
    needed = samples_needed(failures, settings)
    if pending.num_samples >= needed:
        return f"{pending.num_samples} new samples, {needed} are enough{_after(failures)}"
    return _waited(pending, failures, now, settings)


def obstacle(pending: PendingCounts, history: Sequence[EndedRound], settings: TriggerSettings) -> str | None:
    """Return what the next round waits for, where `threshold` samples alone would not begin it."""
    since_promotion = _since_promotion(history)
    if pending.num_samples and pending.num_samples == pending.num_holdout:
        return "None of the new samples may be learnt: all of them are set aside to judge on."
    if since_promotion and since_promotion[0].state == "inconclusive":
        needed = _holdout_needed(since_promotion[0], settings)
        return (
            f"The last round was inconclusive: the next one begins at {needed:,} new samples to judge on, of "
            f"which there are {pending.num_holdout:,}."
        )
    failures = [each for each in since_promotion if each.state != "inconclusive"]
    if not failures:
        return None
    last = "one" if len(failures) == 1 else str(len(failures))
    needed = samples_needed(failures, settings)
    return f"The next round begins at {needed:,} new samples, since nothing was won by the last {last}."


def samples_needed(failures: Sequence[EndedRound], settings: TriggerSettings) -> int:
    """Return how many samples must be pending after these rounds, newest first, that won nothing.

    >>> samples_needed([], TriggerSettings())
    500
    """
    if not failures:
        return settings.threshold
    step = _backed_off(len(failures), settings)
    return max(step, failures[0].num_samples + _backed_off(len(failures) - 1, settings))


def _backed_off(num_failures: int, settings: TriggerSettings) -> int:
    # The cap on the exponent keeps a long history from making a huge number.
    doubled = settings.threshold << min(num_failures, 16)
    return max(settings.threshold, min(doubled, settings.max_backoff))


def _since_promotion(history: Sequence[EndedRound]) -> list[EndedRound]:
    states = [each.state for each in history]
    end = states.index("promoted") if "promoted" in states else len(states)
    return list(history[:end])


def _grown(pending: PendingCounts, last: EndedRound, settings: TriggerSettings) -> str | None:
    needed = _holdout_needed(last, settings)
    if pending.num_holdout < needed or pending.num_samples < settings.min_samples:
        return None
    return (
        f"the last round was inconclusive with {last.num_holdout} new holdout samples, "
        f"now there are {pending.num_holdout}"
    )


def _holdout_needed(last: EndedRound, settings: TriggerSettings) -> int:
    return max(math.ceil(settings.holdout_growth * last.num_holdout), last.num_holdout + 1)


def _waited(
    pending: PendingCounts, failures: Sequence[EndedRound], now: datetime, settings: TriggerSettings
) -> str | None:
    if pending.oldest is None or pending.num_samples < settings.min_samples:
        return None
    # A failed round has tried the oldest samples, so the waiting begins again when it ends.
    since = max([pending.oldest, *(each.ended for each in failures)])
    if now - since < timedelta(days=settings.max_days):
        return None
    return f"{pending.num_samples} new samples have waited for {(now - since).days} days{_after(failures)}"


def _after(failures: Sequence[EndedRound]) -> str:
    return f" after {len(failures)} rounds without success" if failures else ""
