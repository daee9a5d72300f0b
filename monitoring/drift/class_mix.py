"""Finds since when classes come in other shares, and which."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.change_point import change_point
from monitoring.drift.odd_rows import MIN_ROWS, NUM_FOLDS

Labels = NDArray[np.int64]
Values = NDArray[np.floating]

_SMOOTHING = 5.0
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class ClassMix:
    """How the shares of predicted classes changed.

    Attributes:
        since: The first row after the change.
        excess: Of each class, in standard deviations of what chance gives; positive is more than before.
        gain: By how many nats shares learnt on four fifths of the rows tell the others from the reference.
    """

    since: int
    excess: Values
    gain: float


def find_class_mix(reference: Labels, recent: Labels, num_classes: int, begin: int) -> ClassMix:
    """Find the change of shares that is likeliest.

    Args:
        reference: Predicted classes, shape (N,).
        recent: Likewise, in the order of time, shape (M,), M at least 20.
        num_classes: How many there are.
        begin: The recent row at which the change is thought to be at first.
    """
    usual = (np.bincount(reference, minlength=num_classes) + _SMOOTHING / num_classes).astype(np.float64)
    usual /= usual.sum()
    since = begin
    for _ in range(_ROUNDS):
        ratios = _log_ratios(recent[since:], usual)[recent]
        since = min(change_point(ratios), len(recent) - MIN_ROWS)
    after = recent[since:]
    return ClassMix(since, excess_of(after, usual, len(reference)), _held_out_gain(after, usual))


def excess_of(labels: Labels, usual: Values, num_reference: int, weights: Values | None = None) -> Values:
    """Return how many more rows each class has than its usual share, in standard deviations."""
    counts = np.bincount(labels, weights=weights, minlength=len(usual))
    total = counts.sum()
    variance = total * usual * (1 - usual) * (1 + total / num_reference)
    return np.asarray((counts - total * usual) / np.sqrt(np.maximum(variance, 1e-9)))


def _log_ratios(learnt: Labels, usual: Values) -> Values:
    counts = np.bincount(learnt, minlength=len(usual))
    return np.asarray(np.log((counts + _SMOOTHING * usual) / (len(learnt) + _SMOOTHING) / usual))


def _held_out_gain(labels: Labels, usual: Values) -> float:
    folds = np.arange(len(labels)) % NUM_FOLDS
    return float(
        sum(
            _log_ratios(labels[folds != fold], usual)[labels[folds == fold]].sum()
            for fold in range(NUM_FOLDS)
        )
    )
