import numpy as np
import pytest

from monitoring.drift.whitening import fit_whitening


def test_whitened_rows_have_variance_one_and_do_not_correlate() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((500, 6)) @ rng.standard_normal((6, 6)) + 3
    whitened = fit_whitening(rows, 4).apply(rows)
    assert np.cov(whitened.T) == pytest.approx(np.eye(4), abs=1e-3)
    assert whitened.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-3)


def test_directions_without_variance_are_left_out() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.standard_normal((50, 2)), np.ones((50, 3))], axis=1)
    assert fit_whitening(rows, 5).apply(rows).shape == (50, 2)


def test_fewer_rows_than_values_give_as_many_directions_as_they_vary_in() -> None:
    rows = np.random.default_rng(0).standard_normal((10, 64))
    whitened = fit_whitening(rows, 32).apply(rows)
    assert whitened.shape == (10, 9)
    assert np.isfinite(whitened).all()


def test_equal_rows_give_no_direction() -> None:
    assert fit_whitening(np.ones((20, 4)), 3).apply(np.ones((5, 4))).shape == (5, 0)
