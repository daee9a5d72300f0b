"""Exact paired tests, their power and Holm's correction."""

import math

import numpy as np
import pytest

from retrain.gate.mcnemar import holm, p_better, p_worse, power, samples_for_power


def test_p_is_the_tail_of_a_fair_coin() -> None:
    # 9 or 10 heads of 10: (10 + 1) / 1024.
    assert p_better(9, 1) == pytest.approx(11 / 1024)
    assert p_worse(1, 9) == pytest.approx(11 / 1024)
    assert p_better(37, 8) == pytest.approx(sum(math.comb(45, k) for k in range(37, 46)) / 2**45)


def test_p_is_one_where_nothing_was_won() -> None:
    assert p_better(0, 0) == 1.0
    assert p_better(0, 12) == 1.0


def test_p_better_and_p_worse_share_the_draw() -> None:
    # P(X >= 5) + P(X >= 3) counts X = 5 … 8 and, by symmetry, X = 0 … 5: all, and X = 5 twice.
    assert p_better(5, 3) + p_worse(5, 3) == pytest.approx(1 + math.comb(8, 5) / 2**8)


def test_holm_stops_at_the_first_that_is_not_significant() -> None:
    assert holm([0.02, 0.01, 0.04, 0.9], 0.05) == [False, True, False, False]
    assert holm([0.01, 0.02, 0.03], 0.05) == [True, True, True]
    assert holm([0.06, 0.0166, 0.024], 0.05) == [False, True, True]
    # .04 is under .05/1, but the smallest, .026, is over .05/3.
    assert holm([0.03, 0.026, 0.04], 0.05) == [False, False, False]
    assert holm([], 0.05) == []


def test_holm_is_the_plain_test_for_one_hypothesis() -> None:
    assert holm([0.049], 0.05) == [True]
    assert holm([0.051], 0.05) == [False]


def test_power_agrees_with_a_simulation() -> None:
    rng = np.random.default_rng(0)
    rounds, num, gain, disagreement, alpha = 4000, 130, 0.1, 0.2, 0.05 / 3
    flips = rng.multinomial(
        num, [(disagreement + gain) / 2, (disagreement - gain) / 2, 1 - disagreement], size=rounds
    )
    passed = np.mean([p_better(int(won), int(lost)) <= alpha for won, lost, _ in flips])
    # The standard error of the simulated rate is at most .008; 4 of them fail once in 16,000 seeds.
    assert power(gain, disagreement, num, alpha) == pytest.approx(passed, abs=0.032)


def test_power_grows_with_samples_and_keeps_to_one() -> None:
    powers = [power(0.05, 0.1, num, 0.05 / 3) for num in (20, 100, 400, 2000)]
    assert powers == sorted(powers)
    assert 0 <= powers[0] < 0.1
    assert 0.999 < powers[-1] <= 1 + 1e-9


@pytest.mark.parametrize("alpha", [0.3, 0.05 / 3, 0.05 / 3 / 2**8])
def test_power_of_a_sure_winner_starts_where_the_test_first_can_pass(alpha: float) -> None:
    # All samples won: it passes from 2 ** -n <= alpha on.
    first = math.ceil(-math.log2(alpha))
    assert power(1.0, 1.0, first - 1, alpha) == 0.0
    assert power(1.0, 1.0, first, alpha) == pytest.approx(1.0)


def test_power_is_the_sum_over_all_outcomes() -> None:
    gain, disagreement, num, alpha = 0.2, 0.5, 12, 0.1
    total = 0.0
    for won in range(num + 1):
        for lost in range(num + 1 - won):
            ways = math.comb(num, won) * math.comb(num - won, lost)
            likely = ways * 0.35**won * 0.15**lost * 0.5 ** (num - won - lost)
            total += likely * (p_better(won, lost) <= alpha)
    assert power(gain, disagreement, num, alpha) == pytest.approx(total, abs=1e-7)


def test_power_is_zero_without_samples() -> None:
    assert power(0.05, 0.1, 0, 0.05) == 0.0


def test_samples_for_power_give_that_power() -> None:
    num = samples_for_power(0.1, 0.2, 0.05 / 3)
    assert 0.8 <= power(0.1, 0.2, num, 0.05 / 3) < 0.83


def test_samples_for_power_answers_for_the_smallest_gain() -> None:
    # Connor by hand: (2.128 √.06 + .842 √(.06 − .0001))² / .01².
    assert samples_for_power(0.01, 0.06, 0.05 / 3) == pytest.approx(5290, rel=0.06)
