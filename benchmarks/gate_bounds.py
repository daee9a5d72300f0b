"""Confidence bounds that could serve the gate, and how often each is wrong: exact sums, no simulation."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import bdtr

from retrain.gate.old_evidence import margin_for
from retrain.gate.paired_difference import lower_bound

Z95 = 1.6448536269514722
Bound = Callable[[int, int, int], float]


def wald(won: int, lost: int, num: int) -> float:
    """Return Wald's lower bound, to compare with."""
    difference = (won - lost) / num
    return difference - Z95 * math.sqrt(max(0.0, (won + lost) / num - difference**2) / num)


def wald_corrected(won: int, lost: int, num: int) -> float:
    """Return Wald's lower bound with a continuity correction of 1/n."""
    return wald(won, lost, num) - 1 / num


def bonett_price(won: int, lost: int, num: int) -> float:
    """Return the lower bound of Bonett & Price, J. Educ. Behav. Stat. 37, 2012: one sample added to each."""
    p_won, p_lost = (won + 1) / (num + 2), (lost + 1) / (num + 2)
    difference = p_won - p_lost
    return difference - Z95 * math.sqrt((p_won + p_lost - difference**2) / (num + 2))


BOUNDS: dict[str, Bound] = {
    "tango": lower_bound,
    "wald": wald,
    "wald_corrected": wald_corrected,
    "bonett_price": bonett_price,
}


def exact_rate(is_counted: Callable[[int, int], bool], num: int, disagreement: float, gain: float) -> float:
    """Return the probability that (won, lost) is counted, summed over all their likely values."""
    total = 0.0
    win = (disagreement + gain) / (2 * disagreement)
    differing = np.diff(bdtr(np.arange(num + 1), num, disagreement), prepend=0.0)
    for disagreements in np.flatnonzero(differing > 1e-9):
        wins = np.diff(bdtr(np.arange(disagreements + 1), int(disagreements), win), prepend=0.0)
        for won in np.flatnonzero(wins > 1e-9):
            if is_counted(int(won), int(disagreements - won)):
                total += float(differing[disagreements] * wins[won])
    return total


def coverage() -> list[dict[str, Any]]:
    """Return how often each bound lies above the true difference, where 5 % is meant."""
    rows = []
    for num in (320, 600, 1500):
        for disagreement in (0.03, 0.06, 0.1):
            for gain in (0.0, -margin_for(num)):
                # A loss can't be larger than the disagreement.
                if disagreement + gain < 0.001:
                    continue
                errors = {
                    name: round(exact_rate(_is_above(bound, num, gain), num, disagreement, gain), 4)
                    for name, bound in BOUNDS.items()
                }
                rows.append({"n": num, "disagreement": disagreement, "difference": round(gain, 4)} | errors)
    return rows


def _is_above(bound: Bound, num: int, difference: float) -> Callable[[int, int], bool]:
    return lambda won, lost: bound(won, lost, num) > difference


def equals_pass_old(num: int, bound: Bound = lower_bound, disagreement: float = 0.06) -> float:
    """Return how often an equal candidate's bound on old is within the margin: exact."""
    margin = margin_for(num)
    return exact_rate(lambda won, lost: bound(won, lost, num) >= -margin, num, disagreement, 0.0)
