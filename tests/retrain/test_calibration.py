"""Both models' calibration on the same samples."""

import math

import numpy as np
import pytest

from retrain.evaluation import compare_calibration


def test_nan_stays_nan() -> None:
    logits = np.array([[0.0, np.nan], [1.0, 0.0]])
    pair = compare_calibration((np.zeros((2, 2)), 1.0), (logits, 1.0), np.array([0, 0]))
    assert math.isnan(pair.candidate)
    assert math.isnan(pair.rise)
    assert pair.champion == pytest.approx(0.5)
    assert pair.num_samples == 2
