"""Exact McNemar tests: is one of two models better on the same samples?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, bdtrik


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


def benjamini_hochberg(p_values: Sequence[float], rate: float) -> list[bool]:
    """Return which hypotheses are rejected so that `rate` of them are wrong, on average, at most.

    Source:
        Benjamini & Hochberg, "Controlling the false discovery rate", J. R. Statist. Soc. B 57, 1995.

    >>> benjamini_hochberg([0.04, 0.01, 0.5], 0.1)
    [True, True, False]
    """
    ordered = sorted(p_values)
    limits = [p for rank, p in enumerate(ordered, start=1) if p <= rate * rank / len(ordered)]
    largest = max(limits, default=-1.0)
    return [p <= largest for p in p_values]


def power(gain: float, disagreement: float, num_samples: int, alpha: float, answered: float = 1.0) -> float:
    """Return the chance that `p_better` is at most alpha for a candidate better by `gain`.

    Exact: the number of disagreements is Binomial(num_samples, disagreement), and the candidate wins
    each with probability (disagreement + gain) / (2 disagreement).

    Args:
        gain: True difference of accuracies, in (0, 1].
        disagreement: Fraction of samples on which just one is right; raised to `gain` where below it.
        num_samples: Samples that both answered.
        alpha: Level of the test.
        answered: Share of the candidate's wins that get a label; one without counts as lost.
    """
    disagreement = min(1.0, max(disagreement, gain))
    win = answered * (disagreement + gain) / (2 * disagreement)
    counts = np.arange(num_samples + 1)
    at_most = bdtr(counts, num_samples, disagreement)
    likely = np.diff(at_most, prepend=0.0)
    counts, likely = counts[likely > 1e-9], likely[likely > 1e-9]
    return float(np.sum(likely * _passing(counts, win, alpha)))


def _passing(counts: NDArray[np.int64], win: float, alpha: float) -> NDArray[np.float64]:
    """Return the chance of a significant number of wins among so many disagreements."""
    passing: NDArray[np.float64] = bdtrc(fewest_wins(counts, alpha) - 1, counts, win)
    return passing


def fewest_wins(counts: NDArray[np.int64] | int, alpha: float) -> NDArray[np.int64]:
    """Return the fewest wins that are significant among so many disagreements; one more than all if none are.

    Args:
        counts: Disagreements, any shape.
        alpha: Level of `p_better`, in (0, 1/2].

    >>> [int(fewest_wins(num, 0.04)) for num in (4, 5, 40)]
    [5, 5, 26]
    """
    # The most that a fair coin wins with a chance of 1 - alpha; NaN where it isn't thrown.
    usual = np.ceil(np.nan_to_num(bdtrik(1 - alpha, counts, 0.5)))
    wins: NDArray[np.int64] = usual.astype(np.int64) + 1
    return wins
