"""Expected calibration error, by hand and of a calibrated world; the temperature, against a known one."""

import math

import numpy as np
import pytest
import torch
from scipy.special import softmax

from vision.calibration import expected_calibration_error, fit_temperature
from vision.errors import TooFewSamplesError


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


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(true_temperature: float) -> None:
    # 4,000 labels drawn from softmax(logits / T): the estimate's standard error is about 3 %.
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(0, 3, (4000, 5)))
    chances = torch.softmax(logits / true_temperature, dim=1).numpy()
    labels = torch.tensor([rng.choice(5, p=row / row.sum()) for row in chances])
    assert fit_temperature(logits, labels) == pytest.approx(true_temperature, rel=0.12)


def test_a_small_set_without_an_error_does_not_ask_for_certainty() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0]] * 10)
    labels = torch.tensor([0, 1] * 10)
    assert 0.2 < fit_temperature(logits, labels) < 1.0


def test_a_temperature_keeps_the_answers() -> None:
    logits = torch.randn(50, 4)
    temperature = fit_temperature(logits, torch.randint(0, 4, (50,)))
    assert 0.1 <= temperature <= 10
    assert torch.equal((logits / temperature).argmax(1), logits.argmax(1))


def test_no_logits_have_no_temperature() -> None:
    with pytest.raises(TooFewSamplesError):
        fit_temperature(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64))
