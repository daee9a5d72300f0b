"""Score bounds of a paired difference."""

import pytest

from benchmarks.gate_bounds import equals_pass_old, exact_rate, wald
from retrain.gate.old_evidence import margin_for
from retrain.gate.paired_difference import lower_bound, upper_bound


def test_bounds_equal_the_published_example() -> None:
    # Airway reactivity of 21 children, 1 and 7 discordant: Tango's 95 % interval is −.517 to −.026, as
    # in Fagerland, Lydersen & Laake, "Recommended tests and confidence intervals for paired binomial
    # proportions", Statistics in Medicine 33, 2014.
    assert lower_bound(1, 7, 21, 0.025) == pytest.approx(-0.517, abs=0.0005)
    assert upper_bound(1, 7, 21, 0.025) == pytest.approx(-0.026, abs=0.0005)


def test_bounds_enclose_the_estimate_and_mirror_each_other() -> None:
    assert lower_bound(30, 20, 500) < 10 / 500 < upper_bound(30, 20, 500)
    assert lower_bound(20, 30, 500) == pytest.approx(-upper_bound(30, 20, 500))


def test_no_flip_among_few_is_no_proof_of_no_loss() -> None:
    # z² / (n + z²): at most that much is lost.
    assert lower_bound(0, 0, 50) == pytest.approx(-2.7055 / 52.7055, abs=1e-4)
    assert wald(0, 0, 50) == 0.0


def test_nothing_is_known_without_samples() -> None:
    assert lower_bound(0, 0, 0) == -1.0
    assert upper_bound(0, 0, 0) == 1.0


def test_total_loss_and_total_win_stay_in_range() -> None:
    assert -1.0 <= lower_bound(0, 40, 40) <= upper_bound(0, 40, 40) < -0.8
    assert 0.8 < lower_bound(40, 0, 40) <= upper_bound(40, 0, 40) <= 1.0


@pytest.mark.parametrize(("num", "disagreement"), [(320, 0.06), (600, 0.03), (320, 0.1)])
def test_a_loss_of_the_margin_passes_one_time_in_twenty(num: int, disagreement: float) -> None:
    margin = margin_for(num)

    def passes(won: int, lost: int) -> bool:
        return lower_bound(won, lost, num) >= -margin

    # Exact sums, no simulation: Tango's bound keeps the 5 % that the design states, Wald's doesn't.
    assert exact_rate(passes, num, disagreement, -margin) <= 0.05
    assert exact_rate(lambda won, lost: wald(won, lost, num) >= -margin, num, disagreement, -margin) > 0.055


def test_equals_pass_old_as_often_as_the_margin_promises() -> None:
    # With 6 % disagreement, exact: the margin is made for 80 % at 320 by Wald's bound (80.0 %), which
    # lets a loss of the whole margin pass 6.1 % of the time. The score bound costs four points.
    assert equals_pass_old(320, wald) == pytest.approx(0.80, abs=0.005)
    assert equals_pass_old(320) == pytest.approx(0.7625, abs=0.005)
    assert equals_pass_old(1500) == pytest.approx(0.9295, abs=0.005)
