"""Figures of simulated rounds with their 99 % bounds, which say whether a bar is broken."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.stats import binom, binomtest  # type: ignore[attr-defined]  # SciPy comes without types

_SURE = 0.99


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its lower and its upper one-sided 99 % bound."""

    value: float
    lower: float
    upper: float

    def breaks(self, bar: float, is_least: bool) -> bool:
        """Return whether it is sure that the bar isn't met."""
        return self.upper < bar if is_least else self.lower > bar


def rate(samples: Sequence[float]) -> Figure:
    """Return the share of samples that are 1, with Clopper and Pearson's bounds."""
    num = int(sum(samples))
    bounds = binomtest(num, len(samples)).proportion_ci(2 * _SURE - 1, method="exact")
    return Figure(num / len(samples), float(bounds.low), float(bounds.high))


def mean(samples: Sequence[float]) -> Figure:
    """Return the mean, with the bounds of the normal distribution."""
    error = float(np.std(samples, ddof=1)) / len(samples) ** 0.5
    spread = NormalDist().inv_cdf(_SURE) * error
    value = float(np.mean(samples))
    return Figure(value, value - spread, value + spread)


def quantile(samples: Sequence[float], share: float) -> Figure:
    """Return the smallest sample that a share of them doesn't exceed, with bounds by the samples' ranks."""
    ordered = sorted(samples)
    num = len(ordered)
    last = num - 1
    lower = max(0, int(binom.ppf(1 - _SURE, num, share)) - 1)
    upper = min(last, int(binom.ppf(_SURE, num, share)))
    return Figure(ordered[min(last, int(np.ceil(share * num)) - 1)], ordered[lower], ordered[upper])
