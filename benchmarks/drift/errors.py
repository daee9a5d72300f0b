"""How soon a rise of errors from 10 to 20 % shows in labelled draws, and how often a steady rate alarms."""

from dataclasses import dataclass

import numpy as np

from monitoring.drift.error_rate import Counts, ErrorRateMonitor, ErrorSettings

USUAL, RAISED = 0.1, 0.2
_NUM_CLASSES = 10
#: Labels from which the baseline is known: so a true rate of 10 % is told as 9 to 11 %.
NUM_BASELINE = 2000
_NUM_STEADY = 15_000
_NUM_BEFORE = 200
_NUM_AFTER = 5000


@dataclass(frozen=True, slots=True)
class ErrorOutcome:
    """False alarms on 15,000 labels at the usual rate, and the delay after the rise, in labels."""

    false_alarms: int
    delay: int


def observe_errors(rng: np.random.Generator) -> ErrorOutcome:
    """Draw a baseline, a steady stream of labels, and one in which errors rise."""
    counts = rng.multinomial(NUM_BASELINE, np.full(_NUM_CLASSES, 1 / _NUM_CLASSES))
    baseline = [Counts(int(num), int(rng.binomial(num, USUAL))) for num in counts]
    steady = ErrorRateMonitor(baseline)
    alarms = sum(_is_alarm(steady, rng, USUAL, 10) for _ in range(_NUM_STEADY // 10))
    rising = ErrorRateMonitor(baseline)
    for _ in range(_NUM_BEFORE // 10):
        _is_alarm(rising, rng, USUAL, 10)
    for delay in range(1, _NUM_AFTER + 1):
        if _is_alarm(rising, rng, RAISED, 1):
            return ErrorOutcome(alarms, delay)
    return ErrorOutcome(alarms, _NUM_AFTER)


def declared_labels() -> int:
    """Return the declared mean number of labels between false alarms."""
    return ErrorSettings().declared_labels


def _is_alarm(monitor: ErrorRateMonitor, rng: np.random.Generator, rate: float, num: int) -> bool:
    classes = rng.integers(_NUM_CLASSES, size=num)
    return monitor.observe(rng.random(num) >= rate, classes) is not None
