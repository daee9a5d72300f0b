"""The expected calibration error, of cases computed by hand and of calibrated answers."""

import math

import numpy as np
import pytest
from scipy.special import softmax

from vision.calibration import expected_calibration_error


def test_error_is_the_gap_between_confidence_and_accuracy() -> None:
    # Four samples at confidence .8, of which two are right: |.8 − .5|.
    logits = np.log(np.array([[0.8, 0.2]] * 4))
    assert expected_calibration_error(logits, np.array([0, 0, 1, 1])) == pytest.approx(0.3)


def test_bins_are_weighed_by_their_share() -> None:
    # Three at .9, all right: gap .1; one at .6, wrong: gap .6.
    logits = np.log(np.array([[0.9, 0.1]] * 3 + [[0.6, 0.4]]))
    assert expected_calibration_error(logits, np.array([0, 0, 0, 1])) == pytest.approx(
        0.75 * 0.1 + 0.25 * 0.6
    )


def test_temperature_divides_the_logits() -> None:
    logits = np.array([[math.log(9.0) * 2, 0.0]])
    assert expected_calibration_error(logits, np.array([0]), temperature=2.0) == pytest.approx(0.1)


def test_a_calibrated_model_has_an_error_of_noise_only() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 5))
    labels = np.array([rng.choice(5, p=row) for row in softmax(logits, axis=1)])
    # 15 bins of some 1,300 samples: each gap is about .01 by chance.
    assert expected_calibration_error(logits, labels) < 0.015
    assert expected_calibration_error(3 * logits, labels) > 0.1
