"""Exact McNemar tests: is one of two models better on the same samples?"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, bdtrik

# For more samples the approximation is as good.
_MAX_EXACT = 20_000


def p_better(num_won: int, num_lost: int) -> float:
    """Return the exact one-sided p-value of "the candidate is no better".

    Under it each disagreement goes either way like a fair coin, so p = P(X >= num_won) with X drawn
    from Binomial(num_won + num_lost, 1/2). p = 1 without a disagreement.

    Args:
        num_won: Samples that only the candidate answered rightly, c.
        num_lost: Samples that only production answered rightly, b.

    Source:
        McNemar, "Note on the sampling error of the difference between correlated proportions",
        Psychometrika 12, 1947; exact as in Agresti, "Categorical Data Analysis", 3rd ed., 11.1.

    >>> round(p_better(9, 1), 4)
    0.0107
    """
    return float(bdtrc(num_won - 1, num_won + num_lost, 0.5)) if num_won else 1.0


def p_worse(num_won: int, num_lost: int) -> float:
    """Return the exact one-sided p-value of "the candidate is no worse"."""
    return p_better(num_lost, num_won)


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Return which hypotheses Holm's step-down procedure rejects, with family-wise error alpha.

    Source:
        Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6, 1979.

    >>> holm([0.04, 0.01, 0.03], 0.05)
    [False, True, False]
    """
    rejected = [False] * len(p_values)
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] > alpha / (len(p_values) - rank):
            break
        rejected[index] = True
    return rejected


def power(gain: float, disagreement: float, num_samples: int, alpha: float) -> float:
    """Return the chance that `p_better` is at most alpha for a candidate better by `gain`.

    Exact: the number of disagreements is Binomial(num_samples, disagreement), and the candidate wins
    each with probability (disagreement + gain) / (2 disagreement).

    Args:
        gain: True difference of accuracies, in (0, 1].
        disagreement: Fraction of samples on which just one is right; raised to `gain` where below it.
        num_samples: Samples that both answered.
        alpha: Level of the test.
    """
    disagreement = min(1.0, max(disagreement, gain))
    win = (disagreement + gain) / (2 * disagreement)
    counts = np.arange(num_samples + 1)
    at_most = bdtr(counts, num_samples, disagreement)
    likely = np.diff(at_most, prepend=0.0)
    counts, likely = counts[likely > 1e-9], likely[likely > 1e-9]
    passing: NDArray[np.float64] = bdtrc(_wins_needed(counts, alpha) - 1, counts, win)
    return float(np.sum(likely * passing))


def _wins_needed(counts: NDArray[np.int64], alpha: float) -> NDArray[np.int64]:
    """Return the fewest wins that are significant among so many disagreements; one more if none are."""
    # The most that a fair coin wins with a chance of 1 - alpha; NaN where it isn't thrown.
    usual = np.ceil(np.nan_to_num(bdtrik(1 - alpha, counts, 0.5)))
    wins: NDArray[np.int64] = usual.astype(np.int64) + 1
    return wins


def samples_for_power(gain: float, disagreement: float, alpha: float, target: float = 0.8) -> int:
    """Return about how many samples a candidate better by `gain` needs to pass at alpha.

    Connor's normal approximation, raised in steps of 5 % until the exact test has the power.

    Source:
        Connor, "Sample size for testing differences in proportions for the paired-sample design",
        Biometrics 43, 1987.
    """
    disagreement = min(1.0, max(disagreement, gain))
    quantile = NormalDist().inv_cdf
    spread = math.sqrt(max(0.0, disagreement - gain**2))
    root = quantile(1 - alpha) * math.sqrt(disagreement) + quantile(target) * spread
    num = math.ceil((root / gain) ** 2)
    while num < _MAX_EXACT and power(gain, disagreement, num, alpha) < target:
        num = math.ceil(1.05 * num)
    return num
