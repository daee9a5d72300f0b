"""Figures and the bounds that tell whether a bar is broken."""

import numpy as np
import pytest

from benchmarks.gate.figures import Figure, mean, quantile, rate


def test_a_rate_has_clopper_and_pearsons_bounds() -> None:
    # No event in 100: the upper bound is 1 − .01^(1/100).
    none = rate([0.0] * 100)
    assert (none.value, none.lower) == (0.0, 0.0)
    assert none.upper == pytest.approx(1 - 0.01**0.01)


def test_a_mean_has_normal_bounds() -> None:
    figure = mean([1.0, 3.0])
    assert figure.value == 2.0
    # The standard deviation is √2, the error 1.
    assert figure.upper == pytest.approx(2.0 + 2.3263, abs=1e-3)
    assert figure.lower == pytest.approx(2.0 - 2.3263, abs=1e-3)


def test_a_quantile_is_the_sample_that_so_many_do_not_exceed() -> None:
    figure = quantile(list(range(1, 1001)), 0.8)
    assert figure.value == 800
    # Ranks 770 to 830: 800 ± 2.33 · √(1000 · .8 · .2).
    assert figure.lower == pytest.approx(770, abs=2)
    assert figure.upper == pytest.approx(830, abs=2)


def test_a_median_is_within_its_bounds_99_times_in_100_on_each_side() -> None:
    # 2,000 medians of 101: each side errs 20 times, with a standard deviation of 4.5; 5 of them are 43.
    rng = np.random.default_rng(0)
    figures = [quantile(rng.random(101).tolist(), 0.5) for _ in range(2000)]
    assert sum(figure.lower > 0.5 for figure in figures) <= 43
    assert sum(figure.upper < 0.5 for figure in figures) <= 43


def test_a_bar_is_broken_where_that_is_sure() -> None:
    assert not Figure(0.06, 0.049, 0.07).breaks(0.05, is_least=False)
    assert Figure(0.06, 0.051, 0.07).breaks(0.05, is_least=False)
    assert not Figure(0.78, 0.75, 0.81).breaks(0.80, is_least=True)
    assert Figure(0.78, 0.75, 0.79).breaks(0.80, is_least=True)
