"""Exact paired tests, their power and Holm's correction."""

import math

import numpy as np
import pytest

from retrain.gate.mcnemar import benjamini_hochberg, fewest_wins, holm, p_better, p_worse, power


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


def test_unanswered_wins_count_as_lost_in_the_power() -> None:
    # Half of the wins get a label: of differences 3/4 are won, 3/8 are known to be.
    total = 0.0
    for differing in range(31):
        likely = math.comb(30, differing) * 0.4**differing * 0.6 ** (30 - differing)
        passing = sum(
            math.comb(differing, won) * 0.375**won * 0.625 ** (differing - won)
            for won in range(differing + 1)
            if p_better(won, differing - won) <= 0.1
        )
        total += likely * passing
    assert power(0.2, 0.4, 30, 0.1, answered=0.5) == pytest.approx(total, abs=1e-7)


@pytest.mark.parametrize("alpha", [0.06, 0.05, 0.04, 0.01])
def test_the_fewest_wins_are_those_that_are_just_significant(alpha: float) -> None:
    for num in range(300):
        fewest = int(fewest_wins(num, alpha))
        assert fewest > num or p_better(fewest, num - fewest) <= alpha
        assert p_better(fewest - 1, num - fewest + 1) > alpha


def test_benjamini_and_hochberg_reject_all_up_to_the_last_that_is_small_enough() -> None:
    # .03 is over .1 / 4 for the first rank, and under .1 · 2 / 4 for its own.
    assert benjamini_hochberg([0.9, 0.03, 0.028, 0.5], 0.1) == [False, True, True, False]
    assert benjamini_hochberg([0.06, 0.5], 0.1) == [False, False]
    assert benjamini_hochberg([], 0.1) == []
