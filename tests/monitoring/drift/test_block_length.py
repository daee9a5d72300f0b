import numpy as np
import pytest

from monitoring.drift.block_length import block_length


def autoregressive(rng: np.random.Generator, num: int, correlation: float) -> np.ndarray:
    """Eight series in which a row is so much like the one before."""
    rows = rng.standard_normal((num, 8))
    for row in range(1, num):
        rows[row] += correlation * rows[row - 1]
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_independent_rows_are_drawn_one_by_one(seed: int) -> None:
    # Each series finds a dependence by chance in about 1 of 20: the mean of 32 stays below 1.5.
    assert block_length(np.random.default_rng(seed).standard_normal((1000, 32))) == 1


def test_one_series_of_eight_that_depends_decides() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2000, 8))
    rows[:, 0] = np.repeat(rng.standard_normal(400), 5)
    assert block_length(rows) >= 10


def test_rows_that_depend_on_those_before_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    weak, strong = (block_length(autoregressive(rng, 1000, each)) for each in (0.3, 0.8))
    assert 3 <= weak < strong
    # Politis and White's own example: about 23 to 30 for a correlation of .8 in 1,000 rows.
    assert 15 <= strong <= 60


def test_a_block_is_a_tenth_of_the_rows_at_most() -> None:
    assert block_length(np.linspace(0, 1, 100)[:, None]) == 10


def test_series_that_do_not_vary_give_one() -> None:
    assert block_length(np.ones((50, 3))) == 1
