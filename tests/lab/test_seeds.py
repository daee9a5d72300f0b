import numpy as np
import pytest

from lab.seeds import deviation_of, difference, interval_of, is_above


def test_an_interval_is_student_s() -> None:
    interval = interval_of([1.0, 2.0, 3.0])
    assert interval is not None
    # t(0.975, 2) = 4.302653 times a standard error of 1 / sqrt(3).
    assert (interval.mean, interval.low, interval.high) == pytest.approx((2.0, -0.484138, 4.484138), abs=1e-5)
    assert not interval.excludes_zero


def test_one_value_has_neither_interval_nor_deviation() -> None:
    assert interval_of([1.0]) is None
    assert deviation_of([1.0]) is None
    assert deviation_of([1.0, 3.0]) == pytest.approx(2**0.5)


def _right(*shares: float, num: int = 200) -> np.ndarray:
    return np.array([np.arange(num) < round(share * num) for share in shares])


def test_a_difference_over_seeds_and_images_counts() -> None:
    gain = difference(_right(0.90, 0.91, 0.92), _right(0.80, 0.80, 0.81))
    assert gain.mean == pytest.approx(0.1066667)
    assert gain.is_clear


def test_a_difference_that_turns_with_the_seed_does_not_count() -> None:
    assert not difference(_right(0.90, 0.80, 0.95), _right(0.80, 0.90, 0.80)).is_clear


def test_a_difference_of_one_image_does_not_count_however_steady_it_is() -> None:
    gain = difference(_right(0.905, 0.905, 0.905), _right(0.90, 0.90, 0.90))
    assert gain.over_seeds is not None
    assert gain.over_seeds.excludes_zero
    assert not gain.is_clear


def test_with_one_seed_no_difference_counts() -> None:
    assert not difference(_right(0.95), _right(0.50)).is_clear


def test_guessing_is_beaten_by_more_than_luck_or_not_at_all() -> None:
    assert is_above(_right(0.70), 0.5, num_looks=3)
    assert not is_above(_right(0.56), 0.5, num_looks=3)


def test_of_coin_tossers_at_most_one_in_twenty_experiments_beats_guessing() -> None:
    # Expected: 2.5 % of 400 experiments of 4 variants; a binomial goes over 23 once in 5,000 times.
    rng = np.random.default_rng(0)
    tosses = rng.random((400, 4, 1, 200)) < 0.5
    num = sum(any(is_above(right, 0.5, num_looks=4) for right in variants) for variants in tosses)
    assert num <= 23
